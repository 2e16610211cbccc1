"""A tree of files read as one source: each file lies at an offset, as members lie in an archive."""

import hashlib
from bisect import bisect_right
from collections.abc import AsyncGenerator, Iterable, Iterator, Sequence
from contextlib import aclosing, contextmanager
from dataclasses import dataclass
from itertools import chain, groupby
from operator import attrgetter
from typing import Protocol

from shared.ports.byte_source import (
    ByteSource,
    SourceChanged,
    SourceDescription,
    SourceNotFound,
    SourceTruncated,
    TreeEntry,
    TreeFile,
    UnsupportedSource,
)

BATCH_BYTES = 1024 * 1024
BATCH_PIECES = 256
TREE = SourceDescription(size_bytes=None, etag=None, accepts_ranges=True, tree=True)

FileSpans = tuple[TreeFile, list[tuple[int, int]]]


class TreeFiles(Protocol):
    """The files below one root, wherever that is. None of them is another than was listed: else SourceChanged."""

    @property
    def cheap_ranges(self) -> bool:
        """As in a description."""
        ...

    def entries(self) -> AsyncGenerator[TreeEntry, None]:
        """What ByteSources.list_tree promises."""
        ...

    def open(self, file: TreeFile) -> ByteSource:
        """One file; it may raise SourceNotFound where it is gone."""
        ...

    async def read_spans(self, wanted: Sequence[FileSpans]) -> list[list[bytes]]:
        """The spans of each file, whole."""
        ...


def checked_name(name: str) -> str:
    """Return the name of a file in a tree. Raises UnsupportedSource if it is none, or might lead out of the tree."""
    if "\0" in name or any(part in {"", ".", ".."} for part in name.split("/")):
        raise UnsupportedSource(f"{name[:200]!r} is no name of a file in a directory.")
    return name


@contextmanager
def as_listed(file: TreeFile) -> Iterator[None]:
    """A listed file that is gone is a change of the tree."""
    try:
        yield
    except SourceNotFound:
        raise gone(file) from None


def gone(file: TreeFile) -> SourceChanged:
    """The error for a listed file that is no longer there."""
    return SourceChanged(f"{file.name} is gone since the import began.")


@dataclass(frozen=True, slots=True)
class _Piece:
    """A part of one file; of no file, as many zeros."""

    file: TreeFile | None
    start: int
    end: int

    @property
    def size_bytes(self) -> int:
        return self.end - self.start


class TreeByteSource:
    """A ByteSource over files of a tree. At most one file is open at a time, per read."""

    def __init__(self, tree: TreeFiles, files: Sequence[tuple[int, TreeFile]]) -> None:
        self._tree = tree
        self._files = files
        self._starts = [offset for offset, _ in files]
        self._size_bytes = _checked_size(files)

    async def describe(self) -> SourceDescription:
        """Where the last file ends, and a digest of the list of files; nothing is looked at."""
        digest = hashlib.sha256()
        for offset, file in self._files:
            digest.update(f"{offset} {file.size_bytes} {file.etag} {file.name}\n".encode())
        cheap = self._tree.cheap_ranges
        return SourceDescription(self._size_bytes, digest.hexdigest(), accepts_ranges=True, cheap_ranges=cheap)

    async def read(self, start: int = 0, end: int | None = None) -> AsyncGenerator[bytes, None]:
        """Yield the range: small files many at a time, large ones in chunks."""
        stop = self._size_bytes if end is None else end
        for batch in _batches(self._pieces(start, min(stop, self._size_bytes))):
            if batch[0].size_bytes > BATCH_BYTES:
                async with aclosing(self._stream(batch[0])) as chunks:
                    async for chunk in chunks:
                        yield chunk
            else:
                for part in await self._read_pieces(batch):
                    yield part
        if start < stop:
            self._check_end(stop)

    async def read_spans(self, spans: Sequence[tuple[int, int]]) -> list[bytes]:
        """Read them as the tree reads many spans; a file whose spans follow one another is opened once."""
        self._check_end(max((end for start, end in spans if start < end), default=0))
        pieces = [list(self._pieces(start, end)) for start, end in spans]
        parts = iter(await self._read_pieces(chain.from_iterable(pieces)))
        return [_joined([next(parts) for _ in of_span]) for of_span in pieces]

    async def close(self) -> None:
        """Nothing is held between reads."""

    def _pieces(self, start: int, end: int) -> Iterator[_Piece]:
        """The range cut at the borders of files; zeros are cut small."""
        index = max(0, bisect_right(self._starts, start) - 1)
        while start < end and index < len(self._files):
            offset, file = self._files[index]
            if start < offset:
                stop = min(offset, end, start + BATCH_BYTES)
                yield _Piece(None, 0, stop - start)
            else:
                stop = max(start, min(end, offset + file.size_bytes))
                index += 1
                if start < stop:
                    yield _Piece(file, start - offset, stop - offset)
            start = stop

    async def _read_pieces(self, pieces: Iterable[_Piece]) -> list[bytes]:
        by_file = [(file, list(group)) for file, group in groupby(pieces, key=attrgetter("file"))]
        wanted = [(file, [(piece.start, piece.end) for piece in group]) for file, group in by_file if file is not None]
        found = iter(await self._tree.read_spans(wanted) if wanted else [])
        return list(
            chain.from_iterable(
                [bytes(piece.size_bytes) for piece in group] if file is None else next(found) for file, group in by_file
            )
        )

    async def _stream(self, piece: _Piece) -> AsyncGenerator[bytes, None]:
        assert piece.file is not None  # noqa: S101 - zeros are never that many
        source = self._tree.open(piece.file)
        with as_listed(piece.file):
            async with aclosing(source.read(piece.start, piece.end)) as chunks:
                async for chunk in chunks:
                    yield chunk

    def _check_end(self, stop: int) -> None:
        if stop > self._size_bytes:
            raise SourceTruncated(f"The directory's files end at byte {self._size_bytes} of {stop}.")


def _checked_size(files: Sequence[tuple[int, TreeFile]]) -> int:
    """Where the last file ends. Raises ValueError if files overlap or are not in order."""
    size_bytes = 0
    for offset, file in files:
        if offset < size_bytes:
            raise ValueError(f"{file.name} begins before the file in front of it ends")
        checked_name(file.name)
        size_bytes = offset + file.size_bytes
    return size_bytes


def _batches(pieces: Iterable[_Piece]) -> Iterator[list[_Piece]]:
    """Pieces of together about a mebibyte; a larger one is alone."""
    batch: list[_Piece] = []
    total = 0
    for piece in pieces:
        if batch and (total + piece.size_bytes > BATCH_BYTES or len(batch) == BATCH_PIECES):
            yield batch
            batch, total = [], 0
        batch.append(piece)
        total += piece.size_bytes
    if batch:
        yield batch


def _joined(parts: list[bytes]) -> bytes:
    return parts[0] if len(parts) == 1 else b"".join(parts)
