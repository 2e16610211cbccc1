"""Format, size and orientation of an image from the first bytes of its file; the format is told by content."""

from collections.abc import Callable

from shared.formats.images.exif import TIFF_MAGICS
from shared.formats.images.header import ImageHeader, NeedMoreBytes, UnreadableImage
from shared.formats.images.jpeg import probe_jpeg
from shared.formats.images.odd import probe_ico, probe_ppm, probe_tga
from shared.formats.images.raster import PNG_MAGIC, probe_bmp, probe_gif, probe_png, probe_tiff
from shared.formats.images.webp import probe_webp

__all__ = ["ImageHeader", "NeedMoreBytes", "UnreadableImage", "probe_image"]

_PROBES: tuple[tuple[bytes | tuple[bytes, ...], Callable[[bytes], ImageHeader]], ...] = (
    (b"\xff\xd8", probe_jpeg),
    (PNG_MAGIC, probe_png),
    (b"BM", probe_bmp),
    (TIFF_MAGICS, probe_tiff),
    (b"GIF8", probe_gif),
    (tuple(b"P%d" % kind for kind in range(1, 7)), probe_ppm),
    (b"\0\0\1\0", probe_ico),
)

_OTHER_CONTENT = (
    (b"<!doctype", "HTML"),
    (b"<html", "HTML"),
    (b"<svg", "SVG"),
    (b"<?xml", "XML"),
    (b"<", "XML"),
    (b"{", "JSON"),
    (b"[", "JSON"),
    (b"%pdf", "PDF"),
    (b"version https://git-lfs", "a Git LFS pointer"),
    (b"pk\x03\x04", "a zip archive"),
)


def probe_image(head: bytes, *, complete: bool = False) -> ImageHeader:
    """The header of the image whose first bytes are `head` (256 KiB suffice for nearly all files).

    Raises UnreadableImage for anything that is no image, and NeedMoreBytes where the answer lies behind `head`.
    With `complete`, `head` is the whole file and the latter cannot happen. Nothing else is ever raised.
    """
    try:
        return _probe(head, complete=complete)
    except NeedMoreBytes as missing:
        if not complete:
            raise
        raise UnreadableImage(f"{missing.what} is cut off") from None


def _probe(head: bytes, *, complete: bool) -> ImageHeader:
    for magic, probe in _PROBES:
        if head.startswith(magic):
            return probe(head)
    if head.startswith(b"RIFF"):
        return probe_webp(head, complete=complete)
    if (found := probe_tga(head)) is not None:
        return found
    raise UnreadableImage(_describe(head))


def _describe(head: bytes) -> str:
    if not head:
        return "is empty"
    start = head[:64].removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    for magic, name in _OTHER_CONTENT:
        if start.startswith(magic):
            return f"starts like {name}, not an image"
    return "starts with zero bytes only" if not head[:64].strip(b"\0") else "is of no known image format"
