"""The live events of an import: GET …/events as server-sent events, …/ws as a WebSocket."""

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Query, WebSocket
from fastapi.responses import StreamingResponse

from services.api.dependencies import Asker, JobReference, Services
from services.api.live import CloseCode, LiveResponse, is_own_page, send_over
from services.api.views.events import STREAM_ANSWER
from shared.features.imports.events.models import BadEventId
from shared.features.imports.events.stream import EventStream, TooManyStreams
from shared.features.jobs.models import JobNotFound
from shared.foundation.errors import AppError

router = APIRouter(prefix="/datasets/import", tags=["imports"])

_REFUSALS: dict[type[AppError], CloseCode] = {
    JobNotFound: CloseCode.NOT_THERE,
    BadEventId: CloseCode.BAD_EVENT_ID,
    TooManyStreams: CloseCode.TOO_MANY,
}

InHeader = Annotated[
    str | None, Header(alias="Last-Event-ID", max_length=1000, description="Go on after the event with this id.")
]
InQuery = Annotated[str | None, Query(max_length=1000, description="The same, for those who cannot send headers.")]


async def stream_of(
    job_id: JobReference,
    services: Services,
    asker: Asker,
    header: InHeader = None,
    last_event_id: InQuery = None,
) -> AsyncIterator[EventStream]:
    """The stream that was asked for, held until the response has ended."""
    async with services.events.open(job_id, asker, last_event_id=header or last_event_id) as stream:
        yield stream


@router.get("/{job_id}/events", response_class=StreamingResponse, responses=dict(STREAM_ANSWER))
async def import_events(stream: Annotated[EventStream, Depends(stream_of)]) -> LiveResponse:
    """The import as it goes on, as server-sent events: `snapshot`, then `progress`, `shards`, `finding` and `state` as
    they happen, and `end`, after which the stream closes.

    A stream that is opened with the id of an event goes on after it.
    """
    return LiveResponse(stream)


@router.websocket("/{job_id}/ws")
async def import_socket(
    socket: WebSocket, job_id: JobReference, services: Services, asker: Asker, last_event_id: InQuery = None
) -> None:
    """The same events as JSON messages. Only pages of this host may listen."""
    if not is_own_page(socket.headers):
        await socket.close(CloseCode.FOREIGN_ORIGIN)
        return
    await socket.accept()
    try:
        async with services.events.open(job_id, asker, last_event_id=last_event_id) as stream:
            code = await send_over(socket, stream)
    except tuple(_REFUSALS) as error:
        code = _REFUSALS[type(error)]
    if code is not None:
        await socket.close(code)
