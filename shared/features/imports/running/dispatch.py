"""Jobs as the queue and the scheduler drive them: claimers are started, and what stopped is put right."""

from dataclasses import dataclass

from shared.features.datasets.service import DatasetService
from shared.features.imports.running.cleanup import Cleaner
from shared.features.imports.running.turns import PATIENCE
from shared.features.jobs.starting import JobStarter, attempt
from shared.foundation.ids import JobId


@dataclass(frozen=True, slots=True)
class ImportDispatcher:
    """What the queue and the scheduler call: starts claimers, and puts right what stopped."""

    starter: JobStarter
    datasets: DatasetService
    cleaner: Cleaner

    async def dispatch(self, job_id: JobId) -> bool:
        """Start a queued job's claimers. Does nothing for a job that runs or has ended; False for an unknown one."""
        return await self.starter.dispatch(job_id)

    async def sweep(self) -> None:
        """Start jobs whose callback never came, replace lost claimers, remove leftovers, empty the trash."""
        await self.starter.sweep(patience=PATIENCE)
        for job in await self.starter.jobs.due_for_cleanup():
            await attempt(self.cleaner.clean(job.id), "cleaning up", job.id)
        for dataset_id in await self.datasets.due_for_purge():
            await attempt(self.cleaner.purge(dataset_id), "purging", dataset_id)
