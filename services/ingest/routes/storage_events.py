"""The bucket's events: an object has arrived, which may be an archive to import.

What may pass is answered with 503 and comes again; what will never be understood with 400; everything else with 204,
for what is not ours as well, since whoever delivers would bring it again and again.
"""

from dataclasses import dataclass

import structlog
from fastapi import APIRouter, HTTPException, Request

from services.ingest.cloud_events import FINALIZED, BrokenEvent, StoredObject, read_event, stored_object
from shared.features.imports.uploaded.arrivals import ArrivedObject
from shared.foundation.errors import AppError
from shared.foundation.logging import bind_correlation
from shared.foundation.settings import GcsStore, ObjectStoreSettings
from shared.wiring.container import Container

_MOST_BYTES = 1024 * 1024

router = APIRouter()

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class EventScope:
    """Which objects are ours. `bucket` is None where the store is no bucket, and any name will do."""

    bucket: str | None
    prefix: str

    @classmethod
    def of(cls, settings: ObjectStoreSettings) -> "EventScope":
        """Those of the store."""
        return cls(settings.bucket, settings.prefix) if isinstance(settings, GcsStore) else cls(None, "")

    def arrived(self, stored: StoredObject) -> ArrivedObject | None:
        """What has arrived, by our key; None for what is not ours."""
        if (self.bucket is not None and stored.bucket != self.bucket) or not stored.name.startswith(self.prefix):
            return None
        key = stored.name.removeprefix(self.prefix)
        return ArrivedObject(stored.bucket, key, stored.generation, int(stored.size))


@router.post("/events/storage", status_code=204)
async def storage_event(request: Request) -> None:
    """Start the import of an archive that has arrived; once, however often and in whatever order events come."""
    try:
        event = read_event(request.headers, await _body(request))
        bind_correlation(event.id)
        found = stored_object(event) if event.type == FINALIZED else None
    except BrokenEvent as broken:
        _log.warning("event refused", why=str(broken))
        raise HTTPException(400, f"This is no event that can be read: {broken}.") from None
    scope: EventScope = request.app.state.event_scope
    arrived = scope.arrived(found) if found else None
    if arrived is None:
        _log.info("event ignored", type=event.type, source=event.source)
        return
    await _told(request.app.state.container, arrived)


async def _told(container: Container, arrived: ArrivedObject) -> None:
    try:
        await container.arrivals.arrived(arrived)
    except AppError as error:
        if error.retryable:
            raise
        _log.warning("event led to nothing", key=arrived.key, problem=error.to_problem())


async def _body(request: Request) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > _MOST_BYTES:
            raise BrokenEvent(f"it is larger than {_MOST_BYTES} bytes")
    return bytes(body)
