"""An image as readers see it. Coordinates are normalised to [0, 1], as written in the source."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from pydantic import BaseModel, ConfigDict

from shared.foundation.errors import NotFound
from shared.foundation.ids import DatasetId, ImageId


class Annotation(BaseModel):
    """What is marked in an image: a box (x_center, y_center, width, height), and its outline if it is a polygon."""

    category_id: int
    type: str
    bbox: tuple[float, float, float, float]
    points: list[tuple[float, float]] = []


class NewAnnotation(Protocol):
    """An annotation as a format's reader hands it over."""

    @property
    def category_id(self) -> int:
        """Its category."""

    @property
    def type(self) -> str:
        """`box` or `polygon`."""

    @property
    def bbox(self) -> tuple[float, float, float, float]:
        """Centre, width and height."""

    @property
    def points(self) -> tuple[tuple[float, float], ...]:
        """The outline of a polygon."""


class LabelFile(BaseModel):
    """Where the original label text lies: a byte range of a stored object."""

    path: str
    key: str
    offset: int
    size_bytes: int


class Image(BaseModel):
    """One image of one dataset version. `width` and `height` are None when the header cannot be read."""

    model_config = ConfigDict(frozen=True)

    id: ImageId
    dataset_id: DatasetId
    path: str
    file_name: str
    split: str | None
    width: int | None
    height: int | None
    format: str | None
    orientation: int
    size_bytes: int
    sha256: str
    crc32: int | None
    object_key: str
    label: LabelFile | None
    annotations: list[Annotation]
    findings: int


@dataclass(frozen=True, slots=True)
class NewImage:
    """An image to write: the hot path, so a plain value that nobody validates twice."""

    id: ImageId
    dataset_id: DatasetId
    path: str
    split: str | None
    width: int | None
    height: int | None
    format: str | None
    orientation: int
    size_bytes: int
    sha256: str
    crc32: int | None
    object_key: str
    label: tuple[str, str, int, int] | None
    annotations: Sequence[NewAnnotation]
    findings: int


@dataclass(frozen=True, slots=True)
class ImageFilter:
    """Which images a reader wants."""

    split: str | None = None
    category_id: int | None = None


class ImageNotFound(NotFound):
    """No image of the dataset has this id."""

    slug, title = "image-not-found", "Image not found"

    def __init__(self, image_id: str) -> None:
        super().__init__(f"No image {image_id!r} in this dataset.", image_id=image_id)


class LabelNotFound(NotFound):
    """The image came without a label file."""

    slug, title = "label-not-found", "The image has no label file"


class SplitNotFound(NotFound):
    """No image of the dataset is in a split of this name."""

    slug, title = "split-not-found", "Split not found"

    def __init__(self, split: str) -> None:
        super().__init__(f"No split {split!r} in this dataset.", split=split)


class CategoryNotFound(NotFound):
    """No category of the dataset has this id or name."""

    slug, title = "category-not-found", "Category not found"

    def __init__(self, reference: str) -> None:
        super().__init__(f"No category {reference!r} in this dataset.", category=reference)
