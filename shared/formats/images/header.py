"""What every image probe answers, and the two ways in which it cannot answer."""

from typing import NamedTuple

LARGEST_SIDE = 2**31 - 1
"""Of PNG (third edition, section 11.2.1), and beyond what any of the others is used for."""


class ImageHeader(NamedTuple):
    """An image's format, its size in pixels as stored (before any turning) and its EXIF orientation, 1 to 8.

    `format` is one of jpeg, png, webp, bmp, tiff, gif, ppm, ico and tga; `orientation` is 1 when the file has none.
    `bits` are those of one sample, as far as the header says so; 8 where they are fewer. `is_gray` is said of JPEG and
    PNG.
    """

    format: str
    width: int
    height: int
    orientation: int
    bits: int = 8
    is_float: bool = False
    is_gray: bool = False


class UnreadableImage(ValueError):
    """The bytes are no image, or one that is broken. `reason` says so in words for the image's owner."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class NeedMoreBytes(Exception):
    """The format is known, but the answer lies beyond the bytes given.

    `at_least` is the length of the head to try next. It comes from the file and may exceed its size: clamp it.
    `what` names the format and the part that is missing.
    """

    def __init__(self, at_least: int, what: str) -> None:
        super().__init__(f"{what} needs the first {at_least} bytes")
        self.at_least = at_least
        self.what = what


def require(head: bytes, at_least: int, what: str) -> None:
    """Raise NeedMoreBytes unless `head` is at least `at_least` bytes long."""
    if len(head) < at_least:
        raise NeedMoreBytes(at_least, what)


def sized(
    image_format: str, width: int, height: int, orientation: int = 1, *, bits: int = 8, is_gray: bool = False
) -> ImageHeader:
    """The header, or UnreadableImage for an image without area or with a side beyond `LARGEST_SIDE`."""
    if not (0 < width <= LARGEST_SIDE and 0 < height <= LARGEST_SIDE):
        raise UnreadableImage(f"{image_format.upper()} of {width} x {height} pixels")
    return ImageHeader(image_format, width, height, orientation, max(8, bits), is_gray=is_gray)
