"""KITTI object labels: a row of fifteen values for each object, boxes in pixels, with its place in space where known.

Source: the KITTI object development kit; what is not known has the values that it gives to regions it does not judge.
"""

import re
from collections.abc import Mapping, Sequence

from shared.formats.annotations.model import Category, ImageSize
from shared.formats.annotations.pixels import corners_in_pixels
from shared.formats.annotations.writers.losses import LossLog
from shared.formats.annotations.writers.model import AnnotationToWrite, ImageToWrite, TextFile, WriteOptions, Written
from shared.formats.annotations.writers.naming import Naming, folder_name, stem_of
from shared.formats.annotations.writers.voc import note_categories

_SPACE = re.compile(r"\s")
_FOLDERS = {"train": "training", "test": "testing", "val": "validation"}
_UNKNOWN: Mapping[str, str] = {"truncated": "-1", "occluded": "-1", "alpha": "-10"}
_UNKNOWN_DIMENSIONS, _UNKNOWN_LOCATION, _UNKNOWN_ROTATION = ["-1"] * 3, ["-1000"] * 3, "-10"
_WRITTEN = frozenset((*_UNKNOWN, "dimensions", "location", "rotation_y", "score"))


def kitti_naming(_options: WriteOptions) -> Naming:
    """Where images lie: `image_2` of `training`, `validation` and `testing`."""
    return Naming(lambda split, _category: f"{kitti_folder(split)}image_2/")


def kitti_folder(split: str | None) -> str:
    """The folder of a split, with its closing `/`; none for images without one.

    >>> kitti_folder("train"), kitti_folder(None)
    ('training/', '')
    """
    return "" if split is None else f"{_FOLDERS.get(split) or folder_name(split)}/"


class KittiWriter:
    """Writes a label file for each image that has objects."""

    def __init__(self, options: WriteOptions, losses: LossLog) -> None:
        self._options, self._losses = options, losses
        self._names = {one.id: kitti_name(one) for one in options.categories}
        self._used: set[int] = set()

    def write(self, image: ImageToWrite) -> Written:
        """The image's label file; an empty one says that nothing is in it."""
        if image.attributes:
            self._losses.add("EXPORT_ATTRIBUTES", image.path)
        text = "".join(f"{row}\n" for row in (self._row(one, image) for one in image.annotations) if row)
        stem = stem_of(image.name.rpartition("/")[2])
        return Written(((f"{kitti_folder(image.split)}label_2/{stem}.txt", text.encode()),))

    def finish(self) -> Sequence[TextFile]:
        """No files; what names in labels cannot say is noted."""
        note_categories(self._options.categories, self._names, self._used, self._losses)
        return ()

    def _row(self, annotation: AnnotationToWrite, image: ImageToWrite) -> str | None:
        if annotation.type == "label":
            self._losses.add("EXPORT_LABEL", image.path)
            return None
        if image.size is None:
            self._losses.add("EXPORT_NO_SIZE", image.path)
            return None
        self._note(annotation, image.path)
        self._used.add(annotation.category_id)
        return " ".join([self._names[annotation.category_id], *_values(annotation, image.size)])

    def _note(self, annotation: AnnotationToWrite, path: str) -> None:
        if annotation.points:
            self._losses.add("EXPORT_OUTLINE", path)
        if annotation.keypoints:
            self._losses.add("EXPORT_KEYPOINTS", path)
        if annotation.attributes.keys() - _WRITTEN:
            self._losses.add("EXPORT_ATTRIBUTES", path)


def kitti_name(category: Category) -> str:
    """The category's name as one word.

    >>> kitti_name(Category(0, "traffic light"))
    'traffic_light'
    """
    return _SPACE.sub("_", category.name) or f"class_{category.id}"


def _values(annotation: AnnotationToWrite, size: ImageSize) -> list[str]:
    said = annotation.attributes
    x, y, width, height = annotation.bbox
    values = [_number(said.get(key), unknown) for key, unknown in _UNKNOWN.items()]
    values += corners_in_pixels((x, y, width, height), size)
    values += _three(said.get("dimensions"), _UNKNOWN_DIMENSIONS) + _three(said.get("location"), _UNKNOWN_LOCATION)
    values.append(_number(said.get("rotation_y"), _UNKNOWN_ROTATION))
    return values + ([_number(said["score"], "0")] if "score" in said else [])


def _number(value: object, unknown: str) -> str:
    return repr(value) if isinstance(value, int | float) and not isinstance(value, bool) else unknown


def _three(values: object, unknown: list[str]) -> list[str]:
    if isinstance(values, list | tuple) and len(values) == len(unknown):
        return [_number(value, other) for value, other in zip(values, unknown, strict=True)]
    return list(unknown)
