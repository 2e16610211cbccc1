"""An archive on this machine's disk: `file://` addresses and absolute paths, where the settings allow them."""

import asyncio
import os
import stat
from collections.abc import AsyncGenerator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

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

    Reads in the calling thread, a mebibyte at a time, giving way to other tasks in between: only workers use it.
    """

    def __init__(self, path: Path, *, expected: SourceDescription | None = None) -> None:
        self._path = path
        self._expected = expected

    async def describe(self) -> SourceDescription:
        """Size; size, modification time and inode as ETag; ranges always work."""
        with self._opened() as file:
            return _description(os.fstat(file.fileno()))

    async def read(self, start: int = 0, end: int | None = None) -> AsyncGenerator[bytes, None]:
        """Yield the range; each chunk is checked to come from the file that was described."""
        with self._opened() as file:
            known = _description(os.fstat(file.fileno()))
            if self._expected is not None and known != self._expected:
                raise SourceChanged(f"The file {self._path} is not what it was when the import began.")
            position, stop = start, _size(known) if end is None else end
            file.seek(start)
            while position < stop:
                chunk = self._next_chunk(file, min(CHUNK_BYTES, stop - position), known=known)
                position += len(chunk)
                yield chunk
                await asyncio.sleep(0)

    async def close(self) -> None:
        """Nothing is held between reads."""

    def _next_chunk(self, file: BinaryIO, most: int, *, known: SourceDescription) -> bytes:
        with self._translated():
            chunk = file.read(most)
            present = _description(os.fstat(file.fileno()))
        if not chunk or _size(present) < _size(known):
            raise SourceTruncated(f"The file {self._path} ends before its {_size(known)} bytes.")
        if present != known:
            raise SourceChanged(f"The file {self._path} changed while it was read.")
        return chunk

    def _opened(self) -> BinaryIO:
        """The file, open; a pipe or a device is refused without waiting for its other end."""
        with self._translated():
            handle = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            os.close(handle)
            raise UnsupportedSource(f"{self._path} is not a regular file.")
        return open(handle, "rb", buffering=0)  # noqa: PTH123 - it is open already

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            kind, sentence = next((kind, text) for cause, kind, text in _ERRORS if isinstance(error, cause))
            raise kind(sentence.format(self._path)) from error


def _description(found: os.stat_result) -> SourceDescription:
    etag = f"{found.st_size}-{found.st_mtime_ns}-{found.st_ino}"
    return SourceDescription(size_bytes=found.st_size, etag=etag, accepts_ranges=True)


def _size(known: SourceDescription) -> int:
    return known.size_bytes or 0
