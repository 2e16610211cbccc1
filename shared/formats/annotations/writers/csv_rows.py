"""CSV: a row for each annotation, and one for each image without any. Nothing is lost."""

import csv
import io
import json
from collections.abc import Sequence

from shared.formats.annotations.model import Category, ImageSize
from shared.formats.annotations.pixels import corners_in_pixels
from shared.formats.annotations.writers.losses import LossLog
from shared.formats.annotations.writers.model import AnnotationToWrite, ImageToWrite, TextFile, WriteOptions, Written
from shared.formats.annotations.writers.naming import Naming, folder_name
from shared.formats.annotations.writers.yolo import number

COLUMNS = (
    "filename", "split", "width", "height", "class", "class_id", "type", "xmin", "ymin", "xmax", "ymax",
    "x_center", "y_center", "box_width", "box_height", "points", "keypoints", "attributes", "image_attributes",
)  # fmt: skip
"""Corners are pixels, all other coordinates shares of the image's sides; the last four hold JSON."""

_STREAM = "rows"


def csv_naming(_options: WriteOptions) -> Naming:
    """Where images lie: below `images/`, in a folder for each split."""

    def folder(split: str | None, _category: int | None) -> str:
        return "images/" if split is None else f"images/{folder_name(split)}/"

    return Naming(folder, by_stem=False)


class CsvWriter:
    """Adds rows to one file, `annotations.csv`."""

    def __init__(self, options: WriteOptions, losses: LossLog) -> None:
        del losses  # there are none
        self._options = options
        self._positions = options.positions
        self._names = {category.id: category.name for category in options.categories}
        self._used: set[int] = set()

    def write(self, image: ImageToWrite) -> Written:
        """The image's rows."""
        size = [str(side) for side in image.size] if image.size else ["", ""]
        head = [image.name, image.split or "", *size]
        last = _json(dict(image.attributes)) if image.attributes else ""
        rows = [[*head, *self._annotation(one, image), last] for one in image.annotations]
        rows = rows or [[*head, *[""] * (len(COLUMNS) - len(head) - 1), last]]
        self._used |= {one.category_id for one in image.annotations}
        return Written(added=((_STREAM, _lines(rows)),))

    def finish(self) -> Sequence[TextFile]:
        """The file."""
        unused = [category for category in self._options.categories if category.id not in self._used]
        rows = [self._unused(category) for category in unused]
        return [TextFile("annotations.csv", [_lines([COLUMNS]), _STREAM, *([_lines(rows)] if rows else [])])]

    def _unused(self, category: Category) -> list[str]:
        """A row without an image, which says that there is such a category."""
        row = dict.fromkeys(COLUMNS, "") | {"class": category.name, "class_id": str(self._positions[category.id])}
        return list(row.values())

    def _annotation(self, annotation: AnnotationToWrite, image: ImageToWrite) -> list[str]:
        name = self._names[annotation.category_id]
        return [
            name,
            str(self._positions[annotation.category_id]),
            annotation.type,
            *_box(annotation, image.size),
            _json([list(point) for point in annotation.points]) if annotation.points else "",
            _json([list(keypoint) for keypoint in annotation.keypoints]) if annotation.keypoints else "",
            _json(dict(annotation.attributes)) if annotation.attributes else "",
        ]


def _box(annotation: AnnotationToWrite, size: ImageSize | None) -> Sequence[str]:
    """Corners, centre and sides; nothing for what is said of the whole image, which other readers take for a box."""
    if annotation.type == "label":
        return [""] * 8
    return [*_corners(annotation.bbox, size), *map(number, annotation.bbox)]


def _corners(bbox: Sequence[float], size: ImageSize | None) -> Sequence[str]:
    if size is None:
        return [""] * 4
    x, y, width, height = bbox
    return corners_in_pixels((x, y, width, height), size)


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _lines(rows: Sequence[Sequence[str]]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().encode()
