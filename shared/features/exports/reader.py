"""Serving an export: any range of its files, out of its pieces and the bytes of images where they lie.

Nothing is asked of the database. What comes next is read while the last is sent; memory stays the same whatever the
size. What is small is sent together.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Sequence
from contextlib import aclosing
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
        """The bytes: what is small together, and the next of it while the last is sent; what is large in pieces."""
        ahead: asyncio.Task[bytes] | None = None
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

    async def _small(self, group: Sequence[Run]) -> bytes:
        """The bytes of some runs: those of objects are asked for together."""
        objects = [run for run in group if isinstance(run, ImageBytes) and isinstance(run.place, str)]
        found = iter(await self.store.read_many([(str(run.place), run.start, run.end) for run in objects]))
        return b"".join([_checked(await self._one(run, found), run) for run in group])

    async def _one(self, run: Run, objects: Iterator[bytes]) -> bytes:
        if isinstance(run, Text):
            return b"".join([piece async for piece in self._text(run)])
        return next(objects) if isinstance(run.place, str) else await whole(self._member(run))

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


async def _grouped(runs: AsyncGenerator[Run, None]) -> AsyncGenerator[list[Run], None]:
    """Runs that are sent together; a large one by itself."""
    group: list[Run] = []
    size = 0
    async with aclosing(runs):
        async for run in runs:
            if group and size + run.end - run.start > _SENT_TOGETHER:
                yield group
                group, size = [], 0
            group.append(run)
            size += run.end - run.start
    if group:
        yield group


def _is_large(group: Sequence[Run]) -> bool:
    return group[0].end - group[0].start > _SENT_TOGETHER


def _checked(data: bytes, run: Run) -> bytes:
    if len(data) != run.end - run.start:
        raise _too_short()
    return data


def _too_short() -> ObjectNotFound:
    return ObjectNotFound("An image is shorter than it was when it was exported.")


async def _abandon(ahead: "asyncio.Task[bytes] | None") -> None:
    """Let go of what was read ahead for nobody."""
    if ahead is not None and not ahead.done():
        ahead.cancel()
        await asyncio.wait([ahead])
