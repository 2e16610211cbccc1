"""The groups settings are made of. Each service composes those it needs; `DATAYARD_` and `__` name them outside.

docs/settings.md lists every one; a test compares them.
"""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from shared.foundation.pixel_limit import MOST_PIXELS


class Group(BaseModel):
    """A frozen group of settings; an unknown name is an error, not a silent default."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class MongoSettings(Group):
    """Where documents live."""

    url: SecretStr = Field(SecretStr("mongodb://127.0.0.1:27017/?replicaSet=rs0"), description="Connection string.")
    database: str = Field("datayard", description="Name of the database.")
    timeout_seconds: float = Field(20.0, gt=0, description="Deadline of one operation, retries included.")


class LocalStore(Group):
    """Objects as files below one folder."""

    backend: Literal["local"] = Field("local", description="Files below one folder.")
    root: Path = Field(Path(".datayard/objects"), description="The folder.")


class MemoryStore(Group):
    """Objects in this process; for tests."""

    backend: Literal["memory"] = Field("memory", description="This process's memory; for tests.")


class CeleryBroker(Group):
    """Celery over Redis or Valkey."""

    backend: Literal["celery"] = Field("celery", description="Celery over Redis or Valkey.")
    broker_url: SecretStr = Field(SecretStr("redis://127.0.0.1:6379/0"), description="Address of the broker.")


class GcsStore(Group):
    """Objects in a bucket of Google Cloud Storage."""

    backend: Literal["gcs"] = Field("gcs", description="A bucket of Google Cloud Storage.")
    bucket: str = Field(description="Name of the bucket.")
    prefix: str = Field("", description="What the names of all objects begin with; empty or ending in a slash.")
    signer: str = Field("", description="Service account that signs addresses of objects; empty: its own identity.")
    connections: int = Field(32, ge=1, le=256, description="Requests in progress at once, per process.")
    endpoint: str | None = Field(None, description="Address of an emulator instead of the service.")


ObjectStoreSettings = Annotated[LocalStore | MemoryStore | GcsStore, Field(discriminator="backend")]


class CloudTasksQueue(Group):
    """Cloud Tasks, which calls the ingest service."""

    backend: Literal["cloud_tasks"] = Field("cloud_tasks", description="A queue of Cloud Tasks.")
    queue: str = Field(description="`projects/P/locations/L/queues/Q`.")
    target: str = Field(description="Address of the ingest service.")
    service_account: str = Field(description="Service account in whose name the queue calls.")
    audience: str = Field("", description="Audience of its tokens; empty for the address of the ingest service.")
    deadline_seconds: float = Field(60.0, ge=15, le=1800, description="Deadline of one call of the ingest service.")
    endpoint: str | None = Field(None, description="Address of an emulator instead of the service.")


QueueSettings = Annotated[CeleryBroker | CloudTasksQueue, Field(discriminator="backend")]


class CeleryLauncher(Group):
    """Celery workers."""

    backend: Literal["celery"] = Field("celery", description="Celery workers.")
    broker_url: SecretStr = Field(SecretStr(""), description="Address of their broker; empty for that of the queue.")


class CloudRunLauncher(Group):
    """Cloud Run Jobs, whose tasks are workers."""

    backend: Literal["cloud_run"] = Field("cloud_run", description="A job of Cloud Run.")
    job: str = Field(description="`projects/P/locations/L/jobs/J`.")
    endpoint: str | None = Field(None, description="Address of an emulator instead of the service.")


LauncherSettings = Annotated[CeleryLauncher | CloudRunLauncher, Field(discriminator="backend")]


class _Decoder(Group):
    """How patient a decoder is."""

    seconds: float = Field(10.0, gt=0, description="Deadline of one image.")
    max_bytes: int = Field(32 * 2**20, gt=0, description="Largest file that is decoded.")
    max_pixels: int = Field(
        40_000_000, gt=0, description="Most pixels that are decoded; each takes up to six bytes of memory."
    )


class PillowDecoder(_Decoder):
    """Images are decoded in processes of their own."""

    backend: Literal["pillow"] = Field("pillow", description="Processes of their own.")
    processes: int = Field(1, ge=1, le=64, description="Processes of each worker that decode images.")


class MemoryDecoder(_Decoder):
    """Images are decoded in this process; for tests."""

    backend: Literal["memory"] = Field("memory", description="This process; for tests.")


DecoderSettings = Annotated[PillowDecoder | MemoryDecoder, Field(discriminator="backend")]


class CallbackSettings(Group):
    """How the queue reaches the ingest service, and proves that it is the queue."""

    url: str = Field("http://127.0.0.1:8001", description="Address of the ingest service.")
    token: SecretStr = Field(SecretStr(""), description="Shared secret of queue and ingest; empty refuses every call.")
    timeout_seconds: float = Field(30.0, gt=0, description="Deadline of one callback.")


class SourceSettings(Group):
    """What may be imported from, and how patiently."""

    allow_private: bool = Field(default=False, description="Allow sources on loopback, private and link-local hosts.")
    allow_files: bool = Field(default=False, description="Allow `file://` sources; for a laptop only.")
    connect_seconds: float = Field(10.0, gt=0, description="Deadline of connecting to a source.")
    read_seconds: float = Field(20.0, gt=0, description="Longest silence of a source while it sends.")
    min_bytes_per_second: int = Field(1024, ge=0, description="Slowest source that is read; 0 for any.")
    attempts: int = Field(4, ge=0, description="Failures in a row that are forgiven, unless bytes come between them.")
    max_connections: int = Field(32, ge=1, description="HTTP requests to sources in progress at once, per process.")
    max_redirects: int = Field(8, ge=0, description="Redirects followed, each checked like the first address.")


class LimitSettings(Group):
    """How much an archive may hold before it is refused."""

    max_members: int = Field(5_000_000, gt=0, description="Members of an archive.")
    max_ratio: float = Field(200.0, gt=1, description="Expansion of a member over 10 MiB.")
    max_total_bytes: int = Field(20 * 2**40, gt=0, description="Expanded size of an archive.")
    max_config_bytes: int = Field(64 * 2**20, gt=0, description="Size of one configuration or list file.")
    max_label_bytes: int = Field(32 * 2**20, gt=0, description="Size of one label file.")
    max_image_bytes: int = Field(4 * 2**30, gt=0, description="Size of one image file.")
    max_image_pixels: int = Field(MOST_PIXELS, gt=0, description="Pixels an image may claim without a finding.")
    max_row_columns: int = Field(20_001, gt=4, description="Columns of one label row.")
    max_image_points: int = Field(200_000, gt=2, description="Polygon points of one image.")
    max_findings_per_step: int = Field(5_000, gt=0, description="Findings of a rule kept per shard; all are counted.")


class EngineSettings(Group):
    """How an import is cut up and watched."""

    claimers: int = Field(2, ge=1, le=1000, description="Workers asked to share one job.")
    shard_bytes: int = Field(16 * 2**20, gt=0, description="Archive bytes of one shard, at least.")
    shard_images: int = Field(2000, gt=0, description="Images of one shard, at most.")
    index_first_bytes: int = Field(
        64 * 2**20, ge=0, description="Image bytes from which labels are read first; 16 times that on a local disk."
    )
    lease_seconds: float = Field(12.0, gt=0, description="Silence after which a claimer is taken for dead.")
    turn_seconds: float = Field(
        1.5, ge=0, description="Work on one job before a waiting one gets the worker; 0: jobs do not share workers."
    )
    max_attempts: int = Field(3, ge=1, description="Tries of a job before it is dead.")
    max_shard_claims: int = Field(50, ge=1, description="Claims of one shard before its job is dead.")
    trash_days: int = Field(30, ge=0, description="Days a deleted dataset is kept before it is purged.")
    leftover_days: float = Field(7.0, ge=0, description="Days the work of a cancelled or dead job is kept.")
    export_days: float = Field(7.0, ge=0, description="Days an export is kept once it is made.")
    upload_days: float = Field(7.0, gt=0, le=7, description="Days after which an upload that is not whole expires.")
    uploaded_days: float = Field(7.0, ge=1, description="Days an uploaded archive is kept after its last import ended.")
    upload_max_bytes: int = Field(5 * 2**40, gt=0, description="Size of one uploaded archive.")
    export_shard_bytes: int = Field(2**30, gt=0, description="Size that the shards of a WebDataset export do not pass.")


class EventSettings(Group):
    """Live streams of events."""

    max_streams: int = Field(40, ge=0, description="Live streams open at once in one process; each holds a connection.")
    pause_seconds: float = Field(0.25, ge=0, description="Time between two bursts of events of one stream, at least.")
    keep_alive_seconds: float = Field(10.0, gt=0, description="Silence of a stream after which it shows that it lives.")


class CheckSettings(Group):
    """Dry runs of imports, each in a process of its own."""

    at_once: int = Field(2, ge=0, description="Dry runs in progress at once in one process of the API.")
    seconds: float = Field(20.0, ge=0, description="Time after which a dry run answers with what it has read by then.")
    open_seconds: float = Field(
        40.0, ge=0, description="More time, for finding out what a source holds, after which a dry run is given up."
    )


class ListenSettings(Group):
    """Where a web service listens."""

    host: str = Field("127.0.0.1", description="Address to listen on.")
    port: int = Field(8000, ge=1, le=65535, description="Port to listen on.")


class LogSettings(Group):
    """How the service logs."""

    level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field("INFO", description="Least severe entry written.")
    format: Literal["json", "console"] = Field("json", description="JSON lines, or text for people.")


class MetricsSettings(Group):
    """Where a worker shows its metrics; the API shows its own at /metrics."""

    port: int = Field(0, ge=0, le=65535, description="Port of a worker's /metrics; 0 shows none.")


class CommonSettings(BaseSettings):
    """What every service needs."""

    model_config = SettingsConfigDict(
        frozen=True, env_prefix="DATAYARD_", env_nested_delimiter="__", env_file=".env", extra="ignore"
    )

    mongo: MongoSettings = MongoSettings()
    object_store: ObjectStoreSettings = LocalStore()
    queue: QueueSettings = CeleryBroker()
    launcher: LauncherSettings = CeleryLauncher()
    sources: SourceSettings = SourceSettings()
    engine: EngineSettings = EngineSettings()
    log: LogSettings = LogSettings()
