"""The values every annotation format is read into, and the shape of a reader. Nothing here knows a format."""

from array import array
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, Protocol, TypeAlias

from shared.formats.findings import Finding

Report = Callable[[Finding], None]
ImageSize: TypeAlias = tuple[int, int]
"""Width and height in pixels."""
LabelTask: TypeAlias = Literal["auto", "detect", "segment", "pose", "obb", "classify"]
Attributes: TypeAlias = Mapping[str, object]
"""What a format says beyond boxes and outlines, by its own names; the values are those of JSON."""

NO_ATTRIBUTES: Attributes = {}
NO_HINTS: Mapping[str, int] = {}
WHOLE_IMAGE = (0.5, 0.5, 1.0, 1.0)
"""The box of an annotation of type "label"."""


@dataclass(frozen=True, slots=True)
class PoseNames:
    """What the keypoints of a category's poses are called, and which of them are joined, as the source counts them."""

    keypoints: tuple[str, ...] = ()
    skeleton: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Category:
    """One class of objects. `id` is the number label rows use; ids count from 0 without gaps.

    `source_id` is what the source calls it where that is neither the id nor the name (the id of a COCO category, a
    WordNet id); `supercategory` is what it is a kind of.
    """

    id: int
    name: str
    source_id: str | None = None
    supercategory: str | None = None
    pose: PoseNames | None = None


# a tuple, as a dataset has millions of them: a frozen dataclass takes five times as long to make
class Annotation(NamedTuple):
    """One labelled object, in coordinates normalised to the image and kept as written.

    `type` is "box", "polygon", "obb", "pose", or "label" for what is said of the image as a whole. `bbox` is (x_center,
    y_center, width, height); that of a polygon or an oriented box is derived from `points`, that of a label is
    `WHOLE_IMAGE`. `keypoints` are those of a pose: x, y, and visibility (0 not labelled, 1 hidden, 2 in sight).
    """

    category_id: int
    type: str
    bbox: tuple[float, float, float, float]
    points: tuple[tuple[float, float], ...] = ()
    keypoints: tuple[tuple[float, float, float], ...] = ()
    attributes: Attributes = NO_ATTRIBUTES


class LabelRows(NamedTuple):
    """What is said of one image, read: rows_read == len(annotations) + rows_left_out. Blank lines are no rows.

    `attributes` are of the image itself. `hints` count what tells something of the dataset only when it is added up.
    `plain_rows` is the number of rows of a file that every trainer keeps as it is; None for any other, or where nobody
    can tell.
    """

    annotations: list[Annotation]
    rows_read: int
    rows_left_out: int
    attributes: Attributes = NO_ATTRIBUTES
    hints: Mapping[str, int] = NO_HINTS
    plain_rows: int | None = None


@dataclass(frozen=True, slots=True)
class RowLimits:
    """What one image's labels may hold: columns of a row, rows that are kept, and points of all outlines together.

    With these rows and points an image's document stays below the 16 MB that a database takes.
    """

    max_columns: int = 20_001
    max_points: int = 200_000
    max_rows: int = 50_000


@dataclass(frozen=True, slots=True)
class LabelContext:
    """What the labels of a dataset are read with, beside their own bytes.

    `category_count` 0 means that any id is accepted. `category_ids` are the ids by the name that labels use. `files`
    are the annotation files of a dataset whose labels came as records. `rows` is the layout's. `single_category`:
    trainers are told to take all ids for one.
    """

    category_count: int
    limits: RowLimits
    category_ids: Mapping[str, int] = field(default_factory=dict)
    task: LabelTask = "auto"
    keypoint_shape: tuple[int, int] | None = None
    files: Sequence[str] = ()
    rows: str = ""
    single_category: bool = False


class LabelReader(Protocol):
    """Reads what is said of one image after the other."""

    def read(self, data: bytes, *, file: str, size: ImageSize | None, report: Report) -> LabelRows:
        """What a label file, or the records of an image, say. Never raises on any `data`.

        `size` is the image's, None while it is not known: then what is given in pixels cannot be read yet.
        """
        ...


@dataclass(frozen=True, slots=True)
class Detection:
    """How sure a reader is that a dataset is of its format (0 to 1), and why, in one sentence."""

    confidence: float
    reason: str


@dataclass(frozen=True, slots=True)
class Choice:
    """One of several datasets that an archive holds: what an import is given as `root` to have it.

    `root` is a folder, "" for the archive itself, or a description where one nearer to the archive's root is in the
    same folder. `description` is the file that describes it, "" for none, `layout` what it looks like.
    """

    root: str
    format: str
    layout: str
    description: str
    reason: str


@dataclass(frozen=True, slots=True)
class DatasetLayout:
    """Where a dataset's images, labels and splits lie among the members of an archive.

    The arrays are parallel, in the order of the name table: `image_indexes` ('i') and `label_indexes` ('i', -1 where
    there is none) are member indexes, `split_ids` ('b', -1 for none) point into `splits`. A split may hold no image.
    Where the path of an image says its category, `category_ids` ('i', -1 for none) holds it; else it is None.
    `config_files` are the members that describe the dataset and are kept with it. `keypoint_shape` is the number of
    keypoints of a pose and of the values of each, where the dataset says so.

    `names_in_labels`: the categories are those that the label files name, so all are read once to learn them.
    `record_members` are files that hold the labels of many images, as records (`AnnotationReader.records`).
    `rows` says how labels are written, to the reader of a format that has several ways. `notes` are what the
    description says of the dataset as a whole, by its own names: whom it is from, under which licence.
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
    format: str = "yolo"
    category_ids: "array[int] | None" = None
    names_in_labels: bool = False
    record_members: tuple[int, ...] = ()
    rows: str = ""
    notes: Attributes = field(default_factory=lambda: NO_ATTRIBUTES)

    @property
    def has_label_files(self) -> bool:
        """Whether an image is expected to have a label file of its own."""
        return self.category_ids is None and not self.record_members

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


class Scan(Protocol):
    """Takes a large file piece by piece."""

    def feed(self, data: bytes) -> None:
        """Take the next piece. Raises `BrokenConfig`."""
        ...

    def close(self) -> None:
        """Note that this was all. Raises `BrokenConfig`."""
        ...


Record: TypeAlias = tuple[int, bytes]
"""A position in a layout's arrays, and what a file says of the image there: one line, for the format's LabelReader."""


class Records(Protocol):
    """Takes a file with the labels of many images piece by piece, and gives what it says of each image."""

    def feed(self, data: bytes) -> list[Record]:
        """Take the next piece; the records that are complete by now."""
        ...

    def close(self) -> list[Record]:
        """Note that this was all; the records that are left."""
        ...


class AnnotationReader(Protocol):
    """A format's reader. It never does I/O: it says which members it needs, and is given their bytes.

    A class that implements it inherits from it, and says only what its format needs.
    """

    def config_members(self) -> tuple[int, ...]:
        """The members whose bytes are needed next; empty when `layout` can be called."""
        return ()

    def provide(self, index: int, data: bytes | None) -> None:
        """Take the bytes of a member that was asked for; None where it is too large or cannot be read."""
        del data
        raise KeyError(index)

    def scan(self, index: int) -> Scan | None:
        """What takes a member that was asked for in pieces, whatever its size; None where it is to be `provide`d.

        A member that cannot be read to its end is `provide`d as None.
        """
        del index
        return None

    def layout(self, report: Report) -> DatasetLayout:
        """The dataset's layout. Raises `UnrecognisedDataset` or `BrokenConfig`."""
        ...

    def choices(self) -> tuple[Choice, ...]:
        """The datasets of this format that there are to choose from, the one that is read first, once it is known."""
        return ()

    def names_in(self, data: bytes) -> Iterator[str]:
        """The categories that a label file names; never raises."""
        del data
        return iter(())

    def categories(self, names: set[str]) -> tuple[Category, ...]:
        """The categories of a dataset whose labels name these: always in the same order."""
        return tuple(Category(number, name) for number, name in enumerate(sorted(names)))

    def records(self, index: int, report: Report) -> Records:
        """What takes one of the layout's `record_members`. Called when the layout is known."""
        del report
        raise KeyError(index)


class UnrecognisedDataset(ValueError):
    """The members are no dataset of the format; `reason` says what was looked for and what was found.

    `rule` is that of the finding this is, where it is one.
    """

    def __init__(self, reason: str, *, rule: str | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.rule = rule


class BrokenConfig(ValueError):
    """The dataset's description `file` cannot be used; `reason` says why, with the `line` where there is one.

    `rule` is that of the finding this is.
    """

    def __init__(self, file: str, reason: str, *, rule: str = "YAML_TYPE", line: int | None = None) -> None:
        self.reason = reason if line is None else f"line {line}: {reason}"
        super().__init__(f"{file}: {self.reason}")
        self.file = file
        self.rule = rule
        self.line = line

    @property
    def finding(self) -> Finding:
        """The same as a finding."""
        return Finding(self.rule, self.file, self.reason, self.line)
