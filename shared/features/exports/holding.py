"""Holds an export's job while it is built: a heartbeat, the lease of its one step, and what they tell of letting go."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType

from shared.features.exports.models import ExportProgress
from shared.features.exports.repository import OtherJobRepository
from shared.features.jobs.models import Job, JobState, LeaseLost, StepLease
from shared.foundation.logging import get_logger
from shared.foundation.mongo import DriverError

_LOOK_SECONDS = 0.5
_GRACE_SECONDS = 1.0

_log = get_logger(__name__)


class Leaving(Exception):
    """The claimer must stop: its process is shutting down, or the job no longer runs."""


@dataclass(slots=True)
class Holding:
    """Beats in the background while its claimer works; what waits and does not look is interrupted."""

    jobs: OtherJobRepository
    job: Job
    lease: StepLease
    claimer: str
    stopping: Callable[[], bool]
    lease_seconds: float
    progress: ExportProgress = field(default_factory=ExportProgress)
    _lost: bool = False
    _left: bool = False
    _renewed_at: float = field(default_factory=time.monotonic)
    _beating: asyncio.Task[None] | None = None
    _working: "asyncio.Task[object] | None" = None
    _interrupted: bool = False

    async def __aenter__(self) -> None:
        self._working = asyncio.current_task()
        self._beating = asyncio.create_task(self._beat_for_ever())

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._left = True
        if self._beating:
            self._beating.cancel()
            await asyncio.wait([self._beating])

    def check(self) -> None:
        """Raise Leaving when the process must stop, LeaseLost when the job is no longer ours."""
        if self.stopping():
            raise Leaving
        if self._lost or time.monotonic() - self._renewed_at > self.lease_seconds * 0.9:
            raise LeaseLost

    def absorb(self) -> None:
        """Take back our own interruption; re-raise a cancellation from elsewhere."""
        if not self._interrupted or self._working is None:
            raise asyncio.CancelledError
        self._working.uncancel()

    async def _beat_for_ever(self) -> None:
        while not (self._lost or self._left or self.stopping()):
            await asyncio.sleep(min(_LOOK_SECONDS, self.lease_seconds / 6))
            if time.monotonic() - self._renewed_at >= self.lease_seconds / 6:
                try:
                    await self._beat()
                except DriverError:
                    _log.warning("heartbeat failed", exc_info=True)
        while self._working is not None and not self._left:
            await asyncio.sleep(_GRACE_SECONDS)
            self._interrupted = True
            self._working.cancel()

    async def _beat(self) -> None:
        began = time.monotonic()
        job = await self.jobs.beat(self.job.id, self.claimer)
        self._lost |= job is None or job.state is not JobState.RUNNING
        self._lost |= not await self.jobs.renew_step(self.lease, progress=self.progress.model_dump_json())
        self._renewed_at = began
