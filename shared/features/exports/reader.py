"""Serving an export: any range of its files, out of its pieces and the bytes of images where they lie.

Nothing is asked of the database. What comes next is read while the last is sent; memory stays the same whatever the
size. What is small is sent together.
"""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, suppress
from dataclasses import dataclass, field

from shared.features.datasets.models import ArchiveRef, Dataset
from shared.features.exports.models import Built, ExportFile
from shared.features.exports.pieces import (
    PIECE_BYTES,
    Block,
    ImageBytes,
    Layout,
    Run,
    Segment,
    Text,
    block_at,
    block_key,
    last_of,
    layout_key,
    member_of,
    part_key,
    runs_of_block,
)
from shared.features.images.packed import PackedFiles
from shared.foundation.streams import whole
from shared.ports.byte_source import ByteSources
from shared.ports.object_store import ObjectNotFound, ObjectStore

_SENT_TOGETHER = 1 << 20
_AHEAD, _AHEAD_BYTES = 8, 8 << 20


@dataclass(frozen=True, slots=True)
class ExportReader:
    """Reads exports."""

    store: ObjectStore
    sources: ByteSources

    async def read(
        self, dataset: Dataset, built: Built, file: ExportFile, start: int, end: int
    ) -> AsyncGenerator[bytes, None]:
        """The bytes of a file from `start` up to but without `end`. Raises ObjectNotFound and what sources raise."""
        layout = Layout.model_validate_json(await whole(self.store.read(layout_key(built.prefix))))
        work = _Reading(self.store, PackedFiles(self.sources), dataset.archive, built.prefix)
        runs = work.runs(layout, file.start + start, file.start + end)
        async with aclosing(_together(work.bytes_of(runs))) as chunks:
            async for chunk in chunks:
                yield chunk


@dataclass(slots=True)
class _Reading:
    store: ObjectStore
    packed: PackedFiles
    archive: ArchiveRef | None
    prefix: str
    _part: tuple[str, int, bytes] = field(default=("", 0, b""))

    # -- what the bytes are

    async def runs(self, layout: Layout, start: int, end: int) -> AsyncGenerator[Run, None]:
        """The runs that make up a range of an export's bytes."""
        begins = 0
        for segment in layout.segments:
            first, last = max(start - begins, 0), min(end - begins, segment.size_bytes)
            if first < last and segment.blocks is None:
                yield Text(segment.name, segment.start + first, segment.start + last)
            elif first < last:
                async for run in self._woven(segment, first, last):
                    yield run
            begins += segment.size_bytes

    async def _woven(self, segment: Segment, start: int, end: int) -> AsyncIterator[Run]:
        blocks, at = segment.blocks or (), start
        for number in range(block_at(blocks, start), len(blocks)):
            if at >= end:
                return
            data = await whole(self.store.read(block_key(self.prefix, segment.name, number)))
            block = Block.model_validate_json(data)
            for run in runs_of_block(block, segment, at, end):
                yield run
            at = max(at, min(end, last_of(block)))
        if at < end:  # behind the last image
            behind = segment.spool_bytes - segment.size_bytes
            yield Text(segment.name, at + behind, end + behind)

    # -- reading it

    async def bytes_of(self, runs: AsyncGenerator[Run, None]) -> AsyncGenerator[bytes, None]:
        """The bytes, piece by piece; small images are read ahead, several at once."""
        ahead: deque[tuple[int, asyncio.Task[bytes] | AsyncGenerator[bytes, None]]] = deque()
        held = 0
        try:
            async with aclosing(runs):
                async for run in runs:
                    for size, piece in self._opened(run):
                        ahead.append((size, piece))
                        held += size
                        while len(ahead) > _AHEAD or held > _AHEAD_BYTES:
                            taken, first = ahead.popleft()
                            held -= taken
                            async for chunk in _taken(first):
                                yield chunk
            while ahead:
                async for chunk in _taken(ahead.popleft()[1]):
                    yield chunk
        finally:
            await _abandon([piece for _, piece in ahead])

    def _opened(self, run: Run) -> list[tuple[int, "asyncio.Task[bytes] | AsyncGenerator[bytes, None]"]]:
        size = run.end - run.start
        if isinstance(run, Text):
            return [(0, self._text(run))]
        if size > PIECE_BYTES:
            return [(0, self._large(run))]
        return [(size, asyncio.create_task(self._small(run)))]

    async def _text(self, run: Text) -> AsyncGenerator[bytes, None]:
        at = run.start
        while at < run.end:
            number, first = divmod(at, PIECE_BYTES)
            part = await self._part_of(run.spool, number)
            piece = part[first : first + run.end - at]
            if not piece:
                raise ObjectNotFound("A piece of the export is shorter than it was written.")
            yield piece
            at += len(piece)

    async def _part_of(self, spool: str, number: int) -> bytes:
        """A part of a spool; the last one is kept, for the next header most likely lies in it."""
        if self._part[:2] != (spool, number) or not self._part[2]:
            data = await whole(self.store.read(part_key(self.prefix, spool, number)))
            self._part = spool, number, data
        return self._part[2]

    async def _small(self, run: ImageBytes) -> bytes:
        if isinstance(run.place, str):
            data = (await self.store.read_spans(run.place, [(run.start, run.end)]))[1][0]
        else:
            data = await whole(self._member(run))
        if len(data) != run.end - run.start:
            raise ObjectNotFound("An image is shorter than it was when it was exported.")
        return data

    async def _large(self, run: ImageBytes) -> AsyncGenerator[bytes, None]:
        pieces = (
            self.store.read(run.place, start=run.start, end=run.end)
            if isinstance(run.place, str)
            else self._member(run)
        )
        left = run.end - run.start
        async for piece in pieces:
            left -= len(piece)
            yield piece
        if left:
            raise ObjectNotFound("An image is shorter than it was when it was exported.")

    def _member(self, run: ImageBytes) -> AsyncIterator[bytes]:
        if self.archive is None or isinstance(run.place, str):
            raise ObjectNotFound("The dataset has no archive to read the image from.")
        member = member_of(run.place)
        return self.packed.read(self.archive, member, run.size_bytes, start=run.start, end=run.end)


async def _taken(piece: "asyncio.Task[bytes] | AsyncGenerator[bytes, None]") -> AsyncIterator[bytes]:
    if isinstance(piece, asyncio.Task):
        yield await piece
        return
    async with aclosing(piece):
        async for chunk in piece:
            yield chunk


async def _abandon(pieces: "list[asyncio.Task[bytes] | AsyncGenerator[bytes, None]]") -> None:
    """Let go of what was read ahead for nobody."""
    for piece in pieces:
        if isinstance(piece, asyncio.Task):
            piece.cancel()
            with suppress(asyncio.CancelledError, Exception):
                await piece
        else:
            await piece.aclose()


async def _together(chunks: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
    """The same bytes in fewer, larger chunks."""
    held: list[bytes] = []
    size = 0
    async with aclosing(chunks):
        async for chunk in chunks:
            held.append(chunk)
            size += len(chunk)
            if size >= _SENT_TOGETHER:
                yield b"".join(held)
                held, size = [], 0
    if held:
        yield b"".join(held)
