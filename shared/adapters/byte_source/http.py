"""An archive on a web server: ranges where the server has them, and going on after a lost connection."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass

import aiohttp

from shared.adapters.byte_source.guard import HostGuard, anywhere
from shared.adapters.byte_source.http_answer import (
    describe_answer,
    describe_first_byte,
    differs,
    if_range_validator,
    parse_content_range,
)
from shared.adapters.byte_source.http_client import HttpClient, body_of
from shared.adapters.byte_source.http_connections import HttpConnections
from shared.adapters.byte_source.lost import LostAnswer, Patience
from shared.adapters.byte_source.runs import read_runs
from shared.foundation.settings import SourceSettings
from shared.foundation.streams import whole
from shared.ports.byte_source import (
    SourceChanged,
    SourceDescription,
    SourceTruncated,
    SourceUnavailable,
    UnsupportedSource,
)


@dataclass(slots=True)
class _Cursor:
    """How far a read has come. `resumable`: the server sent a range, so it will send the next one."""

    position: int
    end: int | None
    resumable: bool
    done: bool = False

    def cut(self, chunk: bytes, stop: int | None) -> bytes:
        """Take what belongs to the read, and go on by it."""
        wanted = chunk if stop is None else chunk[: max(0, stop - self.position)]
        self.position += len(wanted)
        return wanted


class HttpByteSource:
    """A ByteSource over GET requests.

    One connection per read. `guard` decides which hosts are reached, `connections` are shared by the sources of a
    process.
    """

    def __init__(
        self,
        address: str,
        settings: SourceSettings,
        *,
        expected: SourceDescription | None = None,
        guard: HostGuard | None = None,
        connections: HttpConnections | None = None,
    ) -> None:
        self._settings = settings
        self._known = expected
        self._client = HttpClient(
            address,
            settings,
            guard=guard or default_guard(settings),
            connections=connections or HttpConnections(settings),
        )

    async def describe(self) -> SourceDescription:
        """Ask for the first byte and read the headers of the answer."""
        patience = Patience(self._settings)
        while True:
            try:
                async with self._client.get({"Range": "bytes=0-0"}) as response:
                    described = describe_first_byte(response.status, response.headers)
            except LostAnswer as failure:
                await patience.pause(failure)
                continue
            self._known = self._known or described
            return described

    async def read(self, start: int = 0, end: int | None = None) -> AsyncGenerator[bytes, None]:
        """Yield the range; after a lost connection go on at the byte reached, if the server sends ranges."""
        if start > 0 and self._known is not None and not self._known.accepts_ranges:
            raise UnsupportedSource(f"{self._client.shown} cannot be entered in the middle.")
        cursor = _Cursor(position=start, end=end, resumable=True)
        patience = Patience(self._settings)
        while not self._complete(cursor):
            try:
                async with aclosing(patience.watch(self._stream(cursor))) as chunks:
                    async for chunk in chunks:
                        yield chunk
            except LostAnswer as failure:
                if cursor.position > start and not cursor.resumable:
                    raise SourceUnavailable(f"{failure.detail} The server cannot resume.") from None
                await patience.pause(failure)

    async def read_spans(self, spans: Sequence[tuple[int, int]]) -> list[bytes]:
        """Ask for runs of neighbouring ranges, a few runs at a time."""
        if self._known is None:
            await self.describe()
        return await read_runs(spans, self._read_run)

    async def _read_run(self, start: int, end: int) -> bytes:
        return await whole(self.read(start, end))

    async def close(self) -> None:
        """Give the connections back."""
        await self._client.close()

    def _complete(self, cursor: _Cursor) -> bool:
        stop = self._stop(cursor)
        return cursor.done or (stop is not None and cursor.position >= stop)

    def _stop(self, cursor: _Cursor) -> int | None:
        """Where the read ends, as far as it is known."""
        return cursor.end if cursor.end is not None or self._known is None else self._known.size_bytes

    async def _stream(self, cursor: _Cursor) -> AsyncGenerator[bytes, None]:
        """One answer's bytes from the cursor on; it may hold fewer than are wanted."""
        async with self._client.get(self._headers(cursor)) as response:
            stop = self._checked_stop(cursor, response)
            async for chunk in body_of(response, self._client.shown):
                if wanted := cursor.cut(chunk, stop):
                    yield wanted
                if stop is not None and cursor.position >= stop:
                    break
            self._check_end(cursor, stop=stop, whole=response.status == 200)

    def _headers(self, cursor: _Cursor) -> dict[str, str]:
        if self._known is not None and not self._known.accepts_ranges and cursor.position == 0:
            return {}
        last = "" if cursor.end is None else cursor.end - 1
        headers = {"Range": f"bytes={cursor.position}-{last}"}
        validator = if_range_validator(self._known.etag) if self._known is not None else None
        return headers if validator is None else {**headers, "If-Range": validator}

    def _checked_stop(self, cursor: _Cursor, response: aiohttp.ClientResponse) -> int | None:
        """Where this answer's bytes end. Raises SourceChanged unless they continue what was read so far."""
        present = describe_answer(response.status, response.headers)
        if self._known is not None and differs(self._known, present):
            raise self._changed()
        self._known = self._known or present
        checks = {200: self._whole, 206: self._part, 416: self._beyond}
        return checks[response.status](cursor, response)

    def _whole(self, cursor: _Cursor, response: aiohttp.ClientResponse) -> int | None:
        if cursor.position > 0:
            raise self._unasked_whole(response)
        cursor.resumable = self._known is not None and self._known.accepts_ranges
        return self._stop(cursor)

    def _unasked_whole(self, response: aiohttp.ClientResponse) -> Exception:
        """What a 200 in mid-read means: with the ETag we know, only that this server did not look at the range."""
        validator = if_range_validator(self._known.etag) if self._known is not None else None
        if validator is not None and validator == response.headers.get("ETag"):
            return LostAnswer(f"{self._client.shown} sends the whole where a range was asked.")
        return self._changed()

    def _part(self, cursor: _Cursor, response: aiohttp.ClientResponse) -> int | None:
        sent = parse_content_range(response.headers.get("Content-Range"))
        if sent is None or sent.last is None or sent.first != cursor.position:
            raise LostAnswer(f"{self._client.shown} answers with another range than was asked.")
        cursor.resumable = True
        return sent.last + 1 if cursor.end is None else min(sent.last + 1, cursor.end)

    def _beyond(self, cursor: _Cursor, _response: aiohttp.ClientResponse) -> int | None:
        stop = self._stop(cursor)
        if stop is not None and cursor.position < stop:
            raise self._truncated(cursor)
        cursor.done = True
        return cursor.position

    def _check_end(self, cursor: _Cursor, *, stop: int | None, whole: bool) -> None:
        """The answer ended as if it were complete: see whether it was."""
        short = stop is not None and cursor.position < stop
        if short and whole:
            raise self._truncated(cursor)
        if short:
            raise LostAnswer(f"{self._client.shown} sends less than it says.")
        cursor.done = cursor.done or whole

    def _changed(self) -> SourceChanged:
        return SourceChanged(f"{self._client.shown} is not what it was when the import began.")

    def _truncated(self, cursor: _Cursor) -> SourceTruncated:
        return SourceTruncated(f"{self._client.shown} ends at byte {cursor.position} of {self._stop(cursor)}.")


def default_guard(settings: SourceSettings) -> HostGuard:
    """The policy the settings ask for."""
    return HostGuard(allows=anywhere) if settings.allow_private else HostGuard()
