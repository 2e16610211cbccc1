"""Whether a file ends where its image does, from its first bytes and where the last mark of an end was seen.

Sources: ITU-T T.81, B.1.1.3 (EOI); PNG third edition, 11.2.5 (IEND); RFC 9649, 2.4; MSDN BITMAPINFOHEADER.
"""

from dataclasses import dataclass
from enum import StrEnum
from struct import Struct

from shared.formats.images.header import ImageHeader
from shared.formats.images.jpeg import scan_start

_MARKS = {"jpeg": b"\xff\xd9", "png": b"IEND"}
_RIFF_SIZE = Struct("<4xL")
_BMP = Struct("<10xLL8xHHL")
_BMP_CORE_BITS = Struct("<24xH")
_BMP_UNPACKED = frozenset((0, 3, 6))


class EndKind(StrEnum):
    """`WHOLE`: nothing is wrong with the end, or nobody looked. `CUT`: the image ends early, and decoders notice.

    `SHORT`: pixels are missing, and trainers do not notice. `FOLLOWED`: other bytes come behind a JPEG.
    """

    WHOLE = "whole"
    CUT = "cut"
    SHORT = "short"
    FOLLOWED = "followed"


@dataclass(frozen=True, slots=True)
class Ending:
    """How a file ends. `count` is how many bytes are missing or too many, 0 where nobody knows."""

    kind: EndKind = EndKind.WHOLE
    count: int = 0


WHOLE = Ending()


def end_mark(image_format: str | None) -> bytes | None:
    """The bytes that end an image of this format; None where its end has no mark, or is of no interest."""
    return _MARKS.get(image_format or "")


class EndWatch:
    """Notes where the last end mark was while a file passes, whatever its size."""

    def __init__(self, at: int = 0) -> None:
        """Begin to look `at` so many bytes behind the file's start."""
        self._position = at
        self._carried = b""
        self._mark: bytes | None = None
        self._last = -1

    def feed(self, piece: bytes) -> None:
        """Take the next piece."""
        if self._position == 0:
            self._mark = b"IEND" if piece[:1] == b"\x89" else b"\xff\xd9"
        self.look_for(self._mark, piece)

    def look_for(self, mark: bytes | None, piece: bytes) -> None:
        """Take the next piece of a file whose mark is known."""
        if mark is not None:
            joined = self._carried + piece[: len(mark) - 1]
            if (found := joined.rfind(mark)) >= 0:
                self._last = self._position - len(self._carried) + found
            if (found := piece.rfind(mark)) >= 0:
                self._last = self._position + found
            self._carried = (
                (self._carried + piece)[1 - len(mark) :] if len(piece) < len(mark) else piece[1 - len(mark) :]
            )
        self._position += len(piece)

    @property
    def last(self) -> int | None:
        """Where the last mark began; None where there was none."""
        return self._last if self._last >= 0 else None


def ending_of(header: ImageHeader, head: bytes, size_bytes: int, *, mark_at: int | None) -> Ending:
    """How a file that begins with `head` ends; `mark_at` is where its last end mark is. Never raises."""
    if header.format == "jpeg":
        return _of_jpeg(head, size_bytes, mark_at)
    if header.format == "png":
        return WHOLE if mark_at is not None else Ending(EndKind.CUT)
    return ending_by_head(header, head, size_bytes)


def ending_by_head(header: ImageHeader, head: bytes, size_bytes: int) -> Ending:
    """The same of formats whose first bytes say how long they are; others are taken for whole."""
    if header.format == "webp":
        missing = _RIFF_SIZE.unpack_from(head)[0] + 8 - size_bytes
        return Ending(EndKind.CUT, missing) if missing > 0 else WHOLE
    if header.format == "bmp":
        missing = _bmp_bytes(header, head) - size_bytes
        return Ending(EndKind.SHORT, missing) if missing > 0 else WHOLE
    return WHOLE


def _of_jpeg(head: bytes, size_bytes: int, mark_at: int | None) -> Ending:
    if mark_at == size_bytes - len(_MARKS["jpeg"]):
        return WHOLE
    if mark_at is None or mark_at < scan_start(head):
        return Ending(EndKind.CUT)
    return Ending(EndKind.FOLLOWED, size_bytes - mark_at - len(_MARKS["jpeg"]))


def _bmp_bytes(header: ImageHeader, head: bytes) -> int:
    """How long a BMP is whose rows are not packed; 0 for others."""
    if len(head) < _BMP.size:
        return 0
    start, header_bytes, _, bits, packing = _BMP.unpack_from(head)
    if header_bytes < 40:
        (bits,), packing = _BMP_CORE_BITS.unpack_from(head), 0
    if packing not in _BMP_UNPACKED:
        return 0
    return int(start + (header.width * bits + 31) // 32 * 4 * header.height)
