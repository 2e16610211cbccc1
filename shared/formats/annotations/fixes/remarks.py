"""What rules say of annotations as they are now: they are written as rows, which are read as an import reads them."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from shared.formats.annotations.model import Annotation, ImageSize, RowLimits
from shared.formats.annotations.yolo.rows.reader import YoloLabels
from shared.formats.annotations.yolo.rows.shapes import BoxesAndPolygons, OrientedBoxes, Poses, RowShape
from shared.formats.findings import Finding

Judging: TypeAlias = Literal["rows", "coco", "pixels"]
"""How a format judges its boxes: as rows of label files, as COCO, or as other boxes with corners in pixels."""

_OF_THE_FILE = frozenset({"ROW_MIXED_TASK", "ROW_RAGGED", "ROW_LIMIT", "PAIR_EMPTY_LABEL"})
_ROUNDING = 1e-9
_LIMITS = RowLimits(max_columns=1_000_000, max_points=10_000_000, max_rows=10_000_000)


@dataclass(slots=True)
class Remarks:
    """What was found: the rules each annotation was named for, by its position, and how often each rule was met."""

    rules: dict[int, set[str]] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)

    def add(self, at: int, rules: Sequence[str]) -> None:
        """Note what an annotation is named for."""
        if rules:
            self.rules.setdefault(at, set()).update(rules)
            self.counts.update(rules)

    def positions(self, rules: frozenset[str]) -> dict[int, frozenset[str]]:
        """The annotations that were named for any of these, and for which."""
        return {at: named & rules for at, found in self.rules.items() if (named := frozenset(found) & rules)}


def remarks_on(annotations: Sequence[Annotation], size: ImageSize | None, judging: Judging = "rows") -> Remarks:
    """What there is to say of the annotations, one by one; nothing of labels of the whole image."""
    found = Remarks()
    if judging != "rows":
        slack = (2 / size[0], 2 / size[1]) if size and judging == "coco" else (_ROUNDING, _ROUNDING)
        rule = "ROW_CORNER_OUTSIDE" if judging == "coco" else "ROW_COORD_TOLERANCE"
        for at, annotation in enumerate(annotations):
            found.add(at, _of_box(annotation, slack, rule))
        return found
    for shape, positions in _by_shape(annotations).items():
        text = "\n".join(_row(annotations[at]) for at in positions)
        _read(text, shape, positions, size, found)
    return found


def _of_box(annotation: Annotation, slack: tuple[float, float], rule: str) -> list[str]:
    """What is said of a box that is known by its corners."""
    if annotation.type == "label":
        return []
    x, y, width, height = annotation.bbox
    across = slack[0] < width / 2 - x or slack[0] < x + width / 2 - 1
    down = slack[1] < height / 2 - y or slack[1] < y + height / 2 - 1
    return [rule] * (across or down) + ["ROW_ZERO_AREA"] * (width == 0 or height == 0)


def _read(text: str, shape: RowShape, positions: Sequence[int], size: ImageSize | None, found: Remarks) -> None:
    def report(finding: Finding) -> None:
        if finding.line is not None and finding.rule not in _OF_THE_FILE:
            found.add(positions[finding.line - 1], (finding.rule,))

    YoloLabels(0, _LIMITS, shape).read(text.encode(), file="", size=size, report=report)


def _by_shape(annotations: Sequence[Annotation]) -> Mapping[RowShape, list[int]]:
    shapes: dict[RowShape, list[int]] = {}
    for at, annotation in enumerate(annotations):
        if (shape := _shape(annotation)) is not None:
            shapes.setdefault(shape, []).append(at)
    return shapes


def _shape(annotation: Annotation) -> RowShape | None:
    if annotation.type == "label":
        return None
    if annotation.type == "pose":
        return Poses(len(annotation.keypoints), 3) if annotation.keypoints else BoxesAndPolygons()
    return OrientedBoxes() if annotation.type == "obb" else BoxesAndPolygons()


def _row(annotation: Annotation) -> str:
    """The annotation as a row that reads as its very numbers."""
    outline = () if annotation.type == "pose" else annotation.points
    values = [value for point in outline for value in point] or list(annotation.bbox)
    values += [value for keypoint in annotation.keypoints for value in keypoint]
    return f"{annotation.category_id} {' '.join(map(repr, values))}"
