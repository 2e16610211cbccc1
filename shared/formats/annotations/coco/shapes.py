"""The shapes of a COCO annotation, from pixels to shares: `bbox` [x, y, width, height], `segmentation`, `keypoints`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from shared.formats.annotations.model import ImageSize
from shared.formats.annotations.pixels import BoundingBox, Pixels, box_around, box_of_corner_and_size, share

_FEWEST_NUMBERS = 6
_PER_KEYPOINT = 3
_BEYOND = 1_000_000_000

Points = tuple[tuple[float, float], ...]


class BadShape(ValueError):
    """The annotation is left out, by this rule."""

    def __init__(self, rule: str, message: str) -> None:
        super().__init__(message)
        self.rule = rule
        self.message = message


@dataclass(frozen=True, slots=True)
class Outlines:
    """The polygons of a segmentation; what there is beyond the first of them is `kept` among the attributes.

    `parts` are further polygons, as shares of the image's sides; `rle` is a mask as it was written.
    """

    polygons: tuple[Points, ...] = ()
    kept: Mapping[str, object] = field(default_factory=dict)


def outlines_of(value: Mapping[str, object], size: ImageSize) -> Outlines:
    """The segmentation of an annotation. Raises BadShape."""
    found = value.get("segmentation")
    if isinstance(found, Mapping):
        return Outlines(kept={"rle": dict(found)})
    if not isinstance(found, list) or not found:
        return Outlines()
    rings = found if isinstance(found[0], list) else [found]
    polygons = tuple(_polygon(ring, size) for ring in rings)
    parts = [[list(point) for point in polygon] for polygon in polygons[1:]]
    return Outlines(polygons, {"parts": parts} if parts else {})


def keypoints_of(value: Mapping[str, object], size: ImageSize) -> tuple[tuple[float, float, float], ...]:
    """The keypoints of an annotation: x and y as shares, and visibility. Raises BadShape."""
    found = value.get("keypoints")
    if not isinstance(found, list) or not found:
        return ()
    numbers = _numbers(found, "keypoints")
    if len(numbers) % _PER_KEYPOINT:
        raise BadShape("ROW_COLUMNS", f"{len(numbers)} numbers are no keypoints: each has x, y and visibility")
    triples = zip(*(numbers[at::_PER_KEYPOINT] for at in range(_PER_KEYPOINT)), strict=True)
    return tuple((share(x, size[0]), share(y, size[1]), float(seen)) for x, y, seen in triples)


def box_of(value: Mapping[str, object], outlines: Outlines, size: ImageSize) -> BoundingBox:
    """The box that is written or, where there is none, the one around the outlines. Raises BadShape."""
    found = value.get("bbox")
    if found is None and outlines.polygons:
        return _around(outlines.polygons)
    if not isinstance(found, list) or len(found) != 4:
        raise BadShape("ROW_COLUMNS", "`bbox` is not [x, y, width, height]")
    left, top, width, height = _numbers(found, "bbox")
    if width < 0 or height < 0:
        raise BadShape("ROW_COORD_RANGE", "the box has a negative width or height")
    return box_of_corner_and_size(left, top, width, height, size)


def _polygon(ring: object, size: ImageSize) -> Points:
    if not isinstance(ring, list) or len(ring) < _FEWEST_NUMBERS or len(ring) % 2:
        raise BadShape("ROW_COLUMNS", "a polygon of `segmentation` is not x1, y1, x2, y2, ... of 3 points or more")
    numbers = _numbers(ring, "segmentation")
    return tuple((share(x, size[0]), share(y, size[1])) for x, y in zip(numbers[::2], numbers[1::2], strict=True))


def _around(polygons: Sequence[Points]) -> BoundingBox:
    return box_around([x for polygon in polygons for x, _ in polygon], [y for polygon in polygons for _, y in polygon])


def _numbers(values: Sequence[object], what: str) -> list[Pixels]:
    numbers: list[Pixels] = []
    for value in values:
        if isinstance(value, bool) or not isinstance(value, int | float | Fraction):
            raise BadShape("ROW_NOT_NUMERIC", f"`{what}` holds {str(value)[:40]!r}, which is not a number")
        if not -_BEYOND < value < _BEYOND:
            raise BadShape("ROW_NAN", f"`{what}` holds a number beyond all images")
        numbers.append(value)
    return numbers
