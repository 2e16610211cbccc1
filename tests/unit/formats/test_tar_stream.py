"""Tar streams as written by the standard library, in every chunking, with every cut, and by hand where it cannot."""

import bz2
import gzip
import io
import lzma
import tarfile
from collections.abc import Callable
from typing import Literal

import pytest
from backports import zstd
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.formats.archives.detect import ArchiveKind, describe_unknown, detect_archive
from shared.formats.archives.entry import ArchiveEntry, EntryKind
from shared.formats.archives.errors import BrokenArchive
from shared.formats.archives.inflation import Inflation
from shared.formats.archives.tar_stream import TarStreamParser

FORMATS: dict[str, Literal[0, 1, 2]] = {
    "ustar": tarfile.USTAR_FORMAT,
    "gnu": tarfile.GNU_FORMAT,
    "pax": tarfile.PAX_FORMAT,
}
SHORT = {"images/a.jpg": b"a" * 1300, "labels/a.txt": b"", "data.yaml": b"x" * 512, "d" * 90 + "/" + "e" * 80: b"1"}
LONG = SHORT | {"deep/" * 60 + "ü名.txt": b"long"}
TYPES = {
    tarfile.SYMTYPE: EntryKind.LINK,
    tarfile.LNKTYPE: EntryKind.LINK,
    tarfile.DIRTYPE: EntryKind.DIRECTORY,
    tarfile.CHRTYPE: EntryKind.DEVICE,
    tarfile.FIFOTYPE: EntryKind.DEVICE,
    b"7": EntryKind.FILE,
}


def tarred(files: dict[str, bytes], *, form: int = tarfile.PAX_FORMAT, headers: dict[str, str] | None = None) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=form, pax_headers=headers) as archive:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


def header(name: str = "a", *, size: int = 0, kind: bytes = b"0", pax: dict[str, str] | None = None) -> bytes:
    info = tarfile.TarInfo(name)
    info.size, info.type, info.pax_headers = size, kind, pax or {}
    return info.tobuf(tarfile.PAX_FORMAT if pax else tarfile.GNU_FORMAT)


def entries_of(data: bytes, *, step: int = 1 << 16) -> list[ArchiveEntry]:
    parser = TarStreamParser()
    found: list[ArchiveEntry] = []
    for start in range(0, len(data), step):
        found += parser.feed(data[start : start + step])
    parser.close()
    return found


def contents(data: bytes, *, step: int = 1 << 16) -> dict[str, bytes]:
    found = entries_of(data, step=step)
    return {one.name: data[one.header_offset : one.header_offset + one.size_bytes] for one in found}


@pytest.mark.parametrize("step", [1, 100, 511, 512, 513, 1 << 16])
@pytest.mark.parametrize("form", FORMATS)
def test_agrees_with_tarfile(form: str, step: int) -> None:
    files = SHORT if form == "ustar" else LONG
    assert contents(tarred(files, form=FORMATS[form]), step=step) == files


def test_global_pax_headers_hold_until_the_end() -> None:
    assert contents(tarred(SHORT, headers={"comment": "made by a test"})) == SHORT
    assert [entry.name for entry in entries_of(tarred({"a": b"", "b": b""}, headers={"path": "all"}))] == ["all", "all"]


@pytest.mark.parametrize("kind", TYPES)
def test_kinds(kind: bytes) -> None:
    (entry,) = entries_of(header("a", kind=kind) + bytes(1024))
    assert entry.kind is TYPES[kind]
    assert (entry.crc32, entry.method) == (None, 0)


def test_links_name_their_target_however_long() -> None:
    for form in FORMATS.values():
        info = tarfile.TarInfo("link")
        info.type, info.linkname = tarfile.SYMTYPE, "t" * (90 if form == tarfile.USTAR_FORMAT else 300)
        (entry,) = entries_of(info.tobuf(form) + bytes(1024))
        assert (entry.kind, entry.link_target) == (EntryKind.LINK, info.linkname)


def test_sizes_beyond_octal() -> None:
    parser = TarStreamParser()
    (entry,) = parser.feed(header(size=9 << 33))
    assert entry.size_bytes == entry.compressed_bytes == parser.wanted_skip == 9 << 33
    pax = TarStreamParser()
    (entry,) = pax.feed(header(pax={"size": str(1 << 40)}))
    assert entry.size_bytes == pax.wanted_skip == 1 << 40


def test_sparse_members_are_marked_and_skipped() -> None:
    old = bytearray(header("sparse", size=600, kind=b"S"))
    old[482] = 1
    old[148:156] = b"%06o\0 " % (sum(old[:148]) + sum(old[156:]) + 8 * 32)
    continued = b"\0" * 504 + b"\1" + bytes(7)
    data = bytes(old) + continued + bytes(512) + bytes(1024) + header("after") + bytes(1024)
    assert [(entry.name, entry.kind) for entry in entries_of(data)] == [
        ("sparse", EntryKind.SPARSE),
        ("after", EntryKind.FILE),
    ]
    pax = header("GNUSparse/x", pax={"GNU.sparse.major": "1", "GNU.sparse.name": "x"}) + bytes(1024)
    assert [(entry.name, entry.kind) for entry in entries_of(pax)] == [("x", EntryKind.SPARSE)]


def test_a_name_that_is_not_utf8() -> None:
    raw = tarfile.TarInfo("ü.txt").tobuf(tarfile.GNU_FORMAT, encoding="cp437")
    (entry,) = entries_of(raw + bytes(1024))
    assert (entry.name, entry.name_is_guess) == ("ü.txt", True)


@pytest.mark.parametrize("form", ["gnu", "pax"])
@pytest.mark.parametrize("length", [101, 5000, 200_000])
def test_names_of_any_length(form: str, length: int) -> None:
    name = "深/" * (length // 4) + "x"
    assert contents(tarred({name: b"x", "after": b"y"}, form=FORMATS[form])) == {name: b"x", "after": b"y"}


def test_pax_values_of_any_size() -> None:
    values = {"comment": "c" * 500_000, "mtime": "9" * 400, "uid": "1" * 300, "SCHILY.xattr.user.x": "=\n= 12 a=b"}
    data = header("a", size=3, pax=values | {"path": "p" * 70_000, "size": "000000000003"}) + b"abc".ljust(2048, b"\0")
    assert contents(data) == {"p" * 70_000: b"abc"}


def test_pax_sizes_have_the_last_word() -> None:
    data = header("a", size=7, pax={"size": "600"}) + b"x" * 600 + bytes(424) + header("b") + bytes(1024)
    assert contents(data) == {"a": b"x" * 600, "b": b""}
    for size in (str(1 << 63), "9" * 20, "9" * 21, "-1", "1.5", "٣"):
        with pytest.raises(BrokenArchive, match=r"a member of|no number"):
            entries_of(header("a", pax={"size": size}) + bytes(1024))


def test_an_empty_value_takes_a_global_one_back() -> None:
    body = b"8 path=\n"
    own = header("x", size=len(body), kind=b"x") + body.ljust(512, b"\0") + header("own name")
    everyone = header("g", size=12, kind=b"g") + b"12 path=all\n".ljust(512, b"\0")
    assert [entry.name for entry in entries_of(everyone + header("a") + own + bytes(1024))] == ["all", "own name"]


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress, zstd.compress])
@pytest.mark.parametrize(
    ("data", "found"),
    [(b"path: .\nnames: [a]\n", "plain text"), (b"\xff\xd8\xff" + bytes(2000), "image or other media file")],
)
def test_a_lone_compressed_file_is_named(pack: Callable[[bytes], bytes], data: bytes, found: str) -> None:
    packed = pack(data)
    kind = detect_archive(packed[:512])
    assert kind is not None
    inflation = Inflation(kind)
    content = b"".join(inflation.feed(packed))
    with pytest.raises(BrokenArchive, match=rf"(holds no tar|or it is none) \(found: {found}\)"):
        entries_of(content)


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress, zstd.compress])
def test_compressed_tars_are_read(pack: Callable[[bytes], bytes]) -> None:
    data = tarred(LONG)
    packed = pack(data[:700]) + pack(data[700:]) + bytes(512)
    inflation = Inflation(detect_archive(packed[:512]) or ArchiveKind.ZIP)
    assert contents(b"".join(inflation.feed(packed))) == LONG
    inflation.close()


def test_a_reader_may_jump_over_data() -> None:
    data = tarred(LONG)
    parser, position = TarStreamParser(), 0
    found: list[ArchiveEntry] = []
    while position < len(data) and not parser.finished:
        found += parser.feed(data[position : position + 512])
        position += 512
        jump = parser.wanted_skip
        parser.skipped(jump)
        position += jump
    parser.close()
    assert found == entries_of(data)
    with pytest.raises(ValueError, match="1 bytes skipped where 0"):
        parser.skipped(1)


def test_every_cut_is_noticed_except_between_members() -> None:
    data = header("a", size=700) + bytes(1024) + header("b") + header("c", size=1) + b"x"
    whole = {512 + 700 + pad for pad in range(325)} | {2048, len(data)}
    for length in range(1, len(data) + 1):
        if length in whole:
            assert entries_of(data[:length])
        else:
            with pytest.raises(BrokenArchive, match=f"cut off after {length} bytes"):
                entries_of(data[:length])


def test_a_name_without_its_member_is_a_cut() -> None:
    data = tarred({"n" * 300: b""}, form=tarfile.GNU_FORMAT)
    with pytest.raises(BrokenArchive, match="cut off"):
        entries_of(data[:1024])


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "the tar is empty"),
        (b"x" * 512, r"it holds no tar \(found: plain text\)"),
        (b"names: [a]\n", r"cut off after 11 bytes, or it is none \(found: plain text\)"),
        (b"PK\3\4".ljust(600, b"\x99"), r"it holds no tar \(found: zip archive\)"),
        (b"\x89PNG".ljust(600, b"\0"), r"it holds no tar \(found: image or other media file\)"),
        (header() + b"x" * 512, "no tar header stands at byte 512"),
        (header(kind=b"x", size=512) + b"nonsense".ljust(512), "record without a length"),
        (header(kind=b"x", size=512) + b"99999 a=b\n".ljust(512), "record of a wrong length"),
        (header(kind=b"x", size=9) + b"9 pathx=\n".replace(b"=", b"y").ljust(512, b"\0"), "malformed record"),
        (header(kind=b"L", size=1 << 30), "a name of 1073741824 bytes"),
        (header(pax={"size": "many"}), "a size that is no number"),
        (header(size=-5), "a member of -5 bytes"),
    ],
)
def test_says_what_is_wrong(data: bytes, reason: str) -> None:
    with pytest.raises(BrokenArchive, match=reason):
        entries_of(data)


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_damage_never_raises_anything_else(data: st.DataObject) -> None:
    damaged = bytearray(tarred({"n" * 200: b"x", "b": b"y"}))
    for _ in range(data.draw(st.integers(1, 6))):
        damaged[data.draw(st.integers(0, 3000))] = data.draw(st.integers(0, 255))
    try:
        found = entries_of(bytes(damaged), step=300)
    except BrokenArchive:
        return
    assert len(found) <= 8


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (b"PK\3\4", ArchiveKind.ZIP),
        (b"PK\5\6", ArchiveKind.ZIP),
        (tarred(SHORT)[:512], ArchiveKind.TAR),
        (header()[:257].ljust(512, b"\0"), None),
        (b"\x1f\x8b\x08\0", ArchiveKind.TAR_GZ),
        (b"BZh91AY", ArchiveKind.TAR_BZ2),
        (b"\xfd7zXZ\0", ArchiveKind.TAR_XZ),
        (b"\x28\xb5\x2f\xfd", ArchiveKind.TAR_ZST),
        (b"Rar!\x1a\x07\1", ArchiveKind.RAR),
        (b"7z\xbc\xaf\x27\x1c", ArchiveKind.SEVEN_ZIP),
        (b"\x89HDF\r\n\x1a\n", ArchiveKind.HDF5),
        (bytes(512), None),
        (b"", None),
    ],
)
def test_detection(head: bytes, kind: ArchiveKind | None) -> None:
    assert detect_archive(head) is kind


@pytest.mark.parametrize(
    ("head", "words"),
    [
        (b"", "empty file"),
        (b"\n<!DOCTYPE HTML>", "HTML page"),
        (b'{"a": 1}', "JSON text"),
        (b"version https://git-lfs.github.com/spec/v1", "Git LFS pointer"),
        (bytes(512), "zero bytes only"),
        ("grüße".encode()[:4], "plain text"),
        (b"\x80\x04\x95abc", "unknown"),
    ],
)
def test_description(head: bytes, words: str) -> None:
    assert describe_unknown(head) == words
