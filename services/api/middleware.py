"""What every request passes: correlation id, log line and metrics, ETags for JSON, gzip for large answers."""

import hashlib
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware.gzip import GZipMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.foundation.logging import bind_correlation
from shared.foundation.telemetry import HttpMetrics

_log = structlog.get_logger(__name__)
_QUIET = ("/health/live", "/health/ready", "/metrics")
_LARGE_BYTES = 1024
_BYTES_AS_THEY_ARE = ("/file", "/labels")


class Observed:
    """Gives each request a correlation id (or keeps the one it came with), logs it and measures it.

    A stream of events is measured to its beginning: how long it lasts says nothing of how quick the API is.
    """

    def __init__(self, app: ASGIApp, metrics: HttpMetrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] == "http":
            await self._observe(scope, receive, send)
            return
        if scope["type"] == "websocket":
            _bind(scope)
        await self._app(scope, receive, send)

    async def _observe(self, scope: Scope, receive: Receive, send: Send) -> None:
        correlation_id = _bind(scope)
        status, began, ended = 500, time.perf_counter(), 0.0

        async def observed_send(message: Message) -> None:
            nonlocal status, ended
            if message["type"] == "http.response.start":
                status = message["status"]
                ended = time.perf_counter() if _is_stream(message) else 0.0
                MutableHeaders(scope=message)["X-Correlation-Id"] = correlation_id
            await send(message)

        try:
            await self._app(scope, receive, observed_send)
        finally:
            self._note(scope, status, (ended or time.perf_counter()) - began)

    def _note(self, scope: Scope, status: int, seconds: float) -> None:
        route = getattr(scope.get("route"), "path", "unmatched")
        self._metrics.requests.labels(scope["method"], route, str(status)).inc()
        self._metrics.seconds.labels(scope["method"], route).observe(seconds)
        if scope["path"] not in _QUIET:
            milliseconds = round(seconds * 1000, 1)
            _log.info("request", method=scope["method"], path=scope["path"], status=status, milliseconds=milliseconds)


def _bind(scope: Scope) -> str:
    structlog.contextvars.clear_contextvars()
    correlation_id = bind_correlation(Headers(scope=scope).get("x-correlation-id"), service="api")
    scope.setdefault("state", {})["correlation_id"] = correlation_id
    return correlation_id


def _is_stream(message: Message) -> bool:
    return Headers(raw=message["headers"]).get("content-type", "").startswith("text/event-stream")


class ConditionalJson:
    """Gives JSON answers to GET an ETag of their content, and answers 304 to a reader who has them already."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http" or scope["method"] not in ("GET", "HEAD"):
            await self._app(scope, receive, send)
            return
        await self._app(scope, receive, _JsonHolder(Headers(scope=scope).get("if-none-match", ""), send).send)


class _JsonHolder:
    """Holds a JSON answer back until its end, when its ETag is known; lets everything else through."""

    def __init__(self, known: str, send: Send) -> None:
        self._known = known
        self._send = send
        self._start: MutableMapping[str, Any] | None = None
        self._body = bytearray()

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start" and _is_plain_json(message):
            self._start = message
        elif self._start is None:
            await self._send(message)
        else:
            self._body += message.get("body", b"")
            if not message.get("more_body"):
                await self._finish(self._start)

    async def _finish(self, start: MutableMapping[str, Any]) -> None:
        etag = f'W/"{hashlib.blake2b(self._body, digest_size=12).hexdigest()}"'
        headers = MutableHeaders(scope=start)
        headers["ETag"] = etag
        body = bytes(self._body)
        if etag in (part.strip() for part in self._known.split(",")):
            start["status"], body = 304, b""
            del headers["content-length"], headers["content-type"]
        await self._send(start)
        await self._send({"type": "http.response.body", "body": body})


def _is_plain_json(message: Message) -> bool:
    headers = Headers(raw=message["headers"])
    return message["status"] == 200 and headers.get("content-type") == "application/json" and "etag" not in headers


class GzipJson:
    """Compresses large answers, but never files: their bytes and ranges are exact."""

    def __init__(self, app: ASGIApp) -> None:
        self._plain = app
        self._gzip = GZipMiddleware(app, minimum_size=_LARGE_BYTES, compresslevel=5)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        exact = scope["type"] != "http" or scope["path"].endswith(_BYTES_AS_THEY_ARE)
        chosen: Callable[[Scope, Receive, Send], Awaitable[None]] = self._plain if exact else self._gzip
        await chosen(scope, receive, send)
