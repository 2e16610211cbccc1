"""An upload, its states, and what can go wrong with it."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator

from shared.foundation.errors import Conflict, NotFound, Problem
from shared.foundation.ids import JobId
from shared.ports.upload_sessions import UploadSession

FOLDER = "incoming/"
_MOST_NAME_BYTES = 240


class UploadState(StrEnum):
    """Where an upload stands.

    `waiting` for bytes; `complete`: all are there; `importing`: an import was started, which has a state of its own.
    `failed`: what came is not what was announced. A `deleted` one is not shown any more.
    """

    WAITING = "waiting"
    COMPLETE = "complete"
    IMPORTING = "importing"
    EXPIRED = "expired"
    FAILED = "failed"
    DELETED = "deleted"


class UploadRequest(BaseModel):
    """What somebody is about to send."""

    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, StringConstraints(min_length=1, max_length=200)] = Field(description="Name of the file.")
    size_bytes: Annotated[int, Field(ge=1)] = Field(description="Its exact size.")
    crc32c: Annotated[str, StringConstraints(pattern="^[A-Za-z0-9+/]{6}==$")] | None = Field(
        default=None,
        description="Its CRC32C as Cloud Storage writes it: big-endian, in base64. Other bytes are refused.",
    )
    sha256: Annotated[str, StringConstraints(pattern="^[0-9a-f]{64}$")] | None = Field(
        default=None, description="Its SHA-256 in hexadecimal digits; the import fails if it is another."
    )

    @field_validator("name")
    @classmethod
    def _is_a_file_name(cls, name: str) -> str:
        if name in {".", ".."} or "/" in name or "\\" in name or not name.isprintable():
            raise ValueError("give the name of the file alone, without folders and control characters")
        if len(name.encode(errors="surrogatepass")) > _MOST_NAME_BYTES:
            raise ValueError(f"the name is longer than {_MOST_NAME_BYTES} bytes")
        return name


@dataclass(frozen=True, slots=True)
class Upload:
    """One upload. `options` is the JSON of how it is to be imported; None where it is not.

    `jobs` are all imports that read it, `job_id` the one that its completion has started.
    """

    id: str
    owner_id: str
    name: str
    key: str
    size_bytes: int
    crc32c: str | None
    sha256: str | None
    options: str | None
    state: UploadState
    secret: str = field(repr=False)
    correlation_id: str
    created_at: datetime
    expires_at: datetime
    job_id: JobId | None = None
    jobs: tuple[JobId, ...] = ()
    error: Problem | None = None
    idempotency_key: str | None = None

    @property
    def session(self) -> UploadSession:
        """What the port knows it by."""
        return UploadSession(self.id, self.key, self.size_bytes, self.crc32c, self.secret)

    @property
    def is_whole(self) -> bool:
        """Whether all of its bytes are in the object store."""
        return self.state in {UploadState.COMPLETE, UploadState.IMPORTING}


def key_of(upload_id: str, name: str) -> str:
    """Where in the object store an upload arrives."""
    return f"{FOLDER}{upload_id}/{name}"


class UploadNotFound(NotFound):
    """No upload has this id, or it is not yours."""

    slug, title = "upload-not-found", "Upload not found"

    def __init__(self, upload_id: str) -> None:
        super().__init__(f"No upload {upload_id!r} that you may see.", upload_id=upload_id)


class UploadNotComplete(Conflict):
    """Not all of its bytes are there."""

    slug, title = "upload-not-complete", "The upload is not complete"


class UploadInUse(Conflict):
    """A dataset or a running import reads it where it lies."""

    slug, title = "upload-in-use", "The upload is being read"
