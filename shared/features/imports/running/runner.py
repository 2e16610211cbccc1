"""One claimer's part in a job: plan it if nobody has, transfer shards while there are any, finish it if it is time.

Any number of claimers run this at once and may die at any moment. Whoever holds a lease does a step; whoever finds
no work waits for the others, so that a dead claimer's shard is taken over.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

import structlog

from shared.features.imports.models import ImportPlan, Ledger, ShardExhausted, ShardLease, ShardState, Way
from shared.features.imports.planning.plan import PlanTrack
from shared.features.imports.repository import ImportJobRepository, ShardRepository
from shared.features.imports.running.cleanup import Cleaner
from shared.features.imports.running.ending import Ending
from shared.features.imports.running.keeper import Keeper, Leaving
from shared.features.imports.running.turns import Turns
from shared.features.imports.shards.track import ShardTrack
from shared.features.jobs.models import Job, JobKind, JobState, LeaseLost, Phase, StepLease
from shared.foundation.errors import AppError, unforeseen
from shared.foundation.ids import JobId, new_id
from shared.foundation.mongo import ConnectionLost, DriverError, database_failure, persistently
from shared.foundation.retry import Backoff
from shared.foundation.settings import EngineSettings
from shared.foundation.telemetry import EngineMetrics

_POLL_SECONDS = 0.2
_LOST_CONNECTIONS = 8  # in a row, over half a minute and more: a replica set elects a new primary meanwhile

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _ShardStep:
    """What is done with the shards in `state`, and the phase that follows when none is left."""

    phase: Phase
    state: ShardState
    following: Phase
    work: "ShardWork"


class PlanWork(Protocol):
    """Plans jobs."""

    async def plan(self, job: Job, lease: StepLease, track: PlanTrack) -> ImportPlan:
        """Write the job's shards; what the later steps need to know."""
        ...

    async def discard(self, job: Job, ledger: Ledger, /) -> None:
        """Remove the shards of a plan that did not come to count."""
        ...


class ShardWork(Protocol):
    """Does one step with a shard."""

    async def run(self, job: Job, plan: ImportPlan, lease: ShardLease, track: ShardTrack) -> None:
        """Do the step, and say so to the ledger. Raises LeaseLost when the shard is no longer ours."""
        ...


class FinishWork(Protocol):
    """Ends jobs well."""

    async def finish(self, job: Job, plan: ImportPlan, lease: StepLease) -> None:
        """Publish what was done. Raises LeaseLost if it is not ours."""
        ...


@dataclass(frozen=True, slots=True)
class JobWork:
    """What a kind of job consists of. A kind without an `indexer` is never planned to have that phase."""

    planner: PlanWork
    transfer: ShardWork
    finisher: FinishWork
    indexer: ShardWork | None = None


@dataclass(frozen=True, slots=True)
class ImportRunner:
    """Runs claimers of import jobs in this process."""

    jobs: ImportJobRepository
    shards: ShardRepository
    kinds: Mapping[JobKind, JobWork]
    ending: Ending
    turns: Turns
    cleaner: Cleaner
    engine: EngineSettings
    metrics: EngineMetrics

    async def run(self, job_id: JobId, *, stopping: Callable[[], bool]) -> None:
        """Work on the job until it has ended or `stopping` says so. Safe to call again, and many times at once."""
        claimer = f"c-{new_id()}"
        job = await persistently(lambda: self.jobs.join(job_id, claimer), Backoff(_LOST_CONNECTIONS))
        if job is None:
            return
        structlog.contextvars.bind_contextvars(correlation_id=job.correlation_id, job_id=job_id, claimer=claimer)
        try:
            if job.state is JobState.RUNNING:
                await self._work(job, claimer, stopping)
        finally:
            with contextlib.suppress(ConnectionLost):  # then its heartbeat runs out
                await self.jobs.leave(job_id, claimer)
        with contextlib.suppress(ConnectionLost):  # then the sweeper cleans up
            await self._clean_if_last(job_id)

    async def _work(self, job: Job, claimer: str, stopping: Callable[[], bool]) -> None:
        keeper = Keeper(self.jobs, self.shards, job, claimer, stopping, self.engine)
        with self.metrics.claiming.track_inprogress():
            async with keeper:
                try:
                    await self._steps(job, keeper)
                except Leaving:
                    _log.info("claimer leaves")
                except asyncio.CancelledError:
                    keeper.absorb()
                    _log.info("claimer leaves in the middle of a read")
                except AppError as error:
                    await self._fail(job, error)
                except DriverError as error:
                    _log.exception("database failure")
                    await self._fail(job, database_failure(error))
                except Exception:  # noqa: BLE001 - the one place where a job survives what nobody foresaw
                    _log.exception("unforeseen failure")
                    await self._fail(job, unforeseen(job.correlation_id))

    async def _fail(self, job: Job, error: AppError) -> None:
        try:
            current = await self.jobs.load(job.id)
            if current is not None and current.attempts == job.attempts:
                await self.ending.fail(current, error)
        except DriverError:
            _log.exception("the failure could not be noted; the sweeper will start the job again")

    async def _steps(self, job: Job, keeper: Keeper) -> None:
        began = time.monotonic()
        patience = Backoff(_LOST_CONNECTIONS)
        while not await persistently(lambda: self.turns.is_over(job.id, began), patience):
            keeper.check()
            done = await persistently(lambda: self._next_step(job.id, keeper), patience)
            if done is None:
                return
            patience.reset()
            if not done:
                await asyncio.sleep(_POLL_SECONDS)

    async def _next_step(self, job_id: JobId, keeper: Keeper) -> bool | None:
        """Do what is next, as the job stands; whether there was something to do. None when it does not run any more."""
        steps = {
            Phase.PLAN: self._plan,
            Phase.INDEX: self._index,
            Phase.TRANSFER: self._transfer,
            Phase.FINISH: self._finish,
        }
        job = await self.jobs.load(job_id)
        if job is None or job.state is not JobState.RUNNING:
            return None
        with contextlib.suppress(LeaseLost):
            return await steps[job.phase](job, keeper)
        return False

    async def _plan(self, job: Job, keeper: Keeper) -> bool:
        lease = await self.jobs.claim_step(job.id, Phase.PLAN)
        if lease is None:
            return False
        planned = False
        try:
            async with keeper.step(lease):
                plan = await self.kinds[job.kind].planner.plan(job, lease, keeper)
                keeper.check()
                first = Phase.TRANSFER if plan.way is Way.TOGETHER else Phase.INDEX
                planned = await self.jobs.advance(lease, to=first, plan=plan.model_dump_json())
        finally:
            if not planned:
                await self._discard(job, Ledger(job.id, lease.token))
        if planned:
            _log.info("planned", shards=plan.shards, images=plan.images, layout=plan.layout, way=plan.way)
        return planned

    async def _discard(self, job: Job, ledger: Ledger) -> None:
        """Remove what a planning wrote, unless it counts after all: an answer of the database may have been lost."""
        current = await self.jobs.load(ledger.job_id)
        if current is not None and current.plan and _plan_of(current).generation == ledger.generation:
            return
        await self.kinds[job.kind].planner.discard(job, ledger)

    async def _index(self, job: Job, keeper: Keeper) -> bool:
        plan = _plan_of(job)
        following = Phase.FINISH if plan.way is Way.IN_PLACE else Phase.TRANSFER
        indexer = self.kinds[job.kind].indexer
        if indexer is None:
            raise ValueError(f"a {job.kind} job has no phase {Phase.INDEX}")
        step = _ShardStep(Phase.INDEX, ShardState.OPEN, following, indexer)
        return await self._next_shard(job, plan, step, keeper)

    async def _transfer(self, job: Job, keeper: Keeper) -> bool:
        plan = _plan_of(job)
        state = ShardState.OPEN if plan.way is Way.TOGETHER else ShardState.INDEXED
        step = _ShardStep(Phase.TRANSFER, state, Phase.FINISH, self.kinds[job.kind].transfer)
        return await self._next_shard(job, plan, step, keeper)

    async def _next_shard(self, job: Job, plan: ImportPlan, step: "_ShardStep", keeper: Keeper) -> bool:
        """Do one shard, or go on to the next phase when there is none left; False when there is nothing to do now."""
        ledger = Ledger(job.id, plan.generation)
        lease = await self.shards.claim_next(ledger, step.state)
        if lease is None:
            if not await self.shards.all_past(ledger, step.state, images=plan.images):
                return await self.shards.adopt_remainders(ledger) or await self.shards.split_straggler(ledger)
            await self.jobs.move_on(job.id, step.phase, generation=plan.generation, to=step.following)
            return True
        if lease.claims > self.engine.max_shard_claims:
            raise ShardExhausted(f"Shard {lease.index} was claimed {lease.claims} times without an end.")
        async with self._holding(lease, keeper) as track:
            await step.work.run(job, plan, lease, track)
        return True

    @contextlib.asynccontextmanager
    async def _holding(self, lease: ShardLease, keeper: Keeper) -> AsyncIterator[ShardTrack]:
        track = ShardTrack(keeper.check)
        async with keeper.shard(lease, track):
            try:
                yield track
            except (Leaving, asyncio.CancelledError, ConnectionLost):
                self.metrics.shards.labels("released").inc()
                with contextlib.suppress(ConnectionLost):  # then its lease runs out
                    await self.shards.release(lease)
                raise
            except LeaseLost:
                self.metrics.shards.labels("lost").inc()
                raise

    async def _finish(self, job: Job, keeper: Keeper) -> bool:
        lease = await self.jobs.claim_step(job.id, Phase.FINISH)
        if lease is None:
            return False
        async with keeper.step(lease):
            await self.kinds[job.kind].finisher.finish(job, _plan_of(job), lease)
        _log.info("imported", dataset_id=job.dataset_id)
        self.metrics.jobs.labels("succeeded").inc()
        return True

    async def _clean_if_last(self, job_id: JobId) -> None:
        job = await self.jobs.load(job_id)
        if job is not None and job.ended and not job.live_claimers:
            await self.cleaner.clean(job_id)


def _plan_of(job: Job) -> ImportPlan:
    return ImportPlan.model_validate_json(job.plan or "")
