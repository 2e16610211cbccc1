"""Uploads as callers see them: announce, send, watch, delete. What is whole is imported from above."""

import secrets
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import structlog

from shared.features.auth.models import Actor
from shared.features.jobs.models import IdempotencyConflict
from shared.features.uploads.models import (
    FOLDER,
    Upload,
    UploadNotComplete,
    UploadNotFound,
    UploadRequest,
    UploadState,
    key_of,
)
from shared.features.uploads.repository import UploadRepository
from shared.foundation.clock import utc_now
from shared.foundation.errors import AppError
from shared.foundation.ids import JobId, derived_id, new_id
from shared.foundation.mongo import AlreadyThere, Session
from shared.foundation.settings import EngineSettings
from shared.ports.object_store import ObjectNotFound, ObjectStore
from shared.ports.upload_sessions import Piece, Received, UploadGone, UploadMismatch, UploadSessions

UNNOTICED = timedelta(minutes=2)
"""After so long nobody is going to tell us of an object that has arrived: a sweep looks for it."""

_log = structlog.get_logger(__name__)


class UploadTooLarge(UploadMismatch):
    """The announced size is over the limit."""

    slug, title = "upload-too-large", "The upload is too large"


@dataclass(frozen=True, slots=True)
class UploadService:
    """Everything about uploads but what becomes of them."""

    uploads: UploadRepository
    sessions: UploadSessions
    store: ObjectStore
    engine: EngineSettings

    async def announce(
        self,
        request: UploadRequest,
        actor: Actor,
        *,
        options: str | None,
        correlation_id: str,
        idempotency_key: str | None = None,
    ) -> Upload:
        """Open a session. The same key and request give the same upload, and so the same session.

        Raises UploadTooLarge, IdempotencyConflict, StorageFull, StorageUnavailable.
        """
        if request.size_bytes > self.engine.upload_max_bytes:
            raise UploadTooLarge(f"An uploaded archive may have {self.engine.upload_max_bytes} bytes at most.")
        upload = _new_upload(request, actor, options, correlation_id, idempotency_key, self.engine)
        if earlier := await self._earlier(upload, actor):
            return earlier
        upload = replace(upload, secret=await self.sessions.open(upload.session))
        try:
            await self.uploads.add(upload, due_at=utc_now() + UNNOTICED)
        except AlreadyThere:
            await self.sessions.cancel(upload.session)
            if earlier := await self._earlier(upload, actor):
                return earlier
            raise
        return upload

    async def get(self, upload_id: str, actor: Actor) -> Upload:
        """One upload. Raises UploadNotFound."""
        upload = await self.uploads.get(upload_id, actor)
        if upload is None:
            raise UploadNotFound(upload_id)
        return upload

    async def announced(self, key: str) -> Upload | None:
        """The upload that was said to arrive under this key."""
        upload_id = key.removeprefix(FOLDER).partition("/")[0]
        upload = await self.uploads.load(upload_id)
        return upload if upload is not None and upload.key == key else None

    async def whole(self, upload_id: str, actor: Actor) -> Upload:
        """One upload whose bytes are all there. Raises UploadNotFound, UploadNotComplete."""
        upload = await self.get(upload_id, actor)
        if not upload.is_whole:
            raise UploadNotComplete(f"The upload is {upload.state}.", upload_id=upload_id, state=upload.state)
        return upload

    async def bytes_received(self, upload: Upload) -> int | None:
        """How many bytes are there, where that is known."""
        if upload.is_whole:
            return upload.size_bytes
        return await self.sessions.received(upload.session) if upload.state is UploadState.WAITING else None

    async def of_session(self, upload_id: str, secret: str) -> Upload:
        """The upload whose session is shown to be known. Raises UploadGone for any other, and for what has ended."""
        upload = await self.uploads.load(upload_id)
        if (
            upload is None
            or not upload.secret
            or not secrets.compare_digest(upload.secret.encode(), secret.encode())
            or not (upload.is_whole or upload.state is UploadState.WAITING)
        ):
            raise UploadGone("There is no such upload session, or it has ended.")
        return upload

    async def take(self, upload: Upload, piece: Piece) -> Received:
        """Keep a piece; once all is there, the upload is complete. Raises what UploadIntake.take raises."""
        intake = self.sessions.intake
        if upload.is_whole:
            return Received(upload.size_bytes, upload.crc32c or "")
        if intake is None:
            raise UploadGone("Bytes of this upload go straight to the object store.")
        try:
            received = await intake.take(upload.session, piece)
        except UploadGone:
            if not await self._has_arrived(upload):  # somebody else has sent the last byte, or was killed right after
                raise
            received = Received(upload.size_bytes, "")
        except UploadMismatch as error:
            if await self.sessions.received(upload.session) is None:
                await self.uploads.fail(upload.id, error.to_problem(), due_at=self._kept())
            raise
        if received.is_whole:
            await self.complete(upload, crc32c=received.crc32c or upload.crc32c)
        return received

    async def complete(self, upload: Upload, *, crc32c: str | None) -> bool:
        """All bytes are there; False when that was known, or it has ended otherwise."""
        before, after = UploadState.WAITING, UploadState.COMPLETE
        return await self.uploads.move(upload.id, before, after, due_at=utc_now(), crc32c=crc32c)

    async def adopt(self, upload: Upload) -> Upload:
        """Note an object that arrived without having been announced; the one noted before, if it was."""
        try:
            await self.uploads.add(upload, due_at=utc_now())
        except AlreadyThere:
            return await self.uploads.load(upload.id) or upload
        return upload

    async def fail(self, upload: Upload, error: AppError) -> None:
        """What has arrived cannot be used."""
        _log.warning("upload failed", upload_id=upload.id, slug=error.slug, detail=error.detail)
        await self.uploads.fail(upload.id, error.to_problem(), due_at=self._kept())

    async def imported_by(self, upload: Upload, job_id: JobId) -> None:
        """Its completion has started a job."""
        before, after = UploadState.COMPLETE, UploadState.IMPORTING
        await self.uploads.move(upload.id, before, after, due_at=self._kept(), job_id=job_id)

    async def note_use(self, upload: Upload, job_id: JobId, session: Session) -> None:
        """A job is going to read it. Raises UploadNotComplete when its bytes were removed just now."""
        if not await self.uploads.note_use(upload.id, job_id, session):
            raise UploadNotComplete("The upload has been removed.", upload_id=upload.id)

    async def remove(self, upload: Upload) -> bool:
        """End the session, and remove what has arrived; False when somebody has begun to use it."""
        if not await self.uploads.let_go(upload, due_at=self._kept()):
            return False
        await self.clear(upload)
        return True

    async def clear(self, upload: Upload) -> None:
        """Remove every byte of it. Safe to repeat."""
        await self.sessions.cancel(upload.session)
        await self.store.delete(upload.key)

    async def expire(self, upload: Upload) -> None:
        """Nobody has finished it in time."""
        before, after = UploadState.WAITING, UploadState.EXPIRED
        if await self.uploads.move(upload.id, before, after, due_at=self._kept()):
            _log.info("upload expired", upload_id=upload.id)
            await self.clear(upload)

    async def look(self, upload: Upload) -> bool:
        """Whether a waiting upload has arrived without anybody telling us; then it is complete."""
        return await self._has_arrived(upload) and await self.complete(upload, crc32c=upload.crc32c)

    async def _has_arrived(self, upload: Upload) -> bool:
        try:
            return (await self.store.stat(upload.key)).size_bytes == upload.size_bytes
        except ObjectNotFound:
            return False

    async def _earlier(self, upload: Upload, actor: Actor) -> Upload | None:
        if upload.idempotency_key is None:
            return None
        earlier = await self.uploads.with_idempotency_key(upload.idempotency_key, actor)
        if earlier is not None and _asked(earlier) != _asked(upload):
            raise IdempotencyConflict("This Idempotency-Key was sent before with another request.")
        return earlier

    def _kept(self) -> datetime:
        return utc_now() + timedelta(days=self.engine.uploaded_days)


def dropped(*, bucket: str, generation: str, key: str, size_bytes: int, owner: Actor) -> Upload:
    """The upload that stands for an object which somebody put there without announcing it."""
    now = utc_now()
    return Upload(
        id=derived_id("object", bucket, key, generation),
        owner_id=owner.id,
        name=key.rpartition("/")[2],
        key=key,
        size_bytes=size_bytes,
        crc32c=None,
        sha256=None,
        options="{}",
        state=UploadState.COMPLETE,
        secret="",
        correlation_id=new_id(),
        created_at=now,
        expires_at=now,
    )


def _new_upload(
    request: UploadRequest,
    actor: Actor,
    options: str | None,
    correlation_id: str,
    idempotency_key: str | None,
    engine: EngineSettings,
) -> Upload:
    upload_id, now = new_id(), utc_now()
    return Upload(
        id=upload_id,
        owner_id=actor.id,
        name=request.name,
        key=key_of(upload_id, request.name),
        size_bytes=request.size_bytes,
        crc32c=request.crc32c,
        sha256=request.sha256,
        options=options,
        state=UploadState.WAITING,
        secret="",
        correlation_id=correlation_id,
        created_at=now,
        expires_at=now + timedelta(days=engine.upload_days),
        idempotency_key=idempotency_key,
    )


def _asked(upload: Upload) -> tuple[object, ...]:
    return upload.name, upload.size_bytes, upload.sha256, upload.options
