"""How live events travel: as a response that never ends by itself, or over a WebSocket."""

import asyncio
from collections.abc import AsyncIterator
from enum import IntEnum
from urllib.parse import urlsplit

from fastapi import WebSocket
from starlette.datastructures import Headers
from starlette.responses import StreamingResponse
from starlette.types import Message, Send
from starlette.websockets import WebSocketDisconnect

from services.api.views.events import FIRST_LINES, STILL_HERE, message_of, sse_of
from shared.features.imports.events.stream import EventStream

_SEND_SECONDS = 60.0
_DEFAULT_PORTS = frozenset({None, 80, 443})
# A proxy must neither keep a stream nor collect it before it passes it on.
_UNBUFFERED = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}


class CloseCode(IntEnum):
    """Why the API closes a WebSocket. The last three digits of those from 4000 on are HTTP's."""

    ENDED = 1000
    COME_AGAIN = 1012
    FOREIGN_ORIGIN = 4403
    NOT_THERE = 4404
    BAD_EVENT_ID = 4422
    TOO_MANY = 4503


class LiveResponse(StreamingResponse):
    """Server-sent events. A reader who takes nothing for a minute is given up."""

    media_type = "text/event-stream"

    def __init__(self, stream: EventStream) -> None:
        super().__init__(_lines(stream), headers=_UNBUFFERED)

    async def stream_response(self, send: Send) -> None:
        """Send until the events end or the reader leaves."""

        async def impatiently(message: Message) -> None:
            async with asyncio.timeout(_SEND_SECONDS):
                await send(message)

        try:
            await super().stream_response(impatiently)
        except TimeoutError:
            return


async def send_over(socket: WebSocket, stream: EventStream) -> CloseCode | None:
    """Send events over an accepted WebSocket until they end or the reader leaves; the code to close it with.

    None when the reader has left. What the reader sends is not listened to.
    """
    sending = asyncio.create_task(_send_all(socket, stream))
    leaving = asyncio.create_task(_until_left(socket))
    tasks: set[asyncio.Task[object]] = {sending, leaving}
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        return None if leaving.done() or not sending.done() else sending.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def is_own_page(headers: Headers) -> bool:
    """True when the request comes from a page of this host, or from no page at all.

    Browsers let any page open a WebSocket to anywhere, and tell only where the page is from.
    """
    origin = headers.get("origin")
    return origin is None or (_host(origin) is not None and _host(origin) == _host(f"//{headers.get('host', '')}"))


def _host(address: str) -> tuple[str, int | None] | None:
    """Host and port; the port of the scheme is no port, for behind a proxy the scheme is another than outside."""
    try:
        parts = urlsplit(address)
        port = None if parts.port in _DEFAULT_PORTS else parts.port
    except ValueError:
        return None
    return (parts.hostname, port) if parts.hostname else None


async def _lines(stream: EventStream) -> AsyncIterator[bytes]:
    yield FIRST_LINES
    async for event in stream:
        yield STILL_HERE if event is None else sse_of(event)


async def _send_all(socket: WebSocket, stream: EventStream) -> CloseCode | None:
    try:
        async for event in stream:
            if event is not None:  # the server's own pings show that it lives
                async with asyncio.timeout(_SEND_SECONDS):
                    await socket.send_text(message_of(event))
    except (WebSocketDisconnect, TimeoutError):
        return None
    return CloseCode.ENDED if stream.has_ended else CloseCode.COME_AGAIN


async def _until_left(socket: WebSocket) -> None:
    while (await socket.receive())["type"] != "websocket.disconnect":
        pass
