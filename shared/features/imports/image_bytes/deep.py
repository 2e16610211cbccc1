"""Decoding the images of a shard beside the reading of it, a few at a time; what all of them show comes at the end."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from shared.features.imports.image_bytes.probe import ImageFacts
from shared.features.imports.models import ImportRequest
from shared.features.jobs.models import Job
from shared.formats.archives.directory import Member
from shared.formats.findings import Finding
from shared.formats.images.ending import EndKind
from shared.ports.image_decoder import Decoded, Flaw, FlawKind, ImageDecoder

_RULES: Mapping[FlawKind, str] = MappingProxyType(
    {
        FlawKind.UNDECODABLE: "IMG_UNDECODABLE",
        FlawKind.TRUNCATED: "IMG_TRUNCATED",
        FlawKind.CHECKSUM: "IMG_CHECKSUM",
        FlawKind.DAMAGED: "IMG_DAMAGED",
        FlawKind.NOT_DECODED: "IMG_NOT_DECODED",
    }
)
_WAITING = 2
"""Images that may wait for a decoder, beyond those in one."""


@dataclass(slots=True)
class DeepLook:
    """Looks into images, known by the offset of their member. `close` it whatever happens."""

    decoder: ImageDecoder
    _room: asyncio.Semaphore = field(init=False)
    _tasks: dict[int, "asyncio.Task[Decoded]"] = field(default_factory=dict)
    _decoded: dict[int, Decoded] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._room = asyncio.Semaphore(self.decoder.at_once + _WAITING)

    def takes(self, item: Member) -> bool:
        """Whether the image is small enough to be decoded; if not, that is noted."""
        if item.size_bytes <= self.decoder.most_bytes:
            return True
        reason = f"it has {item.size_bytes} bytes, and up to {self.decoder.most_bytes} are decoded"
        self._decoded[item.header_offset] = Decoded(Flaw(FlawKind.NOT_DECODED, reason))
        return False

    async def take(self, item: Member, data: bytes) -> None:
        """Have an image decoded; returns as soon as there is room for it."""
        await self._room.acquire()
        self._tasks[item.header_offset] = asyncio.create_task(self._decode(data))

    async def decoded(self) -> Mapping[int, Decoded]:
        """What the images show, when all are decoded."""
        for offset, task in self._tasks.items():
            self._decoded[offset] = await task
        self._tasks.clear()
        return self._decoded

    async def close(self) -> None:
        """Stop what is still being decoded."""
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)
        self._tasks.clear()

    async def _decode(self, data: bytes) -> Decoded:
        try:
            return await self.decoder.decode(data)
        finally:
            self._room.release()


def with_flaw(name: str, facts: ImageFacts, flaw: Flaw) -> tuple[ImageFacts, Finding | None]:
    """The facts of an image that was decoded, and what to say of it; nothing where its header had said it already."""
    known = facts.ending in (EndKind.CUT, EndKind.SHORT) and flaw.kind is not FlawKind.NOT_DECODED
    finding = None if known else Finding(_RULES[flaw.kind], name, f"Decoding it: {flaw.reason}.")
    noticed = facts.is_damaged or flaw.is_noticed
    return facts._replace(findings=facts.findings + (finding is not None), is_damaged=noticed), finding


def is_deep(job: Job) -> bool:
    """Whether the import was asked to decode every image."""
    return ImportRequest.model_validate_json(job.request).deep


async def with_looks(
    found: dict[int, list[Finding]], facts: dict[int, ImageFacts], look: DeepLook | None
) -> tuple[dict[int, list[Finding]], dict[int, ImageFacts]]:
    """Findings and facts, by the offset of their image, with what decoding has shown."""
    for offset, decoded in (await look.decoded()).items() if look else ():
        if offset not in facts:
            continue
        facts[offset] = facts[offset]._replace(likeness=decoded.likeness)
        if decoded.flaw is not None:
            facts[offset], finding = with_flaw("", facts[offset], decoded.flaw)
            found.setdefault(offset, []).extend([finding] if finding else [])
    return found, facts
