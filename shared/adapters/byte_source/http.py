"""An archive on a web server: ranges where the server has them, and going on after a lost connection."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass

import aiohttp
from purgatory import AsyncCircuitBreakerFactory

from shared.adapters.byte_source.guard import HostGuard, anywhere
from shared.adapters.byte_source.http_answer import (
    describe_answer,
    describe_first_byte,
    differs,
    if_range_validator,
    parse_content_range,
)
from shared.adapters.byte_source.http_client import HttpClient, LostAnswer, body_of, make_breakers
from shared.foundation.retry import Backoff
from shared.foundation.settings import SourceSettings
from shared.ports.byte_source import SourceChanged, SourceDescription, SourceTruncated, SourceUnavailable

LONGEST_ASKED_WAIT_SECONDS = 30.0


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

    One connection at a time, reused between reads. `guard` decides which hosts are reached, `breakers` are shared by
    the sources of a process.
    """

    def __init__(
        self,
        address: str,
        settings: SourceSettings,
        *,
        expected: SourceDescription | None = None,
        guard: HostGuard | None = None,
        breakers: AsyncCircuitBreakerFactory | None = None,
    ) -> None:
        self._settings = settings
        self._known = expected
        self._client = HttpClient(
            address,
            settings,
            guard=guard or default_guard(settings),
            breakers=breakers or make_breakers(settings),
        )

    async def describe(self) -> SourceDescription:
        """Ask for the first byte and read the headers of the answer."""
        backoff = self._patience()
        while True:
            try:
                response = await self._client.get({"Range": "bytes=0-0"})
            except LostAnswer as failure:
                await _pause(backoff, failure)
                continue
            response.close()
            described = describe_first_byte(response.status, response.headers)
            self._known = self._known or described
            return described

    async def read(self, start: int = 0, end: int | None = None) -> AsyncGenerator[bytes, None]:
        """Yield the range; after a lost connection go on at the byte reached, if the server sends ranges."""
        cursor = _Cursor(position=start, end=end, resumable=True)
        backoff = self._patience()
        while not self._complete(cursor):
            try:
                async for chunk in self._stream(cursor):
                    backoff.reset()
                    yield chunk
            except LostAnswer as failure:
                if cursor.position > start and not cursor.resumable:
                    raise SourceUnavailable(f"{failure.detail} The server cannot resume.") from None
                await _pause(backoff, failure)

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    def _patience(self) -> Backoff:
        return Backoff(attempts=self._settings.attempts)

    def _complete(self, cursor: _Cursor) -> bool:
        stop = self._stop(cursor)
        return cursor.done or (stop is not None and cursor.position >= stop)

    def _stop(self, cursor: _Cursor) -> int | None:
        """Where the read ends, as far as it is known."""
        return cursor.end if cursor.end is not None or self._known is None else self._known.size_bytes

    async def _stream(self, cursor: _Cursor) -> AsyncIterator[bytes]:
        """One answer's bytes from the cursor on; it may hold fewer than are wanted."""
        response = await self._client.get(self._headers(cursor))
        try:
            stop = self._checked_stop(cursor, response)
            async for chunk in body_of(response, self._client.shown):
                if wanted := cursor.cut(chunk, stop):
                    yield wanted
                if stop is not None and cursor.position >= stop:
                    break
            self._check_end(cursor, stop=stop, whole=response.status == 200)
        finally:
            response.close()

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

    def _whole(self, cursor: _Cursor, _response: aiohttp.ClientResponse) -> int | None:
        if cursor.position > 0:
            raise self._changed()
        cursor.resumable = False
        return self._stop(cursor)

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


async def _pause(backoff: Backoff, failure: LostAnswer) -> None:
    """Wait before the next try, as long as the server asks within reason. Raises SourceUnavailable at the end."""
    delay = backoff.next_delay()
    if delay is None:
        raise SourceUnavailable(failure.detail) from None
    await asyncio.sleep(max(delay, min(failure.wait_seconds, LONGEST_ASKED_WAIT_SECONDS)))
