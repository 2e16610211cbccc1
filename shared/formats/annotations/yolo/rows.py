"""Rows of a YOLO label file, whatever they are labels for (row_shapes): each is kept, or said to be left out.

Rules and tolerances follow what trainers accept (ultralytics 8.4); a value outside them costs its row, not the file.
"""

import re
from codecs import BOM_UTF8
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from math import isfinite

from shared.formats.annotations.model import Annotation, ImageSize, LabelRows, Report, RowLimits
from shared.formats.annotations.yolo.row_shapes import BOX_COLUMNS, BoxesAndPolygons, Poses, RowShape
from shared.formats.findings import Finding

TOLERANCE = 0.01
LARGEST_CATEGORY_ID = 2**31 - 1
MOST_LEFT_OUT = 100_000
"""About so many rows of one file are looked at in vain; the rest of it is counted and not read."""

_SHOWN_CHARACTERS = 40
_LOOKS_LIKE_PIXELS = 2.0
_VISIBILITIES = (0.0, 1.0, 2.0)
_TOKEN = re.compile(r"\S+")
_UNDECODED = re.compile(r"[\udc80-\udcff]")
_AT_ONCE = 64 << 10
_LEAST_LONGEST_ROW, _LONGEST_COLUMN = 1 << 20, 64
# what str.splitlines() splits at, in UTF-8
_LINE_ENDS = (*(bytes((byte,)) for byte in b"\n\r\v\f\x1c\x1d\x1e"), b"\xc2\x85", b"\xe2\x80\xa8", b"\xe2\x80\xa9")
_UP_TO_LAST_END = re.compile(rb"(?s:.*)(?:" + b"|".join(_LINE_ENDS) + rb")")
_LONGEST_LINE_END = 3


BOXES_AND_POLYGONS = BoxesAndPolygons()


def read_label(
    data: bytes,
    *,
    file: str,
    category_count: int,
    limits: RowLimits,
    report: Report,
    shape: RowShape = BOXES_AND_POLYGONS,
) -> LabelRows:
    """Read every row that can be read; report the others one by one, so bounding the findings is up to `report`.

    `category_count` 0 means the names are unknown and any id is accepted. Never raises on any `data`. A file that is
    all wrong is given up at `MOST_LEFT_OUT`. What is held beside `data` does not grow with it, but for annotations.
    """
    rows = _Rows(file, category_count or LARGEST_CATEGORY_ID + 1, limits, report, shape)
    number = 1
    for start, end in _blocks(data):
        if end - start <= _longest_row(limits):
            number += rows.add_all(number, data[start:end])
            continue
        if not data[start:end].isspace():
            rows.refuse(number, end - start)
        number += 1
    return rows.done()


@dataclass(frozen=True, slots=True)
class YoloLabels:
    """Reads label files whose rows have one shape."""

    category_count: int
    limits: RowLimits
    shape: RowShape

    def read(self, data: bytes, *, file: str, size: ImageSize | None, report: Report) -> LabelRows:
        """See `read_label`; coordinates are shares of the image's sides, so its size does not matter."""
        del size
        return read_label(
            data, file=file, category_count=self.category_count, limits=self.limits, report=report, shape=self.shape
        )


def _longest_row(limits: RowLimits) -> int:
    """The bytes of the longest row that is looked at."""
    return max(_LEAST_LONGEST_ROW, limits.max_columns * _LONGEST_COLUMN)


def _blocks(data: bytes) -> Iterator[tuple[int, int]]:
    """Start and end of pieces that hold whole lines: as many as fit into `_AT_ONCE`, or one that is longer."""
    start = len(BOM_UTF8) if data.startswith(BOM_UTF8) else 0
    while len(data) - start > _AT_ONCE:
        stop = start + _AT_ONCE
        found = _UP_TO_LAST_END.match(data, start, stop)
        end = found.end() if found else _next_end(data, stop - _LONGEST_LINE_END + 1)
        end += data[end - 1 : end + 1] == b"\r\n"
        yield start, end
        start = end
    yield start, len(data)


def _next_end(data: bytes, start: int) -> int:
    """The end of the line that goes on at `start`. In growing steps: a search for what is not there reads them all."""
    size = _AT_ONCE
    while start < len(data):
        places = ((data.find(end, start, start + size), len(end)) for end in _LINE_ENDS)
        if ends := [at + length for at, length in places if at >= 0]:
            return min(ends)
        start += size - _LONGEST_LINE_END + 1
        size *= 2
    return len(data)


def _decode(data: bytes) -> tuple[str, bool]:
    """The text, and whether it has to be read with care; bytes that are not UTF-8 become lone surrogates."""
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return data.decode(errors="surrogateescape"), True
    return text, "_" in text


def _quick_box(tokens: list[str], category_count: int) -> Annotation | None:
    """A box row with nothing to say about it, or None for the long way."""
    if len(tokens) != BOX_COLUMNS:
        return None
    try:
        category, x, y, width, height = map(float, tokens)
    except ValueError:
        return None
    fits = 0 <= x <= 1 and 0 <= y <= 1 and 0 < width <= 1 and 0 < height <= 1 and 0 <= category < category_count
    return Annotation(int(category), "box", (x, y, width, height)) if fits and category.is_integer() else None


class _BadRow(Exception):
    """The row is left out, for this reason; `token` is the position of the value meant."""

    def __init__(self, rule: str, message: str, token: int | None = None) -> None:
        super().__init__(message)
        self.rule = rule
        self.message = message
        self.token = token


@dataclass(slots=True)
class _Rows:
    """Takes the rows of one file in turn. `careful`: the text holds what Python's float() is too lenient about."""

    file: str
    category_count: int
    limits: RowLimits
    report: Report
    shape: RowShape
    careful: bool = False
    annotations: list[Annotation] = field(default_factory=list)
    rows_read: int = 0
    points: int = 0
    first_type: str = ""
    mixed: bool = False
    unread: int = 0

    def add_all(self, number: int, data: bytes) -> int:
        """Take whole lines, of which the first has that number, or count their rows; how many lines there were."""
        text, self.careful = _decode(data)
        lines = text.splitlines()
        if self.rows_left_out >= MOST_LEFT_OUT:
            self.unread += sum(1 for line in lines if line and not line.isspace())
            return len(lines)
        add, columns = self.add, self.limits.max_columns
        for at, line in enumerate(lines, number):
            if line and (tokens := line.split(None, columns)):
                add(at, line, tokens)
        return len(lines)

    def refuse(self, number: int, size_bytes: int) -> None:
        """Count a row that is too long to be looked at."""
        self.rows_read += 1
        message = f"a row of {size_bytes} bytes; none of more than {_longest_row(self.limits)} is read"
        self.report(Finding("ROW_COLUMNS", self.file, message, number))

    def add(self, number: int, line: str, tokens: list[str]) -> None:
        """Count the row, and keep it if it can be read."""
        self.rows_read += 1
        is_quick = self.shape.has_boxes and not self.careful
        found = _quick_box(tokens, self.category_count) if is_quick else None
        if found is None and (found := self._read(number, line, tokens)) is None:
            return
        if len(self.annotations) >= self.limits.max_rows:
            message = f"the file holds more than {self.limits.max_rows} rows"
            self.report(Finding("ROW_LIMIT", self.file, message, number))
            return
        self.annotations.append(found)
        if found.type != self.first_type:
            self._note_type(number, found.type)

    def _note_type(self, number: int, kind: str) -> None:
        """Remember the file's type of row from its first row; report the first row of another type."""
        if self.first_type and not self.mixed:
            self.mixed = True
            message = f"a {kind} in a file that began with a {self.first_type}"
            self.report(Finding("ROW_MIXED_TASK", self.file, message, number))
        self.first_type = self.first_type or kind

    @property
    def rows_left_out(self) -> int:
        """How many rows were read and not kept."""
        return self.rows_read - len(self.annotations)

    def done(self) -> LabelRows:
        """The result, with rows that were only counted; a file without rows is worth a finding of its own."""
        if self.unread:
            message = f"{self.unread} more rows were not read: {self.rows_left_out} before them could not be kept"
            self.report(Finding("ROW_LIMIT", self.file, message))
        self.rows_read += self.unread
        if not self.rows_read:
            self.report(Finding("PAIR_EMPTY_LABEL", self.file, "the label file has no rows"))
        return LabelRows(self.annotations, self.rows_read, self.rows_left_out)

    def _read(self, number: int, line: str, tokens: list[str]) -> Annotation | None:
        try:
            values = self._values(line, tokens)
            category = _category_id(values[0], self.category_count)
            outside = self._outside(values)
        except _BadRow as bad:
            column = None if bad.token is None else _column(line, bad.token)
            self.report(Finding(bad.rule, self.file, bad.message, number, column))
            return None
        found = self.shape.annotation(category, values)
        self.points += self.shape.points(len(values))
        self._remark(number, line, found, outside)
        return found

    def _values(self, line: str, tokens: list[str]) -> list[float]:
        """The row's numbers, all finite; raises `_BadRow`."""
        if self.careful and (undecoded := _UNDECODED.search(line)):
            byte = ord(undecoded.group()) - 0xDC00
            raise _BadRow("ROW_ENCODING", f"byte 0x{byte:02x} at character {undecoded.start() + 1} is not UTF-8")
        self._check_size(line, tokens)
        try:
            values = list(map(float, tokens))
        except ValueError:
            raise _not_numeric(tokens) from None
        if self.careful and "_" in line:
            raise _not_numeric(tokens)
        if not isfinite(sum(values)):
            _check_finite(tokens, values)
        return values

    def _check_size(self, line: str, tokens: list[str]) -> None:
        columns = len(tokens)
        if columns > self.limits.max_columns:
            count = sum(1 for _ in _TOKEN.finditer(line))
            raise _BadRow("ROW_COLUMNS", f"{count} columns are more than the limit of {self.limits.max_columns}")
        if fault := self.shape.fault(columns):
            raise _BadRow("ROW_COLUMNS", fault)
        added = self.shape.points(columns)
        if added and self.points + added > self.limits.max_points:
            raise _BadRow("ROW_LIMIT", f"the file's rows hold more than {self.limits.max_points} points")

    def _outside(self, values: list[float]) -> int | None:
        """The position of the first coordinate that is outside 0 to 1 but tolerated; raises beyond the tolerance."""
        if min(values[1:]) >= 0 and max(values[1:]) <= 1:
            return None
        positions = self.shape.coordinates(len(values))
        self._check_range(values, positions)
        return next((position for position in positions if not 0 <= values[position] <= 1), None)

    def _check_range(self, values: list[float], positions: Sequence[int]) -> None:
        sides = self.shape.sides(len(values))
        for position in positions:
            lowest = 0 if position in sides else -TOLERANCE
            if not lowest <= values[position] <= 1 + TOLERANCE:
                pixels = max(values[1:]) >= _LOOKS_LIKE_PIXELS and not isinstance(self.shape, Poses)
                hint = "; this looks like pixels: divide by the image size" if pixels else ""
                raise _BadRow("ROW_COORD_RANGE", f"{values[position]:g} lies outside 0 to 1{hint}", position)

    def _remark(self, number: int, line: str, found: Annotation, outside: int | None) -> None:
        """Say what is odd about a row that was kept."""
        if outside is not None:
            text = _TOKEN.findall(line)[outside][:_SHOWN_CHARACTERS]
            message = f"{text} lies outside 0 to 1 by no more than {TOLERANCE}; kept as written"
            self.report(Finding("ROW_COORD_TOLERANCE", self.file, message, number, _column(line, outside)))
        if found.bbox[2] == 0 or found.bbox[3] == 0:
            side = "width" if found.bbox[2] == 0 else "height"
            self.report(Finding("ROW_ZERO_AREA", self.file, f"the {found.type} has no {side}", number))
        if odd := next((value for *_, value in found.keypoints if value not in _VISIBILITIES), None):
            message = f"visibility {odd:g} is none of 0 (not labelled), 1 (hidden) and 2 (in sight)"
            self.report(Finding("ROW_KPT_VISIBILITY", self.file, message, number))


def _column(line: str, token: int) -> int:
    """The 1-based character at which the row's `token`-th value begins."""
    return next(islice(_TOKEN.finditer(line), token, None)).start() + 1


def _not_numeric(tokens: list[str]) -> _BadRow:
    for position, token in enumerate(tokens):
        if not _is_number(token):
            hint = "; write a point, not a comma, and spaces between values" if "," in token else ""
            return _BadRow("ROW_NOT_NUMERIC", f"'{token[:_SHOWN_CHARACTERS]}' is not a number{hint}", position)
    raise AssertionError("a row that is not numeric holds a token that is no number")


def _is_number(token: str) -> bool:
    try:
        float(token)
    except ValueError:
        return False
    return "_" not in token


def _check_finite(tokens: list[str], values: list[float]) -> None:
    """Raise for the first value that is not finite; finite values whose sum overflows pass."""
    for position, value in enumerate(values):
        if not isfinite(value):
            message = f"'{tokens[position][:_SHOWN_CHARACTERS]}' is not a finite number"
            raise _BadRow("ROW_NAN", message, position)


def _category_id(value: float, category_count: int) -> int:
    if not value.is_integer():
        raise _BadRow("ROW_CLASS_FLOAT", f"category {value:g} is not a whole number", 0)
    if value < 0:
        raise _BadRow("ROW_CLASS_NEGATIVE", f"category {value:.16g} is negative", 0)
    if value >= category_count:
        known = f"; ids go from 0 to {category_count - 1}"
        raise _BadRow("ROW_CLASS_RANGE", f"category {value:.16g} has no name{known}", 0)
    return int(value)
