"""Uploads, as JSON."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from shared.features.imports.models import ImportOptions
from shared.features.uploads.models import Upload, UploadRequest, UploadState
from shared.foundation.errors import JsonScalar

_ID = "0193a5c1f2b04be0c9d1a7e2"
_JOB = "0193a5c2a1b34be0c9d1a7e2"
_EXAMPLE: dict[str, JsonValue] = {
    "upload_id": _ID,
    "name": "raccoons.zip",
    "size_bytes": 13316813,
    "state": "importing",
    "bytes_received": 13316813,
    "job_id": _JOB,
    "error": None,
    "created_at": "2026-11-21T09:00:00Z",
    "expires_at": "2026-11-28T09:00:00Z",
    "links": {"upload": f"/uploads/archive/{_ID}", "status": f"/datasets/import/{_JOB}/status"},
}


class UploadAnnounced(UploadRequest):
    """An archive that is about to be sent, and how it is to be imported."""

    model_config = ConfigDict(
        extra="forbid",
        populate_by_name=True,
        json_schema_extra={
            "examples": [
                {"name": "raccoons.zip", "size_bytes": 13316813, "import": {"name": "raccoons", "storage": "packed"}}
            ]
        },
    )

    import_: ImportOptions | None = Field(
        default_factory=ImportOptions,
        alias="import",
        description="How it is imported once it is whole, as in `POST /datasets/import` but without source; null:"
        " it is not, but can be a source, `upload://{upload_id}`.",
    )

    @property
    def options(self) -> str | None:
        """The options to keep; None for an upload that is not imported by itself."""
        return self.import_.model_dump_json(exclude_unset=True) if self.import_ is not None else None

    @property
    def request(self) -> UploadRequest:
        """What is about to be sent."""
        return UploadRequest(name=self.name, size_bytes=self.size_bytes, crc32c=self.crc32c, sha256=self.sha256)


class UploadLinks(BaseModel):
    """Where to look next."""

    upload: str
    status: str | None = Field(description="Of the import, once it was started.")


class UploadView(BaseModel):
    """How an upload stands. `error` is a problem document."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    upload_id: str
    name: str
    size_bytes: int
    state: UploadState
    bytes_received: int | None = Field(description="Null where only the sender is told, as by a bucket.")
    job_id: str | None = Field(description="The import that its completion has started.")
    error: dict[str, JsonScalar] | None
    created_at: datetime
    expires_at: datetime = Field(description="When it is given up unless it is whole.")
    links: UploadLinks


class UploadOpened(UploadView):
    """An upload with the address to send it to, which is a secret: whoever knows it may send."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    **_EXAMPLE,
                    "state": "waiting",
                    "bytes_received": 0,
                    "job_id": None,
                    "links": {"upload": f"/uploads/archive/{_ID}", "status": None},
                    "session_url": "https://storage.googleapis.com/upload/storage/v1/b/yard/o?uploadType=resumable&upload_id=…",
                }
            ]
        }
    )

    session_url: str | None = Field(description="Speaks the resumable upload protocol; null once nothing is awaited.")


class StoredUpload(BaseModel):
    """What a session answers when all bytes are there; the first three as a bucket says them."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "name": f"incoming/{_ID}/raccoons.zip",
                    "size": "13316813",
                    "crc32c": "Nks/tw==",
                    "upload_id": _ID,
                    "state": "importing",
                    "job_id": _JOB,
                }
            ]
        }
    )

    name: str
    size: str
    crc32c: str | None
    upload_id: str
    state: UploadState
    job_id: str | None


def upload_view(upload: Upload, received: int | None) -> UploadView:
    """The upload, and how many of its bytes are there."""
    return UploadView(
        upload_id=upload.id,
        name=upload.name,
        size_bytes=upload.size_bytes,
        state=upload.state,
        bytes_received=received,
        job_id=upload.job_id,
        error=upload.error,
        created_at=upload.created_at,
        expires_at=upload.expires_at,
        links=UploadLinks(
            upload=f"/uploads/archive/{upload.id}",
            status=f"/datasets/import/{upload.job_id}/status" if upload.job_id else None,
        ),
    )


def opened_view(upload: Upload, received: int | None, session_url: str | None) -> UploadOpened:
    """The same with its address."""
    return UploadOpened(**upload_view(upload, received).model_dump(), session_url=session_url)


def stored_view(upload: Upload) -> StoredUpload:
    """What is there."""
    return StoredUpload(
        name=upload.key,
        size=str(upload.size_bytes),
        crc32c=upload.crc32c or None,
        upload_id=upload.id,
        state=upload.state,
        job_id=upload.job_id,
    )
