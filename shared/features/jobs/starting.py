"""Starting the claimers of jobs of any kind: when the queue calls, and when a sweep finds them missing."""

from collections.abc import Awaitable
from dataclasses import dataclass
from datetime import timedelta

import structlog

from shared.features.jobs.models import Job, JobState
from shared.features.jobs.repository import JobRepository
from shared.foundation.errors import AppError
from shared.foundation.ids import JobId
from shared.foundation.mongo import DriverError
from shared.ports.job_launcher import JobLauncher

_CALLBACK_PATIENCE = timedelta(seconds=5)

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class JobStarter:
    """Starts the jobs of one collection."""

    jobs: JobRepository
    launcher: JobLauncher

    async def dispatch(self, job_id: JobId) -> bool:
        """Start a queued job's claimers, stop those of a cancelled one; one that runs or has ended is left alone.

        False for an unknown job.
        """
        begun = await self.jobs.begin(job_id)
        job = await self.jobs.load(job_id)
        if job is not None and begun:
            await self._launch(job, job.claimers)
        elif job is not None and job.state is JobState.CANCELLED:
            await self._stop(job)
        return job is not None

    async def sweep(self, *, patience: timedelta) -> None:
        """Start jobs whose callback never came, and claimers that have been missing for longer than `patience`."""
        for job in await self.jobs.overdue(queued_for=_CALLBACK_PATIENCE):
            await attempt(self.dispatch(job.id), "callback is overdue", job.id)
        async for job, missing in self.jobs.short_of_claimers(patience=patience):
            await attempt(self._launch(job, missing), "claimers are missing", job.id)

    async def _launch(self, job: Job, tasks: int) -> None:
        await self.jobs.note_launch(job.id, tasks)
        try:
            await self.jobs.note_launched(job.id, await self.launcher.launch(job.id, tasks=tasks))
        except AppError:
            await self.jobs.note_launch(job.id, 0)  # none will come: the next sweep need not wait for them
            raise

    async def _stop(self, job: Job) -> None:
        """Stop what was started. Claimers see by themselves that their job was cancelled, unless they hang."""
        launches = await self.jobs.launches(job.id)
        for launched in launches:
            await self.launcher.cancel(launched)
        await self.jobs.forget_launches(job.id, launches)


async def attempt(work: Awaitable[object], what: str, of: str) -> None:
    """Do one thing of a sweep; what fails is tried again by the next sweep and does not hold up the rest."""
    _log.info(what, of=of)
    try:
        await work
    except (AppError, DriverError):
        _log.warning("sweeping failed", what=what, of=of, exc_info=True)
