"""Web servers that behave, and ones that do not: a source for the byte source tests."""

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

_RANGE = re.compile(r"bytes=(\d+)-(\d*)")


@dataclass(frozen=True)
class Request:
    """One request the server has seen."""

    path: str
    headers: dict[str, str]


@dataclass
class SourceServer:
    """What the server sends, and how it misbehaves; change it at any time. `data` is at every path."""

    data: bytes = b""
    etag: str | None = '"one"'
    last_modified: str | None = None
    ranges: bool = True
    announces_length: bool = True
    claimed_total: int | None = None
    most_bytes_per_range: int | None = None
    extra: bytes = b""
    cut_after: int | None = None
    cuts_left: int = 10**9
    stall_after: int | None = None
    stalls_left: int = 10**9
    statuses: list[int] = field(default_factory=list)
    status_headers: dict[str, str] = field(default_factory=dict)
    redirects: dict[str, str] = field(default_factory=dict)
    requests: list[Request] = field(default_factory=list)
    stopped: threading.Event = field(default_factory=threading.Event)
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/data.zip"

    def span(self, headers: dict[str, str]) -> tuple[int, int] | None:
        """The bytes a request asks for, if they are to be sent as a range."""
        match = _RANGE.fullmatch(headers.get("range", ""))
        if match is None or not self.ranges:
            return None
        if "if-range" in headers and headers["if-range"] not in {self.etag, self.last_modified}:
            return None
        start, end = int(match[1]), int(match[2]) + 1 if match[2] else len(self.data)
        if self.most_bytes_per_range is not None:
            end = min(end, start + self.most_bytes_per_range)
        return start, min(end, len(self.data))


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    source: SourceServer

    def do_GET(self) -> None:
        source = self.source
        headers = {name.lower(): value for name, value in self.headers.items()}
        source.requests.append(Request(self.path, headers))
        if source.statuses:
            self._empty(source.statuses.pop(0), source.status_headers)
        elif self.path in source.redirects:
            self._empty(302, {"Location": source.redirects[self.path]})
        else:
            self._content(source.span(headers))

    def _content(self, span: tuple[int, int] | None) -> None:
        source = self.source
        total = len(source.data) if source.claimed_total is None else source.claimed_total
        if span is not None and span[0] >= len(source.data):
            return self._empty(416, {"Content-Range": f"bytes */{total}", **self._validators()})
        if span is None:
            self.send_response(200)
            start, end, length = 0, len(source.data), total
        else:
            self.send_response(206)
            start, end = span
            length = end - start
            self.send_header("Content-Range", f"bytes {start}-{end - 1}/{total}")
        for name, value in self._validators().items():
            self.send_header(name, value)
        if source.announces_length:
            self.send_header("Content-Length", str(length))
        else:
            self.send_header("Connection", "close")
        self.end_headers()
        return self._body(source.data[start:end] + source.extra)

    def _body(self, body: bytes) -> None:
        source = self.source
        if source.cut_after is not None and source.cuts_left > 0 and len(body) > source.cut_after:
            source.cuts_left -= 1
            self._write(body[: source.cut_after])
            self.close_connection = True
        elif source.stall_after is not None and source.stalls_left > 0 and len(body) > source.stall_after:
            source.stalls_left -= 1
            self._write(body[: source.stall_after])
            source.stopped.wait(10)
            self.close_connection = True
        else:
            self._write(body)
            self.close_connection = bool(self.close_connection or source.extra or source.claimed_total)

    def _write(self, data: bytes) -> None:
        try:
            self.wfile.write(data)
            self.wfile.flush()
        except ConnectionError:
            self.close_connection = True

    def _validators(self) -> dict[str, str]:
        pairs = {"ETag": self.source.etag, "Last-Modified": self.source.last_modified}
        return {name: value for name, value in pairs.items() if value is not None}

    def _empty(self, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_args: object) -> None:
        pass


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_args: object) -> None:
        """A client that goes away is no news."""


@contextmanager
def source_server(data: bytes = b"") -> Iterator[SourceServer]:
    """A web server on a free port of the loopback."""
    source = SourceServer(data=data)
    handler = type("Handler", (_Handler,), {"source": source})
    server = _Server(("127.0.0.1", 0), handler)
    source.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield source
    finally:
        source.stopped.set()
        server.shutdown()
        server.server_close()
        thread.join()
