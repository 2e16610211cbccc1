"""WebP: the size of the first chunk; the orientation of the EXIF chunk, which stands behind the pixels.

Sources: RFC 9649 (container, lossless), RFC 6386 section 9.1 (lossy frame header).
"""

from struct import Struct

from shared.formats.images.exif import exif_orientation
from shared.formats.images.header import ImageHeader, NeedMoreBytes, UnreadableImage, require, sized

_RIFF = Struct("<4sL4s4s")
_CHUNK = Struct("<4sL")
_LOSSY = Struct("<3x3sHH")
_HAS_EXIF = 0x08
_FIRST_CHUNK = 12
_WHAT = "WebP header"


def probe_webp(head: bytes, *, complete: bool) -> ImageHeader:
    """The image's header; without the whole file, NeedMoreBytes while a promised EXIF chunk is out of reach."""
    require(head, 30, _WHAT)
    _, _, form, chunk = _RIFF.unpack_from(head)
    if form != b"WEBP":
        raise UnreadableImage("RIFF file that is not WebP")
    width, height = _size(head, chunk)
    has_exif = chunk == b"VP8X" and head[20] & _HAS_EXIF
    return sized("webp", width, height, _orientation(head, complete=complete) if has_exif else 1)


def _size(head: bytes, chunk: bytes) -> tuple[int, int]:
    if chunk == b"VP8X":
        return int.from_bytes(head[24:27], "little") + 1, int.from_bytes(head[27:30], "little") + 1
    if chunk == b"VP8L" and head[20] == 0x2F:
        bits = int.from_bytes(head[21:25], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if chunk == b"VP8 ":
        return _lossy_size(head)
    raise UnreadableImage("WebP without an image chunk")


def _lossy_size(head: bytes) -> tuple[int, int]:
    start_code, width, height = _LOSSY.unpack_from(head, 20)
    if start_code != b"\x9d\x01\x2a":
        raise UnreadableImage("WebP with a broken frame header")
    return width & 0x3FFF, height & 0x3FFF


def _orientation(head: bytes, *, complete: bool) -> int:
    """The EXIF chunk's orientation; 1 where the chunk is missing, or cut off in a complete file."""
    file_end = _RIFF.unpack_from(head)[1] + 8
    position = _FIRST_CHUNK
    while position + 8 <= min(len(head), file_end):
        kind, length = _CHUNK.unpack_from(head, position)
        end = position + 8 + length
        if kind == b"EXIF" and end <= len(head):
            return exif_orientation(head[position + 8 : end])
        position = end + length % 2
    if position + 8 > len(head) and len(head) < file_end and not complete:
        raise NeedMoreBytes(file_end, _WHAT)
    return 1
