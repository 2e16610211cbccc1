"""Callbacks within this process, for tests."""

import asyncio
from collections.abc import Awaitable, Callable

from shared.foundation.errors import AppError
from shared.foundation.ids import JobId
from shared.foundation.logging import get_logger
from shared.foundation.retry import Backoff

ATTEMPTS, FIRST_SECONDS, MOST_SECONDS = 8, 0.02, 0.5


class MemoryJobQueue:
    """A JobQueue that calls `deliver` from a task of the running loop.

    A delivery that fails with an expected error is made again, a few times; any other error is shown by `drain`.
    """

    def __init__(self, deliver: Callable[[JobId], Awaitable[None]]) -> None:
        self._deliver = deliver
        self._tasks: set[asyncio.Task[None]] = set()

    async def enqueue(self, job_id: JobId, *, delay_seconds: float = 0) -> None:
        """Start a task that waits and delivers."""
        self._tasks.add(asyncio.create_task(self._call(job_id, delay_seconds)))

    async def ping(self) -> None:
        """This process always answers."""

    async def drain(self) -> None:
        """Wait until every callback is made, those that callbacks enqueue included; raise what any of them raised."""
        while self._tasks:
            pending, self._tasks = self._tasks, set()
            await asyncio.gather(*pending)

    async def _call(self, job_id: JobId, delay_seconds: float) -> None:
        await asyncio.sleep(delay_seconds)
        backoff = Backoff(attempts=ATTEMPTS, first_seconds=FIRST_SECONDS, most_seconds=MOST_SECONDS)
        while True:
            try:
                return await self._deliver(job_id)
            except (AppError, OSError) as error:
                delay = backoff.next_delay()
                if delay is None:
                    get_logger(__name__).error("callback-given-up", job_id=job_id, error=str(error))
                    return None
                await asyncio.sleep(delay)
