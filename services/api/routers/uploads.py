"""Uploads of large archives: announce one, send it in a session, see how it stands, remove it."""

from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import JSONResponse, Response
from starlette.requests import ClientDisconnect

from services.api.dependencies import Asker, IdempotencyKey, Services
from services.api.resumable import Asked, asked_by, range_of
from services.api.views.uploads import (
    StoredUpload,
    UploadAnnounced,
    UploadOpened,
    UploadView,
    opened_view,
    stored_view,
    upload_view,
)
from shared.features.uploads.models import Upload, UploadState
from shared.ports.upload_sessions import Piece, Received, UploadMismatch
from shared.wiring.container import Container

_INCOMPLETE = 308
_CLIENT_CLOSED = 499

router = APIRouter(prefix="/uploads/archive", tags=["uploads"])

UploadReference = Annotated[str, Path(min_length=1, max_length=64, description="Id of the upload.")]
SessionToken = Annotated[str, Query(min_length=1, max_length=4096, description="The session's secret.")]
_SESSION: dict[int | str, dict[str, Any]] = {
    200: {"model": StoredUpload, "description": "All bytes are there; the import has been started."},
    308: {"description": "Not all bytes are there; `Range` says how many are, from the first on."},
    499: {"description": "The connection broke; what came is kept."},
}


@router.post("", status_code=201)
async def announce_upload(
    body: UploadAnnounced, request: Request, services: Services, asker: Asker, key: IdempotencyKey = None
) -> UploadOpened:
    """Open a session for an archive. Send it to `session_url`; when all of it is there, its import starts."""
    correlation_id: str = request.state.correlation_id
    upload = await services.uploads.announce(
        body.request, asker, options=body.options, correlation_id=correlation_id, idempotency_key=key
    )
    received = await services.uploads.bytes_received(upload)
    return opened_view(upload, received, _session_url(request, services, upload))


@router.get("/{upload_id}")
async def get_upload(upload_id: UploadReference, services: Services, asker: Asker) -> UploadView:
    """How an upload stands."""
    upload = await services.uploads.get(upload_id, asker)
    return upload_view(upload, await services.uploads.bytes_received(upload))


@router.delete("/{upload_id}", status_code=204)
async def delete_upload(upload_id: UploadReference, services: Services, asker: Asker) -> None:
    """End an upload, or remove the archive it has brought; not while an import or a dataset reads it."""
    await services.upload_keeper.delete(await services.uploads.get(upload_id, asker))


@router.put("/{upload_id}/session", response_class=Response, responses=_SESSION)
async def send_piece(upload_id: UploadReference, token: SessionToken, request: Request, services: Services) -> Response:
    """Take the next bytes of an upload, or say how far it is: the protocol of Cloud Storage's resumable uploads."""
    upload = await services.uploads.of_session(upload_id, token)
    try:
        received = await services.uploads.take(upload, _piece(asked_by(request.headers), request, upload))
    except ClientDisconnect:
        return Response(status_code=_CLIENT_CLOSED)
    return await _answer(services, upload, received)


@router.delete("/{upload_id}/session", include_in_schema=False)
async def cancel_session(upload_id: UploadReference, token: SessionToken, services: Services) -> Response:
    """End a session. 499, as Cloud Storage answers."""
    await services.upload_keeper.delete(await services.uploads.of_session(upload_id, token))
    return Response(status_code=_CLIENT_CLOSED)


def _session_url(request: Request, services: Container, upload: Upload) -> str | None:
    """Where to send it: what the store has said, or ourselves, by the name we were called."""
    if upload.state is not UploadState.WAITING:
        return None
    if services.uploads.sessions.intake is None:
        return upload.secret
    return str(request.url_for("send_piece", upload_id=upload.id).include_query_params(token=upload.secret))


def _piece(asked: Asked, request: Request, upload: Upload) -> Piece:
    """What is sent. Raises UploadMismatch when the sender thinks of an upload of another size."""
    if asked.total is not None and asked.total != upload.size_bytes:
        raise UploadMismatch(f"The upload was announced with {upload.size_bytes} bytes, not {asked.total}.")
    if asked.start is None:
        return Piece(0, 0, _nothing(), asked.crc32c)
    return Piece(asked.start, asked.end, request.stream(), asked.crc32c)


async def _answer(services: Container, upload: Upload, received: Received) -> Response:
    if not received.is_whole:
        return Response(status_code=_INCOMPLETE, headers=range_of(received.size_bytes))
    await services.arrivals.finish(upload.id)
    stored = await services.uploads.uploads.load(upload.id) or upload
    return JSONResponse(stored_view(stored).model_dump(mode="json"))


async def _nothing() -> AsyncIterator[bytes]:
    for piece in tuple[bytes, ...]():
        yield piece
