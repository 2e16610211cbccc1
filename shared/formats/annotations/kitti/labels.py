"""Rows of KITTI object labels: type, truncated, occluded, alpha, a box in pixels, and the object in three dimensions.

The columns are those of the benchmark's development kit: 15 of a label, 16 of a detector's output, whose last one is
a score.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from math import isfinite

from shared.formats.annotations.model import Annotation, ImageSize, LabelContext, LabelRows, Report
from shared.formats.annotations.pixel_boxes import JudgedBox, LeftOutRow, judge_corners, read_number
from shared.formats.annotations.text_lines import is_undecoded, text_lines
from shared.formats.findings import Finding

LABEL_COLUMNS, RESULT_COLUMNS = 15, 16
CALIBRATED = "calibrated"
"""Of a layout's `rows`: each frame has a file of its calibration."""

_CORNERS = slice(4, 8)
_MOST_LEFT_OUT = 100_000
_SHOWN = 60


@dataclass(frozen=True, slots=True)
class KittiLabels:
    """Reads label files."""

    context: LabelContext

    def read(self, data: bytes, *, file: str, size: ImageSize | None, report: Report) -> LabelRows:
        """See `LabelReader`. Without a size all rows are left out with one finding."""
        rows = _Rows(self.context, file, report)
        for number, line in text_lines(data):
            rows.add(number, line, size)
        attributes: dict[str, object] = {"calib": _calibration(file)} if self.context.rows == CALIBRATED else {}
        return rows.done(size, attributes)


def names_in(data: bytes) -> Iterator[str]:
    """The types that a label file names."""
    rows = (line.split(None, LABEL_COLUMNS) for _, line in text_lines(data))
    return (tokens[0] for tokens in rows if len(tokens) >= LABEL_COLUMNS)


def looks_like_labels(data: bytes) -> bool:
    """Whether the first rows are those of KITTI."""
    rows = [line.split() for _, line in text_lines(data[: 1 << 16])][:5]
    return bool(rows) and all(
        len(row) in (LABEL_COLUMNS, RESULT_COLUMNS) and not _is_number(row[0]) and all(map(_is_number, row[1:]))
        for row in rows[: max(1, len(rows) - 1)]
    )


@dataclass(slots=True)
class _Rows:
    context: LabelContext
    file: str
    report: Report
    annotations: list[Annotation] = field(default_factory=list)
    rows_read: int = 0
    has_score: bool = False
    said: set[str] = field(default_factory=set)

    def add(self, number: int, line: str, size: ImageSize | None) -> None:
        """Count a row, and keep it if it can be read."""
        self.rows_read += 1
        if size is None or self.rows_read - len(self.annotations) > _MOST_LEFT_OUT:
            return
        try:
            self._keep(number, line, size)
        except LeftOutRow as left_out:
            remark = left_out.remark
            self.report(Finding(remark.rule, self.file, remark.message, number, _column(line, remark.position)))

    def done(self, size: ImageSize | None, attributes: dict[str, object]) -> LabelRows:
        """The result, with what is to be said of the file as a whole."""
        left_out = self.rows_read - len(self.annotations)
        if not self.rows_read:
            self.report(Finding("PAIR_EMPTY_LABEL", self.file, "the label file has no rows"))
        elif size is None:
            message = f"the image's size is not known, so {self.rows_read} boxes in pixels cannot be placed"
            self.report(Finding("ROW_NO_SIZE", self.file, message))
        elif left_out > _MOST_LEFT_OUT:
            message = f"{left_out - _MOST_LEFT_OUT} more rows were not read"
            self.report(Finding("ROW_LIMIT", self.file, message))
        return LabelRows(self.annotations, self.rows_read, left_out, attributes)

    def _keep(self, number: int, line: str, size: ImageSize) -> None:
        tokens = self._tokens(line)
        category = self._category(tokens[0])
        values = [_number(text, position) for position, text in enumerate(tokens[1:], 1)]
        judged = _box(tokens[_CORNERS], size)
        if len(self.annotations) >= self.context.limits.max_rows:
            raise LeftOutRow("ROW_LIMIT", f"the file holds more than {self.context.limits.max_rows} rows")
        for remark in judged.remarks:
            at = None if remark.position is None else remark.position + _CORNERS.start
            self.report(Finding(remark.rule, self.file, remark.message, number, _column(line, at)))
        self._remark(number, line, tokens)
        self.annotations.append(Annotation(category, "box", judged.bbox, attributes=_attributes(values)))

    def _tokens(self, line: str) -> list[str]:
        if is_undecoded(line):
            raise LeftOutRow("ROW_ENCODING", "the row is not UTF-8 text")
        tokens = line.split(None, RESULT_COLUMNS)
        if not LABEL_COLUMNS <= len(tokens) <= RESULT_COLUMNS:
            found = f"{len(tokens)}" if len(tokens) < LABEL_COLUMNS else f"more than {RESULT_COLUMNS}"
            raise LeftOutRow("ROW_COLUMNS", f"{found} columns are neither a KITTI label (15) nor a result (16)")
        return tokens

    def _category(self, name: str) -> int:
        found = self.context.category_ids.get(name)
        if found is None:
            raise LeftOutRow("ROW_CLASS_UNKNOWN", f"{name[:_SHOWN]} is none of the dataset's categories", 0)
        return found

    def _remark(self, number: int, line: str, tokens: Sequence[str]) -> None:
        if len(tokens) == RESULT_COLUMNS and not self.has_score:
            self.has_score = True
            message = "rows of 16 columns are what a detector found; the score is kept as an attribute"
            self.report(Finding("ROW_SCORE", self.file, message, number, _column(line, RESULT_COLUMNS - 1)))
        key = " ".join(tokens)
        if key in self.said:
            self.report(Finding("ROW_DUPLICATE", self.file, "the row says what an earlier one says", number))
        self.said.add(key)


def _box(texts: Sequence[str], size: ImageSize) -> JudgedBox:
    try:
        return judge_corners(texts, size)
    except LeftOutRow as left_out:
        remark = left_out.remark
        at = None if remark.position is None else remark.position + _CORNERS.start
        raise LeftOutRow(remark.rule, remark.message, at) from None


def _number(text: str, position: int) -> float:
    value = float(read_number(text, position)) if len(text) < 300 else float("inf")
    if not isfinite(value):
        raise LeftOutRow("ROW_NAN", f"'{text[:_SHOWN]}' is not a finite number", position)
    return value


def _attributes(values: Sequence[float]) -> dict[str, object]:
    """Everything of a row but its type and its box. `values` begin with the column behind the type."""
    truncated, occluded, alpha, *_ = values
    found: dict[str, object] = {
        "truncated": truncated,
        "occluded": int(occluded) if occluded.is_integer() else occluded,
        "alpha": alpha,
        "dimensions": list(values[7:10]),
        "location": list(values[10:13]),
        "rotation_y": values[13],
    }
    return found | {"score": values[14]} if len(values) > LABEL_COLUMNS - 1 else found


def _calibration(label: str) -> str:
    """Where the calibration of a label's frame lies."""
    folder, _, frame = label.rpartition("/")
    return f"{folder.rpartition('/')[0]}/calib/{frame}".lstrip("/")


def _column(line: str, token: int | None) -> int | None:
    """The 1-based character at which the row's token begins."""
    if token is None:
        return None
    at = 0
    for _ in range(token + 1):
        while at < len(line) and line[at].isspace():
            at += 1
        start = at
        while at < len(line) and not line[at].isspace():
            at += 1
    return start + 1


def _is_number(text: str) -> bool:
    try:
        read_number(text)
    except LeftOutRow:
        return False
    return True
