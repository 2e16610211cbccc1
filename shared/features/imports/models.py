"""What an import is asked for, what planning finds, and the shards it is cut into."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal, Self, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StringConstraints, model_validator

from shared.features.datasets.models import Rollup
from shared.formats.annotations.fixes.table import choose
from shared.formats.annotations.model import LabelTask
from shared.foundation.errors import AppError, Invalid
from shared.foundation.ids import JobId
from shared.foundation.urls import redact
from shared.ports.byte_source import SourceDescription

FormatName: TypeAlias = Literal["auto", "yolo", "coco", "voc", "kitti", "imagefolder", "tiny-imagenet", "csv", "images"]
StorageName: TypeAlias = Literal["objects", "packed"]
Uri: TypeAlias = Annotated[str, StringConstraints(min_length=1, max_length=4096)]


FixesChoice: TypeAlias = Literal["suggested"] | dict[str, str]


def check_fixes(fixes: FixesChoice | None, category_map: dict[int, int]) -> None:
    """Raise ValueError for fixes that cannot be applied to any dataset."""
    if isinstance(fixes, dict):
        choose(fixes, category_map)


PartName: TypeAlias = Literal["archive", "config", "images", "labels"]


class SourceParts(BaseModel):
    """A source by the addresses of its parts: the whole `archive`; or `images`, with `labels` and `config` elsewhere.

    Each is an archive or a directory; `config` may also be the description alone.
    """

    model_config = ConfigDict(extra="forbid")

    archive: Uri | None = None
    config: Uri | None = None
    images: Uri | None = None
    labels: Uri | None = None

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if (self.archive is None) == (self.images is None):
            raise ValueError("give either the archive, or the images with labels and config of their own")
        if self.archive is not None and (self.config is not None or self.labels is not None):
            raise ValueError("the archive is the whole source: labels and config belong to images")
        return self

    @property
    def by_name(self) -> dict[PartName, str]:
        """The addresses that are given, in the order in which parts take precedence."""
        found: dict[PartName, str | None] = {
            "archive": self.archive,
            "config": self.config,
            "images": self.images,
            "labels": self.labels,
        }
        return {name: address for name, address in found.items() if address is not None}


class ImportOptions(BaseModel):
    """How to import, whatever it is."""

    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)] | None = Field(
        default=None, description="Name of the dataset; left out: the file name of the source without its ending."
    )
    format: FormatName = Field(default="auto", description="Annotation format; `auto` finds out.")
    root: Annotated[str, StringConstraints(min_length=1, max_length=1024)] | None = Field(
        default=None,
        description="Of several datasets in the source: the folder, or the description, of the one to import.",
    )
    task: LabelTask = Field(
        default="auto",
        description="What the rows of labels are; `auto`: poses where `kpt_shape` is given, else boxes and polygons.",
    )
    storage: StorageName = Field(
        default="objects", description="`objects`: each image is an object. `packed`: images are ranges of the archive."
    )
    in_place: StrictBool = Field(
        default=False, description="`packed` only: leave the archive where it lies, on our disk or in our store."
    )
    on_finding: Literal["skip", "fail"] = Field(
        default="skip", description="`skip` leaves bad rows and files out; `fail` ends the import at the first error."
    )
    deep: StrictBool = Field(
        default=False, description="Decode every image, which finds damage that headers do not show; takes longer."
    )
    checksum: Annotated[str, StringConstraints(pattern=r"^sha256:[0-9a-f]{64}$")] | None = Field(
        default=None, description="`sha256:` and 64 hexadecimal digits that the archive must have."
    )

    fixes: FixesChoice | None = Field(
        default=None,
        description="`suggested`, or fixes by rule: once version 1 is published as found, a job makes version 2 of it.",
    )
    category_map: dict[int, int] = Field(
        default_factory=dict, description="With `remap` among the fixes: the category of each id without a name."
    )

    @model_validator(mode="after")
    def _fixes_can_be_applied(self) -> Self:
        check_fixes(self.fixes, self.category_map)
        return self

    @model_validator(mode="after")
    def _in_place_is_packed(self) -> Self:
        if self.in_place and self.storage != "packed":
            raise ValueError("in_place needs storage packed: images that become objects are copied")
        return self


class ImportRequest(ImportOptions):
    """What to import, and how. The source is an address, or an object with the addresses of its parts."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {"name": "raccoons", "source": "https://example.org/raccoons.zip", "on_finding": "skip"},
                {
                    "name": "coco",
                    "source": {
                        "images": "https://example.org/train2017.zip",
                        "labels": "https://example.org/labels.tar.gz",
                        "config": "https://example.org/data.yaml",
                    },
                },
            ]
        },
    )

    source: Uri | SourceParts = Field(
        description="An http:, https:, upload: or file: address or an absolute path, or the addresses of the parts."
    )

    @model_validator(mode="after")
    def _parts_are_no_archive(self) -> Self:
        if "archive" not in self.addresses and (self.in_place or self.checksum):
            raise ValueError("in_place and checksum are for one archive, not for images, labels and config")
        return self

    @property
    def addresses(self) -> dict[PartName, str]:
        """The address of the `archive`, or of each part; an absolute path is a file's."""
        given: dict[PartName, str] = {"archive": self.source} if isinstance(self.source, str) else self.source.by_name
        return {name: _address(address) for name, address in given.items()}

    @property
    def shown_source(self) -> str:
        """The addresses, fit to be shown."""
        shown = {name: redact(address) for name, address in self.addresses.items()}
        return shown.get("archive") or ", ".join(f"{name}: {address}" for name, address in shown.items())


def _address(given: str) -> str:
    return Path(given).as_uri() if given.startswith("/") else given


class UnreadableArchive(Invalid):
    """The source is not an archive, or a broken one."""

    slug, title = "unreadable-archive", "The archive cannot be read"


class ArchiveRefused(Invalid):
    """The archive holds more than the limits allow."""

    slug, title = "archive-refused", "The archive exceeds a limit"


class ChecksumMismatch(Invalid):
    """The archive is not the one whose checksum was given."""

    slug, title = "checksum-mismatch", "The archive has another checksum"


class DatasetNotRecognised(Invalid):
    """The archive is fine, but no dataset was found in it."""

    slug, title = "dataset-not-recognised", "No dataset was recognised"


class BadConfiguration(Invalid):
    """The dataset's own description cannot be used."""

    slug, title = "bad-configuration", "The dataset's configuration cannot be used"


class FindingRefused(Invalid):
    """An error was found, and the import was asked to fail on any."""

    slug, title = "finding-refused", "An error was found in the data"


class NothingImported(Invalid):
    """Every image was left out."""

    slug, title = "nothing-imported", "No image could be imported"


class ShardExhausted(AppError):
    """One shard was claimed again and again, and no claimer survived it."""

    slug, title, retryable = "shard-exhausted", "A part of the archive stops every worker", True


class NotInPlace(Invalid):
    """The archive cannot be used where it lies."""

    slug, title = "not-in-place", "The archive cannot be used in place"


class SourceRef(BaseModel):
    """The bytes the shards read: the source itself, or a staged copy in the object store.

    A `tree` has files, of which a shard's manifest names its own. With `parts` it has no address: these lie one behind
    another, each as if it were alone, and what is said of the whole is said of the images' part.
    """

    model_config = ConfigDict(frozen=True)

    uri: str
    size_bytes: int | None
    etag: str | None
    raw: bool = Field(description="True when members lie bare at their offset, False behind a zip's local header.")
    cheap_ranges: bool = Field(default=False, description="True when many small ranges cost next to nothing.")
    tree: bool = False
    start: int = Field(default=0, description="Where it begins, as a part.")
    parts: tuple["SourceRef", ...] = ()

    @property
    def expected(self) -> SourceDescription:
        """What the source said of itself when it was opened; a reader insists on it."""
        return SourceDescription(self.size_bytes, self.etag, accepts_ranges=True)


class Way(StrEnum):
    """In which order an import reads its archive.

    `together`: images and labels together, as they lie. `index-first`: labels first, so that every image can be
    looked at while bytes still move. `in-place`: labels and the first bytes of images; no more is moved.
    """

    TOGETHER = "together"
    INDEX_FIRST = "index-first"
    IN_PLACE = "in-place"


class VersionPlan(BaseModel):
    """What a job that makes a version does: it applies fixes to version `base`, or restores an older one.

    Pairs are those of `CategoryChange`. `takes_rows_in`: label files are read again for rows that were left out.
    """

    model_config = ConfigDict(frozen=True)

    number: int
    base: int
    restores: int | None = None
    moved: tuple[tuple[int, int], ...] = ()
    kept: tuple[tuple[int, int], ...] = ()
    label_ids: tuple[tuple[int, int], ...] | None = None
    takes_rows_in: bool = False


class ImportPlan(BaseModel):
    """What planning found out and the later steps need."""

    model_config = ConfigDict(frozen=True)

    source: SourceRef
    generation: int = Field(description="Fencing token of the planning that counts; its shards are the job's.")
    format: str
    layout: str
    reason: str
    confidence: float
    splits: tuple[str, ...]
    category_count: int
    category_names: tuple[str, ...] = Field(default=(), description="Where labels name their category: all, by id.")
    label_files: bool = Field(default=True, description="Whether an image is expected to have a label file of its own.")
    rows: str = Field(default="", description="How labels are written, where the format has several ways.")
    record_files: tuple[str, ...] = Field(default=(), description="Files that hold the labels of many images.")
    task: LabelTask = Field(default="auto", description="What the rows of labels are.")
    keypoint_shape: tuple[int, int] | None = Field(default=None, description="Keypoints, and the values of each.")
    single_category: bool = Field(default=False, description="Whether trainers are told to take all ids for one.")
    way: Way
    way_reason: str
    part_bytes: int | None = Field(default=None, description="Size of the parts a packed archive is copied in.")
    shards: int
    images: int
    bytes: int
    rollup: Rollup = Field(description="Counts of planning; once settled, of the whole import.")
    version: VersionPlan | None = Field(default=None, description="Of a job that makes a version.")
    settled: bool = Field(default=False, description="True when the shards' counts are in `rollup`.")


class Progress(BaseModel):
    """How far an import is. Bytes are those of the archive that are to be read.

    `images_indexed` can be looked at, with their annotations; `images_done` are complete.
    """

    fraction: float = Field(default=0.0, description="0 to 1; 1 only when all is done.")
    bytes_total: int = Field(default=0, description="Bytes to be read; 0 until the import is planned.")
    bytes_done: int = Field(default=0, description="Bytes read.")
    images_total: int = Field(default=0, description="Images in the source; 0 until the import is planned.")
    images_indexed: int = Field(default=0, description="Images that can be looked at, with their annotations.")
    images_done: int = Field(default=0, description="Images that are complete.")
    annotations: int = Field(default=0, description="Annotations read.")
    findings: int = Field(default=0, description="Things found in the data; the report lists them.")
    bytes_per_second: int = Field(default=0, description="Mean rate since the job was first started.")
    eta_seconds: int | None = Field(default=None, description="Seconds left at that rate; null while nobody knows.")


@dataclass(frozen=True, slots=True)
class ShardProgress:
    """What a shard has done so far, or all shards of a job together."""

    images: int = 0
    bytes: int = 0
    annotations: int = 0
    findings: int = 0
    indexed: int = 0


@dataclass(frozen=True, slots=True)
class Ledger:
    """The shards of one plan. A job that is planned again gets another generation; the shards of the old one rest."""

    job_id: JobId
    generation: int


class ShardState(StrEnum):
    """`open`: nothing is done. `indexed`: its images can be looked at. `done`: its images are complete."""

    OPEN = "open"
    INDEXED = "indexed"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class NewShard:
    """A part of an archive that one claimer can do on its own: `images` entries of a manifest from `first` on.

    `span` are the bytes of the archive that this shard copies as a part of a packed dataset, [start, end). What is
    `divisible` may be cut when its claimer lags behind.
    """

    index: int
    manifest_key: str
    images: int
    first: int = 0
    span: tuple[int, int] | None = None
    divisible: bool = False


@dataclass(frozen=True, slots=True)
class ShardLease:
    """A shard in the hands of one claimer, until `token` is outdated."""

    shard_id: str
    job_id: JobId
    index: int
    manifest_key: str
    token: int
    claims: int
    first: int
    images: int
    span: tuple[int, int] | None


@dataclass(frozen=True, slots=True)
class DoneShard:
    """A shard that was completed: the `images` entries of its manifest from `first` on."""

    manifest_key: str
    first: int
    images: int


@dataclass(frozen=True, slots=True)
class ReportFilter:
    """Which findings a reader wants."""

    severity: str | None = None
    rule: str | None = None
