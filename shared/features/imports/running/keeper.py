"""Keeps what a claimer holds: a heartbeat for the job, leases for the step and the shard in hand."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable
from types import TracebackType

import structlog

from shared.features.imports.models import Progress, ShardLease
from shared.features.imports.repository import ImportJobRepository, ShardRepository
from shared.features.imports.shards.track import ShardTrack
from shared.features.jobs.models import Job, JobState, LeaseLost, StepLease
from shared.foundation.mongo import ConnectionLost, DriverError
from shared.foundation.settings import EngineSettings

_LOOK_SECONDS = 0.5
_GRACE_SECONDS = 1.0

_log = structlog.get_logger(__name__)


class Leaving(Exception):
    """The claimer must stop: its process is shutting down, or the job no longer runs."""


class Keeper:
    """Beats in the background while its claimer works; `check` tells the claimer when to let go.

    A lease that could not be renewed in time counts as lost here before others may take it, so that a claimer that
    was cut off from the database stops writing first.
    """

    def __init__(
        self,
        jobs: ImportJobRepository,
        shards: ShardRepository,
        job: Job,
        claimer: str,
        stopping: Callable[[], bool],
        engine: EngineSettings,
    ) -> None:
        self._jobs, self._shards = jobs, shards
        self._job_id, self._claimer = job.id, claimer
        self._stopping = stopping
        self._lease_seconds = engine.lease_seconds
        self._step: StepLease | None = None
        self._shard: tuple[ShardLease, ShardTrack] | None = None
        self._staged: tuple[int, int | None] | None = None
        self._running = True
        self._lost = False
        self._renewed_at = time.monotonic()
        self._beating: asyncio.Task[None] | None = None
        self._working: asyncio.Task[object] | None = None
        self._interrupted = False
        self._left = False

    async def __aenter__(self) -> None:
        self._working = asyncio.current_task()
        self._beating = asyncio.create_task(self._beat_for_ever())

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._left = True  # as the driver may swallow a cancellation that comes together with its answer
        if self._beating:
            self._beating.cancel()
            try:
                await asyncio.wait([self._beating])
            except asyncio.CancelledError:  # the interruption came when the claimer was about to leave
                self.absorb()

    def check(self) -> None:
        """Raise Leaving when the claimer must stop, LeaseLost when what it holds is no longer its own."""
        if self._stopping() or not self._running:
            raise Leaving
        if (self._step or self._shard) and (self._lost or self._too_late()):
            raise LeaseLost

    def absorb(self) -> None:
        """Take back the interruption of a claimer that has to stop; re-raise a cancellation from elsewhere."""
        if not self._interrupted or self._working is None:
            raise asyncio.CancelledError
        self._working.uncancel()

    def moved(self, count: int, total: int | None) -> None:
        """Note that `count` more bytes of the source were read while planning."""
        self.check()
        self._staged = (self._staged or (0, None))[0] + count, total

    @contextlib.asynccontextmanager
    async def step(self, lease: StepLease) -> AsyncIterator[None]:
        """Keep the lease of a once-only step meanwhile; given back at once when the step fails."""
        self._hold()
        self._step, self._staged = lease, None
        try:
            yield
        except BaseException:
            with contextlib.suppress(ConnectionLost):  # then it runs out
                await self._jobs.release_step(lease)
            raise
        finally:
            self._step = None

    @contextlib.asynccontextmanager
    async def shard(self, lease: ShardLease, track: ShardTrack) -> AsyncIterator[None]:
        """Keep the lease of a shard meanwhile, and show its progress."""
        self._hold()
        self._shard = lease, track
        try:
            yield
        finally:
            self._shard = None

    def _hold(self) -> None:
        self._lost, self._renewed_at = False, time.monotonic()

    def _too_late(self) -> bool:
        return time.monotonic() - self._renewed_at > self._lease_seconds * 0.9

    async def _beat_for_ever(self) -> None:
        """Beat until the claimer has to stop; if it does not see so itself soon, because it waits, interrupt it."""
        while self._running and not self._left and not self._stopping():
            await asyncio.sleep(min(_LOOK_SECONDS, self._lease_seconds / 6))
            if time.monotonic() - self._renewed_at >= self._lease_seconds / 6:
                await self._try_to_beat()
        while self._working is not None and not self._left:
            await asyncio.sleep(_GRACE_SECONDS)
            self._interrupted = True
            self._working.cancel()

    async def _try_to_beat(self) -> None:
        try:
            await self._beat()
        except DriverError:
            _log.warning("heartbeat failed", exc_info=True)

    async def _beat(self) -> None:
        began = time.monotonic()
        job = await self._jobs.beat(self._job_id, self._claimer)
        self._running = job is not None and job.state is JobState.RUNNING
        if self._step:
            self._lost |= not await self._renew_step(self._step)
        if held := self._shard:
            ours = await self._shards.renew(held[0], held[1].progress)
            self._lost |= ours is None and self._shard is held
            held[1].most_images = held[1].most_images if ours is None else ours
        self._renewed_at = began

    async def _renew_step(self, lease: StepLease) -> bool:
        renewed = await self._jobs.renew_step(lease, progress=self._staging())
        return renewed or self._step is not lease

    def _staging(self) -> str | None:
        if self._staged is None:
            return None
        done, total = self._staged
        fraction = min(0.99, done / total) if total else 0.0
        return Progress(bytes_total=total or 0, bytes_done=done, fraction=fraction).model_dump_json()
