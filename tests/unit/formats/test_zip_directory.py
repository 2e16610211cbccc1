"""The zip's directory against archives made by the standard library, in every chunking and with every damage."""

import io
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.formats.archives.entry import ArchiveEntry, EntryKind
from shared.formats.archives.errors import BrokenArchive, NeedMoreTail
from shared.formats.archives.zip_directory import DirectoryLocation, ZipDirectoryParser, locate_directory
from shared.formats.archives.zip_location import TAIL_BYTES
from shared.formats.archives.zip_member import decode_member, local_data_offset
from tests.factories.packed_data import PACK
from tests.factories.raw_zip import DESCRIPTOR, RawMember, raw_zip_bytes

FILES = {"images/a.jpg": b"a" * 5000, "labels/a.txt": b"0 .5 .5 .1 .1\n", "labels/empty.txt": b"", "ü/名.txt": b"x"}


class Unseekable(io.RawIOBase):
    """A pipe: what is written to it needs data descriptors."""

    def __init__(self) -> None:
        self.data = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        self.data += bytes(data)  # type: ignore[call-overload]
        return len(bytes(data))  # type: ignore[call-overload]


def zipped(files: dict[str, bytes] = FILES, *, comment: bytes = b"", zip64: bool = False) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            with archive.open(name, "w", force_zip64=zip64) as member:
                member.write(data)
        archive.comment = comment
    return out.getvalue()


def entries_of(data: bytes, *, step: int = 1 << 16, tail: int = TAIL_BYTES) -> list[ArchiveEntry]:
    location = locate_directory(data[-tail:], file_bytes=len(data))
    return parsed(data[location.offset : location.offset + location.size_bytes], location, step=step)


def parsed(directory: bytes, location: DirectoryLocation, *, step: int = 1 << 16) -> list[ArchiveEntry]:
    parser = ZipDirectoryParser(location)
    found: list[ArchiveEntry] = []
    for start in range(0, len(directory), step):
        found += parser.feed(directory[start : start + step])
    parser.close()
    return found


def as_zipfile_says(data: bytes) -> Iterator[tuple[str, int, int, int, int, int]]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        for info in archive.infolist():
            sizes = info.compress_size, info.file_size
            yield info.filename, info.header_offset, *sizes, info.compress_type, info.CRC


def told(entries: list[ArchiveEntry]) -> list[tuple[str, int, int, int, int, int | None]]:
    return [tuple(entry[:6]) for entry in entries]  # type: ignore[misc]


def record(name: bytes = b"a.txt", extra: bytes = b"", *, flags: int = 0, **fields: int) -> bytes:
    """A record of the central directory with nothing but what is asked for."""
    sizes = fields.get("crc", 0), fields.get("compressed", 0), fields.get("size", 0)
    lengths = len(name), len(extra), 0, 0, 0
    rest = fields.get("mode", 0) << 16, fields.get("offset", 0)
    return struct.pack("<4s6H3L5H2L", b"PK\1\2", 20, 20, flags, 8, 0, 0, *sizes, *lengths, *rest) + name + extra


def only(directory: bytes, *, prefix: int = 0) -> ArchiveEntry:
    (entry,) = parsed(directory, DirectoryLocation(0, len(directory), 1, prefix))
    return entry


@pytest.mark.parametrize("comment", [b"", b"a comment", b"PK\5\6" * 9, b"PK\5\6" + bytes(18), b"PK\6\7" * 30])
@pytest.mark.parametrize("prefix", [0, 1, 5000])
@pytest.mark.parametrize("zip64", [False, True])
def test_agrees_with_zipfile(comment: bytes, prefix: int, zip64: bool) -> None:
    data = b"#" * prefix + zipped(comment=comment, zip64=zip64)
    expected = list(as_zipfile_says(zipped(zip64=zip64)))
    moved = [(name, offset + prefix, *rest) for name, offset, *rest in expected]
    assert told(entries_of(data)) == moved
    assert locate_directory(data[-TAIL_BYTES:], file_bytes=len(data)).prefix_bytes == prefix


@pytest.mark.parametrize("step", [1, 2, 7, 45, 46, 47, 100])
def test_any_chunk_size(step: int) -> None:
    data = zipped()
    assert told(entries_of(data, step=step)) == list(as_zipfile_says(data))


def test_data_descriptors_do_not_matter() -> None:
    pipe = Unseekable()
    with zipfile.ZipFile(pipe, "w") as archive:
        for name, content in FILES.items():
            archive.writestr(name, content)
    found = entries_of(bytes(pipe.data))
    assert {entry.name: entry.size_bytes for entry in found} == {name: len(data) for name, data in FILES.items()}
    assert [entry.crc32 for entry in found] == [zlib.crc32(data) for data in FILES.values()]


def test_more_members_than_16_bits_count() -> None:
    count = 70_000
    directory = b"".join(record(b"%d" % number) for number in range(count))
    end = struct.pack("<4sHHHHLLH", b"PK\5\6", 0, 0, count % 65536, count % 65536, len(directory), 0, 0)
    data = directory + end
    assert len(entries_of(data)) == count


def zip64_end(directory: bytes, *, count: int, stated_at: int, extra: bytes = b"") -> bytes:
    body = struct.pack("<HHLLQQQQ", 45, 45, 0, 0, count, count, len(directory), 0) + extra
    record64 = struct.pack("<4sQ", b"PK\6\6", len(body)) + body
    locator = struct.pack("<4sLQL", b"PK\6\7", 0, stated_at, 1)
    return record64 + locator + struct.pack("<4sHHHHLLH", b"PK\5\6", 0, 0, 65535, 65535, 2**32 - 1, 2**32 - 1, 0)


def test_zip64_end_record() -> None:
    directory = record(b"one") + record(b"two")
    for prefix, extra in ((b"", b""), (b"#" * 10, b""), (b"", b"vendor data")):
        data = prefix + directory + zip64_end(directory, count=2, stated_at=len(directory), extra=extra)
        assert [entry.name for entry in entries_of(data)] == ["one", "two"]


def test_asks_for_the_zip64_record_before_the_tail() -> None:
    directory = record(b"one")
    data = directory + zip64_end(directory, count=1, stated_at=len(directory), extra=bytes(200_000))
    for tail in (22, 42, TAIL_BYTES):
        with pytest.raises(NeedMoreTail) as caught:
            locate_directory(data[-tail:], file_bytes=len(data))
        assert tail < caught.value.at_least <= len(data)
    assert [entry.name for entry in entries_of(data, tail=200_000 + 98)] == ["one"]


def test_a_zip64_record_that_is_nowhere() -> None:
    directory = record(b"one")
    data = directory + zip64_end(directory, count=1, stated_at=0)[56:]
    with pytest.raises(BrokenArchive, match="does not fit the file"):
        entries_of(data)


def test_zip64_fields_fill_only_saturated_values() -> None:
    full, wide = 2**32 - 1, struct.pack("<HHQQQ", 1, 24, 5 << 32, 6 << 32, 7 << 32)
    entry = only(record(extra=wide, size=full, compressed=full, offset=full), prefix=1)
    assert (entry.size_bytes, entry.compressed_bytes, entry.header_offset) == (5 << 32, 6 << 32, (7 << 32) + 1)
    offset_only = only(record(extra=struct.pack("<HHQ", 1, 8, 9 << 32), size=3, compressed=2, offset=full))
    assert (offset_only.size_bytes, offset_only.compressed_bytes, offset_only.header_offset) == (3, 2, 9 << 32)
    assert only(record(extra=b"\1\0\x08\0\0", size=full)).size_bytes == full


def test_names() -> None:
    assert only(record("ü.txt".encode(), flags=0x800)).name == "ü.txt"
    unflagged = only(record("ü.txt".encode()))
    assert (unflagged.name, unflagged.name_is_guess) == ("ü.txt", False)
    guessed = only(record("ü.txt".encode("cp437")))
    assert (guessed.name, guessed.name_is_guess) == ("ü.txt", True)


def test_unicode_path_field_counts_only_for_its_own_name() -> None:
    raw, field = "名".encode("shift-jis"), b"\1%s" + "名".encode()
    right = field % struct.pack("<L", zlib.crc32(raw))
    entry = only(record(raw, struct.pack("<HH", 0x7075, len(right)) + right))
    assert (entry.name, entry.guessed_encoding) == ("名", "")
    stale = field % bytes(4)
    entry = only(record(raw, struct.pack("<HH", 0x7075, len(stale)) + stale))
    assert (entry.name, entry.guessed_encoding) == ("名", "Shift-JIS")
    unreadable = right[:5] + b"\xff"
    entry = only(record(raw, struct.pack("<HH", 0x7075, len(unreadable)) + unreadable))
    assert (entry.name, entry.guessed_encoding) == ("名", "Shift-JIS")


def test_the_utf8_flag_wins_over_the_unicode_path_field() -> None:
    raw, field = "ü".encode(), b"\1" + struct.pack("<L", zlib.crc32("ü".encode())) + b"other"
    assert only(record(raw, struct.pack("<HH", 0x7075, len(field)) + field, flags=0x800)).name == "ü"
    assert only(record(raw, struct.pack("<HH", 0x7075, len(field)) + field)).name == "other"


def test_one_encoding_for_all_names_of_an_archive() -> None:
    names = ["plain.txt", "犬.jpg", "犬.txt", "ü名.txt", "表示/猫.jpg", "画像/テスト.jpg"]
    records = b"".join(record(name.encode() if name[0] == "ü" else name.encode("cp932")) for name in names)
    for step in (1, 60, 1 << 16):
        found = parsed(records, DirectoryLocation(0, len(records), len(names), 0), step=step)
        assert [(one.name, one.guessed_encoding) for one in found] == [
            (name, "" if name[0] in "pü" else "Shift-JIS") for name in names
        ]


def test_a_backslash_within_a_character_is_none() -> None:
    raw = "表示.jpg".encode("cp932")
    assert b"\\" in raw
    assert only(record(raw)).name == "表示.jpg"


def test_what_is_held_for_its_name_comes_out_in_order_and_soon() -> None:
    count = 30_000
    records = b"".join(record(b"%d.txt" % number) for number in range(count))
    parser = ZipDirectoryParser(DirectoryLocation(0, len(records) + 100, count + 1, 0))
    assert list(parser.feed(record("ü".encode("cp437")))) == []
    early = list(parser.feed(records))
    assert len(early) == count + 1
    assert [one.name for one in early] == ["ü", *(f"{number}.txt" for number in range(count))]


def test_many_entries_at_once_are_the_same_entries_in_the_same_order() -> None:
    plain = [record(b"%d.txt" % number) for number in range(50)]
    records = b"".join((*plain, record("猫".encode("cp932")), *plain, record("犬".encode("cp932"))))
    for step in (100, 1000, 1 << 16):
        parser = ZipDirectoryParser(DirectoryLocation(0, len(records), 102, 0))
        items = [item for at in range(0, len(records), step) for item in parser.feed_many(records[at : at + step])]
        parser.close()
        names = [
            name
            for item in items
            for name in ([item.name] if isinstance(item, ArchiveEntry) else [raw.decode() for raw in item.names])
        ]
        assert names == [one.name for one in parsed(records, DirectoryLocation(0, len(records), 102, 0))]


def test_an_empty_stored_member_with_a_data_descriptor() -> None:
    empty = RawMember(b"labels/empty.txt", method=0, flags=DESCRIPTOR)
    data = raw_zip_bytes([empty, RawMember(b"labels/full.txt", b"0 .5 .5 .1 .1\n", flags=DESCRIPTOR)])
    first, second = entries_of(data)
    assert (first.name, first.method, first.compressed_bytes, first.size_bytes) == ("labels/empty.txt", 0, 0, 0)
    assert second.header_offset == 30 + len("labels/empty.txt") + 16
    start = second.header_offset + local_data_offset(data[second.header_offset :][:30])
    raw = data[start : start + second.compressed_bytes]
    assert decode_member(raw, method=8, size_bytes=second.size_bytes, crc32=second.crc32) == b"0 .5 .5 .1 .1\n"


@pytest.mark.parametrize(
    ("name", "mode", "kind"),
    [
        (b"a/", 0, EntryKind.DIRECTORY),
        (b"a", stat.S_IFDIR | 0o755, EntryKind.DIRECTORY),
        (b"a", stat.S_IFREG | 0o644, EntryKind.FILE),
        (b"a", stat.S_IFLNK | 0o777, EntryKind.LINK),
        (b"a", stat.S_IFCHR, EntryKind.DEVICE),
        (b"a", stat.S_IFIFO, EntryKind.DEVICE),
    ],
)
def test_kinds(name: bytes, mode: int, kind: EntryKind) -> None:
    assert only(record(name, mode=mode)).kind is kind


def test_encryption() -> None:
    assert [only(record(flags=flags)).encrypted for flags in (0, 1, 0x40)] == [False, True, True]
    with pytest.raises(BrokenArchive, match="central directory is encrypted"):
        only(record(flags=0x2000))


def test_every_truncation_is_noticed() -> None:
    data = zipped(comment=b"end")
    for length in range(len(data)):
        with pytest.raises(BrokenArchive):
            entries_of(data[:length])


def test_bytes_after_the_end_are_tolerated() -> None:
    data = zipped()
    assert told(entries_of(data + b"\n\n")) == list(as_zipfile_says(data))


def test_says_what_is_wrong() -> None:
    with pytest.raises(BrokenArchive, match="no end-of-central-directory record"):
        locate_directory(b"hello", file_bytes=5)
    end = struct.pack("<4sHHHHLLH", b"PK\5\6", 3, 0, 1, 9, 46, 0, 0)
    with pytest.raises(BrokenArchive, match="several disks"):
        locate_directory(bytes(200) + end, file_bytes=1000)


def test_parser_reports_damage() -> None:
    one = record()
    with pytest.raises(BrokenArchive, match="announces 2 members but lists 1"):
        parsed(one, DirectoryLocation(0, len(one), 2, 0))
    with pytest.raises(BrokenArchive, match="cut off after 1 of 2"):
        parsed(one, DirectoryLocation(0, 2 * len(one), 2, 0))
    with pytest.raises(BrokenArchive, match="damaged after 1 members"):
        parsed(one + bytes(60), DirectoryLocation(0, len(one) + 60, 2, 0))


def test_digital_signature_ends_the_directory() -> None:
    for signature in (b"PK\5\5\0\0", b"PK\5\5\x50\0" + bytes(80)):
        data = record() + signature
        assert len(parsed(data, DirectoryLocation(0, len(data), 1, 0), step=10)) == 1


def test_an_unfinished_feed_loses_and_repeats_nothing() -> None:
    data = b"".join(record(b"%d" % number) for number in range(5))
    parser = ZipDirectoryParser(DirectoryLocation(0, len(data), 5, 0))
    first = parser.feed(data)
    assert next(first).name == "0"
    first.close()  # type: ignore[attr-defined]
    assert [entry.name for entry in parser.feed(b"")] == ["1", "2", "3", "4"]
    parser.close()


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_damage_never_raises_anything_else(data: st.DataObject) -> None:
    damaged = bytearray(zipped(zip64=data.draw(st.booleans())))
    for _ in range(data.draw(st.integers(1, 8))):
        damaged[data.draw(st.integers(len(damaged) - 300, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    try:
        found = entries_of(bytes(damaged), step=50)
    except (BrokenArchive, NeedMoreTail):
        return
    assert len(found) <= len(FILES)


@pytest.mark.parametrize("method", sorted(PACK))
@pytest.mark.parametrize("flags", [0, DESCRIPTOR])
def test_members_of_every_method_from_the_directory_to_their_content(method: int, flags: int) -> None:
    members = [RawMember(b"a.txt", b"0 .5 .5 .1 .1\n" * 20, method, flags), RawMember(b"empty.txt", b"", method, flags)]
    data = b"#" * 77 + raw_zip_bytes(members)
    for entry, member in zip(entries_of(data), members, strict=True):
        start = entry.header_offset + local_data_offset(data[entry.header_offset :][:30])
        raw = memoryview(data)[start : start + entry.compressed_bytes]
        assert decode_member(raw, method=entry.method, size_bytes=entry.size_bytes, crc32=entry.crc32) == member.data
