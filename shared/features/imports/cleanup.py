"""What is left to remove after a job has ended, and after a dataset's time in the trash is over."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass

from shared.features.datasets.service import DatasetService
from shared.features.images.service import ImageService
from shared.features.imports.manifest import temp_prefix
from shared.features.imports.models import ImportPlan
from shared.features.imports.progress import settled
from shared.features.imports.repository import FindingRepository, ImportJobRepository, ShardRepository
from shared.features.jobs.models import Job, JobState, StepLease
from shared.foundation.ids import DatasetId, JobId
from shared.foundation.settings import EngineSettings
from shared.ports.object_store import ObjectStore


@dataclass(frozen=True, slots=True)
class Cleaner:
    """Removes leftovers; every step can be done again."""

    datasets: DatasetService
    images: ImageService
    jobs: ImportJobRepository
    shards: ShardRepository
    findings: FindingRepository
    store: ObjectStore
    engine: EngineSettings

    async def clean(self, job_id: JobId) -> None:
        """After success: what only the job needed. Otherwise also what it had made of the dataset.

        Does nothing unless the job has ended and its time has come. No retry begins meanwhile.
        """
        claimed = await self.jobs.claim_cleanup(job_id)
        if claimed is None:
            return
        lease, job = claimed
        async with self._holding(lease):
            await self._remove(lease, job)
        await self.jobs.end_cleanup(lease)

    async def purge(self, dataset_id: DatasetId) -> None:
        """Remove a trashed dataset for good."""
        await self.images.remove_all(dataset_id)
        async for job_id in self.jobs.of_dataset(dataset_id):
            await self.findings.remove_all(job_id)
        await self.datasets.remove(dataset_id)

    async def _remove(self, lease: StepLease, job: Job) -> None:
        if job.state is not JobState.SUCCEEDED and job.kind == "import":
            await self.images.remove_all(job.dataset_id)
        await self.store.delete_prefix(temp_prefix(job.id))
        if job.plan:
            plan = await settled(ImportPlan.model_validate_json(job.plan), job, self.shards)
            await self.jobs.keep_plan(lease, plan.model_dump_json())
        await self.shards.remove_all(job.id)
        await self.findings.remove_older(job.id, generation=job.generation)

    @contextlib.asynccontextmanager
    async def _holding(self, lease: StepLease) -> AsyncIterator[None]:
        """Renew the lease meanwhile: removing a million objects takes longer than one lease lasts."""

        holding = True  # as the driver may swallow a cancellation that comes together with its answer

        async def renew() -> None:
            while holding and await self.jobs.renew_step(lease, progress=None):  # noqa: ASYNC110 - only asking tells
                await asyncio.sleep(self.engine.lease_seconds / 4)

        renewing = asyncio.create_task(renew())
        try:
            yield
        finally:
            holding = False
            renewing.cancel()
