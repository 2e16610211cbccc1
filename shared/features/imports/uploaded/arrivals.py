"""An archive has arrived: the import that follows, once however often we are told."""

from dataclasses import dataclass

import structlog

from shared.features.auth.models import Actor
from shared.features.imports.models import ImportOptions, ImportRequest
from shared.features.imports.service import ARCHIVE_ENDINGS, ImportService
from shared.features.imports.sources.addresses import UPLOAD_SCHEME
from shared.features.uploads.models import FOLDER, Upload, UploadState
from shared.features.uploads.service import UploadService, dropped
from shared.foundation.errors import AppError
from shared.ports.object_store import ObjectNotFound
from shared.ports.upload_sessions import UploadMismatch

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class ArrivedObject:
    """An object that the store says is there: a key may get another object later, of another generation."""

    bucket: str
    key: str
    generation: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Arrivals:
    """Starts the imports of what has arrived. `owner` gets what was put into the store without a word."""

    uploads: UploadService
    imports: ImportService
    owner: Actor

    async def begin_import(self, upload: Upload) -> None:
        """Start the import of a complete upload, unless it was started before or none is wanted.

        Killed in between and called again, by whoever, it starts no second one: the upload's id is the key.
        """
        if upload.state is not UploadState.COMPLETE or upload.options is None:
            return
        owner = Actor(upload.owner_id)
        try:
            job = await self.imports.start(
                request_of(upload), owner, correlation_id=upload.correlation_id, idempotency_key=f"upload:{upload.id}"
            )
        except AppError as error:
            if error.retryable:
                raise
            await self.uploads.fail(upload, error)
            return
        await self.uploads.imported_by(upload, job.id)
        _log.info("import of an upload started", upload_id=upload.id, job_id=job.id)

    async def finish(self, upload_id: str) -> None:
        """The same, of an upload that was found to be complete just now."""
        upload = await self.uploads.uploads.load(upload_id)
        if upload is not None:
            await self.begin_import(upload)

    async def arrived(self, found: ArrivedObject) -> None:
        """The store has a new object. What is no archive of an upload, and none that could be imported, is ignored."""
        if not found.key.startswith(FOLDER):
            _ignored(found, "it is elsewhere")
            return
        announced = await self.uploads.announced(found.key)
        if announced is not None:
            await self._announced(announced, found)
        elif why := _no_archive(found):
            _ignored(found, why)
        elif await self._is_there(found):
            await self._dropped(found)

    async def _announced(self, upload: Upload, found: ArrivedObject) -> None:
        if upload.state is UploadState.WAITING and found.size_bytes != upload.size_bytes:
            said = f"{upload.size_bytes} bytes were announced, {found.size_bytes} have arrived."
            await self.uploads.fail(upload, UploadMismatch(said))
        elif upload.state is UploadState.WAITING:
            await self.uploads.complete(upload, crc32c=upload.crc32c)
        elif upload.state in {UploadState.EXPIRED, UploadState.DELETED}:
            await self.uploads.clear(upload)
        await self.finish(upload.id)

    async def _dropped(self, found: ArrivedObject) -> None:
        upload = dropped(
            bucket=found.bucket,
            generation=found.generation,
            key=found.key,
            size_bytes=found.size_bytes,
            owner=self.owner,
        )
        await self.begin_import(await self.uploads.adopt(upload))

    async def _is_there(self, found: ArrivedObject) -> bool:
        """Whether it has not been replaced or removed since: then there is, or was, another event."""
        try:
            stat = await self.uploads.store.stat(found.key)
        except (ObjectNotFound, ValueError):
            _ignored(found, "it is not there any more, or has no name of ours")
            return False
        if stat.size_bytes != found.size_bytes:
            _ignored(found, "it has been replaced")
            return False
        return True


def request_of(upload: Upload) -> ImportRequest:
    """What an upload is imported with."""
    options = ImportOptions.model_validate_json(upload.options or "{}").model_dump(exclude_unset=True)
    checksum = {"checksum": f"sha256:{upload.sha256}"} if upload.sha256 and not options.get("checksum") else {}
    return ImportRequest.model_validate({**options, **checksum, "source": f"{UPLOAD_SCHEME}{upload.id}"})


def _no_archive(found: ArrivedObject) -> str | None:
    if found.key.endswith("/") or not found.size_bytes:
        return "it stands for a folder, or is empty"
    if not found.key.lower().endswith(ARCHIVE_ENDINGS):
        return "its name is not that of an archive"
    return None


def _ignored(found: ArrivedObject, why: str) -> None:
    _log.info("object ignored", key=found.key, generation=found.generation, why=why)
