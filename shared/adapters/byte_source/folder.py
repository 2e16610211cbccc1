"""A folder on this machine's disk as a tree of files."""

import asyncio
import os
from collections.abc import AsyncGenerator, Iterator, Sequence
from itertools import islice
from pathlib import Path

from shared.adapters.byte_source.beneath import Beneath
from shared.adapters.byte_source.file import FileByteSource, read_span, translated
from shared.adapters.byte_source.folder_walk import FolderWalk, file_etag
from shared.adapters.byte_source.tree import FileSpans, gone
from shared.ports.byte_source import (
    ByteSource,
    SourceChanged,
    SourceDescription,
    TreeEntry,
    TreeFile,
    UnsupportedSource,
)

ENTRIES_AT_ONCE = 500


class FolderFiles:
    """The files below a folder. What waits for the disk is in a thread, except the reading of large files."""

    cheap_ranges = True

    def __init__(self, path: Path) -> None:
        self._path = path

    async def entries(self) -> AsyncGenerator[TreeEntry, None]:
        """Walk the folder, some hundred files at a time."""
        walk = self._walk()
        while batch := await asyncio.to_thread(_next_entries, walk):
            for entry in batch:
                yield entry

    def open(self, file: TreeFile) -> ByteSource:
        """The file, as it was listed."""
        return FileByteSource(self._path / file.name, expected=_expected(file), open_handle=lambda: self._open(file))

    async def read_spans(self, wanted: Sequence[FileSpans]) -> list[list[bytes]]:
        """Read them all in one hop to a thread, one open file at a time."""
        return await asyncio.to_thread(self._read_spans, wanted)

    def _read_spans(self, wanted: Sequence[FileSpans]) -> list[list[bytes]]:
        with translated(self._path), Beneath(self._root()) as beneath:
            return [_read_file(beneath, file, spans) for file, spans in wanted]

    def _open(self, file: TreeFile) -> int:
        with Beneath(self._root()) as beneath:
            return beneath.open(file.name)

    def _walk(self) -> Iterator[TreeEntry]:
        with translated(self._path):
            root = self._root()
            if not Path(root).is_dir():
                raise UnsupportedSource(f"{self._path} is not a directory.")
            yield from FolderWalk(root).entries()

    def _root(self) -> str:
        return os.path.realpath(self._path, strict=True)


def _next_entries(entries: Iterator[TreeEntry]) -> list[TreeEntry]:
    return list(islice(entries, ENTRIES_AT_ONCE))


def _read_file(beneath: Beneath, file: TreeFile, spans: list[tuple[int, int]]) -> list[bytes]:
    """Spans of the file that was listed. Raises SourceChanged for any other, and if it changes meanwhile."""
    try:
        handle = beneath.open(file.name)
    except FileNotFoundError:
        raise gone(file) from None
    try:
        before = file_etag(os.fstat(handle))
        parts = [read_span(handle, start, end) for start, end in spans] if before == file.etag else []
        after = file_etag(os.fstat(handle))
    finally:
        os.close(handle)
    if not before == after == file.etag:
        raise SourceChanged(f"The file {file.name} is not what it was when the import began.")
    return parts


def _expected(file: TreeFile) -> SourceDescription:
    return SourceDescription(file.size_bytes, file.etag, accepts_ranges=True)
