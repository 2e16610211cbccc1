"""An image as readers see it. Coordinates are normalised to [0, 1], as written in the source."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import NamedTuple, Protocol

from shared.foundation.errors import Conflict, NotFound
from shared.foundation.ids import DatasetId, ImageId


@dataclass(frozen=True, slots=True)
class Annotation:
    """What is marked in an image: a box (x_center, y_center, width, height), its outline or corners, and its keypoints.

    A keypoint is x, y and visibility. `attributes` are what else the source says of it.
    """

    category_id: int
    type: str
    bbox: Sequence[float]
    points: Sequence[Sequence[float]] = ()
    keypoints: Sequence[Sequence[float]] = ()
    attributes: Mapping[str, object] = field(default_factory=dict)


class NewAnnotation(Protocol):
    """An annotation as a format's reader hands it over."""

    @property
    def category_id(self) -> int:
        """Its category."""

    @property
    def type(self) -> str:
        """`box`, `polygon`, `obb`, `pose` or `label`."""

    @property
    def bbox(self) -> tuple[float, float, float, float]:
        """Centre, width and height."""

    @property
    def points(self) -> tuple[tuple[float, float], ...]:
        """The outline of a polygon, the corners of an oriented box."""

    @property
    def keypoints(self) -> tuple[tuple[float, float, float], ...]:
        """The keypoints of a pose."""

    @property
    def attributes(self) -> Mapping[str, object]:
        """What else the source says of it; the values are those of JSON."""


@dataclass(frozen=True, slots=True)
class PackedMember:
    """Where a file lies in its dataset's archive: its header, how many bytes follow it, and how they are packed.

    `method` is the zip's (APPNOTE 4.4.5); 0 is stored, also for the members of a tar.
    """

    header_offset: int
    compressed_bytes: int
    method: int


def dataset_prefix(dataset_id: DatasetId) -> str:
    """The folder of the object store below which everything of a dataset lies."""
    return f"datasets/{dataset_id}/"


@dataclass(frozen=True, slots=True)
class LabelFile:
    """Where the original label text lies: a byte range of a stored object, or a member of the dataset's archive."""

    path: str
    size_bytes: int
    key: str | None
    offset: int
    member: PackedMember | None
    crc32: int | None = None


@dataclass(frozen=True, slots=True)
class Image:
    """One image of one dataset version. `width` and `height` are None when the header cannot be read.

    Its bytes are the object `object_key`, or `member` of the dataset's archive, or neither while they are on their
    way. `pending` names what is not known yet: `bytes`, `dimensions`, `sha256`. `damaged`: a verification found that
    the archive's bytes are not those that were promised. `valid_from` is the first version that has it so.
    """

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
    sha256: str | None
    crc32: int | None
    object_key: str | None
    member: PackedMember | None
    label: LabelFile | None
    annotations: list[Annotation]
    annotation_count: int
    annotations_key: str | None
    findings: int
    pending: Sequence[str]
    damaged: bool = False
    attributes: Mapping[str, object] = field(default_factory=dict)
    mended_rules: Sequence[str] = ()
    mended_lines: Sequence[int] = ()
    """Lines of the label file that the import left out, and fixes have taken in since."""
    valid_from: int = 1


class ImageName(NamedTuple):
    """What an image is called, and the categories it shows."""

    id: str
    path: str
    split: str | None
    category_ids: Sequence[int]


class MemberPlace(NamedTuple):
    """A PackedMember to write."""

    header_offset: int
    compressed_bytes: int
    method: int


class NewLabel(NamedTuple):
    """A LabelFile to write."""

    path: str
    size_bytes: int
    key: str | None
    offset: int
    member: MemberPlace | None
    crc32: int | None = None


class NewImage(NamedTuple):
    """An image to write: the hot path, so a plain tuple that nobody validates twice."""

    id: ImageId
    dataset_id: DatasetId
    path: str
    split: str | None
    width: int | None
    height: int | None
    format: str | None
    orientation: int
    size_bytes: int
    sha256: str | None
    crc32: int | None
    object_key: str | None
    label: NewLabel | None
    annotations: Sequence[NewAnnotation]
    findings: int
    member: MemberPlace | None = None
    pending: Sequence[str] = ()
    annotations_key: str | None = None
    attributes: Mapping[str, object] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class ImageFilter:
    """Which images a reader wants."""

    split: str | None = None
    category_id: int | None = None


@dataclass(frozen=True, slots=True)
class VersionFilter:
    """Which images of a version are wanted: those in any of `splits` that show any of the categories; None for all."""

    version: int
    splits: Sequence[str | None] | None = None
    category_ids: Sequence[int] | None = None


class ImageNotFound(NotFound):
    """No image of the dataset has this id."""

    slug, title = "image-not-found", "Image not found"

    def __init__(self, image_id: str) -> None:
        super().__init__(f"No image {image_id!r} in this dataset.", image_id=image_id)


class ImagePending(Conflict):
    """The image is known, but its bytes have not arrived yet."""

    slug, title = "image-pending", "The image's bytes are still on their way"

    def __init__(self, image_id: str) -> None:
        super().__init__(f"The bytes of image {image_id!r} are being imported; try again.", image_id=image_id)


class LabelNotFound(NotFound):
    """The image came without a label file."""

    slug, title = "label-not-found", "The image has no label file"


_MOST_NAMED = 20


class SplitNotFound(NotFound):
    """No image of the dataset is in a split of this name."""

    slug, title = "split-not-found", "Split not found"

    def __init__(self, split: str, known: Sequence[str]) -> None:
        super().__init__(f"No split {split!r} in this dataset; {_there_are(known)}.", split=split)


class CategoryNotFound(NotFound):
    """No category of the dataset has this id or name."""

    slug, title = "category-not-found", "Category not found"

    def __init__(self, reference: str, known: Sequence[str]) -> None:
        super().__init__(f"No category {reference!r} in this dataset; {_there_are(known)}.", category=reference)


def _there_are(names: Sequence[str]) -> str:
    """The names in words, the first of many."""
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    return f"there are {', '.join(names[:_MOST_NAMED])}{more}" if names else "there is none"
