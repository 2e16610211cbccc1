"""One claimer's part in an export: it builds all of it, unless another one does; and what failure makes of a job."""

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

import structlog

from shared.features.datasets.models import Dataset, DatasetState
from shared.features.datasets.service import DatasetService
from shared.features.exports.builder import BuildTrack, ExportBuilder
from shared.features.exports.cleanup import ExportCleaner
from shared.features.exports.holding import Holding, Leaving
from shared.features.exports.models import Built, Export, ExportNotFound, NothingToExport
from shared.features.exports.repository import ExportRepository, OtherJobRepository
from shared.features.jobs.models import Job, JobState, LeaseLost, Phase, StepLease
from shared.foundation.clock import utc_now
from shared.foundation.errors import AppError, unforeseen
from shared.foundation.ids import JobId, new_id
from shared.foundation.mongo import ConnectionLost, DriverError, Session, Transactions, database_failure, persistently
from shared.foundation.retry import Backoff
from shared.foundation.settings import EngineSettings
from shared.ports.job_queue import JobQueue, QueueUnavailable

_POLL_SECONDS = 0.2
_LOST_CONNECTIONS = 8
_FIRST_RETRY_SECONDS = 4.0

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class ExportRunner:
    """Runs claimers of exports in this process."""

    jobs: OtherJobRepository
    exports: ExportRepository
    datasets: DatasetService
    builder: ExportBuilder
    cleaner: ExportCleaner
    queue: JobQueue
    transactions: Transactions
    engine: EngineSettings

    async def run(self, job_id: JobId, *, stopping: Callable[[], bool]) -> bool:
        """Work on the job until it has ended or `stopping` says so; False when it is no export's. Safe to repeat."""
        claimer = f"c-{new_id()}"
        job = await persistently(lambda: self.jobs.join(job_id, claimer), Backoff(_LOST_CONNECTIONS))
        if job is None:
            return False
        structlog.contextvars.bind_contextvars(correlation_id=job.correlation_id, job_id=job_id, claimer=claimer)
        try:
            await self._work(job, claimer, stopping)
        finally:
            with contextlib.suppress(ConnectionLost):  # then its heartbeat runs out
                await self.jobs.leave(job_id, claimer)
        with contextlib.suppress(ConnectionLost):  # then the sweeper cleans up
            await self.cleaner.clean_if_last(job_id)
        return True

    async def _work(self, job: Job, claimer: str, stopping: Callable[[], bool]) -> None:
        try:
            while not stopping():
                current = await self.jobs.load(job.id)
                if current is None or current.state is not JobState.RUNNING:
                    return
                if (lease := await self.jobs.claim_step(job.id, Phase.PLAN)) is not None:
                    await self._hold(current, lease, claimer, stopping)
                else:
                    await self.jobs.beat(job.id, claimer)
                    await asyncio.sleep(_POLL_SECONDS)
        except AppError as error:
            await self._fail(job, error)
        except DriverError as error:
            _log.exception("database failure")
            await self._fail(job, database_failure(error))
        except Exception:  # noqa: BLE001 - a job survives what nobody foresaw, as imports do
            _log.exception("unforeseen failure")
            await self._fail(job, unforeseen(job.correlation_id))

    async def _hold(self, job: Job, lease: StepLease, claimer: str, stopping: Callable[[], bool]) -> None:
        holding = Holding(self.jobs, job, lease, claimer, stopping, self.engine.lease_seconds)
        try:
            async with holding:
                await self._build(job, lease, holding)
        except (Leaving, LeaseLost):
            _log.info("claimer lets go")
        except asyncio.CancelledError:
            holding.absorb()
            _log.info("claimer lets go in the middle of a read")
        finally:
            with contextlib.suppress(ConnectionLost):  # then it runs out
                await self.jobs.release_step(lease)

    async def _build(self, job: Job, lease: StepLease, holding: Holding) -> None:
        export = await self.exports.of_job(job.request, job.id)
        if export is None:
            raise ExportNotFound(job.request)
        dataset = await self.datasets.load(export.dataset_id)
        if dataset.state is not DatasetState.READY:
            raise NothingToExport("The dataset is not there any more.")
        dataset = await self.datasets.at_version(dataset, export.options.version)
        track = BuildTrack(holding.check, holding.progress)
        built = await self.builder.build(dataset, export, lease, track)
        holding.check()
        await self._publish(dataset, export, built, lease, holding)

    async def _publish(
        self, dataset: Dataset, export: Export, built: Built, lease: StepLease, holding: Holding
    ) -> None:
        expires_at = utc_now() + timedelta(days=self.engine.export_days)

        async def end(session: Session) -> None:
            if not await self.exports.publish(export, built, expires_at=expires_at, session=session):
                raise ExportNotFound(export.id)
            progress = holding.progress.model_dump_json()
            if not await self.jobs.succeed(lease, plan="{}", progress=progress, session=session):
                raise LeaseLost

        await self.transactions.run(end)
        _log.info("exported", dataset_id=dataset.id, export_id=export.id, images=built.images)

    async def _fail(self, job: Job, error: AppError) -> None:
        """Try again later if that may help, up to `max_attempts`; else the job has failed or is dead."""
        try:
            current = await self.jobs.load(job.id)
            if current is None or current.attempts != job.attempts:
                return
            if error.retryable and current.attempts < self.engine.max_attempts:
                await self._again(current, error)
            else:
                state = JobState.DEAD if error.retryable else JobState.FAILED
                await self.jobs.end(current, state, error=error.to_problem(), cleanup_at=utc_now())
                _log.info("job ended", job_id=job.id, state=state, problem=error.to_problem())
        except DriverError:
            _log.exception("the failure could not be noted; the sweeper will start the job again")

    async def _again(self, job: Job, error: AppError) -> None:
        delay = _FIRST_RETRY_SECONDS * 2 ** (job.attempts - 1)
        if await self.jobs.requeue(job, error=error.to_problem(), due_at=utc_now() + timedelta(seconds=delay)):
            with contextlib.suppress(QueueUnavailable):  # the sweeper will start it
                await self.queue.enqueue(job.id, delay_seconds=delay)
