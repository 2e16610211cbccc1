"""An archive on this machine's disk: `file://` addresses and absolute paths, where the settings allow them."""

import asyncio
import os
import stat
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

from shared.adapters.byte_source.folder_walk import file_etag
from shared.adapters.byte_source.tree import TREE
from shared.foundation.errors import AppError
from shared.ports.byte_source import (
    SourceChanged,
    SourceDenied,
    SourceDescription,
    SourceNotFound,
    SourceTruncated,
    SourceUnavailable,
    UnsupportedSource,
)

CHUNK_BYTES = 1024 * 1024
_ERRORS: tuple[tuple[type[OSError], type[AppError], str], ...] = (
    (FileNotFoundError, SourceNotFound, "There is no file {}."),
    (NotADirectoryError, SourceNotFound, "There is no file {}."),
    (PermissionError, SourceDenied, "The file {} may not be read."),
    (OSError, SourceUnavailable, "The file {} cannot be read at present."),
)


class FileByteSource:
    """A ByteSource over one regular file.

    Reads in the calling thread, a mebibyte at a time, giving way to other tasks in between: only workers use it. Many
    spans are read in another thread, in one go.
    """

    def __init__(
        self,
        path: Path,
        *,
        expected: SourceDescription | None = None,
        open_handle: Callable[[], int] | None = None,
    ) -> None:
        """`open_handle` opens the file, without blocking, where the path alone shall not."""
        self._path = path
        self._expected = expected
        self._open_handle = open_handle or self._open_path

    async def describe(self) -> SourceDescription:
        """Size; size, modification time and inode as ETag; ranges always work. A folder is a tree."""
        with translated(self._path):
            if self._path.is_dir():
                return replace(TREE, cheap_ranges=True)
        with self._opened() as file:
            return _description(os.fstat(file.fileno()))

    async def read(self, start: int = 0, end: int | None = None) -> AsyncGenerator[bytes, None]:
        """Yield the range; each chunk is checked to come from the file that was described."""
        with self._opened() as file:
            known = self._checked(file)
            position, stop = start, _size(known) if end is None else end
            file.seek(start)
            while position < stop:
                chunk = self._next_chunk(file, min(CHUNK_BYTES, stop - position), known=known)
                position += len(chunk)
                yield chunk
                await asyncio.sleep(0)

    async def read_spans(self, spans: Sequence[tuple[int, int]]) -> list[bytes]:
        """Read them all from the file that was described, in one hop to a thread."""
        return await asyncio.to_thread(self._read_spans, spans)

    async def close(self) -> None:
        """Nothing is held between reads."""

    def _read_spans(self, spans: Sequence[tuple[int, int]]) -> list[bytes]:
        with self._opened() as file:
            known, handle = self._checked(file), file.fileno()
            with translated(self._path):
                _announce(handle, spans)
                parts = [read_span(handle, start, end) for start, end in spans]
            whole = all(len(part) == max(0, end - start) for part, (start, end) in zip(parts, spans, strict=True))
            self._check_present(file, known=known, whole=whole)
        return parts

    def _checked(self, file: BinaryIO) -> SourceDescription:
        """What the open file is. Raises SourceChanged if another is expected."""
        known = _description(os.fstat(file.fileno()))
        if self._expected is not None and known != self._expected:
            raise SourceChanged(f"The file {self._path} is not what it was when the import began.")
        return known

    def _next_chunk(self, file: BinaryIO, most: int, *, known: SourceDescription) -> bytes:
        with translated(self._path):
            chunk = file.read(most)
        self._check_present(file, known=known, whole=bool(chunk))
        return chunk

    def _check_present(self, file: BinaryIO, *, known: SourceDescription, whole: bool) -> None:
        """Raise unless what was just read is `whole` and of the file that was opened, as it was then."""
        with translated(self._path):
            present = _description(os.fstat(file.fileno()))
        if not whole or _size(present) < _size(known):
            raise SourceTruncated(f"The file {self._path} ends before its {_size(known)} bytes.")
        if present != known:
            raise SourceChanged(f"The file {self._path} changed while it was read.")

    def _opened(self) -> BinaryIO:
        """The file, open; a pipe or a device is refused without waiting for its other end."""
        with translated(self._path):
            handle = self._open_handle()
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            os.close(handle)
            raise UnsupportedSource(f"{self._path} is not a regular file.")
        return open(handle, "rb", buffering=0)  # noqa: PTH123 - it is open already

    def _open_path(self) -> int:
        return os.open(self._path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """Turn the disk's errors into the port's."""
    try:
        yield
    except OSError as error:
        kind, sentence = next((kind, text) for cause, kind, text in _ERRORS if isinstance(error, cause))
        raise kind(sentence.format(path)) from error


def _description(found: os.stat_result) -> SourceDescription:
    return SourceDescription(found.st_size, file_etag(found), accepts_ranges=True, cheap_ranges=True)


def read_span(handle: int, start: int, end: int) -> bytes:
    """One range; a single call gives all of it, unless it has gigabytes or the file ends."""
    data = os.pread(handle, end - start, start) if end > start else b""
    while len(data) < end - start and (more := os.pread(handle, end - start - len(data), start + len(data))):
        data += more
    return data


def _announce(handle: int, spans: Sequence[tuple[int, int]]) -> None:
    """Tell the system what will be read, so that the disk works on many spans at once: five times as fast from cold."""
    if not hasattr(os, "posix_fadvise"):
        return  # not on macOS
    for start, end in spans:
        if end > start:
            os.posix_fadvise(handle, start, end - start, os.POSIX_FADV_WILLNEED)


def _size(known: SourceDescription) -> int:
    return known.size_bytes or 0
