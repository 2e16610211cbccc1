"""Boxes that a format gives in pixels, judged as YOLO rows are: what is left out, what is kept and remarked upon."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from math import isfinite

from shared.formats.annotations.model import ImageSize
from shared.formats.annotations.pixels import (
    BoundingBox,
    Pixels,
    box_of_corner_and_size,
    box_of_corners,
    read_pixels,
    share,
)

TOLERANCE = 0.01
"""How far outside the image, in shares of its sides, a coordinate may lie and be kept."""

_SHOWN_CHARACTERS = 40
_LONG_NUMBER = re.compile(r"-?\d{1,30}\.\d{10,}")


@dataclass(frozen=True, slots=True)
class Remark:
    """One rule met in a row. `position` counts the row's values from 0; None where the row as a whole is meant."""

    rule: str
    message: str
    position: int | None = None


class LeftOutRow(Exception):
    """The row is left out; the remark says why."""

    def __init__(self, rule: str, message: str, position: int | None = None) -> None:
        super().__init__(message)
        self.remark = Remark(rule, message, position)


@dataclass(frozen=True, slots=True)
class JudgedBox:
    """A box that is kept, and what there is to say about it."""

    bbox: BoundingBox
    remarks: list[Remark] = field(default_factory=list)


def read_number(text: str, position: int | None = None) -> Pixels:
    """A finite number; raises `LeftOutRow`."""
    try:
        value = read_pixels(text.strip())
    except ValueError:
        raise LeftOutRow("ROW_NOT_NUMERIC", f"'{text[:_SHOWN_CHARACTERS]}' is not a number", position) from None
    if isinstance(value, float) and not isfinite(value):
        raise LeftOutRow("ROW_NAN", f"'{text[:_SHOWN_CHARACTERS]}' is not a finite number", position)
    return value


def judge_corners(texts: Sequence[str], size: ImageSize) -> JudgedBox:
    """The box of left, top, right and bottom, as written; raises `LeftOutRow`."""
    values = [read_number(text, position) for position, text in enumerate(texts)]
    for start, name in ((0, "right"), (1, "bottom")):
        if values[start + 2] < values[start]:
            message = f"the {name} side, {_shown(texts[start + 2])}, comes before {_shown(texts[start])} opposite"
            raise LeftOutRow("ROW_CORNER_ORDER", message, start + 2)
    return _judged(texts, values, size, lambda: box_of_corners(*_four(values), size))


def judge_corner_and_size(texts: Sequence[str], size: ImageSize) -> JudgedBox:
    """The box of left, top, width and height, as written; raises `LeftOutRow`."""
    values = _sided(texts)
    ends = [*values[:2], values[0] + values[2], values[1] + values[3]]
    return _judged(texts, ends, size, lambda: box_of_corner_and_size(*_four(values), size))


def judge_centre_and_size(texts: Sequence[str], size: ImageSize) -> JudgedBox:
    """The box of its centre, width and height, in pixels, or in shares where `size` is 1 by 1; raises `LeftOutRow`."""
    values = _sided(texts)

    def box() -> BoundingBox:
        x, y, width, height = (share(value, size[at % 2]) for at, value in enumerate(values))
        return x, y, width, height

    return _judged(texts, values, size, box)


def judge_points(texts: Sequence[str], size: ImageSize) -> tuple[tuple[tuple[float, float], ...], list[Remark]]:
    """Points given as x, y, x, y and so on, as shares; raises `LeftOutRow`."""
    values = [read_number(text, position) for position, text in enumerate(texts)]
    remarks = _outside(texts, values, size)
    shares = [share(value, size[at % 2]) for at, value in enumerate(values)]
    return tuple(zip(shares[::2], shares[1::2], strict=True)), remarks


def _sided(texts: Sequence[str]) -> list[Pixels]:
    values = [read_number(text, position) for position, text in enumerate(texts)]
    for position in (2, 3):
        if values[position] < 0:
            message = f"{_shown(texts[position])} is a negative {'width' if position == 2 else 'height'}"
            raise LeftOutRow("ROW_COORD_RANGE", message, position)
    return values


def _judged(
    texts: Sequence[str], inside: Sequence[Pixels], size: ImageSize, box: Callable[[], BoundingBox]
) -> JudgedBox:
    remarks = _outside(texts, inside, size)
    bbox = box()
    if bbox[2] == 0 or bbox[3] == 0:
        remarks.append(Remark("ROW_ZERO_AREA", f"the box has no {'width' if bbox[2] == 0 else 'height'}"))
    return JudgedBox(bbox, remarks)


def _outside(texts: Sequence[str], values: Sequence[Pixels], size: ImageSize) -> list[Remark]:
    """What to say of coordinates that lie outside by no more than is tolerated; raises beyond that."""
    remarks: list[Remark] = []
    for position, value in enumerate(values):
        side = size[position % 2]
        if 0 <= value <= side:
            continue
        if not -TOLERANCE * side <= value <= (1 + TOLERANCE) * side:
            message = f"{_shown(texts[position])} leads outside the image, which has {size[0]} x {size[1]} pixels"
            raise LeftOutRow("ROW_COORD_RANGE", message if size != (1, 1) else _no_share(texts[position]), position)
        message = f"{_shown(texts[position])} leads outside the image by no more than {TOLERANCE}; kept as written"
        remarks[:] = remarks or [Remark("ROW_COORD_TOLERANCE", message, position)]
    return remarks


def _no_share(text: str) -> str:
    return f"{_shown(text)} leads outside 0 to 1"


def _four(values: Sequence[Pixels]) -> tuple[Pixels, Pixels, Pixels, Pixels]:
    first, second, third, fourth = values
    return first, second, third, fourth


def _shown(text: str) -> str:
    shown = text.strip()
    if _LONG_NUMBER.fullmatch(shown):
        return f"{float(shown):.10g}"
    return shown[:_SHOWN_CHARACTERS]
