"""A failure of a server that may pass, and how long it is borne with."""

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, field

from shared.foundation.retry import Backoff
from shared.foundation.settings import SourceSettings
from shared.ports.byte_source import SourceUnavailable

LONGEST_ASKED_WAIT_SECONDS = 30.0


class LostAnswer(Exception):
    """The server failed in a way that may pass. `wait_seconds` is what it asks us to wait."""

    def __init__(self, detail: str, *, wait_seconds: float = 0.0) -> None:
        super().__init__(detail)
        self.detail = detail
        self.wait_seconds = wait_seconds


@dataclass(slots=True)
class Patience:
    """How many failures in a row one read bears. Bytes make failures forgotten, if they come fast enough.

    Only waiting for the server counts as time, so a slow reader never makes a server look slow.
    """

    settings: SourceSettings
    _backoff: Backoff = field(init=False)
    _bytes: int = 0
    _seconds: float = 0.0

    def __post_init__(self) -> None:
        self._backoff = Backoff(attempts=self.settings.attempts)

    async def watch(self, chunks: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
        """Pass the chunks of one answer on. Raises LostAnswer when they come too slowly for too long."""
        async with aclosing(chunks):
            # Beginning to answer has a deadline of its own.
            chunk = await anext(chunks, None)
            while chunk is not None:
                self._bytes += len(chunk)
                yield chunk
                self._look()
                began = time.monotonic()
                try:
                    chunk = await anext(chunks, None)
                finally:
                    self._seconds += time.monotonic() - began

    async def pause(self, failure: LostAnswer) -> None:
        """Wait before the next try, as long as the server asks within reason. Raises SourceUnavailable at the end."""
        if self._fast():
            self._backoff.reset()
        delay = self._backoff.next_delay()
        if delay is None:
            raise SourceUnavailable(failure.detail) from None
        self._bytes, self._seconds = 0, delay
        await asyncio.sleep(max(delay, min(failure.wait_seconds, LONGEST_ASKED_WAIT_SECONDS)))

    def _look(self) -> None:
        """Judge the server once it was waited for long enough."""
        if self._seconds < self.settings.read_seconds:
            return
        if not self._fast():
            raise LostAnswer(f"The source sends less than {self.settings.min_bytes_per_second} bytes per second.")
        self._backoff.reset()
        self._bytes, self._seconds = 0, 0.0

    def _fast(self) -> bool:
        return self._bytes > 0 and self._bytes >= self.settings.min_bytes_per_second * self._seconds
