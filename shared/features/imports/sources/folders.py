"""A directory, or the prefix of a bucket, read as one source: its files lie one behind another.

Each takes a byte at least, so that no two begin at the same place.
"""

import zlib
from array import array
from bisect import bisect_left
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from functools import lru_cache

from shared.features.imports.shards.manifest import PlacedFile
from shared.formats.archives.directory import ArchiveDirectory
from shared.formats.archives.entry import STORED, ArchiveEntry, EntryKind
from shared.formats.archives.verdict import plain_name
from shared.formats.findings import Finding
from shared.ports.byte_source import TreeEntry, TreeFile, UnreadableEntry, UnreadableReason

_FILES_BETWEEN_CHECKS = 1000
_BLOCK = 512
_UNREADABLE = {
    UnreadableReason.LINK_OUTSIDE: ("ARCHIVE_LINK", "is a link that leads out of the directory"),
    UnreadableReason.LINK_BROKEN: ("ARCHIVE_LINK", "is a link to nothing that is here"),
    UnreadableReason.LINK_LOOP: ("ARCHIVE_LINK", "is a link that leads in a circle"),
    UnreadableReason.TOO_MANY_LINKS: ("ARCHIVE_LINK", "is left out: links let folders appear too often"),
    UnreadableReason.DEVICE: ("ARCHIVE_LINK", "is a device"),
    UnreadableReason.DENIED: ("FOLDER_FILE_DENIED", "may not be read"),
    UnreadableReason.NAME: ("FOLDER_FILE_NAME", "has a name that is not UTF-8"),
}


class FolderFiles:
    """Which file each member of a directory is. Holds the ETags packed: some ten bytes for a file."""

    def __init__(self, directory: ArchiveDirectory) -> None:
        self._directory = directory
        self._etags = _PackedTexts()

    def __len__(self) -> int:
        return len(self._etags)

    def append(self, etag: str) -> None:
        """Take note of the next member's ETag."""
        self._etags.append(etag)

    def of(self, rows: Iterable[int]) -> Iterator[PlacedFile]:
        """The files of these members, in ascending order; each once."""
        for row in sorted(set(rows)):
            name, offset = self._directory.name(row), self._directory.offset(row)
            yield offset, TreeFile(name, self._directory.member(row).size_bytes, self._etags[row])

    def within(self, start: int, end: int) -> range:
        """The members with bytes from `start` up to but without `end`."""
        first = bisect_left(range(len(self)), start + 1, key=self._directory.offset) - 1
        return range(max(0, first), bisect_left(range(len(self)), end, key=self._directory.offset))


async def list_folder(
    entries: AsyncIterator[TreeEntry],
    directory: ArchiveDirectory,
    report: Callable[[Finding], None],
    check: Callable[[], None],
) -> tuple[FolderFiles, int]:
    """Put the files into the directory, which is sealed then, and report what is left out. Also the size of all.

    `check` is called now and then, and may raise. Raises ArchiveTooLarge, and what `entries` raises.
    """
    files, end, seen = FolderFiles(directory), 0, 0
    async for entry in entries:
        seen += 1
        if seen % _FILES_BETWEEN_CHECKS == 0:
            check()
        if isinstance(entry, UnreadableEntry):
            rule, message = _UNREADABLE[entry.reason]
            report(Finding(rule, entry.name, f"{entry.name}: {message}"))
        elif _is_plain(entry, report):
            directory.add(
                ArchiveEntry(entry.name, end, entry.size_bytes, entry.size_bytes, STORED, None, EntryKind.FILE)
            )
            if len(directory) > len(files):
                files.append(entry.etag)
                end += max(1, entry.size_bytes)
    directory.seal(end)
    return files, end


def _is_plain(file: TreeFile, report: Callable[[Finding], None]) -> bool:
    """Whether a member of an archive would keep that name, so that the file is found by it again."""
    plain = plain_name(file.name)
    if isinstance(plain, str) and plain != file.name:
        report(Finding("FOLDER_FILE_NAME", file.name, f"{file.name}: is not the name of a path"))
        return False
    return plain is not None


class _PackedTexts:
    """Short texts by their index, packed in blocks."""

    def __init__(self) -> None:
        self._packed = bytearray()
        self._ends = array("Q", (0,))
        self._last: list[str] = []
        self._block = lru_cache(maxsize=32)(self._unpacked)

    def __len__(self) -> int:
        return (len(self._ends) - 1) * _BLOCK + len(self._last)

    def __getitem__(self, index: int) -> str:
        block, place = divmod(index, _BLOCK)
        return (self._last if block == len(self._ends) - 1 else self._block(block))[place]

    def append(self, text: str) -> None:
        self._last.append(text)
        if len(self._last) == _BLOCK:
            self._packed += zlib.compress("\0".join(self._last).encode(), 1)
            self._ends.append(len(self._packed))
            self._last = []

    def _unpacked(self, block: int) -> list[str]:
        return zlib.decompress(self._packed[self._ends[block] : self._ends[block + 1]]).decode().split("\0")
