"""What a dataset is, as a document and as a value."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, SkipValidation

from shared.features.sharing.access import Access
from shared.foundation.errors import Conflict, NotFound
from shared.foundation.ids import DatasetId, JobId

Task: TypeAlias = Literal["detect", "segment", "pose", "obb", "classify"]


class DatasetState(StrEnum):
    """`importing`: filling up. `ready`: published. `discarded`: its import failed or was cancelled, so it is hidden."""

    IMPORTING = "importing"
    READY = "ready"
    DISCARDED = "discarded"


class PoseNames(BaseModel):
    """What the keypoints of a category's poses are called, and which of them are joined, as the source counts them."""

    keypoints: tuple[str, ...] = ()
    skeleton: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True)  # a dataset may have a hundred thousand: models take four times the memory
class Category:
    """A category; its id never changes, its name may.

    `source_id` is what the source calls it, where that is neither; `supercategory` is what it is a kind of.
    """

    id: int
    name: str
    source_id: str | None = None
    supercategory: str | None = None
    pose: PoseNames | None = None


class Rollup(BaseModel):
    """The counters behind the statistics, as rows of `[*key, count]`."""

    # a thousand rows, read with every dataset: we wrote them ourselves
    rows: Annotated[list[list[str | int]], SkipValidation] = []


class ArchiveRef(BaseModel):
    """The archive that holds a packed dataset's files. `uri` is for our own use and may name a path of this machine.

    A dataset used in place keeps the manifests of its shards, of which `generation` of its plan counts.
    """

    model_config = ConfigDict(frozen=True)

    uri: str
    size_bytes: int | None
    etag: str | None
    raw: bool
    generation: int | None = None


class Draft(BaseModel):
    """A version that a job is making. Readers do not see it."""

    model_config = ConfigDict(frozen=True)

    number: int
    job_id: JobId


class Dataset(BaseModel):
    """One dataset as it was read, at the published version or an older one. Holding one proves that its reader may
    read it.

    `newest_version` is the highest number that a version was ever begun with, published or not. `keypoint_shape` is how
    many keypoints every pose has, and of how many values, where the source says so. `notes` are what the source's
    description says of the whole, by its own names, such as `info`, `licenses` or `roboflow`; lists leave them out.
    `license` is the one that they name.
    """

    model_config = ConfigDict(frozen=True)

    id: DatasetId
    slug: str
    name: str
    description: str
    state: DatasetState
    task: Task | None
    format: str | None
    layout: str | None
    source: str
    storage: str
    archive: ArchiveRef | None = None
    version: int
    newest_version: int = 1
    draft: Draft | None = None
    categories: tuple[Category, ...]
    rollup: Rollup
    access: Access
    tags: tuple[str, ...]
    keypoint_shape: tuple[int, int] | None = None
    license: str | None = None
    notes: dict[str, object] = {}
    import_job_id: JobId
    created_at: datetime
    updated_at: datetime
    deleted_at: datetime | None

    @property
    def category_names(self) -> dict[int, str]:
        """Names by category id."""
        return {category.id: category.name for category in self.categories}


@dataclass(frozen=True, slots=True)
class DatasetDescription:
    """What planning an import finds out about its dataset."""

    format: str
    layout: str
    categories: tuple[Category, ...]
    archive: ArchiveRef | None
    keypoint_shape: tuple[int, int] | None = None
    notes: Mapping[str, object] = field(default_factory=dict)


VersionKind: TypeAlias = Literal["import", "fixes", "rollback"]


class VersionCounts(BaseModel):
    """What a version changed. `mended` counts by rule what was done for it, `remaining` what is still found."""

    images_changed: int = 0
    annotations_changed: int = 0
    annotations_dropped: int = 0
    annotations_added: int = 0
    mended: dict[str, int] = {}
    remaining: dict[str, int] = {}


class Version(BaseModel):
    """One published version of a dataset, as its history has it.

    `fixes` are those that made it, by rule, `category_map` what went with them; `restored` is the version that a
    rollback brought back. `label_ids` are the ids of label files with the categories they mean, where these are not
    the same. `rollup` is empty in lists.
    """

    model_config = ConfigDict(frozen=True)

    dataset_id: DatasetId
    number: int
    kind: VersionKind
    parent: int | None
    created_at: datetime
    job_id: JobId
    note: str = ""
    fixes: dict[str, str] = {}
    category_map: list[tuple[int, int]] = []
    restored: int | None = None
    counts: VersionCounts = VersionCounts()
    task: Task | None
    categories: tuple[Category, ...]
    label_ids: list[tuple[int, int]] | None = None
    rollup: Rollup


class VersionNotFound(NotFound):
    """The dataset has no published version of this number."""

    slug, title = "version-not-found", "Version not found"

    def __init__(self, number: int, newest: int) -> None:
        super().__init__(f"No version {number} of this dataset; the newest is {newest}.", version=number)


class VersionBusy(Conflict):
    """Another version of the dataset is being made."""

    slug, title = "version-busy", "A version of the dataset is being made"

    def __init__(self, job_id: str) -> None:
        super().__init__(f"Wait for the job {job_id}, or cancel it.", job_id=job_id)


class DatasetNotFound(NotFound):
    """No dataset has this id or slug, or it is not yours."""

    slug, title = "dataset-not-found", "Dataset not found"

    def __init__(self, reference: str) -> None:
        super().__init__(f"No dataset {reference!r} that you may read.", dataset=reference)


class DatasetBusy(Conflict):
    """The dataset is still being imported."""

    slug, title = "dataset-busy", "The dataset is being imported"
