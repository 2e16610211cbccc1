"""What is said of rows of a YOLO label file: of those that were kept although odd, and of values out of range."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from shared.formats.annotations.model import Annotation, ImageSize, Report
from shared.formats.annotations.yolo.rows.faults import SHOWN_CHARACTERS, TOKEN, BadRow, column_of, is_number
from shared.formats.annotations.yolo.rows.faults import looks_like_poses as is_pose_like
from shared.formats.annotations.yolo.rows.file_shape import FileShape
from shared.formats.annotations.yolo.rows.geometry import (
    TOLERANCE,
    Outlines,
    TinySides,
    box_leaves_image,
    is_right_angled,
    may_repeat,
    nearly_repeated,
    point_outside,
    repeated,
    tiny_sides,
)
from shared.formats.annotations.yolo.rows.shapes import BOX_COLUMNS, BoxesAndPolygons, Poses, RowShape
from shared.formats.findings import Finding

_LOOKS_LIKE_PIXELS = 2.0
_VISIBILITIES = (0.0, 1.0, 2.0)
_CORNERS = 4
_FEWEST_POINTS = 3


@dataclass(slots=True)
class Remarks:
    """Says what is odd about the rows of one file. `hints` are counted for what only a whole dataset tells."""

    file: str
    report: Report
    size: ImageSize | None
    notes: FileShape
    tiny: TinySides = field(init=False)
    hints: dict[str, int] = field(default_factory=dict)
    _outlines: Outlines | None = None

    def __post_init__(self) -> None:
        self.tiny = tiny_sides(self.size)

    # -- ranges

    def outside(self, values: Sequence[float], shape: RowShape) -> int | None:
        """The position of the first coordinate that is outside 0 to 1 but tolerated; raises `BadRow` beyond that.

        Of an outline the box around it counts, as for trainers.
        """
        if min(values[1:]) >= 0 and max(values[1:]) <= 1:
            return None
        positions = shape.coordinates(len(values))
        wrong = next((at for at in positions if not _is_tolerated(values[at], at, shape, len(values))), None)
        if wrong is not None and (shape.sides(len(values)) or not _box_fits(values)):
            raise self._out_of_range(values, wrong, shape)
        return next((at for at in positions if _is_near(values[at])), None)

    def _out_of_range(self, values: Sequence[float], wrong: int, shape: RowShape) -> BadRow:
        message = f"{values[wrong]:g} lies outside 0 to 1"
        if isinstance(shape, Poses) and wrong >= BOX_COLUMNS:
            hint = "; a keypoint that is not labelled is written 0 0" if max(values[wrong : wrong + 2]) < 0 else ""
            return BadRow("ROW_KPT_RANGE", message + hint, wrong)
        box = values[1:BOX_COLUMNS] if isinstance(shape, Poses) else values[1:]
        if max(box) < _LOOKS_LIKE_PIXELS:
            return BadRow("ROW_COORD_RANGE", message, wrong)
        hint = f"; this looks like pixels: divide by the image size{self._divided(box)}"
        return BadRow("ROW_COORD_RANGE", message + hint, wrong, is_pixels=True)

    def _divided(self, box: Sequence[float]) -> str:
        """The image's size, and whether the values fit to it, or only to the image as it lies before EXIF turns it."""
        if self.size is None:
            return ""
        width, height = self.size
        across, down = max(box[::2]), max(box[1::2])
        if (across > width or down > height) and across <= height and down <= width:
            return f", {width} x {height}; they fit to {height} x {width}: width and height are swapped"
        return f", {width} x {height}"

    # -- one row

    def say(self, number: int, line: str, found: Annotation, outside: int | None) -> None:
        """Say what is odd about a row that was kept."""
        if outside is not None:
            text = TOKEN.findall(line)[outside][:SHOWN_CHARACTERS]
            message = f"{text} lies outside 0 to 1 by no more than {TOLERANCE}; kept as written"
            self.report(Finding("ROW_COORD_TOLERANCE", self.file, message, number, column_of(line, outside)))
        self._say_of_place(number, line, found)
        self._say_of_size(number, found)
        if found.points:
            self._say_of_outline(number, found)
        if odd := next((value for *_, value in found.keypoints if value not in _VISIBILITIES), None):
            message = f"visibility {odd:g} is none of 0 (not labelled), 1 (hidden) and 2 (in sight)"
            self.report(Finding("ROW_KPT_VISIBILITY", self.file, message, number))

    def _say_of_place(self, number: int, line: str, found: Annotation) -> None:
        if not found.points:
            if box_leaves_image(found.bbox):
                x, y, width, height = found.bbox
                corners = f"{x - width / 2:.4g} {y - height / 2:.4g} {x + width / 2:.4g} {y + height / 2:.4g}"
                self.notes.outside.append((number, None, f"the {found.type}'s corners {corners} leave the image"))
        elif (at := point_outside(found.points)) is not None:
            x, y = found.points[at]
            message = f"the {found.type}'s point {x:g} {y:g} lies outside the image; kept as written"
            token = 1 + 2 * at + (-TOLERANCE <= x <= 1 + TOLERANCE)
            self.report(Finding("ROW_CORNER_OUTSIDE", self.file, message, number, column_of(line, token)))

    def _say_of_size(self, number: int, found: Annotation) -> None:
        width, height = found.bbox[2:]
        if found.points and len(set(found.points)) < _FEWEST_POINTS:
            message = f"the {found.type} has {len(set(found.points))} different points"
            self.report(Finding("ROW_POLY_POINTS", self.file, message, number))
        elif width == 0 or height == 0:
            side = "width" if width == 0 else "height"
            self.report(Finding("ROW_ZERO_AREA", self.file, f"the {found.type} has no {side}", number))
        elif self.size is not None and (width < self.tiny.width or height < self.tiny.height):
            message = f"the {found.type} is {width * self.size[0]:.2g} x {height * self.size[1]:.2g} pixels"
            self.report(Finding("ROW_TINY", self.file, message, number))

    def _say_of_outline(self, number: int, found: Annotation) -> None:
        if found.type != "polygon":
            return
        self._count("polygons")
        self._note_polygon(found.points)
        self._outlines = self._outlines or Outlines()
        if self._outlines.left > 0 and self._outlines.crosses_itself(found.points):
            self.report(Finding("ROW_POLY_SELF_INTERSECT", self.file, "the polygon's outline crosses itself", number))

    # -- all rows

    def repeats(self, annotations: Sequence[Annotation], numbers: Sequence[int]) -> bool:
        """Say which rows are there twice, or nearly; whether any is there twice."""
        if not may_repeat(annotations):
            return False
        same = repeated(annotations)
        for at, first in same.items():
            message = f"says the same as line {numbers[first]}; trainers keep one of them"
            self.report(Finding("ROW_DUPLICATE", self.file, message, numbers[at]))
        for at, (first, iou) in sorted(nearly_repeated(annotations, but=same).items()):
            message = _near(annotations[first], annotations[at], numbers[first], iou)
            self.report(Finding("ROW_NEAR_DUPLICATE", self.file, message, numbers[at]))
        return bool(same)

    # -- what only the dataset as a whole tells

    def note_category(self, value: float, category_count: int) -> None:
        """A row's id has no name."""
        self._count("id_after_last" if value == category_count else "id_beyond")

    def note_columns(self, number: int, tokens: Sequence[str]) -> None:
        """A row of these values was left out for their number."""
        if not all(map(is_number, tokens)):
            return
        self.notes.note_length(len(tokens), number)
        if isinstance(self.notes.shape, BoxesAndPolygons) and is_pose_like(list(map(float, tokens))):
            self._count("pose_rows")

    def _note_polygon(self, points: Sequence[tuple[float, float]]) -> None:
        """Count a polygon that may be something else: the corners of an oriented box, or a box and its keypoints."""
        if len(points) == _CORNERS and self.size is not None and is_right_angled(points, self.size):
            self._count("right_angled")
        numbers = [number for point in points for number in point]
        x, y, width, height = numbers[:4]
        rest = numbers[4:]
        if is_pose_like([0.0, *numbers]) and any(rest[2::3]):
            self._count("poses_of_three")
        elif box_leaves_image((x, y, width, height)):
            return
        elif all(2 * abs(at - x) <= width for at in rest[::2]) and all(2 * abs(at - y) <= height for at in rest[1::2]):
            self._count("poses_of_two")

    def _count(self, hint: str) -> None:
        self.hints[hint] = self.hints.get(hint, 0) + 1


def _is_near(value: float) -> bool:
    return -TOLERANCE <= value < 0 or 1 < value <= 1 + TOLERANCE


def _is_tolerated(value: float, position: int, shape: RowShape, columns: int) -> bool:
    lowest = 0 if position in shape.sides(columns) else -TOLERANCE
    return lowest <= value <= 1 + TOLERANCE


def _box_fits(values: Sequence[float]) -> bool:
    """Whether the box around an outline has its centre and size in range."""
    for numbers in (values[1::2], values[2::2]):
        low, high = min(numbers), max(numbers)
        if not (-TOLERANCE <= (low + high) / 2 <= 1 + TOLERANCE and high - low <= 1 + TOLERANCE):
            return False
    return True


def _near(first: Annotation, second: Annotation, line: int, iou: float) -> str:
    if first.category_id != second.category_id:
        return f"the box of line {line}, as category {second.category_id} and not {first.category_id}"
    return f"shares {iou:.1%} with the box of line {line}, of the same category"
