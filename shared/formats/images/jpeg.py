"""JPEG: the size from the frame header, the orientation from the EXIF segment. Source: ITU-T T.81, annex B."""

import re
from struct import Struct

from shared.formats.images.exif import EXIF_MARK, exif_orientation
from shared.formats.images.header import ImageHeader, NeedMoreBytes, UnreadableImage, require, sized

_SEGMENT = Struct(">BBH")
_SIZE = Struct(">HH")
_APP1, _START_OF_SCAN, _END_OF_IMAGE = 0xE1, 0xDA, 0xD9
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
# what stands between segments: fill, and markers that have no length
_BETWEEN = re.compile(rb"(?:\xff++[\x01\xd0-\xd8])*+(?P<fill>\xff*+)")
# what follows the first byte of a segment: no fill, and no marker that stands alone
_OF_SEGMENTS = frozenset(bytes((byte,)) for byte in (*range(0x02, 0xD0), *range(0xD9, 0xFF)))
_WHAT = "JPEG frame header"

MOST_SEGMENTS = 10_000
"""Before the frame header; the largest metadata that are written take some hundreds."""
MOST_BETWEEN = 1 << 20
"""Bytes of fill between any two segments."""


def probe_jpeg(head: bytes) -> ImageHeader:
    """Walk the segments to the frame header; raises NeedMoreBytes or UnreadableImage."""
    position, orientation = 2, 0
    for _ in range(MOST_SEGMENTS):
        marker, position, length = _next_segment(head, position)
        if marker in _FRAMES:
            return _frame(head, position, orientation or 1)
        if marker == _APP1 and not orientation and head.startswith(EXIF_MARK, position):
            orientation = exif_orientation(head[position : position + length])
        position += length
    raise UnreadableImage(f"JPEG without a frame header in its first {MOST_SEGMENTS} segments")


def _next_segment(head: bytes, position: int) -> tuple[int, int, int]:
    """The segment at `position`: its marker, where its payload starts and how long that is."""
    start = _skipped(head, position)
    if len(head) < start + 4:
        raise NeedMoreBytes(start + 9, _WHAT)
    lead, marker, length = _SEGMENT.unpack_from(head, start)
    if lead != 0xFF:
        raise UnreadableImage("JPEG with other bytes where a segment should start")
    _refuse(marker, length)
    return marker, start + 4, length - 2


def _skipped(head: bytes, position: int) -> int:
    """Where the next segment starts at or behind `position`."""
    if head[position : position + 1] == b"\xff" and head[position + 1 : position + 2] in _OF_SEGMENTS:
        return position  # as it nearly always does
    between = _BETWEEN.match(head, position, position + MOST_BETWEEN)
    if between is None or position >= len(head):
        return position
    if between.end() >= position + MOST_BETWEEN - 1:
        raise UnreadableImage(f"JPEG with {MOST_BETWEEN} bytes of fill before its frame header")
    first, end = between.span("fill")
    return max(first, end - 1)


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
    if height and width:
        require(head, position + 6, _WHAT)
    components = head[position + 5 : position + 6]
    return sized("jpeg", width, height, orientation, bits=head[position], is_gray=components == b"\x01")


def scan_start(head: bytes) -> int:
    """Where the pixels of a JPEG start, or a place before them where `head` does not reach so far."""
    position = 2
    for _ in range(MOST_SEGMENTS):
        start = _skipped(head, position)
        if len(head) < start + 4 or head[start] != 0xFF:
            return position
        _, marker, length = _SEGMENT.unpack_from(head, start)
        if marker == _START_OF_SCAN:
            return start
        position = start + 2 + length
    return position
