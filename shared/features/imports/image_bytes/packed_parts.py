"""Copying an archive whole, in parts: each shard copies its own, and any range can be read back across them."""

import hashlib
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

from shared.features.images.models import dataset_prefix
from shared.features.imports.image_bytes.deep import DeepLook
from shared.features.imports.image_bytes.probe import ImageFacts, KeptBytes, facts_of, measure, with_end
from shared.features.imports.image_bytes.writer import IN_MEMORY_BYTES, watched, with_head
from shared.features.imports.shards.members import OpenMember, place_of
from shared.features.imports.shards.track import ShardTrack
from shared.features.jobs.models import Job
from shared.formats.findings import Finding
from shared.formats.images.ending import EndWatch
from shared.foundation.settings import LimitSettings
from shared.foundation.streams import whole
from shared.ports.byte_source import ByteSource, SourceDescription, parts_uri
from shared.ports.object_store import ObjectStore


def archive_prefix(job: Job) -> str:
    """The folder of the object store that holds the parts of a dataset's archive."""
    return f"{dataset_prefix(job.dataset_id)}archive/"


def archive_uri(job: Job, *, part_bytes: int, size_bytes: int) -> str:
    """The address, for use among ourselves, of the copied archive."""
    return parts_uri(archive_prefix(job), part_bytes=part_bytes, size_bytes=size_bytes)


async def copy_part(
    store: ObjectStore, job: Job, span: tuple[int, int], source: ByteSource, track: ShardTrack, *, part_bytes: int
) -> ByteSource:
    """Copy that part of the archive. A source that reads it from there, and the rest from the archive."""
    start, end = span
    key = f"{archive_prefix(job)}{start // part_bytes:06d}.part"
    await store.write(key, _watched(source, start, end, track))
    return _PartSource(store, key, span, source)


class PackedImages:
    """Keeps images where they are, in the archive; each is read through once, checked, hashed and measured."""

    def __init__(self, limits: LimitSettings, *, look: DeepLook | None = None) -> None:
        self._most_pixels = limits.max_image_pixels
        self._look = look
        self._most_held = max(IN_MEMORY_BYTES, look.decoder.most_bytes if look else 0)

    async def write(self, member: OpenMember, findings: list[Finding]) -> ImageFacts:
        """What the image is. Raises BrokenMember, and LeftOut for what is no image."""
        data, item, sha256, watch = bytearray(), member.item, hashlib.sha256(), EndWatch()
        async for piece in watched(with_head(member.pieces(), data, most=self._most_held), watch):
            sha256.update(piece)
        head = bytes(data)
        measured = measure(item, head, findings, most_pixels=self._most_pixels)
        measured = with_end(item, measured, head, findings, mark_at=watch.last)
        if self._look and self._look.takes(item):
            await self._look.take(item, head)
        kept = KeptBytes(item.size_bytes, member=place_of(item), sha256=sha256.hexdigest())
        return facts_of(kept, measured, findings)


class _PartSource:
    """The archive, as far as one part goes from our own store."""

    def __init__(self, store: ObjectStore, key: str, span: tuple[int, int], beyond: ByteSource) -> None:
        self._store, self._key = store, key
        self._start, self._end = span
        self._beyond = beyond

    async def describe(self) -> SourceDescription:
        """What the archive says of itself."""
        return await self._beyond.describe()

    async def read(self, start: int = 0, end: int | None = None) -> AsyncGenerator[bytes, None]:
        """The bytes of the part from the store, those behind it from the archive."""
        stop = self._end if end is None else end
        if start < self._end:
            chunks = self._store.read(self._key, start=start - self._start, end=min(stop, self._end) - self._start)
            async with aclosing(chunks):
                async for chunk in chunks:
                    yield chunk
        if stop > self._end:
            async with aclosing(self._beyond.read(max(start, self._end), stop)) as rest:
                async for chunk in rest:
                    yield chunk

    async def read_spans(self, spans: Sequence[tuple[int, int]]) -> list[bytes]:
        """Each span by itself."""
        return [await whole(self.read(start, end)) for start, end in spans]

    async def close(self) -> None:
        """The archive is somebody else's to close."""


async def _watched(source: ByteSource, start: int, end: int, track: ShardTrack) -> AsyncGenerator[bytes, None]:
    async with aclosing(source.read(start, end)) as chunks:
        async for chunk in chunks:
            track.check()
            yield chunk
