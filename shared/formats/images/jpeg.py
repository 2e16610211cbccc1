"""JPEG: the size from the frame header, the orientation from the EXIF segment. Source: ITU-T T.81, annex B."""

from struct import Struct

from shared.formats.images.exif import EXIF_MARK, exif_orientation
from shared.formats.images.header import ImageHeader, NeedMoreBytes, UnreadableImage, require, sized

_SEGMENT = Struct(">BBH")
_SIZE = Struct(">HH")
_APP1, _START_OF_SCAN, _END_OF_IMAGE = 0xE1, 0xDA, 0xD9
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_WITHOUT_LENGTH = frozenset((0x01, 0xFF, *range(0xD0, 0xD9)))
_WHAT = "JPEG frame header"


def probe_jpeg(head: bytes) -> ImageHeader:
    """Walk the segments to the frame header; raises NeedMoreBytes or UnreadableImage."""
    position, orientation = 2, 0
    while True:
        marker, position, length = _next_segment(head, position)
        if marker in _FRAMES:
            return _frame(head, position, orientation or 1)
        if marker == _APP1 and not orientation and head.startswith(EXIF_MARK, position):
            orientation = exif_orientation(head[position : position + length])
        position += length


def _next_segment(head: bytes, position: int) -> tuple[int, int, int]:
    """The segment at `position`: its marker, where its payload starts and how long that is."""
    while len(head) >= position + 4:
        lead, marker, length = _SEGMENT.unpack_from(head, position)
        if lead != 0xFF:
            raise UnreadableImage("JPEG with other bytes where a segment should start")
        if marker not in _WITHOUT_LENGTH:
            _refuse(marker, length)
            return marker, position + 4, length - 2
        position += 1 if marker == 0xFF else 2
    raise NeedMoreBytes(position + 9, _WHAT)


def _refuse(marker: int, length: int) -> None:
    """Raise for a segment after which no frame header can come."""
    if marker == _END_OF_IMAGE:
        raise UnreadableImage("JPEG ends before its frame header")
    if marker == _START_OF_SCAN:
        raise UnreadableImage("JPEG whose pixels come before its frame header")
    if length < 2:
        raise UnreadableImage("JPEG with a segment shorter than its own length field")


def _frame(head: bytes, position: int, orientation: int) -> ImageHeader:
    require(head, position + 5, _WHAT)
    height, width = _SIZE.unpack_from(head, position + 1)
    return sized("jpeg", width, height, orientation)
