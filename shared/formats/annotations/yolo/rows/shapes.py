"""What rows of YOLO label files look like, by what they are labels for.

Boxes `class x_center y_center width height`; polygons `class x1 y1 x2 y2 ...`; oriented boxes, polygons of 4 corners;
poses, boxes followed by keypoints `x y` or `x y visibility`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from shared.formats.annotations.model import Annotation, LabelTask
from shared.formats.annotations.pixels import box_around

BOX_COLUMNS = 5
SHORTEST_POLYGON_COLUMNS = 7
ORIENTED_BOX_COLUMNS = 9
_BOX_SIDES = (3, 4)
_IN_SIGHT, _NOT_LABELLED = 2.0, 0.0


class RowShape(Protocol):
    """One task's rows. Positions count the values of a row; the category has position 0."""

    @property
    def has_boxes(self) -> bool:
        """Whether a plain row of five values is a box."""
        ...

    def fault(self, columns: int) -> str | None:
        """Why no row can have so many values; None where one can."""
        ...

    def points(self, columns: int) -> int:
        """How many points such a row adds to an image."""
        ...

    def coordinates(self, columns: int) -> Sequence[int]:
        """The positions whose values have to lie in 0 to 1."""
        ...

    def sides(self, columns: int) -> Sequence[int]:
        """The positions of width and height, which are never negative."""
        ...

    def annotation(self, category: int, values: Sequence[float]) -> Annotation:
        """What a row that passed says."""
        ...


@dataclass(frozen=True, slots=True)
class BoxesAndPolygons:
    """Rows of detection and segmentation: what they are is told by their length."""

    has_boxes: bool = True

    def fault(self, columns: int) -> str | None:
        """Why no row can have so many values; None where one can."""
        if columns == BOX_COLUMNS or (columns >= SHORTEST_POLYGON_COLUMNS and columns % 2):
            return None
        return f"{columns} columns are neither a box (5) nor a polygon (1 + 2n, at least 7)"

    def points(self, columns: int) -> int:
        """How many points such a row adds to an image."""
        return 0 if columns == BOX_COLUMNS else columns // 2

    def coordinates(self, columns: int) -> Sequence[int]:
        """All positions but the category's."""
        return range(1, columns)

    def sides(self, columns: int) -> Sequence[int]:
        """The positions of width and height, which are never negative."""
        return _BOX_SIDES if columns == BOX_COLUMNS else ()

    def annotation(self, category: int, values: Sequence[float]) -> Annotation:
        """A box, or a polygon with the box around it."""
        return _box(category, values) if len(values) == BOX_COLUMNS else _outline("polygon", category, values)


@dataclass(frozen=True, slots=True)
class OrientedBoxes:
    """Rows of four corners, in any order of turning."""

    has_boxes: bool = False

    def fault(self, columns: int) -> str | None:
        """Why no row can have so many values; None where one can."""
        if columns == ORIENTED_BOX_COLUMNS:
            return None
        return f"{columns} columns are no oriented box: a category and four corners are {ORIENTED_BOX_COLUMNS}"

    def points(self, columns: int) -> int:
        """How many points such a row adds to an image."""
        return columns // 2

    def coordinates(self, columns: int) -> Sequence[int]:
        """All positions but the category's."""
        return range(1, columns)

    def sides(self, columns: int) -> Sequence[int]:  # noqa: ARG002 - corners only
        """None: corners only."""
        return ()

    def annotation(self, category: int, values: Sequence[float]) -> Annotation:
        """The four corners as written, with the upright box around them."""
        return _outline("obb", category, values)


@dataclass(frozen=True, slots=True)
class Poses:
    """Rows of a box and `count` keypoints of `dims` values: x and y, or x, y and visibility.

    With `has_boxes`, a row that is only a box is kept as one.
    """

    count: int
    dims: int
    has_boxes: bool = False

    @property
    def columns(self) -> int:
        """The values of every row."""
        return BOX_COLUMNS + self.count * self.dims

    def fault(self, columns: int) -> str | None:
        """Why no row can have so many values; None where one can."""
        if columns == self.columns or (self.has_boxes and columns == BOX_COLUMNS):
            return None
        return f"{columns} columns are no pose: a box and {self.count} keypoints of {self.dims} are {self.columns}"

    def points(self, columns: int) -> int:
        """How many points such a row adds to an image."""
        return 0 if columns == BOX_COLUMNS else self.count

    def coordinates(self, columns: int) -> Sequence[int]:
        """The box, and x and y of each keypoint."""
        points = range(BOX_COLUMNS, columns)
        return [*range(1, BOX_COLUMNS), *(at for at in points if (at - BOX_COLUMNS) % self.dims < 2)]

    def sides(self, columns: int) -> Sequence[int]:  # noqa: ARG002 - every row begins with a box
        """The positions of width and height, which are never negative."""
        return _BOX_SIDES

    def annotation(self, category: int, values: Sequence[float]) -> Annotation:
        """The box and its keypoints. Where nothing is said of visibility, a point at 0, 0 is taken for not labelled."""
        if len(values) == BOX_COLUMNS:
            return _box(category, values)
        starts = range(BOX_COLUMNS, len(values), self.dims)
        keypoints = tuple((values[at], values[at + 1], self._visibility(values, at)) for at in starts)
        return Annotation(category, "pose", _box(category, values).bbox, keypoints=keypoints)

    def _visibility(self, values: Sequence[float], at: int) -> float:
        if self.dims > 2:
            return values[at + 2]
        return _IN_SIGHT if values[at] or values[at + 1] else _NOT_LABELLED


def row_shape(task: LabelTask, keypoint_shape: tuple[int, int] | None) -> RowShape:
    """The shape of a task's rows; with `auto`, of poses and boxes where the dataset says how many keypoints there are.

    Raises ValueError for poses whose keypoints nobody has told.
    """
    if task == "obb":
        return OrientedBoxes()
    if task == "pose" and keypoint_shape is None:
        raise ValueError("rows of poses cannot be read without the number of their keypoints")
    if keypoint_shape is not None and task in ("pose", "auto"):
        return Poses(*keypoint_shape, has_boxes=task == "auto")
    return BoxesAndPolygons()


def _box(category: int, values: Sequence[float]) -> Annotation:
    return Annotation(category, "box", (values[1], values[2], values[3], values[4]))


def _outline(kind: str, category: int, values: Sequence[float]) -> Annotation:
    across, down = values[1::2], values[2::2]
    return Annotation(category, kind, box_around(across, down), tuple(zip(across, down, strict=True)))
