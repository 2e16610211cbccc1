"""How an import ends when it does not succeed: tried again later, failed, dead or cancelled."""

from dataclasses import dataclass
from datetime import timedelta

import structlog

from shared.features.datasets.service import DatasetService
from shared.features.imports.repository import ImportJobRepository
from shared.features.jobs.models import Job, JobState
from shared.foundation.clock import utc_now
from shared.foundation.errors import AppError, Problem
from shared.foundation.mongo import Session, Transactions
from shared.foundation.settings import EngineSettings
from shared.ports.job_queue import JobQueue, QueueUnavailable

_FIRST_RETRY_SECONDS = 4.0

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Ending:
    """Ends jobs, each with its dataset in one transaction."""

    datasets: DatasetService
    jobs: ImportJobRepository
    queue: JobQueue
    transactions: Transactions
    engine: EngineSettings

    async def fail(self, job: Job, error: AppError) -> None:
        """A step failed: try again later if that may help, up to `max_attempts`; else the job has failed or is dead."""
        problem = error.to_problem()
        if not error.retryable:
            await self.end(job, JobState.FAILED, problem)
        elif job.attempts >= self.engine.max_attempts:
            await self.end(job, JobState.DEAD, problem)
        else:
            await self._again(job, problem)

    async def end(self, job: Job, state: JobState, problem: Problem | None) -> bool:
        """End a queued or running job and, if it is an import, hide its dataset; False when it had ended before.

        What a failed import made is removed at once; a cancelled or dead one keeps it for a while, for a retry. A job
        that makes a version keeps nothing: as long as it does, nobody else can make one.
        """
        at_once = state is JobState.FAILED or job.kind == "version"
        kept = timedelta() if at_once else timedelta(days=self.engine.leftover_days)

        async def work(session: Session) -> bool:
            ended = await self.jobs.end(job, state, error=problem, cleanup_at=utc_now() + kept, session=session)
            if ended and job.kind == "import":
                await self.datasets.discard(job.dataset_id, session)
            return ended

        ended = await self.transactions.run(work)
        if ended:
            _log.info("job ended", job_id=job.id, state=state, problem=problem)
        return ended

    async def _again(self, job: Job, problem: Problem) -> None:
        delay = _FIRST_RETRY_SECONDS * 2 ** (job.attempts - 1)
        due_at = utc_now() + timedelta(seconds=delay)
        if await self.jobs.requeue(job, error=problem, due_at=due_at):
            _log.warning("job will be tried again", job_id=job.id, problem=problem, delay_seconds=delay)
            try:
                await self.queue.enqueue(job.id, delay_seconds=delay)
            except QueueUnavailable:
                _log.warning("queue unavailable; the sweeper will start the job", job_id=job.id)
