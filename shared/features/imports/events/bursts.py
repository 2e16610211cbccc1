"""Changes of one import in bursts: at once after a silence, then not more often than a reader can use.

A reader pulls: while it is slow nothing is read for it, and the database keeps what it has not seen.
"""

import asyncio
from contextlib import suppress

from shared.features.imports.events.changes import ImportChanges
from shared.features.jobs.models import ENDED
from shared.foundation.ids import JobId
from shared.foundation.mongo import Change, Changes, DriverError
from shared.foundation.settings import EventSettings

_MOST_CHANGES = 1000
_TOGETHER_SECONDS = 0.02


class ChangeBursts:
    """The changes of one job, from `watch` on."""

    def __init__(self, job_id: JobId, changes: ImportChanges, settings: EventSettings) -> None:
        self._job_id, self._source, self._settings = job_id, changes, settings
        self._changes: Changes | None = None
        self._pending: asyncio.Task[Change] | None = None
        self._stopped = asyncio.Event()
        self._stopping: asyncio.Task[bool] | None = None
        self._given_at = 0.0
        self.with_findings = False

    @property
    def watching(self) -> bool:
        """True once the database is asked."""
        return self._changes is not None

    @property
    def stopped(self) -> bool:
        """True after `stop`."""
        return self._stopped.is_set()

    @property
    def token(self) -> str:
        """The point from which changes are read, or up to which they have been; empty while nothing is watched."""
        return self._changes.token if self._changes is not None else ""

    async def watch(self, *, after: str | None, findings: bool) -> None:
        """Watch from now on, or go on after a token. Raises ResumePointLost."""
        await self._let_go()
        self._changes = await self._source.watch(self._job_id, after=after, findings=findings)
        self.with_findings = findings

    def stop(self) -> None:
        """Let `next` return, now and ever after."""
        self._stopped.set()

    async def close(self) -> None:
        """Give back what is held, at once."""
        await self._let_go()
        await _cancelled(self._stopping)

    async def next(self) -> list[Change]:
        """What has changed, in order; empty after a time of silence, or when it is time to stop.

        Bursts are a pause apart, but the end of the job does not wait. Raises ResumePointLost.
        """
        clock = asyncio.get_running_loop().time
        first = await self._take(clock() + self._settings.keep_alive_seconds)
        found = [first] if first is not None else []
        until = max(clock() + _TOGETHER_SECONDS, self._given_at + self._settings.pause_seconds)
        while found and not _is_end(found[-1]) and len(found) < _MOST_CHANGES:
            change = await self._take(until)
            if change is None:
                break
            found.append(change)
        self._given_at = clock()
        return found

    async def _take(self, until: float) -> Change | None:
        """The next change, if it comes in time. A wait that was given up goes on with the next call."""
        if self._changes is None or self.stopped:
            return None
        self._pending = self._pending or asyncio.create_task(self._changes.next())
        self._stopping = self._stopping or asyncio.create_task(self._stopped.wait())
        waiting: set[asyncio.Task[object]] = {self._pending, self._stopping}
        seconds = max(0.0, until - asyncio.get_running_loop().time())
        await asyncio.wait(waiting, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        if not self._pending.done():
            return None
        done, self._pending = self._pending, None
        return done.result()

    async def _let_go(self) -> None:
        pending, self._pending = self._pending, None
        changes, self._changes = self._changes, None
        await _cancelled(pending)
        if changes is not None:
            with suppress(DriverError):
                await changes.close()


def _is_end(change: Change) -> bool:
    return change.updated.get("state") in ENDED


async def _cancelled(task: "asyncio.Task[object] | None") -> None:
    if task is not None:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
