"""Jobs of exports as the queue and the scheduler drive them: a claimer is started, and what stopped is put right."""

from dataclasses import dataclass
from datetime import timedelta

from shared.features.exports.cleanup import ExportCleaner
from shared.features.jobs.starting import JobStarter, attempt
from shared.foundation.ids import JobId

_CLAIMER_PATIENCE = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class ExportDispatcher:
    """What the queue and the scheduler call."""

    starter: JobStarter
    cleaner: ExportCleaner

    async def dispatch(self, job_id: JobId) -> bool:
        """Start a queued job's claimer. Does nothing for a job that runs or has ended; False for an unknown one."""
        return await self.starter.dispatch(job_id)

    async def sweep(self) -> None:
        """Start jobs whose callback never came, replace lost claimers, remove what is left over or has expired."""
        await self.starter.sweep(patience=_CLAIMER_PATIENCE)
        for job in await self.starter.jobs.due_for_cleanup():
            await attempt(self.cleaner.clean(job.id), "cleaning up", job.id)
        for export in await self.cleaner.exports.expired():
            await attempt(self.cleaner.remove(export), "removing an export", export.id)
        for dataset_id in await self.cleaner.datasets.due_for_purge():
            await attempt(self.cleaner.purge(dataset_id), "purging exports", dataset_id)
