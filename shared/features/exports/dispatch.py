"""Jobs of exports as the queue and the scheduler drive them: a claimer is started, and what stopped is put right."""

from collections.abc import Awaitable
from dataclasses import dataclass
from datetime import timedelta

import structlog

from shared.features.exports.cleanup import ExportCleaner
from shared.features.exports.repository import OtherJobRepository
from shared.features.jobs.models import Job
from shared.foundation.errors import AppError
from shared.foundation.ids import JobId
from shared.foundation.mongo import DriverError
from shared.ports.job_launcher import JobLauncher

_CALLBACK_PATIENCE = timedelta(seconds=5)
_CLAIMER_PATIENCE = timedelta(seconds=60)

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class ExportDispatcher:
    """What the queue and the scheduler call."""

    jobs: OtherJobRepository
    launcher: JobLauncher
    cleaner: ExportCleaner

    async def dispatch(self, job_id: JobId) -> bool:
        """Start a queued job's claimer. Does nothing for a job that runs or has ended; False for an unknown one."""
        if await self.jobs.begin(job_id):
            job = await self.jobs.load(job_id)
            if job is not None:
                await self._launch(job, job.claimers)
            return True
        return await self.jobs.load(job_id) is not None

    async def sweep(self) -> None:
        """Start jobs whose callback never came, replace lost claimers, remove what is left over or has expired."""
        for job in await self.jobs.overdue(queued_for=_CALLBACK_PATIENCE):
            await _attempt(self.dispatch(job.id), "callback is overdue", job.id)
        async for job, missing in self.jobs.short_of_claimers(patience=_CLAIMER_PATIENCE):
            await _attempt(self._launch(job, missing), "claimers are missing", job.id)
        for job in await self.jobs.due_for_cleanup():
            await _attempt(self.cleaner.clean(job.id), "cleaning up", job.id)
        for export in await self.cleaner.exports.expired():
            await _attempt(self.cleaner.remove(export), "removing an export", export.id)
        for dataset_id in await self.cleaner.datasets.due_for_purge():
            await _attempt(self.cleaner.purge(dataset_id), "purging exports", dataset_id)

    async def _launch(self, job: Job, tasks: int) -> None:
        await self.jobs.note_launch(job.id, tasks)
        try:
            await self.launcher.launch(job.id, tasks=tasks)
        except AppError:
            await self.jobs.note_launch(job.id, 0)  # none will come: the next sweep need not wait for them
            raise


async def _attempt(work: Awaitable[object], what: str, of: str) -> None:
    """Do one thing of a sweep; what fails is tried again by the next sweep and does not hold up the rest."""
    _log.info(what, of=of)
    try:
        await work
    except (AppError, DriverError):
        _log.warning("sweeping failed", what=what, of=of, exc_info=True)
