"""What an export is asked for, what it is, and what can go wrong with it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Literal, Self, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from shared.features.images.models import dataset_prefix
from shared.features.jobs.models import Job, JobState
from shared.formats.annotations.writers.model import Tree, WriteTask
from shared.formats.annotations.writers.registry import WRITE_FORMATS, WriteFormatName
from shared.foundation.errors import Conflict, Invalid, NotFound, Problem
from shared.foundation.ids import DatasetId, JobId, derived_id

LAYOUT = 2
"""Raised when the same options come to give other bytes: an export made before is another export then."""

Text: TypeAlias = Annotated[str, StringConstraints(min_length=1, max_length=1_000)]


class ExportRequest(BaseModel):
    """What to export, and how."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {"format": "yolo", "tree": "ultralytics", "splits": ["train", "val"]},
                {"format": "coco", "version": 1, "categories": ["circle", "square"]},
            ]
        },
    )

    format: WriteFormatName = Field(description="`yolo`, `coco`, `voc`, `kitti`, `csv` or `webdataset`.")
    version: Annotated[int, Field(ge=1)] | None = Field(default=None, description="Left out: the current one.")
    splits: Annotated[list[Text | None], Field(min_length=1, max_length=100)] | None = Field(
        default=None, description="Only these splits, null for images without one; left out: all."
    )
    categories: Annotated[list[Text], Field(min_length=1, max_length=1_000)] | None = Field(
        default=None, description="Names or ids: only their annotations, and images that show any; left out: all."
    )
    task: Literal["auto", "detect", "segment", "pose", "obb", "classify"] = Field(
        default="auto", description="`yolo` only: what rows of labels are to be; `auto`: what the dataset is for."
    )
    tree: Tree | None = Field(default=None, description="`yolo` only: how folders lie; left out: `ultralytics`.")

    @model_validator(mode="after")
    def _fits_the_format(self) -> Self:
        if not WRITE_FORMATS[self.format].has_tasks and (self.task != "auto" or self.tree is not None):
            raise ValueError("task and tree are for the format yolo")
        if self.task == "classify" and self.tree is not None:
            raise ValueError("images in folders by their label have no other tree")
        return self


class ExportOptions(BaseModel):
    """The same once everything is decided: equal options give equal bytes, and are one export."""

    model_config = ConfigDict(frozen=True)

    format: WriteFormatName
    version: int
    splits: tuple[str | None, ...] | None
    categories: tuple[int, ...] | None = Field(description="Ids in the dataset, ascending.")
    task: WriteTask
    tree: Tree
    shard_bytes: int = Field(default=0, description="Size from which a shard is closed; 0 for formats without.")
    layout: int = LAYOUT

    def export_id(self, dataset_id: DatasetId) -> str:
        """The id of the export that these options give."""
        return derived_id("export", dataset_id, self.model_dump_json())


@dataclass(frozen=True, slots=True)
class ExportFile:
    """One file that an export consists of: where it begins among the bytes of all, and its strong validator."""

    name: str
    start: int
    size_bytes: int
    etag: str


@dataclass(frozen=True, slots=True)
class Loss:
    """Something that could not be written as it is: how often, and the first places."""

    rule: str
    count: int
    examples: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Built:
    """What building an export has made. `prefix` is the folder of the object store with its pieces."""

    prefix: str
    files: tuple[ExportFile, ...]
    losses: tuple[Loss, ...]
    images: int


@dataclass(frozen=True, slots=True)
class Export:
    """One export. `built` is None until it can be downloaded; until then its job says how it stands."""

    id: str
    dataset_id: DatasetId
    owner_id: str
    job_id: JobId
    options: ExportOptions
    created_at: datetime
    expires_at: datetime
    built: Built | None


class ExportProgress(BaseModel):
    """How far an export is."""

    images_done: int = 0
    images_total: int = 0

    @property
    def fraction(self) -> float:
        """0 to 1; 1 only when all is done."""
        return round(min(0.999, self.images_done / self.images_total), 4) if self.images_total else 0.0


@dataclass(frozen=True, slots=True)
class ExportStatus:
    """An export and how it stands."""

    export: Export
    state: JobState
    progress: ExportProgress
    error: Problem | None

    @property
    def is_ready(self) -> bool:
        """Whether its files can be downloaded."""
        return self.export.built is not None


def progress_of(job: Job) -> ExportProgress:
    """How far an export's job is."""
    return ExportProgress.model_validate_json(job.progress) if job.progress else ExportProgress()


def export_prefix(dataset_id: DatasetId, export_id: str) -> str:
    """The folder of the object store below which everything of an export lies."""
    return f"{dataset_prefix(dataset_id)}exports/{export_id}/"


def job_prefix(dataset_id: DatasetId, export_id: str, job_id: JobId) -> str:
    """The folder in it for what one job has made."""
    return f"{export_prefix(dataset_id, export_id)}{job_id}/"


class ExportNotFound(NotFound):
    """The dataset has no export of this id, or its time is over."""

    slug, title = "export-not-found", "Export not found"

    def __init__(self, export_id: str) -> None:
        super().__init__(f"No export {export_id!r} of this dataset; it may have expired.", export_id=export_id)


class ExportFileNotFound(NotFound):
    """The export has no file of this number."""

    slug, title = "export-file-not-found", "The export has no such file"


class ExportNotReady(Conflict):
    """The export is still being made, or could not be made."""

    slug, title = "export-not-ready", "The export is not ready"


class ExportNotPossible(Invalid):
    """The format cannot carry what the dataset holds."""

    slug, title = "export-not-possible", "The format cannot carry these annotations"


class NothingToExport(Invalid):
    """No image is in the splits, or shows any of the categories, that were asked for."""

    slug, title = "nothing-to-export", "There is no image to export"
