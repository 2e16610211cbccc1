"""What an import is asked for, what planning finds, and the shards it is cut into."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from shared.features.datasets.models import Rollup
from shared.foundation.errors import AppError, Invalid
from shared.foundation.ids import JobId

FormatName: TypeAlias = Literal["auto", "yolo"]
Uri: TypeAlias = Annotated[str, StringConstraints(min_length=1, max_length=4096)]


class SourceParts(BaseModel):
    """A source given in parts; as yet the only part there can be is the whole `archive`."""

    model_config = ConfigDict(extra="forbid")

    archive: Uri


class ImportRequest(BaseModel):
    """What to import, and how. The source is an address, or an object with the address of its `archive`."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"name": "raccoons", "source": "https://example.org/raccoons.zip", "on_finding": "skip"}]
        },
    )

    source: Uri | SourceParts
    name: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)] | None = None
    format: FormatName = "auto"
    task: Literal["auto", "detect", "segment"] = "auto"
    storage: Literal["objects"] = "objects"
    on_finding: Literal["skip", "fail"] = "skip"
    checksum: Annotated[str, StringConstraints(pattern=r"^sha256:[0-9a-f]{64}$")] | None = None

    @property
    def archive_uri(self) -> str:
        """The address of the archive; an absolute path is a file's."""
        address = self.source if isinstance(self.source, str) else self.source.archive
        return Path(address).as_uri() if address.startswith("/") else address


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


class SourceRef(BaseModel):
    """The bytes the shards read: the source itself, or a staged copy in the object store."""

    model_config = ConfigDict(frozen=True)

    uri: str
    size_bytes: int | None
    etag: str | None
    raw: bool = Field(description="True when members lie bare at their offset, False behind a zip's local header.")


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
    shards: int
    images: int
    bytes: int
    rollup: Rollup = Field(description="Counts of planning; once settled, of the whole import.")
    settled: bool = Field(default=False, description="True when the shards' counts are in `rollup`.")


class Progress(BaseModel):
    """How far an import is. Bytes are those of the archive that hold images and labels."""

    fraction: float = 0.0
    bytes_total: int = 0
    bytes_done: int = 0
    images_total: int = 0
    images_done: int = 0
    annotations: int = 0
    findings: int = 0
    bytes_per_second: int = 0
    eta_seconds: int | None = None


@dataclass(frozen=True, slots=True)
class ShardProgress:
    """What a shard has done so far, or all shards of a job together."""

    images: int = 0
    bytes: int = 0
    annotations: int = 0
    findings: int = 0


@dataclass(frozen=True, slots=True)
class Ledger:
    """The shards of one plan. A job that is planned again gets another generation; the shards of the old one rest."""

    job_id: JobId
    generation: int


@dataclass(frozen=True, slots=True)
class NewShard:
    """A part of an archive that one claimer can transfer on its own. Its members are listed in `manifest_key`."""

    index: int
    manifest_key: str


@dataclass(frozen=True, slots=True)
class ShardLease:
    """A shard in the hands of one claimer, until `token` is outdated."""

    shard_id: str
    job_id: JobId
    index: int
    manifest_key: str
    token: int
    claims: int


@dataclass(frozen=True, slots=True)
class ReportFilter:
    """Which findings a reader wants."""

    severity: str | None = None
    rule: str | None = None
