"""Rows of a label file that an import left out: what they say once they are mended."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import groupby

from shared.formats.annotations.fixes.table import ChosenFixes
from shared.formats.annotations.model import NO_ATTRIBUTES, Annotation, Attributes, ImageSize, LabelTask, RowLimits
from shared.formats.annotations.yolo.rows.faults import is_number, sixth_column
from shared.formats.annotations.yolo.rows.reader import YoloLabels
from shared.formats.annotations.yolo.rows.shapes import BOX_COLUMNS, Poses, RowShape, row_shape
from shared.formats.findings import Finding

_LOOKS_LIKE_PIXELS = 2.0
_MOST_ROWS = 50_000


@dataclass(frozen=True, slots=True)
class LabelReading:
    """How the label files of a dataset were read when it was imported."""

    category_count: int
    task: LabelTask = "auto"
    keypoint_shape: tuple[int, int] | None = None
    limits: RowLimits = field(default_factory=RowLimits)

    @property
    def shape(self) -> RowShape:
        """The shape of a row."""
        return row_shape(self.task, self.keypoint_shape)


@dataclass(frozen=True, slots=True)
class MendedRow:
    """A row that can be kept now: its line, the rules for which it was left out, and what it says."""

    line: int
    rules: tuple[str, ...]
    annotation: Annotation


@dataclass(frozen=True, slots=True)
class RowMender:
    """Mends rows of label files. `label_ids` are the ids that mean a category, and which."""

    reading: LabelReading
    chosen: ChosenFixes
    label_ids: Mapping[int, int]

    def mend(self, data: bytes, size: ImageSize | None, *, without: Collection[int]) -> list[MendedRow]:
        """The rows that were left out for a rule that is to be mended and can be kept now, in the order of lines.

        The lines in `without` have been mended before.
        """
        wanted = self._left_out(data, size, without)
        if not wanted:
            return []
        lines = data.removeprefix(b"\xef\xbb\xbf").decode(errors="surrogateescape").splitlines()
        found = []
        for number, rules in wanted.items():
            if (annotation := self._mended(lines[number - 1], size)) is not None:
                found.append(MendedRow(number, rules, annotation))
        return found

    def _left_out(self, data: bytes, size: ImageSize | None, without: Collection[int]) -> dict[int, tuple[str, ...]]:
        """Lines with the rules that are to be mended, as the import found them."""
        wanted = self.chosen.rules_of_rows_left_out
        found: list[Finding] = []

        def report(finding: Finding) -> None:
            if finding.rule in wanted and finding.line is not None and len(found) < _MOST_ROWS:
                found.append(finding)

        reader = YoloLabels(self.reading.category_count, self.reading.limits, self.reading.shape)
        reader.read(data, file="", size=size, report=report)
        found = [finding for finding in found if finding.line not in without]
        found.sort(key=lambda finding: finding.line or 0)
        return {
            line: tuple(finding.rule for finding in same)
            for line, same in groupby(found, key=lambda finding: finding.line or 0)
        }

    def _mended(self, line: str, size: ImageSize | None) -> Annotation | None:
        for candidate in self._candidates(line):
            tokens, said = self._without_sixth(candidate.split())
            tokens = self._divided(tokens, size)
            tokens[:1] = [self._category(token) for token in tokens[:1]]
            if (annotation := self._read(" ".join(tokens), size)) is not None:
                return annotation._replace(attributes=said) if said else annotation
        return None

    def _without_sixth(self, tokens: list[str]) -> tuple[list[str], Attributes]:
        """The row of a box without its sixth column, which is what is said of it; any other row as it is."""
        fits = len(tokens) == BOX_COLUMNS + 1 and self.reading.shape.fault(BOX_COLUMNS) is None
        if not (fits and self.chosen.has("sixth_column") and is_number(tokens[-1])):
            return tokens, NO_ATTRIBUTES
        found = sixth_column(tokens[-1])
        return (tokens, NO_ATTRIBUTES) if found is None else (tokens[:-1], dict([found]))

    def _candidates(self, line: str) -> Iterator[str]:
        """The row, with its separators mended if that is wanted: numbers with decimal commas are tried first."""
        if not self.chosen.has("separators") or not ("," in line or ";" in line):
            yield line
            return
        if "," in line:
            yield line.replace(";", " ").replace(",", ".")
        yield line.replace(";", " ").replace(",", " ")

    def _category(self, token: str) -> str:
        try:
            number = float(token)
        except ValueError:
            return token
        return str(self.label_ids.get(int(number), -1)) if number.is_integer() else token

    def _divided(self, tokens: list[str], size: ImageSize | None) -> list[str]:
        """Shares of the image's sides instead of pixels, where they look like these."""
        shape = self.reading.shape
        if size is None or not self.chosen.has("divide_by_size") or shape.fault(len(tokens)) is not None:
            return tokens
        positions = list(shape.coordinates(len(tokens)))
        try:
            values = {at: float(tokens[at]) for at in positions}
        except ValueError:
            return tokens
        if not values or max(values.values()) < _LOOKS_LIKE_PIXELS:
            return tokens
        return [repr(values[at] / size[_axis(at, shape)]) if at in values else one for at, one in enumerate(tokens)]

    def _read(self, row: str, size: ImageSize | None) -> Annotation | None:
        """What the row says; None where it still cannot be kept."""
        count = max(self.label_ids.values(), default=-1) + 1
        reader = YoloLabels(count, self.reading.limits, self.reading.shape)
        rows = reader.read(row.encode(errors="surrogateescape"), file="", size=size, report=lambda _: None)
        return rows.annotations[0] if len(rows.annotations) == rows.rows_read == 1 else None


def _axis(position: int, shape: RowShape) -> int:
    """0 for a value along the width, 1 for one along the height."""
    if isinstance(shape, Poses) and position >= BOX_COLUMNS:
        return (position - BOX_COLUMNS) % shape.dims
    return (position - 1) % 2
