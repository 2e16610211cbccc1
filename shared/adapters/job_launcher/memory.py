"""Claimers as tasks of this process's event loop, for tests."""

import asyncio
from collections.abc import Awaitable, Callable

from shared.foundation.ids import JobId, new_id


class MemoryJobLauncher:
    """A JobLauncher that calls `run` from tasks of the running loop."""

    def __init__(self, run: Callable[[JobId], Awaitable[None]]) -> None:
        self._run = run
        self._tasks: set[asyncio.Future[None]] = set()
        self._cancelled: set[str] = set()

    async def launch(self, job_id: JobId, *, tasks: int) -> str:
        """Start the tasks."""
        launched = new_id()
        self._tasks.update(asyncio.ensure_future(self._claim(job_id, launched)) for _ in range(tasks))
        return launched

    async def cancel(self, launched: str) -> None:
        """Let those that have not begun do nothing; one that runs leaves by itself."""
        self._cancelled.add(launched)

    async def drain(self) -> None:
        """Wait until every claimer has ended, those that claimers launch included; raise what any of them raised."""
        while self._tasks:
            pending, self._tasks = self._tasks, set()
            await asyncio.gather(*pending)

    async def _claim(self, job_id: JobId, launched: str) -> None:
        if launched not in self._cancelled:
            await self._run(job_id)
