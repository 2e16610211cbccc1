"""`datayard import FILE --upload`: the file goes to the yard, or to its bucket, and is imported from there."""

import hashlib
import json
import time
import uuid
from pathlib import Path

from pydantic import BaseModel

from services.cli.client import Client, Unreachable, path_of
from services.cli.documents import JobStatus, JsonObject, Problem, Progress
from services.cli.failures import CliError, Exit
from services.cli.progress import ProgressView, progress_view
from services.cli.sending import FileSender

_START_SECONDS = 180.0
_FIRST_LOOK_SECONDS, _SLOWEST_LOOK_SECONDS = 0.05, 2.0


class UploadDocument(BaseModel):
    """An upload, as far as it matters here."""

    upload_id: str
    state: str
    session_url: str | None = None
    job_id: str | None = None
    error: Problem | None = None


class UploadPaused(CliError):
    """Ctrl-C while sending."""


def upload_file(client: Client, path: Path, options: JsonObject, *, notes: bool) -> JsonObject:
    """Send a file and wait until its import is queued; what the start of an import answers, and the `upload_id`.

    The same file with the same options goes on where an earlier call was cut off. Raises CliError.
    """
    upload = _announce(client, path, options)
    began = time.monotonic()
    with progress_view(path.name, notes=notes) as view:
        size = path.stat().st_size
        try:
            FileSender(path, upload.session_url or "", lambda done: _show(view, done, size, began)).send()
        except KeyboardInterrupt:
            raise UploadPaused(
                "The upload rests. The same command goes on with it.", exit_code=Exit.INTERRUPTED
            ) from None
    job_id = _job_of(client, upload.upload_id)
    status = client.get(path_of("datasets", "import", job_id, "status"))
    started = {name: status[name] for name in ("job_id", "dataset_id", "state", "links")}
    return {**started, "upload_id": upload.upload_id}


def _announce(client: Client, path: Path, options: JsonObject) -> UploadDocument:
    """The session of an earlier call for this very file, as long as it takes bytes; else a new one."""
    found = path.stat()
    body: JsonObject = {"name": path.name, "size_bytes": found.st_size, "import": options}
    about = json.dumps([str(path.resolve()), found.st_mtime_ns, body], sort_keys=True)
    key = f"cli-{hashlib.sha256(about.encode()).hexdigest()}"
    upload = UploadDocument.model_validate(_post(client, body, key))
    if upload.session_url is None:
        upload = UploadDocument.model_validate(_post(client, body, uuid.uuid4().hex))
    return upload


def _post(client: Client, body: JsonObject, key: str) -> JsonObject:
    try:
        return client.post("/uploads/archive", body, idempotency_key=key)
    except Unreachable:
        time.sleep(0.2)
        return client.post("/uploads/archive", body, idempotency_key=key)


def _show(view: ProgressView, done: int, total: int, began: float) -> None:
    rate = done / max(time.monotonic() - began, 0.001)
    left = (total - done) / rate if rate else None
    progress = Progress(
        fraction=done / total, bytes_total=total, bytes_done=done, bytes_per_second=rate, eta_seconds=left
    )
    view.show(JobStatus(job_id="", kind="upload", state="running", phase="upload", progress=progress))


def _job_of(client: Client, upload_id: str) -> str:
    """The import of an upload that is whole; a bucket's event may take a moment to start it."""
    until, pause = time.monotonic() + _START_SECONDS, _FIRST_LOOK_SECONDS
    while time.monotonic() < until:
        try:
            upload = UploadDocument.model_validate(client.get(path_of("uploads", "archive", upload_id)))
        except Unreachable:  # it may be starting again; the file is there
            time.sleep(_SLOWEST_LOOK_SECONDS)
            continue
        if upload.job_id is not None:
            return upload.job_id
        if upload.state not in {"waiting", "complete"}:
            why = f" {upload.error.text()}" if upload.error else ""
            raise CliError(f"The upload is {upload.state}.{why}")
        time.sleep(pause)
        pause = min(pause * 1.5, _SLOWEST_LOOK_SECONDS)
    raise CliError(
        f"The file is there, but its import has not been started yet: see {client.url}/uploads/archive/{upload_id}"
    )
