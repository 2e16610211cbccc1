"""What is odd about boxes and outlines that were kept: beyond the image, too small, twice there, crossing themselves.

All of it takes time that grows little faster than the number of rows: where comparing would not, it ends early.
"""

from array import array
from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from math import ulp

from shared.formats.annotations.model import Annotation, ImageSize

TOLERANCE = 0.01
"""How far a coordinate or a corner may leave the image without being wrong."""
SAME_IOU = 0.95
FEWEST_PIXELS = 2.0
TRAINED_SIDE = 640
MOST_COMPARISONS = 16
"""Boxes that a box is compared with, on average over a file of many."""
MOST_CROSSINGS = 20_000
"""Pairs of edges that are looked at in the outlines of one file."""

_FEW = 200
_STRIPS_PER_BOX = 4
_SHIFT = 1 / SAME_IOU - 1
_LEAST_SHIFT = 1e-6

Point = tuple[float, float]
Bbox = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class TinySides:
    """The shares of an image's sides below which an object is tiny: none but nothing where its size is not known."""

    width: float = ulp(0.0)
    height: float = ulp(0.0)


@lru_cache(maxsize=1024)
def tiny_sides(size: ImageSize | None) -> TinySides:
    """Less than two pixels of the image, or than one when it is scaled to the side that trainers take by default."""
    if size is None or not all(size):
        return TinySides()
    pixels = max(FEWEST_PIXELS, max(size) / TRAINED_SIDE)
    return TinySides(pixels / size[0], pixels / size[1])


def box_leaves_image(bbox: Bbox) -> bool:
    """Whether a corner of the box is outside by more than `TOLERANCE`."""
    x, y, across, down = bbox[0], bbox[1], bbox[2] / 2, bbox[3] / 2
    reach = 1 + TOLERANCE
    return not (across - TOLERANCE <= x <= reach - across and down - TOLERANCE <= y <= reach - down)


def point_outside(points: Sequence[Point]) -> int | None:
    """The number of the first point that is outside by more than `TOLERANCE`."""
    reach = 1 + TOLERANCE
    found = (at for at, point in enumerate(points) if not (min(point) >= -TOLERANCE and max(point) <= reach))
    return next(found, None)


# -- rows that are there twice


def may_repeat(annotations: Sequence[Annotation]) -> bool:
    """Whether any two boxes have nearly the same centre and size; if none have, there is none twice."""
    if len(annotations) > _FEW:
        return True
    boxes, reach = sorted([found.bbox for found in annotations]), -1.0
    for at, (x, _, width, _) in enumerate(boxes):
        if x <= reach and _is_close_behind(boxes, at, reach):
            return True
        reach = x + _SHIFT * width + _LEAST_SHIFT
    return False


def _is_close_behind(boxes: Sequence[Bbox], at: int, reach: float) -> bool:
    """Whether a box from `at` on, whose centre is not beyond `reach`, nearly is the one before `at`."""
    _, y, width, height = boxes[at - 1]
    for other in range(at, len(boxes)):
        across, down, wide, high = boxes[other]
        if across > reach:
            return False
        if (
            abs(down - y) <= _SHIFT * height + _LEAST_SHIFT
            and abs(wide - width) <= _SHIFT * width + _LEAST_SHIFT
            and abs(high - height) <= _SHIFT * height + _LEAST_SHIFT
        ):
            return True
    return False


def repeated(annotations: Sequence[Annotation]) -> dict[int, int]:
    """Rows that say what an earlier one says, as exactly as trainers keep numbers: by position, the earlier one's.

    Two rows differ where any number of them differs as a float32.
    """
    seen: dict[tuple[float, ...], int] = {}
    found: dict[int, int] = {}
    for at, annotation in enumerate(annotations):
        first = seen.setdefault(_exactly(annotation), at)
        if first != at:
            found[at] = first
    return found


def _exactly(annotation: Annotation) -> tuple[float, ...]:
    numbers = array("f", (annotation.category_id, *annotation.bbox))
    for point in (*annotation.points, *annotation.keypoints):
        numbers.extend(point)
    return tuple(numbers)


def nearly_repeated(annotations: Sequence[Annotation], but: Container[int] = ()) -> dict[int, tuple[int, float]]:
    """Rows whose box nearly is an earlier one's: the earlier position, and how much of both they share.

    Of one category, those that share more than `SAME_IOU`; of two, those that are the same. Positions in `but` are not
    looked at.
    """
    found: dict[int, tuple[int, float]] = {}
    positions = [at for at in range(len(annotations)) if at not in but]
    for one, two, iou in _alike([annotations[at].bbox for at in positions]):
        first, second = positions[min(one, two)], positions[max(one, two)]
        same = annotations[first].category_id == annotations[second].category_id
        if (same or annotations[first].bbox == annotations[second].bbox) and second not in found:
            found[second] = first, iou
    return found


def _alike(boxes: Sequence[Bbox]) -> Iterator[tuple[int, int, float]]:
    """Pairs of boxes that share more than `SAME_IOU`: they are sought among those with nearly the same centre.

    The boxes are gone through from left to right, in strips where there are many.
    """
    budget = max(MOST_COMPARISONS * len(boxes), _FEW * _FEW)
    for strip in _strips(boxes):
        for place, at in enumerate(strip):
            x, _, width, _ = boxes[at]
            reach = x + _SHIFT * width + _LEAST_SHIFT
            for other in range(place + 1, len(strip)):
                if boxes[strip[other]][0] > reach:
                    break
                budget -= 1
                if (iou := _shared(boxes[at], boxes[strip[other]])) > SAME_IOU:
                    yield at, strip[other], iou
            if budget < 0:
                return


def _strips(boxes: Sequence[Bbox]) -> Iterator[list[int]]:
    """Positions from left to right; of many boxes, those in turn whose centres are nearly on one height.

    A box at the edge of a strip is in both.
    """
    if len(boxes) <= _FEW:
        yield sorted(range(len(boxes)), key=[box[0] for box in boxes].__getitem__)
        return
    strips: dict[tuple[int, int], list[int]] = {}
    for at, (_, y, _, height) in enumerate(boxes):
        for level in {_level(height * SAME_IOU), _level(height), _level(height / SAME_IOU)}:
            high, shift = 2.0**level / _STRIPS_PER_BOX, _SHIFT * height
            for number in {int((y - shift) // high), int((y + shift) // high)}:
                strips.setdefault((level, number), []).append(at)
    for strip in strips.values():
        strip.sort(key=lambda at: boxes[at][0])
        yield strip


def _level(height: float) -> int:
    """The power of two that the height is rounded up to; heights of nothing have one too."""
    level = -20
    while 2.0**level < height and level < 1:
        level += 1
    return level


def _shared(one: Bbox, two: Bbox) -> float:
    """The share of both boxes together that is common to them."""
    across = min(one[0] + one[2] / 2, two[0] + two[2] / 2) - max(one[0] - one[2] / 2, two[0] - two[2] / 2)
    down = min(one[1] + one[3] / 2, two[1] + two[3] / 2) - max(one[1] - one[3] / 2, two[1] - two[3] / 2)
    if across <= 0 or down <= 0:
        return 0.0
    common = across * down
    return common / (one[2] * one[3] + two[2] * two[3] - common)


# -- outlines


@dataclass(slots=True)
class Outlines:
    """Looks at the outlines of one file: `MOST_CROSSINGS` pairs of edges, then no more."""

    left: int = MOST_CROSSINGS

    def crosses_itself(self, points: Sequence[Point]) -> bool:
        """Whether two edges cross, as far as there is time to look; edges that only touch do not."""
        corners = [point for point, following in pairwise((*points, points[0])) if point != following]
        count = len(corners)
        if count < 4:
            return False
        edges = sorted(
            (min(start[0], end[0]), max(start[0], end[0]), at, start, end)
            for at, (start, end) in enumerate(pairwise((*corners, corners[0])))
        )
        for place, (_, right, one, start, end) in enumerate(edges):
            for other in range(place + 1, count):
                left, _, two, begin, close = edges[other]
                if left > right:
                    break
                self.left -= 1
                if abs(one - two) not in (1, count - 1) and _cross(start, end, begin, close):
                    return True
            if self.left < 0:
                return False
        return False


def _cross(one: Point, two: Point, three: Point, four: Point) -> bool:
    return _side(one, two, three) * _side(one, two, four) < 0 and _side(three, four, one) * _side(three, four, two) < 0


def _side(start: Point, end: Point, point: Point) -> float:
    return (end[0] - start[0]) * (point[1] - start[1]) - (end[1] - start[1]) * (point[0] - start[0])


def is_right_angled(points: Sequence[Point], size: ImageSize) -> bool:
    """Whether four points are a rectangle on the image: diagonals of one middle and one length, within two pixels."""
    (ax, ay), (bx, by), (cx, cy), (dx, dy) = ((x * size[0], y * size[1]) for x, y in points)
    middle = abs(ax + cx - bx - dx) <= 2 and abs(ay + cy - by - dy) <= 2
    one, two = ((ax - cx) ** 2 + (ay - cy) ** 2) ** 0.5, ((bx - dx) ** 2 + (by - dy) ** 2) ** 0.5
    return middle and abs(one - two) <= 2 and min(one, two) > FEWEST_PIXELS
