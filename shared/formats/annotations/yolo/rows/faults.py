"""Why a row of a YOLO label file cannot be kept, and what its owner may have meant."""

import re
from collections.abc import Sequence
from itertools import islice
from math import isfinite

from shared.formats.annotations.yolo.rows.shapes import BOX_COLUMNS, RowShape

SHOWN_CHARACTERS = 40
TOKEN = re.compile(r"\S+")

_SHOWN_ROW = 80
_LONGEST_MENDED = 100_000
_SEPARATORS = re.compile(r"[,;]")
_LARGEST_TRACK = 2**31 - 1
_VISIBILITIES = (0.0, 1.0, 2.0)


class BadRow(Exception):
    """The row is left out, for this reason; `token` is the position of the value meant.

    `is_pixels`: it would not be if its coordinates were divided by the image's size.
    """

    def __init__(self, rule: str, message: str, token: int | None = None, *, is_pixels: bool = False) -> None:
        super().__init__(message)
        self.rule = rule
        self.message = message
        self.token = token
        self.is_pixels = is_pixels


def column_of(line: str, token: int) -> int:
    """The 1-based character at which the row's `token`-th value begins."""
    return next(islice(TOKEN.finditer(line), token, None)).start() + 1


def not_numeric(tokens: Sequence[str]) -> BadRow:
    """What to say of a row that holds a value that is no number."""
    for position, token in enumerate(tokens):
        if not is_number(token):
            hint = "; label files have no comments" if token.startswith("#") else ""
            return BadRow("ROW_NOT_NUMERIC", f"'{token[:SHOWN_CHARACTERS]}' is not a number{hint}", position)
    raise AssertionError("a row that is not numeric holds a token that is no number")


def is_number(token: str) -> bool:
    """Whether the value is a number as label files write them."""
    try:
        float(token)
    except ValueError:
        return False
    return "_" not in token


def check_finite(tokens: Sequence[str], values: Sequence[float]) -> None:
    """Raise for the first value that is not finite; finite values whose sum overflows pass."""
    for position, value in enumerate(values):
        if not isfinite(value):
            message = f"'{tokens[position][:SHOWN_CHARACTERS]}' is not a finite number"
            raise BadRow("ROW_NAN", message, position)


def category_id(value: float, category_count: int) -> int:
    """The category that a row begins with; raises `BadRow`."""
    if not value.is_integer():
        raise BadRow("ROW_CLASS_FLOAT", f"category {value:g} is not a whole number", 0)
    if value < 0:
        raise BadRow("ROW_CLASS_NEGATIVE", f"category {value:.16g} is negative", 0)
    if value >= category_count:
        known = f"; ids go from 0 to {category_count - 1}"
        raise BadRow("ROW_CLASS_RANGE", f"category {value:.16g} has no name{known}", 0)
    return int(value)


def misread_separators(line: str, shape: RowShape) -> BadRow | None:
    """What to say of a row that could be read if its commas and semicolons were spaces or points; else None."""
    if len(line) > _LONGEST_MENDED or not ("," in line or ";" in line):
        return None
    for mended, what in (
        (line.replace(";", " ").replace(",", ".") if "," in line else "", "numbers have a decimal point, not a comma"),
        (_SEPARATORS.sub(" ", line), "values are separated by spaces, not by commas or semicolons"),
    ):
        tokens = mended.split()
        if shape.fault(len(tokens)) is None and all(map(is_number, tokens)):
            token = next(at for at, found in enumerate(line.split()) if "," in found or ";" in found)
            row = " ".join(tokens)
            shown = f"'{row}'" if len(row) <= _SHOWN_ROW else f"'{row[:_SHOWN_ROW]}…'"
            return BadRow("ROW_SEPARATOR", f"{what}: {shown}", token)
    return None


def explain_columns(tokens: Sequence[str], fault: str) -> str:
    """Why no row has so many values, and what these may be."""
    if not all(map(is_number, tokens)):
        return fault
    if len(tokens) == BOX_COLUMNS + 1:
        return f"{fault}; {_sixth(tokens[BOX_COLUMNS])}"
    if looks_like_poses(list(map(float, tokens))):
        points = (len(tokens) - BOX_COLUMNS) // 3
        return f"{fault}; this looks like a pose: `kpt_shape: [{points}, 3]` is missing in the description"
    return fault


def looks_like_poses(values: Sequence[float]) -> bool:
    """Whether a row could be a box and keypoints with visibility: every third value is 0, 1 or 2."""
    rest = values[BOX_COLUMNS:]
    return bool(rest) and len(rest) % 3 == 0 and all(value in _VISIBILITIES for value in rest[2::3])


def sixth_column(token: str) -> tuple[str, float] | None:
    """What the sixth column of a file of predictions is: tools write a confidence, or the number of a track.

    >>> sixth_column("0.91"), sixth_column("17"), sixth_column("-3")
    (('confidence', 0.91), ('track_id', 17), None)
    """
    value = float(token)
    if token.isascii() and token.isdigit() and 1 <= value <= _LARGEST_TRACK:
        return "track_id", int(token)
    return ("confidence", value) if 0 <= value <= 1 else None


def _sixth(token: str) -> str:
    found = sixth_column(token)
    if found is None:
        return "the sixth is neither a confidence nor the number of a track"
    what = "the number of a track" if found[0] == "track_id" else "a confidence"
    return f"the sixth looks like {what} ({token[:SHOWN_CHARACTERS]}): remove it, or let the fix `sixth_column` keep it"
