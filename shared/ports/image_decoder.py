"""Decoding images to see whether all of their pixels are there, and what they look like: headers tell neither."""

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


@dataclass(frozen=True, slots=True)
class Decoded:
    """What decoding an image has shown: what is wrong with it, if anything, and what it looks like.

    `likeness` is a perceptual hash of 64 bits: of images that look alike few bits differ. None where there is too
    little to see in it, or not all of it can be seen.
    """

    flaw: Flaw | None = None
    likeness: int | None = None


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

    async def decode(self, data: bytes) -> Decoded:
        """What the image in `data` shows; no flaw where every pixel can be decoded. Safe to call many at once."""
        ...

    async def close(self) -> None:
        """End what was started; the decoder may be used again."""
        ...
