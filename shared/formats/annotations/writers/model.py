"""The values that writers take and give, and the shape of a writer. Nothing here knows a format."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol, TypeAlias

from shared.formats.annotations.model import NO_ATTRIBUTES, Attributes, Category, ImageSize

WriteTask: TypeAlias = Literal["detect", "segment", "pose", "obb", "classify"]
Tree: TypeAlias = Literal["ultralytics", "roboflow", "darknet"]


class AnnotationToWrite(Protocol):
    """An annotation, however it is kept; see `shared.formats.annotations.model.Annotation`."""

    @property
    def category_id(self) -> int:
        """Its category."""

    @property
    def type(self) -> str:
        """`box`, `polygon`, `obb`, `pose` or `label`."""

    @property
    def bbox(self) -> Sequence[float]:
        """Centre, width and height."""

    @property
    def points(self) -> Sequence[Sequence[float]]:
        """The outline, or the corners."""

    @property
    def keypoints(self) -> Sequence[Sequence[float]]:
        """The keypoints of a pose."""

    @property
    def attributes(self) -> Attributes:
        """What else the source says."""


@dataclass(frozen=True, slots=True)
class ImageToWrite:
    """One image: its path in the dataset, the name it gets in the export, and what is said of it.

    `label` is the original label file, byte for byte, where that is to be written instead of the annotations.
    """

    number: int
    path: str
    name: str
    split: str | None
    size: ImageSize | None
    size_bytes: int
    annotations: Sequence[AnnotationToWrite]
    attributes: Attributes
    label: bytes | None = None


@dataclass(frozen=True, slots=True)
class WriteOptions:
    """What an export is asked for, and what is known of its dataset before its images are walked.

    `categories` are those that are written, by their ids in the dataset; `splits` those that have images, None for
    images without one. `notes` are what the source says of the dataset as a whole.
    """

    task: WriteTask
    tree: Tree
    categories: Sequence[Category]
    splits: Sequence[str | None]
    keypoint_shape: tuple[int, int] | None = None
    notes: Attributes = field(default_factory=lambda: NO_ATTRIBUTES)

    @property
    def positions(self) -> Mapping[int, int]:
        """The number of each category in the export: 0, 1, 2 … in the order of their ids."""
        return {category.id: number for number, category in enumerate(self.categories)}


@dataclass(frozen=True, slots=True)
class Written:
    """What an image gives: small files beside it, and what it adds to larger ones, each by the name of its stream."""

    files: Sequence[tuple[str, bytes]] = ()
    added: Sequence[tuple[str, bytes]] = ()


@dataclass(frozen=True, slots=True)
class TextFile:
    """A file of an export: bytes, and the streams (by name) that images have added to, one behind the other."""

    name: str
    parts: Sequence[bytes | str]


class Writer(Protocol):
    """A format's writer. It does no I/O, and holds little: images pass one after the other, in the order of paths."""

    def write(self, image: ImageToWrite) -> Written | None:
        """The files of an image; None where the image itself has to be left out."""
        ...

    def finish(self) -> Sequence[TextFile]:
        """The files about all images; called once, after the last."""
        ...
