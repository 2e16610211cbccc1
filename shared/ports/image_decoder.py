"""Decoding images to see whether all of their pixels are there: the only way to find what headers do not tell."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


class FlawKind(StrEnum):
    """What is wrong with an image.

    `UNDECODABLE`: no decoder takes it. `TRUNCATED`: it ends early. `CHECKSUM`: a checksum of its own does not match.
    `DAMAGED`: pixels are broken or missing. `NOT_DECODED`: nobody knows, as it is too large or took too long.
    """

    UNDECODABLE = "undecodable"
    TRUNCATED = "truncated"
    CHECKSUM = "checksum"
    DAMAGED = "damaged"
    NOT_DECODED = "not-decoded"


@dataclass(frozen=True, slots=True)
class Flaw:
    """Something wrong with an image; `reason` says it in the decoder's words. `DAMAGED` goes unnoticed by trainers."""

    kind: FlawKind
    reason: str

    @property
    def is_noticed(self) -> bool:
        """Whether trainers leave such an image out."""
        return self.kind in (FlawKind.UNDECODABLE, FlawKind.TRUNCATED, FlawKind.CHECKSUM)


class ImageDecoder(Protocol):
    """Decodes images. Whatever the bytes are, it answers: it never raises because of them, and never hangs."""

    @property
    def most_bytes(self) -> int:
        """The largest file that is decoded."""
        ...

    @property
    def at_once(self) -> int:
        """How many images are decoded at the same time; more calls wait."""
        ...

    async def decode(self, data: bytes) -> Flaw | None:
        """What is wrong with the image in `data`; None where every pixel can be decoded. Safe to call many at once."""
        ...

    async def close(self) -> None:
        """End what was started; the decoder may be used again."""
        ...
