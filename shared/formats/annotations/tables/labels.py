"""What the rows of tables say of an image: boxes in shares or pixels, labels, and all that exports write."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite

from shared.formats.annotations.attributes import TooMuchSaid, storable_attributes
from shared.formats.annotations.json_text import read_json
from shared.formats.annotations.model import (
    NO_ATTRIBUTES,
    WHOLE_IMAGE,
    Annotation,
    Attributes,
    ImageSize,
    LabelContext,
    LabelRows,
    Report,
)
from shared.formats.annotations.pixel_boxes import (
    TOLERANCE,
    JudgedBox,
    LeftOutRow,
    judge_centre_and_size,
    judge_corner_and_size,
    judge_corners,
)
from shared.formats.findings import Finding

_JUDGES = {
    "corners": judge_corners,
    "corner_and_size": judge_corner_and_size,
    "bbox": judge_corner_and_size,
    "centre": judge_centre_and_size,
}
_TYPES = ("box", "polygon", "obb", "pose", "label")
_SHARES = (1, 1)
_BOX_VALUES = 4
_OURS = 8
_LARGEST_SIDE = 10_000_000


@dataclass(frozen=True, slots=True)
class TableLabels:
    """Reads the records of an image, one line for each row of a table."""

    context: LabelContext

    def read(self, data: bytes, *, file: str, size: ImageSize | None, report: Report) -> LabelRows:
        """See `LabelReader`. `file` is the image's: findings are told of the table that the row is from."""
        rows = _Rows(self.context, file, size, report)
        lines = data.splitlines()
        for line in lines:
            rows.add(line)
        read = len(lines) - rows.without_annotation
        return LabelRows(rows.annotations, read, read - len(rows.annotations), rows.attributes)


@dataclass(slots=True)
class _Rows:
    context: LabelContext
    image: str
    size: ImageSize | None
    report: Report
    annotations: list[Annotation] = field(default_factory=list)
    points: int = 0
    without_annotation: int = 0
    attributes: Attributes = field(default_factory=dict)
    said: set[tuple[object, ...]] = field(default_factory=set)
    told: set[str] = field(default_factory=set)

    def add(self, line: bytes) -> None:
        """Take one record; it is left out with a finding where it cannot be read."""
        try:
            record = json.loads(line)
            file, number = self.context.files[record[0]], int(record[1])
        except (ValueError, TypeError, LookupError, OverflowError, RecursionError):
            self.report(Finding("CSV_ROW", self.image, "a row cannot be read"))
            return
        try:
            self._describe(record)
            if record[2] is None:
                self.without_annotation += 1
                return
            found = self._annotation(record, file, number)
        except LeftOutRow as left_out:
            self.report(Finding(left_out.remark.rule, file, left_out.remark.message, number))
            return
        except (LookupError, TypeError):
            self.report(Finding("CSV_ROW", file, "the row cannot be read", number))
            return
        key = (found.category_id, found.type, found.bbox, found.points, found.keypoints)
        if key in self.said:
            self.report(Finding("ROW_DUPLICATE", file, "the row says what an earlier one says", number))
        self.said.add(key)
        self.annotations.append(found)

    def _describe(self, record: Sequence[object]) -> None:
        """Take what is said of the image itself, which each of its rows repeats."""
        said = str(record[_OURS + 4] or "") if len(record) > _OURS + 4 else ""
        if said and not self.attributes:
            self.attributes = _object(said, "image_attributes")

    def _annotation(self, record: Sequence[object], file: str, number: int) -> Annotation:
        if len(self.annotations) >= self.context.limits.max_rows:
            raise LeftOutRow("ROW_LIMIT", f"the image has more than {self.context.limits.max_rows} rows")
        category, shape, texts = record[2], str(record[3]), record[4]
        if not isinstance(category, int) or not isinstance(texts, list):
            raise LeftOutRow("CSV_ROW", "the row cannot be read")
        ours = [str(cell or "") for cell in record[_OURS:]]
        attributes = _object(ours[3], "attributes") if len(ours) > 3 else NO_ATTRIBUTES
        if not shape:
            return Annotation(category, "label", WHOLE_IMAGE, attributes=attributes)
        judged = self._box(shape, list(map(str, texts)), record, (file, number))
        for remark in judged.remarks:
            self.report(Finding(remark.rule, file, remark.message, number))
        kind = ours[0] if ours and ours[0] else "box"
        if kind not in _TYPES:
            raise LeftOutRow("CSV_ROW", f"'{kind[:40]}' is no type of annotation: {', '.join(_TYPES)} are")
        if kind == "label":
            return Annotation(category, kind, WHOLE_IMAGE, attributes=attributes)
        points = tuple((x, y) for x, y, *_ in self._points(ours[1], 2, "points")) if ours else ()
        keypoints = tuple((x, y, seen) for x, y, seen in self._points(ours[2], 3, "keypoints")) if ours else ()
        return Annotation(category, kind, judged.bbox, points, keypoints, attributes)

    def _box(self, shape: str, texts: list[str], record: Sequence[object], place: tuple[str, int]) -> JudgedBox:
        if len(texts) != _BOX_VALUES:
            raise LeftOutRow("CSV_ROW", f"a box has {_BOX_VALUES} numbers, this one {len(texts)}")
        if not record[5]:
            return _JUDGES[shape](texts, _SHARES)
        size = self._size((_side(record[6]), _side(record[7])), place)
        if size is None:
            raise LeftOutRow("ROW_NO_SIZE", "the image's size is not known, so a box in pixels cannot be placed")
        return _JUDGES[shape](texts, size)

    def _size(self, declared: tuple[int, int], place: tuple[str, int]) -> ImageSize | None:
        """The size to divide by: the declared one, else the image's own."""
        if not (declared[0] and declared[1]):
            return self.size
        if self.size is not None and declared != self.size and "size" not in self.told:
            self.told.add("size")
            turned = "; the axes are swapped, as where EXIF turns the image" if declared == self.size[::-1] else ""
            real = f"{self.size[0]} x {self.size[1]}"
            message = f"declares {declared[0]} x {declared[1]} pixels, the image has {real}{turned}"
            self.report(Finding("LABEL_SIZE_MISMATCH", place[0], f"{message}; the declared size is used", place[1]))
        return declared

    def _points(self, text: str, dims: int, column: str) -> list[list[float]]:
        """A list of points, all finite and in the image."""
        values = _json(text, column) if text else []
        if not isinstance(values, list) or not all(_is_point(value, dims) for value in values):
            raise LeftOutRow("CSV_ROW", f"`{column}` is no list of points of {dims} numbers, as JSON")
        self.points += len(values)
        if self.points > self.context.limits.max_points:
            raise LeftOutRow("ROW_LIMIT", f"the image's rows hold more than {self.context.limits.max_points} points")
        return [[float(one) for one in value] for value in values]


def _is_point(value: object, dims: int) -> bool:
    if not isinstance(value, list) or len(value) != dims:
        return False
    if not all(isinstance(one, int | float) and not isinstance(one, bool) and abs(one) < 10 for one in value):
        return False
    return all(isfinite(one) and -TOLERANCE <= one <= 1 + TOLERANCE for one in value[:2])


def _object(text: str, column: str) -> Attributes:
    found = _json(text, column) if text else {}
    if not isinstance(found, Mapping):
        raise LeftOutRow("CSV_ROW", f"`{column}` is no object, as JSON")
    try:
        return storable_attributes(found) or NO_ATTRIBUTES
    except TooMuchSaid:
        raise LeftOutRow("ROW_LIMIT", f"`{column}` is larger or deeper than what is kept") from None


def _json(text: str, column: str) -> object:
    try:
        return read_json(text)
    except (ValueError, RecursionError):
        raise LeftOutRow("CSV_ROW", f"`{column}` is not JSON") from None


def _side(text: object) -> int:
    """A declared side in whole pixels; 0 for none."""
    try:
        side = float(str(text or 0))
    except ValueError:
        return 0
    return int(side) if 1 <= side <= _LARGEST_SIDE and side.is_integer() else 0
