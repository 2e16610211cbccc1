"""Rows of a YOLO label file, whatever they are labels for (`shapes`): each is kept, or said to be left out.

Rules and tolerances follow what trainers accept (ultralytics 8.4); a value outside them costs its row, not the file.
What is said of a row is in `faults` and `geometry`, of the file as a whole in `file_shape`.
"""

import re
from codecs import BOM_UTF8
from collections.abc import Iterator
from dataclasses import dataclass, field
from math import isfinite

from shared.formats.annotations.model import NO_HINTS, Annotation, ImageSize, LabelRows, Report, RowLimits
from shared.formats.annotations.trainers.effects import EffectReport
from shared.formats.annotations.trainers.model import TrainingTask
from shared.formats.annotations.trainers.tally import MOST_BYTES
from shared.formats.annotations.yolo.rows.clean import clean_boxes, usual_ids
from shared.formats.annotations.yolo.rows.faults import (
    TOKEN,
    BadRow,
    category_id,
    check_finite,
    column_of,
    explain_columns,
    misread_separators,
    not_numeric,
)
from shared.formats.annotations.yolo.rows.file_shape import FileShape
from shared.formats.annotations.yolo.rows.geometry import TOLERANCE
from shared.formats.annotations.yolo.rows.remarks import Remarks
from shared.formats.annotations.yolo.rows.shapes import BOX_COLUMNS, BoxesAndPolygons, RowShape
from shared.formats.findings import Finding

LARGEST_CATEGORY_ID = 2**31 - 1
MOST_LEFT_OUT = 100_000
"""About so many rows of one file are looked at in vain; the rest of it is counted and not read."""

_UNDECODED = re.compile(r"[\udc80-\udcff]")
_AT_ONCE = 64 << 10
_REACH = 1 + TOLERANCE
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
    size: ImageSize | None = None,
) -> LabelRows:
    """Read every row that can be read; report the others one by one, so bounding the findings is up to `report`.

    `category_count` 0 means the names are unknown and any id is accepted. Never raises on any `data`. A file that is
    all wrong is given up at `MOST_LEFT_OUT`. What is held beside `data` does not grow with it, but for annotations and
    notes of odd rows. `size` is the image's; None where it is not known.
    """
    rows = _Rows(file, category_count or LARGEST_CATEGORY_ID + 1, limits, report, shape, size)
    rows.plain = category_count > 0 and isinstance(shape, BoxesAndPolygons) and data.isascii()
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
    """Reads label files whose rows have one shape.

    With `training`, what a trainer is told, findings say what trainers make of them.
    """

    category_count: int
    limits: RowLimits
    shape: RowShape
    training: TrainingTask | None = None

    def read(self, data: bytes, *, file: str, size: ImageSize | None, report: Report) -> LabelRows:
        """See `read_label`; coordinates are shares of the image's sides, whose size tells what is too small."""
        if self.category_count and isinstance(self.shape, BoxesAndPolygons):
            clean = clean_boxes(data, category_count=self.category_count, limits=self.limits, size=size)
            if clean is not None:
                return clean
        effects = None
        if self.training is not None and len(data) <= MOST_BYTES:
            effects = EffectReport(data, self.training, report)
        rows = read_label(
            data,
            file=file,
            category_count=self.category_count,
            limits=self.limits,
            report=report if effects is None else effects.add,
            shape=self.shape,
            size=size,
        )
        if effects is not None:
            effects.close()
        return rows


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


@dataclass(slots=True)
class _Rows:
    """Takes the rows of one file in turn. `careful`: the text holds what Python's float() is too lenient about.

    `numbers` are the lines of the annotations. `plain`: so far all rows are such that any trainer keeps them.
    """

    file: str
    category_count: int
    limits: RowLimits
    report: Report
    shape: RowShape
    size: ImageSize | None
    careful: bool = False
    plain: bool = False
    annotations: list[Annotation] = field(default_factory=list)
    numbers: list[int] = field(default_factory=list)
    rows_read: int = 0
    points: int = 0
    last_type: str = ""
    unread: int = 0
    notes: FileShape = field(init=False)
    remarks: Remarks = field(init=False)

    def __post_init__(self) -> None:
        self.notes = FileShape(self.file, self.shape)
        self.remarks = Remarks(self.file, self.report, self.size, self.notes)

    def add_all(self, number: int, data: bytes) -> int:
        """Take whole lines, of which the first has that number, or count their rows; how many lines there were."""
        text, self.careful = _decode(data)
        lines = text.splitlines()
        if self.rows_left_out >= MOST_LEFT_OUT:
            self.unread += sum(1 for line in lines if line and not line.isspace())
            return len(lines)
        has_room = len(self.annotations) + len(lines) <= self.limits.max_rows
        if self.shape.has_boxes and not self.careful and has_room:
            self._add_quickly(number, lines)
            return len(lines)
        columns = self.limits.max_columns
        for at, line in enumerate(lines, number):
            if tokens := line.split(None, columns):
                self.add(at, line, tokens)
        return len(lines)

    def _add_quickly(self, number: int, lines: list[str]) -> None:
        """Take boxes that there is nothing to say about without further ado; this is most of all rows there are."""
        ids, columns = usual_ids(self.category_count), self.limits.max_columns
        least_width, least_height = self.remarks.tiny.width, self.remarks.tiny.height
        annotations, numbers, added = self.annotations, self.numbers, 0
        for at, line in enumerate(lines, number):
            try:
                name, one, two, three, four = line.split(None, BOX_COLUMNS)
                x, y, width, height = float(one), float(two), float(three), float(four)
                category = ids[name]
            except (ValueError, KeyError):
                category = width = height = -1
            across, down = width / 2, height / 2
            if (
                least_width <= width <= 1
                and least_height <= height <= 1
                and 0 <= x <= 1
                and 0 <= y <= 1
                and across - TOLERANCE <= x <= _REACH - across
                and down - TOLERANCE <= y <= _REACH - down
            ):
                annotations.append(Annotation(category, "box", (x, y, width, height)))
                numbers.append(at)
                added += 1
                if self.last_type != "box":
                    self._note_type("box", at)
            elif tokens := line.split(None, columns):
                self.add(at, line, tokens)
            else:
                self.plain = False
        self.rows_read += added

    def refuse(self, number: int, size_bytes: int) -> None:
        """Count a row that is too long to be looked at."""
        self.rows_read += 1
        message = f"a row of {size_bytes} bytes; none of more than {_longest_row(self.limits)} is read"
        self.report(Finding("ROW_COLUMNS", self.file, message, number))

    def add(self, number: int, line: str, tokens: list[str]) -> None:
        """Count the row, and keep it if it can be read."""
        self.rows_read += 1
        if (found := self._read(number, line, tokens)) is None:
            return
        if len(self.annotations) >= self.limits.max_rows:
            message = f"the file holds more than {self.limits.max_rows} rows"
            self.report(Finding("ROW_LIMIT", self.file, message, number))
            return
        self.annotations.append(found)
        self.numbers.append(number)
        if found.type != self.last_type:
            self._note_type(found.type, number)

    def _note_type(self, kind: str, number: int) -> None:
        self.last_type = kind
        if (finding := self.notes.note_kind(kind, number)) is not None:
            self.report(finding)

    @property
    def rows_left_out(self) -> int:
        """How many rows were read and not kept."""
        return self.rows_read - len(self.annotations)

    def done(self) -> LabelRows:
        """The result, with rows that were only counted; a file without rows is worth a finding of its own."""
        if self.unread:
            message = f"{self.unread} more rows were not read: {self.rows_left_out} before them could not be kept"
            self.report(Finding("ROW_LIMIT", self.file, message))
        if self.notes.has_more:
            for finding in self.notes.findings(self.annotations, self.rows_read):
                self.report(finding)
        repeats = self.remarks.repeats(self.annotations, self.numbers)
        self.rows_read += self.unread
        if not self.rows_read:
            self.report(Finding("PAIR_EMPTY_LABEL", self.file, "the label file has no rows"))
        is_plain = self.plain and not repeats and not self.rows_left_out and self.rows_read > 0
        return LabelRows(
            self.annotations,
            self.rows_read,
            self.rows_left_out,
            hints=self.remarks.hints or NO_HINTS,
            plain_rows=self.rows_read if is_plain else None,
        )

    def _read(self, number: int, line: str, tokens: list[str]) -> Annotation | None:
        try:
            values = self._values(line, tokens)
            category = category_id(values[0], self.category_count)
            outside = self.remarks.outside(values, self.shape)
        except BadRow as bad:
            self._leave_out(number, line, tokens, bad)
            return None
        found = self.shape.annotation(category, values)
        self.points += self.shape.points(len(values))
        self.plain = self.plain and found.type == "box" and outside is None
        self.remarks.say(number, line, found, outside)
        return found

    def _leave_out(self, number: int, line: str, tokens: list[str], bad: BadRow) -> None:
        if bad.rule in ("ROW_COLUMNS", "ROW_NOT_NUMERIC"):
            bad = misread_separators(line, self.shape) or bad
        if bad.rule == "ROW_COLUMNS" and len(tokens) <= self.limits.max_columns:
            self.remarks.note_columns(number, tokens)
        if bad.rule == "ROW_CLASS_RANGE":
            self.remarks.note_category(float(tokens[0]), self.category_count)
        column = None if bad.token is None else column_of(line, bad.token)
        if bad.is_pixels:
            self.notes.pixels.append((number, column, bad.message))
        else:
            self.report(Finding(bad.rule, self.file, bad.message, number, column))

    def _values(self, line: str, tokens: list[str]) -> list[float]:
        """The row's numbers, all finite; raises `BadRow`."""
        if self.careful and (undecoded := _UNDECODED.search(line)):
            byte = ord(undecoded.group()) - 0xDC00
            raise BadRow("ROW_ENCODING", f"byte 0x{byte:02x} at character {undecoded.start() + 1} is not UTF-8")
        self._check_size(line, tokens)
        try:
            values = list(map(float, tokens))
        except ValueError:
            raise not_numeric(tokens) from None
        if self.careful and "_" in line:
            raise not_numeric(tokens)
        if not isfinite(sum(values)):
            check_finite(tokens, values)
        return values

    def _check_size(self, line: str, tokens: list[str]) -> None:
        columns = len(tokens)
        if columns > self.limits.max_columns:
            count = sum(1 for _ in TOKEN.finditer(line))
            raise BadRow("ROW_COLUMNS", f"{count} columns are more than the limit of {self.limits.max_columns}")
        if fault := self.shape.fault(columns):
            raise (
                not_numeric(tokens)
                if line.lstrip().startswith("#")
                else BadRow("ROW_COLUMNS", explain_columns(tokens, fault))
            )
        added = self.shape.points(columns)
        if added and self.points + added > self.limits.max_points:
            raise BadRow("ROW_LIMIT", f"the file's rows hold more than {self.limits.max_points} points")
