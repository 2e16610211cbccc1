"""Rows of DOTA: `x1 y1 x2 y2 x3 y3 x4 y4 category difficult`, corners in pixels, below a header about the image.

The format is that of the DOTA development kit (https://captain-whu.github.io/DOTA/dataset.html).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import isfinite

from shared.formats.annotations.model import (
    Annotation,
    ImageSize,
    LabelContext,
    LabelRows,
    Report,
)
from shared.formats.annotations.pixels import Pixels, read_pixels, share
from shared.formats.annotations.yolo.rows.geometry import TOLERANCE
from shared.formats.annotations.yolo.rows.lines import LONGEST_LINE_BYTES, lines_of
from shared.formats.annotations.yolo.rows.reader import MOST_LEFT_OUT
from shared.formats.annotations.yolo.rows.shapes import OrientedBoxes
from shared.formats.findings import Finding

_CORNER_VALUES = 8
_FEWEST_COLUMNS = _CORNER_VALUES + 1
_SHOWN_CHARACTERS = 40
_LONGEST_HEADER = 1_000
_HEADER = re.compile(r"(imagesource|gsd|acquisition dates?)\s*:\s*(.*)", re.IGNORECASE)
_WHOLE_NUMBER = re.compile(r"[0-9]{1,9}", re.ASCII)
_SHAPE = OrientedBoxes()


def category_in(line: str) -> str | None:
    """The category that a row names; None for a header, and for what is too short to be a row."""
    if _HEADER.match(line):
        return None
    tokens = line.split()
    return _name_and_difficulty(tokens)[0] if len(tokens) >= _FEWEST_COLUMNS else None


@dataclass(frozen=True, slots=True)
class DotaLabels:
    """Reads DOTA's label files. Categories have the ids of the context."""

    context: LabelContext

    def read(self, data: bytes, *, file: str, size: ImageSize | None, report: Report) -> LabelRows:
        """The oriented boxes of a file. Without the image's size no row can be read, and all are left out."""
        rows = _Rows(self.context, file, size, report)
        for number, line in lines_of(data):
            rows.add(number, line)
        return rows.done()


class _BadRow(Exception):
    """The row is left out for this reason; `column` counts from 1."""

    def __init__(self, rule: str, message: str, column: int | None = None) -> None:
        super().__init__(message)
        self.rule = rule
        self.message = message
        self.column = column


@dataclass(slots=True)
class _Rows:
    """Takes the lines of one file in turn."""

    context: LabelContext
    file: str
    size: ImageSize | None
    report: Report
    annotations: list[Annotation] = field(default_factory=list)
    attributes: dict[str, object] = field(default_factory=dict)
    rows_read: int = 0
    unread: int = 0

    def add(self, number: int, line: bytes | None) -> None:
        if line is not None and not self.rows_read and self._is_header(line):
            return
        self.rows_read += 1
        if self.rows_read - len(self.annotations) > MOST_LEFT_OUT:
            self.unread += 1
            return
        try:
            self.annotations.append(self._row(number, line))
        except _BadRow as bad:
            self.report(Finding(bad.rule, self.file, bad.message, number, bad.column))

    def done(self) -> LabelRows:
        left_out = self.rows_read - len(self.annotations)
        if self.unread:
            message = f"{self.unread} more rows were not read: {left_out - self.unread} before them could not be kept"
            self.report(Finding("ROW_LIMIT", self.file, message))
        if not self.rows_read:
            self.report(Finding("PAIR_EMPTY_LABEL", self.file, "the label file has no rows"))
        return LabelRows(self.annotations, self.rows_read, left_out, self.attributes)

    def _is_header(self, line: bytes) -> bool:
        """Whether it is a line about the image, which is noted."""
        found = _HEADER.match(line[:_LONGEST_HEADER].decode("utf-8", "replace"))
        if found:
            self.attributes[found[1].lower()] = _number_or_text(found[2].strip())
        return found is not None

    def _row(self, number: int, line: bytes | None) -> Annotation:
        if line is None:
            raise _BadRow("ROW_COLUMNS", f"the row is longer than {LONGEST_LINE_BYTES} bytes")
        try:
            text = line.decode()
        except UnicodeDecodeError as error:
            raise _BadRow("ROW_ENCODING", f"byte 0x{line[error.start]:02x} is not UTF-8", error.start + 1) from None
        tokens = text.split()
        if len(tokens) < _FEWEST_COLUMNS:
            raise _BadRow("ROW_COLUMNS", f"{len(tokens)} columns: four corners and a category are {_FEWEST_COLUMNS}")
        if len(self.annotations) >= min(self.context.limits.max_rows, self.context.limits.max_points // 4):
            raise _BadRow("ROW_LIMIT", f"the file holds more than {len(self.annotations)} rows")
        return self._annotation(number, text, tokens)

    def _annotation(self, number: int, text: str, tokens: list[str]) -> Annotation:
        name, attributes = _name_and_difficulty(tokens)
        category = self.context.category_ids.get(name)
        if category is None:
            raise _BadRow("ROW_CLASS_RANGE", f"'{name[:_SHOWN_CHARACTERS]}' is no category", _column(text, 8))
        values = self._shares([_pixels(text, tokens, at) for at in range(_CORNER_VALUES)])
        found = _SHAPE.annotation(category, [category, *values])
        self._check_place(number, found)
        return found._replace(attributes=attributes) if attributes else found

    def _shares(self, corners: list[Pixels]) -> list[float]:
        if self.size is None:
            raise _BadRow("ROW_NO_SIZE", "corners are in pixels, and the size of the image is not known")
        return [share(value, self.size[at % 2]) for at, value in enumerate(corners)]

    def _check_place(self, number: int, found: Annotation) -> None:
        """Leave out what is nowhere in the image, and say what leaves it."""
        x, y, width, height = found.bbox
        left, right, top, bottom = x - width / 2, x + width / 2, y - height / 2, y + height / 2
        if right < 0 or bottom < 0 or left > 1 or top > 1:
            raise _BadRow("ROW_COORD_RANGE", "the box lies outside the image")
        if min(left, top) < -TOLERANCE or max(right, bottom) > 1 + TOLERANCE:
            self.report(Finding("ROW_CORNER_OUTSIDE", self.file, "a corner lies outside the image", number))
        if not width or not height:
            side = "height" if width else "width"
            self.report(Finding("ROW_ZERO_AREA", self.file, f"the obb has no {side}", number))


def _name_and_difficulty(tokens: list[str]) -> tuple[str, Mapping[str, object]]:
    """The category, whose name may hold spaces, and what is said of the object by number."""
    name, last = tokens[_CORNER_VALUES:], tokens[-1]
    if len(name) > 1 and _WHOLE_NUMBER.fullmatch(last):
        return " ".join(name[:-1]), {"difficult": int(last)}
    return " ".join(name), {}


def _pixels(text: str, tokens: list[str], at: int) -> Pixels:
    """The coordinate at a position of the row. Raises `_BadRow` for what is none."""
    token = tokens[at]
    shown = token[:_SHOWN_CHARACTERS]
    try:
        value = read_pixels(token)
        is_finite = isfinite(value)
    except ValueError:
        raise _BadRow("ROW_NOT_NUMERIC", f"'{shown}' is not a number", _column(text, at)) from None
    except OverflowError:
        is_finite = False
    if not is_finite:
        raise _BadRow("ROW_NAN", f"'{shown}' is not a finite number", _column(text, at))
    return value


def _number_or_text(text: str) -> object:
    try:
        value = float(text)
    except ValueError:
        return text or None
    return value if isfinite(value) else text


def _column(text: str, token: int) -> int:
    """The 1-based character at which the row's `token`-th value begins."""
    found = list(re.finditer(r"\S+", text[: 1 << 16]))
    return found[token].start() + 1 if token < len(found) else 1
