"""Directories as sources: where files are put, which of them a shard needs, and how parts are read as one."""

from collections.abc import AsyncGenerator, Sequence

import pytest

from shared.features.imports.models import SourceRef
from shared.features.imports.shards.manifest import PlacedFile
from shared.features.imports.sources.folders import FolderFiles, list_folder
from shared.features.imports.sources.joined import open_source, read_each
from shared.formats.archives.directory import ArchiveDirectory, ArchiveLimits
from shared.formats.findings import Finding
from shared.ports.byte_source import (
    ByteSource,
    SourceDescription,
    SourceTruncated,
    TreeEntry,
    TreeFile,
    UnreadableEntry,
    UnreadableReason,
)


async def walked(entries: Sequence[TreeEntry]) -> AsyncGenerator[TreeEntry, None]:
    for entry in entries:
        yield entry


async def listed(entries: Sequence[TreeEntry]) -> tuple[ArchiveDirectory, FolderFiles, int, list[Finding]]:
    findings: list[Finding] = []
    directory = ArchiveDirectory(findings.append, ArchiveLimits(), header_bytes=0)
    files, end = await list_folder(walked(entries), directory, findings.append, lambda: None)
    return directory, files, end, findings


def file(name: str, size: int) -> TreeFile:
    return TreeFile(name, size, f"etag of {name}")


async def test_files_lie_one_behind_another_and_no_two_begin_at_one_place() -> None:
    files = [file("a", 10), file("b", 0), file("c", 0), file("d", 5), file("e", 0)]
    directory, table, end, findings = await listed(files)
    assert [directory.offset(row) for row in range(5)] == [0, 10, 11, 12, 17]
    assert end == 18
    assert list(table.of([3, 0, 3])) == [(0, files[0]), (12, files[3])]
    assert not findings


@pytest.mark.parametrize(
    ("span", "rows"),
    [((0, 1), [0]), ((9, 10), [0]), ((10, 11), [1]), ((11, 13), [2, 3]), ((13, 17), [3]), ((0, 99), [0, 1, 2, 3])],
)
async def test_a_span_needs_the_files_in_it(span: tuple[int, int], rows: list[int]) -> None:
    _, table, _, _ = await listed([file("a", 10), file("b", 0), file("c", 1), file("d", 5)])
    assert list(table.within(*span)) == rows


async def test_what_is_left_out_takes_no_room() -> None:
    entries: list[TreeEntry] = [
        file("a.jpg", 10),
        file(".DS_Store", 7),
        file("b\\c.jpg", 10),
        file("C:d.jpg", 10),
        file("n" * 1025, 10),
        *(UnreadableEntry(f"odd {reason}", reason) for reason in UnreadableReason),
        file("z.jpg", 3),
    ]
    directory, table, end, findings = await listed(entries)
    assert list(directory.names()) == ["a.jpg", "z.jpg"]
    assert (len(table), end) == (2, 13)
    assert [offset for offset, _ in table.of(range(2))] == [0, 10]
    assert [finding.rule for finding in findings] == [
        *("FOLDER_FILE_NAME", "ARCHIVE_PATH_UNSAFE", "ARCHIVE_NAME_LENGTH"),
        *["ARCHIVE_LINK"] * 5,
        *("FOLDER_FILE_DENIED", "FOLDER_FILE_NAME"),
    ]


async def test_many_etags_come_back() -> None:
    files = [file(f"{number:06d}", number % 3) for number in range(3000)]
    _, table, _, _ = await listed(files)
    assert [found for _, found in table.of(range(3000))] == files


# -- reading


class Bytes:
    """A source of these bytes, and a ByteSources that has only it; a tree's files hold their own number."""

    def __init__(self, data: bytes) -> None:
        self.data = data

    async def describe(self) -> SourceDescription:
        return SourceDescription(len(self.data), None, accepts_ranges=True)

    async def read(self, start: int = 0, end: int | None = None) -> AsyncGenerator[bytes, None]:
        stop = len(self.data) if end is None else end
        if stop > len(self.data):
            raise SourceTruncated("too far")
        for at in range(start, stop, 3):
            yield self.data[at : min(at + 3, stop)]

    async def read_spans(self, spans: Sequence[tuple[int, int]]) -> list[bytes]:
        assert max((end for start, end in spans if start < end), default=0) <= len(self.data)
        return [self.data[start:end] for start, end in spans]

    async def close(self) -> None:
        self.data = b""


class Sources:
    """Bytes by address; a tree's files are as long as listed, and full of the first letter of their name."""

    def __init__(self, **found: bytes) -> None:
        self.found = found

    def check(self, uri: str) -> None:
        """Anything goes."""

    def open(self, uri: str, *, expected: SourceDescription | None = None) -> ByteSource:
        assert expected is not None
        return Bytes(self.found[uri])

    def list_tree(self, uri: str) -> AsyncGenerator[TreeEntry, None]:
        raise NotImplementedError

    def open_tree(self, uri: str, files: Sequence[PlacedFile]) -> ByteSource:
        data = bytearray()
        for at, one in files:
            data += bytes(at - len(data)) + one.name[:1].encode() * one.size_bytes
        return Bytes(bytes(data))


def reference(uri: str, size: int, start: int = 0, *, tree: bool = False, raw: bool = True) -> SourceRef:
    return SourceRef(uri=uri, size_bytes=size, etag=None, raw=raw, tree=tree, start=start)


PARTS = SourceRef(
    uri="",
    size_bytes=40,
    etag=None,
    raw=True,
    parts=(reference("x", 10), reference("t", 20, 10, tree=True), reference("y", 10, 30)),
)
SOURCES = Sources(x=b"0123456789", y=b"abcdefghij")
FILES = [(12, file("P", 4)), (16, file("Q", 0)), (17, file("R", 2))]
WHOLE = b"0123456789" + b"\0\0PPPP\0RR" + bytes(11) + b"abcdefghij"


async def all_of(source: ByteSource, start: int, end: int) -> bytes:
    return b"".join([chunk async for chunk in source.read(start, end)])


async def test_parts_read_as_one() -> None:
    source = open_source(SOURCES, PARTS, FILES)
    for start in range(41):
        for end in range(start, 41):
            assert await all_of(source, start, end) == WHOLE[start:end]
    assert b"".join([chunk async for chunk in source.read()]) == WHOLE
    spans = [(0, 10), (8, 12), (25, 29), (13, 20), (31, 33), (13, 20), (4, 4), (40, 40), (9, 31)]
    assert await source.read_spans(spans) == [WHOLE[start:end] for start, end in spans]
    assert (await source.describe()).size_bytes == 40
    for too_far in (source.read_spans([(0, 41)]), all_of(source, 39, 41)):
        with pytest.raises(SourceTruncated):
            await too_far
    await source.close()


async def test_a_directory_ends_in_zeros() -> None:
    source = open_source(SOURCES, reference("t", 30, tree=True), [(2, file("P", 3))])
    assert await all_of(source, 0, 30) == b"\0\0PPP" + bytes(25)
    assert await all_of(open_source(SOURCES, reference("t", 3, tree=True)), 0, 3) == bytes(3)


async def test_a_whole_archive_is_read_as_it_is() -> None:
    source = open_source(SOURCES, reference("x", 10))
    assert isinstance(source, Bytes)


async def test_members_of_parts_are_read_once_each_as_its_part_asks() -> None:
    directory, _, _, _ = await listed([file("a", 10), file("b", 5), file("c", 15), file("d", 10)])
    items = [directory.member(row)._replace(crc32=None) for row in range(4)]
    again = items[3]._replace(name="another name for d")
    found = {}
    async for member in read_each(open_source(SOURCES, PARTS, FILES), [*items, again], PARTS):
        found[member.item.name] = await member.whole()
    assert found == {"a": WHOLE[:10], "b": WHOLE[10:15], "c": WHOLE[15:30], "d": WHOLE[30:]}
