"""One image on its way from the archive to the store: hashed, measured, and kept under its content's hash."""

import hashlib
from collections.abc import AsyncIterator
from typing import Protocol

from shared.features.images.models import dataset_prefix
from shared.features.imports.image_bytes.deep import DeepLook
from shared.features.imports.image_bytes.probe import (
    DIRECTORY_BYTES,
    LONGEST_HEAD_BYTES,
    ImageFacts,
    KeptBytes,
    LeftOut,
    Measured,
    facts_of,
    far_directory,
    last_mark,
    measure,
    wanted_bytes,
    with_end,
)
from shared.features.imports.models import ShardLease
from shared.features.imports.shards.manifest import temp_prefix
from shared.features.imports.shards.members import OpenMember
from shared.features.jobs.models import Job
from shared.formats.findings import Finding
from shared.formats.images.ending import EndWatch
from shared.formats.images.exif import with_directory
from shared.foundation.settings import LimitSettings
from shared.foundation.streams import HashingStream, whole
from shared.ports.object_store import ObjectStore

IN_MEMORY_BYTES = 8 << 20
"""An image up to this size is held whole while it passes."""

_HEAD_BYTES = 256 << 10


class ImageKeeper(Protocol):
    """Where the bytes of images are kept."""

    async def write(self, member: OpenMember, findings: list[Finding]) -> ImageFacts:
        """Read the image through and keep it; what is odd about it goes to `findings`.

        Raises BrokenMember, and LeftOut for what is no image; then nothing is kept.
        """
        ...


class ImageWriter:
    """Writes the images of one shard, as long as a claimer has it."""

    def __init__(
        self, store: ObjectStore, job: Job, lease: ShardLease, limits: LimitSettings, *, look: DeepLook | None = None
    ) -> None:
        self._store = store
        self._look = look
        self._prefix = f"{dataset_prefix(job.dataset_id)}images/"
        self._temp = f"{temp_prefix(job.id)}large/{lease.index}-{lease.token}-"
        self._most_pixels = limits.max_image_pixels

    async def write(self, member: OpenMember, findings: list[Finding]) -> ImageFacts:
        """Store the image. Raises BrokenMember, and LeftOut for what is no image; then nothing is stored."""
        if member.item.size_bytes <= IN_MEMORY_BYTES:
            return await self._write_small(member, findings)
        return await self._write_large(member, findings)

    async def _write_small(self, member: OpenMember, findings: list[Finding]) -> ImageFacts:
        data = await member.whole()
        measured = measure(member.item, data, findings, most_pixels=self._most_pixels)
        measured = with_end(member.item, measured, data, findings, mark_at=last_mark(measured, data))
        sha256 = hashlib.sha256(data).hexdigest()
        key = self._key(sha256, measured)
        await self._store.put(key, data)
        if self._look and self._look.takes(member.item):
            await self._look.take(member.item, data)
        return facts_of(KeptBytes(len(data), object_key=key, sha256=sha256), measured, findings)

    async def _write_large(self, member: OpenMember, findings: list[Finding]) -> ImageFacts:
        """Its hash, and so its key, is known only when it has passed: it takes a temporary key meanwhile."""
        temporary = f"{self._temp}{member.item.header_offset:x}"
        head, watch = bytearray(), EndWatch()
        stream = HashingStream(watched(with_head(member.pieces(), head), watch))
        await self._store.write(temporary, aiter(stream))
        try:
            enough = await self._enough(temporary, bytes(head))
            measured = measure(member.item, enough, findings, most_pixels=self._most_pixels)
        except LeftOut:
            await self._store.delete(temporary)
            raise
        measured = with_end(member.item, measured, enough, findings, mark_at=watch.last)
        key = self._key(stream.hexdigest(), measured)
        await self._store.move(temporary, key)
        if self._look and self._look.takes(member.item):
            await self._look.take(member.item, await self._read(key, 0, stream.size_bytes))
        kept = KeptBytes(stream.size_bytes, object_key=key, sha256=stream.hexdigest())
        return facts_of(kept, measured, findings)

    async def _enough(self, key: str, head: bytes) -> bytes:
        """So much of a large image that it can be measured, up to a limit; of a TIFF what describes it, wherever."""
        stored = (await self._store.stat(key)).size_bytes
        while wanted := wanted_bytes(head):
            offset = far_directory(head, stored)
            if offset is not None:
                return with_directory(head, await self._read(key, offset, min(stored, offset + DIRECTORY_BYTES)))
            if wanted > min(stored, LONGEST_HEAD_BYTES):
                break
            head = await self._read(key, 0, min(stored, max(wanted, min(2 * len(head), LONGEST_HEAD_BYTES))))
        return head

    async def _read(self, key: str, start: int, end: int) -> bytes:
        return await whole(self._store.read(key, start=start, end=end))

    def _key(self, sha256: str, measured: Measured) -> str:
        ending = f".{measured.header.format}" if measured.header else ""
        return f"{self._prefix}{sha256[:2]}/{sha256}{ending}"


async def with_head(pieces: AsyncIterator[bytes], head: bytearray, *, most: int = _HEAD_BYTES) -> AsyncIterator[bytes]:
    """The pieces, the first `most` of their bytes also in `head`."""
    async for piece in pieces:
        if len(head) < most:
            head += piece[: most - len(head)]
        yield piece


async def watched(pieces: AsyncIterator[bytes], watch: EndWatch) -> AsyncIterator[bytes]:
    """The pieces, seen by `watch`."""
    async for piece in pieces:
        watch.feed(piece)
        yield piece
