"""Label files of boxes that there is nothing to say about: most are such, and are told at once, not rule by rule."""

from functools import lru_cache

from shared.formats.annotations.model import Annotation, ImageSize, LabelRows, RowLimits
from shared.formats.annotations.yolo.rows.geometry import TOLERANCE, may_repeat, tiny_sides
from shared.formats.annotations.yolo.rows.shapes import BOX_COLUMNS

_LONGEST = 64 << 10
_MOST_USUAL_IDS = 1_000
_REACH = 1 + TOLERANCE


@lru_cache(maxsize=16)
def usual_ids(category_count: int) -> dict[str, int]:
    """Category ids as they are usually written."""
    return {str(number): number for number in range(min(category_count, _MOST_USUAL_IDS))}


def clean_boxes(data: bytes, *, category_count: int, limits: RowLimits, size: ImageSize | None) -> LabelRows | None:
    """What a file says in which nothing is wrong, odd or empty; None for any other, and for some that are clean.

    `read_label` says the same of it, reports nothing, and calls all its rows plain.
    """
    if len(data) > _LONGEST or b"_" in data or not data.isascii():
        return None
    ids, tiny, annotations = usual_ids(category_count), tiny_sides(size), []
    least_width, least_height = tiny.width, tiny.height
    try:
        for line in data.decode().splitlines():
            name, one, two, three, four = line.split(None, BOX_COLUMNS)
            x, y, width, height = float(one), float(two), float(three), float(four)
            across, down = width / 2, height / 2
            if not (
                least_width <= width <= 1
                and least_height <= height <= 1
                and 0 <= x <= 1
                and 0 <= y <= 1
                and across - TOLERANCE <= x <= _REACH - across
                and down - TOLERANCE <= y <= _REACH - down
            ):
                return None
            annotations.append(Annotation(ids[name], "box", (x, y, width, height)))
    except (ValueError, KeyError):
        return None
    count = len(annotations)
    if not 0 < count <= limits.max_rows or may_repeat(annotations):
        return None
    return LabelRows(annotations, count, 0, plain_rows=count)
