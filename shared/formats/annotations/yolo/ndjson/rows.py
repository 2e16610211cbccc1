"""What an NDJSON line says of an image: boxes, outlines, poses, oriented boxes and classes, as rows of YOLO."""

import json
from array import array
from collections.abc import Sequence
from dataclasses import dataclass

from shared.formats.annotations.model import (
    WHOLE_IMAGE,
    Annotation,
    ImageSize,
    LabelContext,
    LabelRows,
    Report,
)
from shared.formats.annotations.yolo.rows.reader import YoloLabels
from shared.formats.annotations.yolo.rows.shapes import (
    BOX_COLUMNS,
    ORIENTED_BOX_COLUMNS,
    SHORTEST_POLYGON_COLUMNS,
    BoxesAndPolygons,
    OrientedBoxes,
    Poses,
    RowShape,
)
from shared.formats.findings import Finding

_BOXES, _SEGMENTS, _POSE, _OBB, _CLASSES = "boxes", "segments", "pose", "obb", "classification"
_ROWS = (_BOXES, _SEGMENTS, _POSE, _OBB)
_DIMS = 3
_LONGEST_TOKEN = 40


@dataclass(frozen=True, slots=True)
class NdjsonLabels:
    """Reads the records that `NdjsonReader` gives; rows are judged as those of label files are."""

    context: LabelContext

    def read(self, data: bytes, *, file: str, size: ImageSize | None, report: Report) -> LabelRows:
        """All annotations of an image. A finding tells the line of the NDJSON file, and which row it is about."""
        record = json.loads(data)
        file = self.context.files[0] if self.context.files else file
        said = _Said(self.context, file, record["line"], size, report)
        return said.rows(record["annotations"])


@dataclass(slots=True)
class _Said:
    """What one line says."""

    context: LabelContext
    file: str
    line: int
    size: ImageSize | None
    report: Report

    def rows(self, annotations: object) -> LabelRows:
        if not isinstance(annotations, dict):
            self.report(Finding("NDJSON_LINE", self.file, "`annotations` is no map of rows", self.line))
            return LabelRows([], 0, 0)
        found, rows_read = list[Annotation](), 0
        for key, rows in annotations.items():
            read = self._read(key, rows)
            self._take(key, read.annotations, found)
            rows_read += read.rows_read
        return LabelRows(found, rows_read, rows_read - len(found))

    def _take(self, key: str, read: Sequence[Annotation], found: list[Annotation]) -> None:
        """Add what was read under a key; all keys together have no more room than a label file."""
        limits, points = self.context.limits, sum(map(_points, found))
        for annotation in read:
            points += _points(annotation)
            if len(found) >= limits.max_rows or points > limits.max_points:
                message = f"{key}: the image has more than {limits.max_rows} rows or {limits.max_points} points"
                self.report(Finding("ROW_LIMIT", self.file, message, self.line))
                return
            found.append(annotation)

    def _read(self, key: str, rows: object) -> LabelRows:
        known = key in _ROWS or key == _CLASSES
        if not known or not isinstance(rows, list):
            if rows:
                message = f"`{key[:_LONGEST_TOKEN]}` is {'no list' if known else 'not read'}"
                self.report(Finding("NDJSON_LINE", self.file, _storable(message), self.line))
            return LabelRows([], 0, 0)
        return self._classes(rows) if key == _CLASSES else self._shaped(key, rows)

    def _classes(self, rows: list[object]) -> LabelRows:
        found = list[Annotation]()
        count, most = self.context.category_count, self.context.limits.max_rows + 1  # one more tells of all the others
        for number, row in enumerate(rows):
            value = row[0] if isinstance(row, list) and len(row) == 1 else row
            if type(value) is int and 0 <= value < count:
                if len(found) < most:
                    found.append(Annotation(value, "label", WHOLE_IMAGE))
            else:
                self._refuse(_CLASSES, number, "ROW_CLASS_RANGE", f"is no category; ids go from 0 to {count - 1}")
        return LabelRows(found, len(rows), len(rows) - len(found))

    def _shaped(self, key: str, rows: list[object]) -> LabelRows:
        """Rows of numbers, read as if they were lines of a label file."""
        numbers, text, shape = array("i"), bytearray(), self._shape(key, rows)
        for number, row in enumerate(rows):
            rows[number] = None  # as text it takes a tenth of the memory
            if isinstance(row, list) and _fits(key, len(row), shape):
                numbers.append(number)
                text += " ".join(map(_token, row)).encode() + b"\n"
            else:
                columns = f"{len(row)} values" if isinstance(row, list) else "no list"
                self._refuse(key, number, "ROW_COLUMNS", f"is {columns}, which fits no row of {key}")
        if not numbers:
            return LabelRows([], len(rows), len(rows))
        labels = YoloLabels(self.context.category_count, self.context.limits, shape)
        read = labels.read(
            bytes(text), file=self.file, size=self.size, report=lambda one: self._tell(key, numbers, one)
        )
        return LabelRows(read.annotations, len(rows), len(rows) - len(read.annotations))

    def _shape(self, key: str, rows: Sequence[object]) -> RowShape:
        if key == _OBB:
            return OrientedBoxes()
        if key != _POSE:
            return BoxesAndPolygons()
        if self.context.keypoint_shape is not None:
            return Poses(*self.context.keypoint_shape)
        values = next((len(row) - BOX_COLUMNS for row in rows if isinstance(row, list)), 0)
        dims = _DIMS if values % _DIMS == 0 else _DIMS - 1
        return Poses(max(values // dims, 1), dims)

    def _tell(self, key: str, numbers: Sequence[int], finding: Finding) -> None:
        """Report what was found in a row by the line of the file."""
        if finding.line is None:
            self.report(Finding(finding.rule, self.file, f"{key}: {finding.message}", self.line))
        else:
            self._refuse(key, numbers[finding.line - 1], finding.rule, finding.message)

    def _refuse(self, key: str, number: int, rule: str, message: str) -> None:
        self.report(Finding(rule, self.file, f"{key}[{number}]: {message}", self.line))


def _points(annotation: Annotation) -> int:
    return len(annotation.points) + len(annotation.keypoints)


def _fits(key: str, columns: int, shape: RowShape) -> bool:
    if key == _BOXES:
        return columns == BOX_COLUMNS
    if key == _SEGMENTS:
        return columns >= SHORTEST_POLYGON_COLUMNS and columns % 2 == 1
    return columns == ORIENTED_BOX_COLUMNS if key == _OBB else shape.fault(columns) is None


def _token(value: object) -> str:
    """The value as a word of a row; what is no number becomes a word that is none either."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return repr(value)
    return "".join(json.dumps(value)[:_LONGEST_TOKEN].split()) or '""'


def _storable(text: str) -> str:
    return text.encode("utf-8", "replace").decode()
