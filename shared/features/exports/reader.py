"""Serving an export: any range of its files, out of its pieces and the bytes of images where they lie.

Nothing is asked of the database. What comes next is read while the last is sent; memory stays the same whatever the
size. What is small is sent together.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import TypeAlias

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
from shared.ports.object_store import ObjectNotFound, ObjectStore, Part

Chunk: TypeAlias = bytes | memoryview

_SENT_TOGETHER = 2 << 20


@dataclass(frozen=True, slots=True)
class ExportReader:
    """Reads exports."""

    store: ObjectStore
    sources: ByteSources

    async def read(
        self, dataset: Dataset, built: Built, file: ExportFile, start: int, end: int
    ) -> AsyncGenerator[Chunk, None]:
        """The bytes of a file from `start` up to but without `end`. Raises ObjectNotFound and what sources raise."""
        layout = Layout.model_validate_json(await whole(self.store.read(layout_key(built.prefix))))
        work = _Reading(self.store, PackedFiles(self.sources), dataset.archive, built.prefix)
        runs = work.runs(layout, file.start + start, file.start + end)
        async with aclosing(work.bytes_of(runs)) as chunks:
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

    async def runs(self, layout: Layout, start: int, end: int) -> AsyncGenerator[list[Run], None]:
        """The runs that make up a range of an export's bytes, some at a time."""
        begins = 0
        for segment in layout.segments:
            first, last = max(start - begins, 0), min(end - begins, segment.size_bytes)
            if first < last and segment.blocks is None:
                yield [Text(segment.name, segment.start + first, segment.start + last)]
            elif first < last:
                async for runs in self._woven(segment, first, last):
                    yield runs
            begins += segment.size_bytes

    async def _woven(self, segment: Segment, start: int, end: int) -> AsyncIterator[list[Run]]:
        blocks, at = segment.blocks or (), start
        for number in range(block_at(blocks, start), len(blocks)):
            if at >= end:
                return
            data = await whole(self.store.read(block_key(self.prefix, segment.name, number)))
            block = Block.model_validate_json(data)
            yield list(runs_of_block(block, segment, at, end))
            at = max(at, min(end, last_of(block)))
        if at < end:  # behind the last image
            behind = segment.spool_bytes - segment.size_bytes
            yield [Text(segment.name, at + behind, end + behind)]

    # -- reading it

    async def bytes_of(self, runs: AsyncGenerator[list[Run], None]) -> AsyncGenerator[Chunk, None]:
        """The bytes: what is small together, and the next of it while the last is sent; what is large in pieces."""
        ahead: asyncio.Task[memoryview] | None = None
        try:
            async with aclosing(_grouped(runs)) as groups:
                async for group in groups:
                    following = None if _is_large(group) else asyncio.create_task(self._small(group))
                    ahead, ready = following, ahead
                    if ready is not None:
                        yield await ready
                    if following is None:
                        async for piece in self._large(group[0]):
                            yield piece
            if ahead is not None:
                yield await ahead
        finally:
            await _abandon(ahead)

    async def _small(self, group: Sequence[Run]) -> memoryview:
        """The bytes of some runs: those of objects are read together."""
        parts = []
        for run in group:
            part = self._at_hand(run)
            parts.append(part if part is not None else await self._small_part(run))
        return await self.store.read_joined(parts)

    def _at_hand(self, run: Run) -> Part | None:
        """The run, where nothing has to be waited for; so it is with nearly all of them."""
        if isinstance(run, ImageBytes):
            return (run.place, run.start, run.end) if isinstance(run.place, str) else None
        spool, number, data = self._part
        first = run.start - number * PIECE_BYTES
        last = run.end - number * PIECE_BYTES
        return data[first:last] if first >= 0 and last <= len(data) and run.spool == spool else None

    async def _small_part(self, run: Run) -> Part:
        if isinstance(run, Text):
            return b"".join([piece async for piece in self._text(run)])
        data = await whole(self._member(run))
        if len(data) != run.end - run.start:
            raise _too_short()
        return data

    async def _text(self, run: Text) -> AsyncGenerator[bytes, None]:
        """A range of a spool. The last part that was read is kept, for the next header most likely lies in it."""
        at = run.start
        while at < run.end:
            number, first = divmod(at, PIECE_BYTES)
            data = await whole(self.store.read(part_key(self.prefix, run.spool, number)))
            self._part = run.spool, number, data
            piece = data[first : first + run.end - at]
            if not piece:
                raise ObjectNotFound("A piece of the export is shorter than it was written.")
            yield piece
            at += len(piece)

    async def _large(self, run: Run) -> AsyncGenerator[bytes, None]:
        if isinstance(run, Text):
            async for piece in self._text(run):
                yield piece
            return
        left = run.end - run.start
        pieces = (
            self.store.read(run.place, start=run.start, end=run.end)
            if isinstance(run.place, str)
            else self._member(run)
        )
        async for piece in pieces:
            left -= len(piece)
            yield piece
        if left:
            raise _too_short()

    def _member(self, run: ImageBytes) -> AsyncIterator[bytes]:
        if self.archive is None or isinstance(run.place, str):
            raise ObjectNotFound("The dataset has no archive to read the image from.")
        member = member_of(run.place)
        return self.packed.read(self.archive, member, run.size_bytes, start=run.start, end=run.end)


async def _grouped(runs: AsyncGenerator[list[Run], None]) -> AsyncGenerator[list[Run], None]:
    """Runs that are sent together; a large one by itself."""
    group: list[Run] = []
    size = 0
    async with aclosing(runs):
        async for some in runs:
            for run in some:
                if group and size + run.end - run.start > _SENT_TOGETHER:
                    yield group
                    group, size = [], 0
                group.append(run)
                size += run.end - run.start
    if group:
        yield group


def _is_large(group: Sequence[Run]) -> bool:
    return group[0].end - group[0].start > _SENT_TOGETHER


def _too_short() -> ObjectNotFound:
    return ObjectNotFound("An image is shorter than it was when it was exported.")


async def _abandon(ahead: "asyncio.Task[memoryview] | None") -> None:
    """Let go of what was read ahead for nobody."""
    if ahead is not None and not ahead.done():
        ahead.cancel()
        await asyncio.wait([ahead])
