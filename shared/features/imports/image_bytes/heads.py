"""Measuring images that stay where they are: only their first bytes are read, and their last where these lie bare."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from typing import TypeAlias

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
from shared.features.imports.models import SourceRef
from shared.features.imports.shards.members import broken_member, place_of
from shared.features.imports.sources.near_spans import read_near_spans
from shared.formats.archives.directory import Member
from shared.formats.archives.entry import STORED
from shared.formats.archives.errors import BrokenMember
from shared.formats.archives.zip_member import LOCAL_HEADER_BYTES, MemberDecoder, local_data_offset
from shared.formats.findings import Finding, FindingLog
from shared.formats.images.ending import EndWatch, end_mark
from shared.formats.images.exif import with_directory
from shared.formats.images.header import NeedMoreBytes
from shared.foundation.settings import LimitSettings
from shared.foundation.streams import whole
from shared.ports.byte_source import ByteSource

_FIRST_BYTES = 4 << 10
_BATCH = 512
_LAST_BYTES = 128
_LONGER_LAST_BYTES = 64 << 10
_FINGERPRINT_BYTES = 3 << 10  # less than is read at first, so that the same is there of each image of a size
_TELLING_BYTES = 64
"""Of less than this nobody can say what image it begins."""

Fingerprint: TypeAlias = Callable[[int, bytes], int]
"""What an image's size and its first bytes make, for sources that tell no checksums."""


class HeadReader:
    """Reads the heads of images from a source on which that is cheap; elsewhere their dimensions stay pending."""

    def __init__(
        self,
        source: ByteSource,
        reference: SourceRef,
        limits: LimitSettings,
        log: FindingLog,
        *,
        fingerprint: Fingerprint | None = None,
    ) -> None:
        self._fingerprint = fingerprint
        self._source = source
        self._raw = reference.raw
        self._cheap = reference.cheap_ranges
        self._limits = limits
        self._log = log

    async def facts(self, items: Sequence[Member]) -> dict[int, ImageFacts]:
        """What is known of each image that is one, by the offset of its member."""
        if not self._cheap:
            return {item.header_offset: _unmeasured(item) for item in items}
        found: dict[int, ImageFacts] = {}
        async for batch, heads in self._batches(items):
            for item, data, last in zip(batch, heads[: len(batch)], heads[len(batch) :], strict=True):
                facts = await self._one(item, data, last)
                if facts is not None:
                    found[item.header_offset] = facts
        return found

    async def _batches(self, items: Sequence[Member]) -> AsyncIterator[tuple[Sequence[Member], list[bytes]]]:
        """Items with their first bytes; the next ones are read while somebody looks at these."""
        batches = [items[start : start + _BATCH] for start in range(0, len(items), _BATCH)]
        reading = asyncio.create_task(self._read(batches[0])) if batches else None
        try:
            for number, batch in enumerate(batches, 1):
                heads = await reading if reading else []
                reading = asyncio.create_task(self._read(batches[number])) if number < len(batches) else None
                yield batch, heads
        finally:
            if reading:
                reading.cancel()
                await asyncio.wait([reading])

    async def _read(self, batch: Sequence[Member]) -> list[bytes]:
        """The first bytes of each, then the last of each: mostly these lie before the next one's first."""
        first = [(item.header_offset, min(item.end, item.header_offset + _FIRST_BYTES)) for item in batch]
        last = [(max(item.header_offset, item.end - _LAST_BYTES), item.end) for item in batch]
        return await read_near_spans(self._source, [*first, *last])

    async def _one(self, item: Member, data: bytes, last: bytes) -> ImageFacts | None:
        findings: list[Finding] = []
        try:
            measured = self._at_a_glance(item, data, last, findings)
            if measured is None:
                findings.clear()
                measured, head = await self._measured(item, data, findings)
                measured = await self._ended(item, measured, (head, data, last), findings)
        except BrokenMember as error:
            findings.append(broken_member(item, error))
            return None
        except LeftOut:
            return None
        finally:
            for finding in findings:
                self._log.add(finding)
        facts = facts_of(KeptBytes(item.size_bytes, member=place_of(item)), measured, findings)
        if self._fingerprint is None or item.crc32 is not None:
            return facts
        first = data[: min(item.size_bytes, _FINGERPRINT_BYTES)]
        return facts._replace(fingerprint=self._fingerprint(item.size_bytes, first))

    def _at_a_glance(self, item: Member, data: bytes, last: bytes, findings: list[Finding]) -> Measured | None:
        """What first and last bytes say of a stored image, as most images are; None where more has to be read."""
        if item.method != STORED or len(data) < _FIRST_BYTES:
            return None
        start = 0 if self._raw else local_data_offset(data[:LOCAL_HEADER_BYTES])
        head = data[start : start + item.compressed_bytes]
        if _too_short(item, head) or len(head) >= item.size_bytes:
            return None
        try:
            measured = measure(item, head, findings, most_pixels=self._limits.max_image_pixels, more_to_come=True)
        except NeedMoreBytes:
            return None
        mark = end_mark(measured.header.format if measured.header else None)
        if mark is None:
            return measured
        start += item.header_offset
        end, at = min(item.end, start + item.size_bytes), item.end - len(last)
        found = last.rfind(mark, 0, max(0, end - at))
        return with_end(item, measured, head, findings, mark_at=at + found - start) if found >= 0 else None

    async def _measured(self, item: Member, data: bytes, findings: list[Finding]) -> tuple[Measured, bytes]:
        head, most = _unpacked(item, data, raw=self._raw), self._limits.max_image_pixels
        partial = len(data) < item.end - item.header_offset
        if partial and _too_short(item, head):
            head, partial = await self._longer(item, head), False
        try:
            return measure(item, head, findings, most_pixels=most, more_to_come=partial), head
        except NeedMoreBytes:
            head = await self._longer(item, head)
            return measure(item, head, findings, most_pixels=most), head

    # -- how it ends

    async def _ended(
        self, item: Member, measured: Measured, seen: tuple[bytes, bytes, bytes], findings: list[Finding]
    ) -> Measured:
        """The same with how the file ends, where that can be seen: of what is packed only if the head was all of it."""
        head, data, last = seen
        mark = end_mark(measured.header.format if measured.header else None)
        if mark is None:
            return measured
        if len(head) >= item.size_bytes:
            return with_end(item, measured, head, findings, mark_at=last_mark(measured, head))
        if item.method != STORED:
            return measured
        start = item.header_offset + (0 if self._raw else local_data_offset(data[:LOCAL_HEADER_BYTES]))
        mark_at = await self._last_mark(item, mark, start, last)
        return with_end(item, measured, head, findings, mark_at=mark_at)

    async def _last_mark(self, item: Member, mark: bytes, start: int, last: bytes) -> int | None:
        """Where the last mark is in a file that starts at `start`: nearly always at its end, else it is read for."""
        end, at = min(item.end, start + item.size_bytes), item.end - len(last)
        if (found := last[: max(0, end - at)].rfind(mark)) >= 0:
            return at + found - start
        at = max(start, end - _LONGER_LAST_BYTES)
        if (found := (await self._bytes(at, end)).rfind(mark)) >= 0:
            return at + found - start
        watch = EndWatch()
        async for piece in self._source.read(start, at + len(mark)):
            watch.look_for(mark, piece)
        return watch.last

    async def _longer(self, item: Member, head: bytes) -> bytes:
        """As much of the image as it takes to measure it, in ever larger steps, up to a limit."""
        length = _FIRST_BYTES
        while (wanted := _wanted(item, head)) and wanted <= item.size_bytes and length < LONGEST_HEAD_BYTES:
            offset = far_directory(head, item.size_bytes) if item.method == STORED else None
            if offset is not None:
                return with_directory(head, await self._directory(item, offset))
            length = min(max(length * 8, wanted + LOCAL_HEADER_BYTES + 4 * _FIRST_BYTES), LONGEST_HEAD_BYTES)
            end = min(item.end, item.header_offset + length)
            head = _unpacked(item, await self._bytes(item.header_offset, end), raw=self._raw)
            if end == item.end:
                break
        return head

    async def _directory(self, item: Member, offset: int) -> bytes:
        """Of a stored TIFF, what lies `offset` bytes behind its start. Raises BrokenMember."""
        start = item.header_offset
        if not self._raw:
            start += local_data_offset(await self._bytes(start, start + LOCAL_HEADER_BYTES))
        end = min(item.end, start + min(item.size_bytes, offset + DIRECTORY_BYTES))
        return await self._bytes(start + offset, end) if start + offset < end else b""

    async def _bytes(self, start: int, end: int) -> bytes:
        return await whole(self._source.read(start, end))


def _unpacked(item: Member, data: bytes, *, raw: bool) -> bytes:
    """What the first bytes of a member hold of its file, as far as anybody looks. Raises BrokenMember."""
    start = 0 if raw else local_data_offset(data[:LOCAL_HEADER_BYTES])
    packed = data[start : start + item.compressed_bytes]
    if item.method == STORED:
        return packed
    head = bytearray()
    for piece in MemberDecoder(item.method, item.size_bytes).decode(packed):
        head += piece
        if len(head) >= LONGEST_HEAD_BYTES:
            break
    return bytes(head)


def _too_short(item: Member, head: bytes) -> bool:
    """Whether nothing can be said: a long local header, or a method that packs much at once, has left too little."""
    return len(head) < min(_TELLING_BYTES, item.size_bytes)


def _wanted(item: Member, head: bytes) -> int:
    """How long the head must be; 0 when it is long enough."""
    return min(_TELLING_BYTES, item.size_bytes) if _too_short(item, head) else wanted_bytes(head)


def _unmeasured(item: Member) -> ImageFacts:
    return ImageFacts(item.size_bytes, member=place_of(item), pending=("dimensions", "sha256"))
