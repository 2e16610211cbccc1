"""What a dataset is, as a document and as a value."""

from dataclasses import dataclass
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


class Category(BaseModel):
    """A category; its id never changes, its name may.

    `source_id` is what the source calls it, where that is neither; `supercategory` is what it is a kind of.
    """

    id: int
    name: str
    source_id: str | None = None
    supercategory: str | None = None


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


class Dataset(BaseModel):
    """One dataset as it was read. Holding one proves that its reader may read it.

    `keypoint_shape` is how many keypoints every pose has, and of how many values, where the source says so.
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
    categories: tuple[Category, ...]
    rollup: Rollup
    access: Access
    tags: tuple[str, ...]
    keypoint_shape: tuple[int, int] | None = None
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


class DatasetNotFound(NotFound):
    """No dataset has this id or slug, or it is not yours."""

    slug, title = "dataset-not-found", "Dataset not found"

    def __init__(self, reference: str) -> None:
        super().__init__(f"No dataset {reference!r} that you may read.", dataset=reference)


class DatasetBusy(Conflict):
    """The dataset is still being imported."""

    slug, title = "dataset-busy", "The dataset is being imported"
