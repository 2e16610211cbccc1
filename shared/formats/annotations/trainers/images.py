"""What ultralytics makes of an image itself, from 8.0.0 on: which of its releases leave it out, and which rewrite it.

What its releases do was observed by running them. All check the size, that the file is not cut off, and the format by
content; they differ in which formats and endings they read. Turning by EXIF changes no verdict: both sides are checked.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from types import MappingProxyType
from typing import NamedTuple

from shared.formats.annotations.trainers.ultralytics import RELEASES
from shared.foundation.pixel_limit import MOST_PIXELS

SMALLEST_SIDE = 10


class SeenImage(NamedTuple):
    """What trainers look at of an image: the ending of its name in small letters, and what its bytes are.

    `content` is a format, None where it is no image. `is_cut`: it ends early, or is damaged, such that Pillow's
    `verify` notices. `has_trailing_bytes`: it is a JPEG with other bytes behind its end.
    """

    ending: str
    content: str | None
    width: int | None = None
    height: int | None = None
    is_cut: bool = False
    has_trailing_bytes: bool = False


@dataclass(frozen=True, slots=True)
class ImageBehaviour:
    """The endings of the files a release looks for, and the formats it accepts by content."""

    endings: frozenset[str] = frozenset(("bmp", "dng", "jpeg", "jpg", "mpo", "pfm", "png", "tif", "tiff", "webp"))
    contents: frozenset[str] = frozenset(("bmp", "jpeg", "png", "tiff", "webp"))


_FIRST = ImageBehaviour()
_LATER_ENDINGS = _FIRST.endings - {"pfm"} | {"avif", "heic", "heif", "jp2"}
_LATER_CONTENTS = _FIRST.contents | {"avif", "heif"}
_CHANGES: Mapping[str, Mapping[str, frozenset[str]]] = MappingProxyType(
    {
        "8.3.60": {"endings": _FIRST.endings | {"heic"}},
        "8.4.60": {"endings": _LATER_ENDINGS | {"jpeg2000"}, "contents": _LATER_CONTENTS | {"jp2"}},
        "8.4.120": {"endings": _LATER_ENDINGS, "contents": _LATER_CONTENTS},
        "8.4.190": {"contents": _LATER_CONTENTS | {"jp2"}},
    }
)


def _behaviours() -> dict[str, ImageBehaviour]:
    found, behaviour = {}, _FIRST
    for release in RELEASES:
        behaviour = found[release] = replace(behaviour, **_CHANGES.get(release, {}))
    return found


BEHAVIOURS: Mapping[str, ImageBehaviour] = MappingProxyType(_behaviours())
"""How each release behaves; one between two of them behaves as the earlier."""


def refusal(image: SeenImage, release: str) -> str | None:
    """The rule that says why the release leaves the image out; None where it does not."""
    return _flaw(image) or _unknown_format(image.ending, image.content, release)


def refusing(image: SeenImage) -> frozenset[str]:
    """The releases that leave the image out."""
    return frozenset(RELEASES) if _flaw(image) else _refusing_format(image.ending, image.content)


def _flaw(image: SeenImage) -> str | None:
    """The rule by which every release leaves the image out."""
    if image.content is None:
        return "IMG_UNREADABLE"
    if image.is_cut:
        return "IMG_TRUNCATED"
    if image.width is None or image.height is None:
        return None
    if min(image.width, image.height) < SMALLEST_SIDE:
        return "IMG_TOO_SMALL"
    return "IMG_TOO_LARGE" if image.width * image.height > MOST_PIXELS else None


def _unknown_format(ending: str, content: str | None, release: str) -> str | None:
    behaviour = BEHAVIOURS[release]
    return None if ending in behaviour.endings and content in behaviour.contents else "IMG_FORMAT"


@lru_cache(maxsize=256)
def _refusing_format(ending: str, content: str | None) -> frozenset[str]:
    return frozenset(release for release in RELEASES if _unknown_format(ending, content, release))
