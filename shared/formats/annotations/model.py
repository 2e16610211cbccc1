"""The values every annotation format is read into, and the shape of a reader. Nothing here knows a format."""

from array import array
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

from shared.formats.findings import Finding

Report = Callable[[Finding], None]


@dataclass(frozen=True, slots=True)
class Category:
    """One class of objects. `id` is the number label rows use; ids count from 0 without gaps."""

    id: int
    name: str


@dataclass(frozen=True, slots=True)
class Annotation:
    """One labelled object, in coordinates normalised to the image and kept as written.

    `type` is "box", "polygon", "obb" or "pose". `bbox` is (x_center, y_center, width, height); that of a polygon or an
    oriented box is derived from `points`. `keypoints` are those of a pose: x, y, and visibility (0 not labelled,
    1 hidden, 2 in sight).
    """

    category_id: int
    type: str
    bbox: tuple[float, float, float, float]
    points: tuple[tuple[float, float], ...] = ()
    keypoints: tuple[tuple[float, float, float], ...] = ()


@dataclass(frozen=True, slots=True)
class Detection:
    """How sure a reader is that a dataset is of its format (0 to 1), and why, in one sentence."""

    confidence: float
    reason: str


@dataclass(frozen=True, slots=True)
class DatasetLayout:
    """Where a dataset's images, labels and splits lie among the members of an archive.

    The three arrays are parallel, in the order of the name table: `image_indexes` ('i') and `label_indexes` ('i', -1
    where there is none) are member indexes, `split_ids` ('b') point into `splits`. A split may hold no image.
    `config_files` are the members that describe the dataset and are kept with it. `keypoint_shape` is the number of
    keypoints of a pose and of the values of each, where the dataset says so.
    """

    name: str
    reason: str
    confidence: float
    config_files: tuple[str, ...]
    categories: tuple[Category, ...]
    splits: tuple[str, ...]
    image_indexes: "array[int]"
    label_indexes: "array[int]"
    split_ids: "array[int]"
    keypoint_shape: tuple[int, int] | None = None

    @property
    def detection(self) -> Detection:
        """The verdict alone, to compare with other readers'."""
        return Detection(self.confidence, self.reason)


class NameTable(Protocol):
    """The names of an archive's members: `/`-separated, relative, without `.` and `..`."""

    def __len__(self) -> int:
        """How many members there are."""
        ...

    def name(self, index: int, /) -> str:
        """The member's name."""
        ...

    def each_name(self) -> Iterator[str]:
        """The names of all members in their order; quicker than asking for one after the other."""
        ...

    def find(self, name: str, /) -> int | None:
        """The index of the member with exactly this name; None where there is none."""
        ...


class AnnotationReader(Protocol):
    """A format's reader. It never does I/O: it says which members it needs, and is given their bytes."""

    def config_members(self) -> tuple[int, ...]:
        """The members whose bytes are needed next; empty when `layout` can be called."""
        ...

    def provide(self, index: int, data: bytes | None) -> None:
        """Take the bytes of a member that was asked for; None where it is too large or cannot be read."""
        ...

    def layout(self, report: Report) -> DatasetLayout:
        """The dataset's layout. Raises `UnrecognisedDataset` or `BrokenConfig`."""
        ...


class UnrecognisedDataset(ValueError):
    """The members are no dataset of the format; `reason` says what was looked for and what was found."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class BrokenConfig(ValueError):
    """The dataset's description `file` cannot be used; `reason` says why, with the line where there is one."""

    def __init__(self, file: str, reason: str) -> None:
        super().__init__(f"{file}: {reason}")
        self.file = file
        self.reason = reason
