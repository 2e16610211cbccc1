"""PNG, GIF, BMP and TIFF: formats whose size stands at a known place or in their first directory.

Sources: PNG third edition, sections 5 and 11; GIF89a, section 18; MSDN BITMAPINFOHEADER; TIFF 6.0, section 8.
"""

from struct import Struct

from shared.formats.images.exif import (
    BITS,
    HEIGHT,
    SAMPLE_FORMAT,
    WIDTH,
    exif_orientation,
    first_directory,
    orientation_in,
)
from shared.formats.images.header import ImageHeader, UnreadableImage, require, sized

PNG_MAGIC = b"\x89PNG\r\n\x1a\n"

_CHUNK = Struct(">L4s")
_PNG_SIZE = Struct(">LL")
_GIF_SIZE = Struct("<HH")
_BMP_CORE_SIZE = Struct("<HH")
_BMP_SIZE = Struct("<ll")
_BMP_HEADER_BYTES = Struct("<L")
_PNG_GRAY = (0, 4)  # PNG (third edition), 11.2.1: grayscale, and grayscale with alpha
_BMP_CORE = 12
_FLOAT = 3
_BMP_HEADERS = frozenset((16, 40, 52, 56, 64, 108, 124))


def probe_png(head: bytes) -> ImageHeader:
    """The size of the IHDR chunk and, where `head` reaches it, the orientation of the eXIf chunk."""
    require(head, 26, "PNG header")
    length, kind = _CHUNK.unpack_from(head, 8)
    if kind != b"IHDR" or length != 13:
        raise UnreadableImage("PNG without IHDR")
    width, height = _PNG_SIZE.unpack_from(head, 16)
    return sized("png", width, height, _png_orientation(head), bits=head[24], is_gray=head[25] in _PNG_GRAY)


def _png_orientation(head: bytes) -> int:
    position = 33
    while position + 8 <= len(head):
        length, kind = _CHUNK.unpack_from(head, position)
        if kind == b"eXIf":
            return exif_orientation(head[position + 8 : position + 8 + length])
        position += length + 12
    return 1


def probe_gif(head: bytes) -> ImageHeader:
    """The size of the logical screen."""
    require(head, 10, "GIF header")
    if head[3:6] not in (b"87a", b"89a"):
        raise UnreadableImage("GIF of an unknown version")
    width, height = _GIF_SIZE.unpack_from(head, 6)
    return sized("gif", width, height)


def probe_bmp(head: bytes) -> ImageHeader:
    """The size in the core or the info header; a negative height only says that rows are stored top down."""
    require(head, 26, "BMP header")
    (header_bytes,) = _BMP_HEADER_BYTES.unpack_from(head, 14)
    if header_bytes == _BMP_CORE:
        return sized("bmp", *_BMP_CORE_SIZE.unpack_from(head, 18))
    if header_bytes not in _BMP_HEADERS:
        raise UnreadableImage(f"BMP with an unknown header of {header_bytes} bytes")
    width, height = _BMP_SIZE.unpack_from(head, 18)
    return sized("bmp", width, abs(height))


def probe_tiff(head: bytes) -> ImageHeader:
    """The size and orientation of the first page."""
    found = first_directory(head)
    if WIDTH not in found or HEIGHT not in found:
        raise UnreadableImage("TIFF without a width or a height")
    header = sized("tiff", found[WIDTH], found[HEIGHT], orientation_in(found), bits=found.get(BITS, 8))
    return header._replace(is_float=found.get(SAMPLE_FORMAT) == _FLOAT)
