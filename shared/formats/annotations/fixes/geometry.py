"""Cutting annotations at the image's edges, and turning them as EXIF turns the image."""

from collections.abc import Callable, Mapping, Sequence
from math import nextafter
from types import MappingProxyType

from shared.formats.annotations.model import Annotation
from shared.formats.annotations.pixels import box_around

Point = tuple[float, float]
Bbox = tuple[float, float, float, float]

_FEWEST_POINTS = 3
_PARTS, _MASK = "parts", "rle"

# EXIF 2.32, tag 274: where a point of the image as stored is shown
_SHOWN_AT: Mapping[int, Callable[[float, float], Point]] = MappingProxyType(
    {
        1: lambda x, y: (x, y),
        2: lambda x, y: (1 - x, y),
        3: lambda x, y: (1 - x, 1 - y),
        4: lambda x, y: (x, 1 - y),
        5: lambda x, y: (y, x),
        6: lambda x, y: (1 - y, x),
        7: lambda x, y: (1 - y, 1 - x),
        8: lambda x, y: (y, 1 - x),
    }
)
_BACK = MappingProxyType({6: 8, 8: 6})
_SWAPPED = frozenset({5, 6, 7, 8})


def turned(annotation: Annotation, orientation: int) -> Annotation:
    """The annotation of an image as stored, on the image as its EXIF orientation shows it."""
    if annotation.type == "label" or orientation not in _SHOWN_AT:
        return annotation
    place = _SHOWN_AT[orientation]
    x, y, width, height = annotation.bbox
    sides = (height, width) if orientation in _SWAPPED else (width, height)
    parts = [tuple(place(*point) for point in part) for part in parts_of(annotation)]
    return _with_parts(annotation, parts)._replace(
        bbox=(*place(x, y), *sides),
        points=tuple(place(*point) for point in annotation.points),
        keypoints=tuple((*_turned_keypoint(place, x, y, seen), seen) for x, y, seen in annotation.keypoints),
    )


def can_be_turned(annotation: Annotation) -> bool:
    """Not so a mask: it is kept as it was written, in the pixels of the image as stored."""
    return _MASK not in annotation.attributes


def turned_back(annotation: Annotation, orientation: int) -> Annotation:
    """The inverse of `turned`, up to the rounding of 1 - x."""
    return turned(annotation, _BACK.get(orientation, orientation))


def _turned_keypoint(place: Callable[[float, float], Point], x: float, y: float, seen: float) -> Point:
    """One that is not labelled is written 0 0, wherever the image is turned."""
    return (x, y) if seen == 0 and x == 0 and y == 0 else place(x, y)


def clipped(annotation: Annotation) -> Annotation | None:
    """The part of the annotation that is on the image; None where there is none.

    Every coordinate of what remains, and every corner of a box, is in 0 to 1; what is so already stays as it is.
    """
    if annotation.type == "label":
        return annotation
    if annotation.points:
        return _clipped_outline(annotation)
    bbox = clipped_box(annotation.bbox)
    if bbox is None:
        return None
    keypoints = tuple((_within(x), _within(y), seen) for x, y, seen in annotation.keypoints)
    if bbox == annotation.bbox and keypoints == annotation.keypoints:
        return annotation
    return annotation._replace(bbox=bbox, keypoints=keypoints)


def clipped_box(bbox: Bbox) -> Bbox | None:
    """The box's part on the image; None where it has none."""
    across, down = _clipped_side(bbox[0], bbox[2]), _clipped_side(bbox[1], bbox[3])
    if across is None or down is None:
        return None
    return across[0], down[0], across[1], down[1]


def _clipped_side(centre: float, length: float) -> tuple[float, float] | None:
    """Centre and length of what is between 0 and 1, so that adding them up leads nowhere beyond either."""
    start, end = centre - length / 2, centre + length / 2
    if start >= 0 and end <= 1:
        return centre, length
    start, end = max(start, 0.0), min(end, 1.0)
    if start >= end:
        return None
    centre, length = (start + end) / 2, end - start
    while centre - length / 2 < 0 or centre + length / 2 > 1:
        length = nextafter(length, 0)
    return centre, length


def _clipped_outline(annotation: Annotation) -> Annotation | None:
    """A polygon is cut, with all its parts; an oriented box keeps its four corners, which are moved to the edge."""
    outlines = [annotation.points, *parts_of(annotation)]
    if all(0 <= value <= 1 for outline in outlines for point in outline for value in point):
        return annotation
    if annotation.type != "polygon":
        moved = tuple((_within(x), _within(y)) for x, y in annotation.points)
        return _with_outlines(annotation, [moved] if len(set(moved)) >= _FEWEST_POINTS else [])
    cut = [clipped_polygon(outline) for outline in outlines]
    return _with_outlines(annotation, [outline for outline in cut if len(set(outline)) >= _FEWEST_POINTS])


def _with_outlines(annotation: Annotation, outlines: Sequence[tuple[Point, ...]]) -> Annotation | None:
    """The annotation with these outlines; its box is the one around them, if it was that before, else it is cut too."""
    before = [annotation.points, *parts_of(annotation)]
    is_around = annotation.bbox == _around(before)
    if not outlines:
        return None
    bbox = _around(outlines) if is_around else annotation.bbox
    cut = bbox if is_around else clipped_box(bbox)
    return None if cut is None else _with_parts(annotation, outlines[1:])._replace(points=outlines[0], bbox=cut)


def parts_of(annotation: Annotation) -> list[tuple[Point, ...]]:
    """The further outlines of an annotation of several, which are among its attributes."""
    parts = annotation.attributes.get(_PARTS)
    if not isinstance(parts, Sequence) or isinstance(parts, str):
        return []
    return [tuple((x, y) for x, y in part) for part in parts]


def _with_parts(annotation: Annotation, parts: Sequence[tuple[Point, ...]]) -> Annotation:
    if _PARTS not in annotation.attributes:
        return annotation
    others = {name: value for name, value in annotation.attributes.items() if name != _PARTS}
    kept = {_PARTS: [[list(point) for point in part] for part in parts]} if parts else {}
    return annotation._replace(attributes=others | kept)


def clipped_polygon(points: Sequence[Point]) -> tuple[Point, ...]:
    """The polygon's part on the image: cut at one edge after the other (Sutherland and Hodgman, 1974)."""
    found = list(points)
    for axis in (0, 1):
        for edge, sign in ((0.0, 1), (1.0, -1)):
            found = _cut(found, axis, edge, sign)
    return tuple((_within(x), _within(y)) for x, y in found)


def _cut(points: Sequence[Point], axis: int, edge: float, sign: int) -> list[Point]:
    found: list[Point] = []
    for at, point in enumerate(points):
        before = points[at - 1]
        inside, was_inside = sign * (point[axis] - edge) >= 0, sign * (before[axis] - edge) >= 0
        if inside != was_inside:
            found.append(_crossing(before, point, axis, edge))
        if inside:
            found.append(point)
    return found


def _crossing(one: Point, two: Point, axis: int, edge: float) -> Point:
    part = (edge - one[axis]) / (two[axis] - one[axis])
    other = one[1 - axis] + part * (two[1 - axis] - one[1 - axis])
    return (edge, other) if axis == 0 else (other, edge)


def _around(outlines: Sequence[Sequence[Point]]) -> Bbox:
    """The box around outlines, as readers of labels derive it."""
    return box_around([x for outline in outlines for x, _ in outline], [y for outline in outlines for _, y in outline])


def _within(value: float) -> float:
    return min(1.0, max(0.0, value))
