"""Files stored without their holes, as GNU tar writes them and as nobody should."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.formats.archives.directory import ArchiveDirectory
from shared.formats.archives.entry import SPARSE, ArchiveEntry, EntryKind
from shared.formats.archives.errors import BrokenArchive, BrokenMember
from shared.formats.archives.pax import parse_pax
from shared.formats.archives.sparse import Expansion, MapText
from shared.formats.archives.tar_stream import TarStreamParser
from shared.formats.archives.verdict import refusal
from shared.formats.archives.zip_member import PIECE_BYTES, MemberDecoder, decode_member
from shared.formats.findings import Finding
from tests.factories.sparse_tars import sparse_files, sparse_tars

FILES, TARS = sparse_files(), sparse_tars()
each_format = pytest.mark.parametrize("form", TARS)


def entries_of(data: bytes, *, step: int = 1 << 16) -> list[ArchiveEntry]:
    parser = TarStreamParser()
    found = [entry for at in range(0, len(data), step) for entry in parser.feed(data[at : at + step])]
    parser.close()
    return found


def raw_of(data: bytes, entry: ArchiveEntry) -> bytes:
    return data[entry.header_offset : entry.header_offset + entry.compressed_bytes]


def content(raw: bytes, entry: ArchiveEntry, *, step: int = 1 << 16) -> bytes:
    decoder = MemberDecoder(entry.method, entry.size_bytes)
    pieces = [piece for at in range(0, len(raw), step) for piece in decoder.decode(raw[at : at + step])]
    pieces += decoder.finish()
    assert all(0 < len(piece) <= PIECE_BYTES for piece in pieces)
    return b"".join(pieces)


@each_format
@pytest.mark.parametrize("step", [7, 512, 1000, 1 << 16])
def test_every_format_gives_the_file(form: str, step: int) -> None:
    entries = entries_of(TARS[form], step=step)
    assert [entry.name for entry in entries] == list(FILES)
    assert [entry.kind for entry in entries] == [*[EntryKind.SPARSE] * 3, EntryKind.FILE]
    for entry in entries:
        assert entry.size_bytes == len(FILES[entry.name])
        assert entry.compressed_bytes < 40_000
        assert content(raw_of(TARS[form], entry), entry, step=step) == FILES[entry.name]


@each_format
def test_sparse_files_are_members_like_others(form: str) -> None:
    findings: list[Finding] = []
    directory = ArchiveDirectory(findings.append, header_bytes=0)
    for entry in entries_of(TARS[form]):
        directory.add(entry)
    directory.seal(len(TARS[form]))
    assert not findings
    for member in directory.members():
        raw = TARS[form][member.header_offset : member.header_offset + member.compressed_bytes]
        whole = decode_member(raw, method=member.method, size_bytes=member.size_bytes, crc32=member.crc32)
        assert whole == FILES[member.name]


@each_format
def test_a_reader_may_jump_over_the_data(form: str) -> None:
    data, parser, at = TARS[form], TarStreamParser(), 0
    found: list[ArchiveEntry] = []
    while at < len(data) and not parser.finished:
        found += parser.feed(data[at : at + 512])
        at += 512
        jump = parser.wanted_skip
        parser.skipped(jump)
        at += jump
    assert found == entries_of(data)


@each_format
def test_a_cut_is_noticed(form: str) -> None:
    entry = entries_of(TARS[form])[1]
    raw = raw_of(TARS[form], entry)
    for keep in (0, 100, 512, 1024, 2000, len(raw) - 1):
        with pytest.raises(BrokenMember, match="ends early"):
            content(raw[:keep], entry)


@each_format
@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_damage_is_never_anything_else_than_broken(form: str, data: st.DataObject) -> None:
    entry = entries_of(TARS[form])[0]
    damaged = bytearray(raw_of(TARS[form], entry))
    for _ in range(data.draw(st.integers(1, 5))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    try:
        assert len(content(bytes(damaged), entry)) == entry.size_bytes
    except BrokenMember:
        return


def test_a_hole_that_is_a_bomb() -> None:
    entry = ArchiveEntry("a", 0, 512, 1 << 40, SPARSE, None, EntryKind.SPARSE)
    fault = refusal(entry, max_ratio=200)
    assert fault is not None
    assert fault.rule == "ARCHIVE_BOMB"


def test_a_zip_may_not_claim_the_method() -> None:
    fault = refusal(ArchiveEntry("a", 0, 512, 1000, SPARSE, None, EntryKind.FILE), max_ratio=200)
    assert fault is not None
    assert fault.rule == "ARCHIVE_METHOD"


def test_holes_come_in_pieces() -> None:
    expansion = Expansion([(5, 2)], 10)
    assert [expansion.take(data, 3) for data in (b"", b"", b"", b"x", b"", b"yz", b"", b"")] == [
        b"\0\0\0", b"\0\0", b"", b"x", b"", b"y", b"\0\0\0", b""]  # fmt: skip
    assert expansion.ended


@pytest.mark.parametrize("extents", [[(5, 2), (6, 1)], [(5, 2), (3, 1)], [(5, 6)], [(11, 0)]])
def test_maps_that_cannot_be(extents: list[tuple[int, int]]) -> None:
    with pytest.raises(ValueError, match="overlap or reach beyond"):
        Expansion(extents, 10)


@pytest.mark.parametrize(
    "text", [b"x" * 22, b"1\n2\nx\n", b"-1\n", b"1\n" + b"1" * 50, b"99999999\n", b"1" * 21 + b"\n", b"\n", b"1\n\n\n"]
)
def test_map_texts_that_are_none(text: bytes) -> None:
    reader = MapText()
    with pytest.raises(ValueError, match=r"sparse file"):
        reader.feed(text.ljust(512, b"\0"))


def test_repeated_records_become_one_map() -> None:
    def record(text: bytes) -> bytes:
        return b"%d %s\n" % (len(text) + 4, text)

    body = b"".join(
        record(text)
        for text in (
            b"GNU.sparse.offset=10",
            b"GNU.sparse.numbytes=2",
            b"GNU.sparse.offset=99",
            b"GNU.sparse.numbytes=1",
        )
    )
    assert parse_pax(body) == {"GNU.sparse.map": b"10,2,99,1"}


def test_of_pax_records_only_those_of_use_are_kept() -> None:
    known = {"path": b"a", "linkpath": b"b", "size": b"9", "GNU.sparse.realsize": b"5"}
    others = {"mtime": b"1", "GNU.sparse.other": b"2", "k" * 5_000: b"", "comment": b"c" * 5_000}
    body = b""
    for keyword, value in {**others, **known}.items():
        text = b"%s=%s\n" % (keyword.encode(), value)
        body += b"%d %s" % (_length(text), text)
    assert parse_pax(body) == known


def _length(text: bytes) -> int:
    """Of a record with this text, the digits of the length and a space included."""
    return next(size for size in range(len(text), len(text) + 9) if size == len(str(size)) + 1 + len(text))


def test_a_map_without_end_is_refused() -> None:
    block = bytearray(TARS["gnu"][:512])
    parser = TarStreamParser()
    assert block[156:157] == b"S"
    block[482] = 1
    block[148:156] = b"%06o\0 " % (sum(block[:148]) + sum(block[156:]) + 8 * 32)
    list(parser.feed(bytes(block)))
    more = (b"%011o\0" % 0) * 42 + b"\1" + bytes(7)
    with pytest.raises(BrokenArchive, match="more than 100000 parts"):
        list(parser.feed(more * 5000))
