"""What is left to remove after a job has ended, and after a dataset's time in the trash is over."""

import asyncio
import contextlib
import time
from dataclasses import dataclass

from shared.features.datasets.service import DatasetService
from shared.features.images.drafts.service import DraftService
from shared.features.images.service import ImageService
from shared.features.imports.models import ImportPlan, Way
from shared.features.imports.progress import settled
from shared.features.imports.repository import FindingRepository, ImportJobRepository, ShardRepository
from shared.features.imports.shards.manifest import kept_manifests_prefix, temp_prefix
from shared.features.jobs.models import Job, JobState, StepLease
from shared.foundation.clock import utc_now
from shared.foundation.ids import DatasetId, JobId
from shared.foundation.mongo import DriverError
from shared.foundation.settings import EngineSettings
from shared.ports.object_store import ObjectStore

_ONCE_MORE_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Cleaner:
    """Removes leftovers; every step can be done again."""

    datasets: DatasetService
    images: ImageService
    drafts: DraftService
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
        removing = asyncio.create_task(self._remove(lease, job))
        if await self._held_until_done(lease, removing):
            await self.jobs.end_cleanup(lease)

    async def purge(self, dataset_id: DatasetId) -> None:
        """Remove a trashed dataset for good; what still works on it is cancelled, and has to be gone before."""
        jobs = await self.jobs.of_dataset(dataset_id)
        for job in jobs:
            await self.jobs.end(job, JobState.CANCELLED, error=None, cleanup_at=utc_now())
        if any(not job.ended or job.live_claimers for job in jobs):
            return  # until the next sweep
        await self.images.remove_all(dataset_id)
        for job in jobs:
            await self.findings.remove_all(job.id)
        await self.datasets.remove(dataset_id)

    async def _remove(self, lease: StepLease, job: Job) -> None:
        if job.state is not JobState.SUCCEEDED and job.kind == "import":
            await self.images.remove_all(job.dataset_id)
        if job.state is not JobState.SUCCEEDED and job.kind == "version":
            await self._give_up_draft(job)
        await self.store.delete_prefix(temp_prefix(job.id))
        if job.plan:
            plan = await settled(ImportPlan.model_validate_json(job.plan), job, self.shards)
            await self.jobs.keep_plan(lease, plan.model_dump_json())
            if plan.way is Way.IN_PLACE:
                await self._forget_older_plans(job, plan.generation)
        await self.shards.remove_all(job.id)
        await self.findings.remove_older(job.id, generation=job.generation)

    async def _give_up_draft(self, job: Job) -> None:
        """Remove a version that did not come to be. Its shards go first: nobody writes without one."""
        await self.shards.remove_all(job.id)
        dataset = await self.datasets.load(job.dataset_id)
        if dataset.draft is not None and dataset.draft.job_id == job.id:
            await self.drafts.discard(dataset.id, dataset.draft.number)
            await self.datasets.end_draft(dataset.id, job.id)

    async def _forget_older_plans(self, job: Job, generation: int) -> None:
        """Remove what plannings that died have left with a dataset that keeps the manifests of its plan."""
        for older in range(generation):
            await self.store.delete_prefix(kept_manifests_prefix(job.dataset_id, older))

    async def _held_until_done(self, lease: StepLease, removing: "asyncio.Task[None]") -> bool:
        """Renew the lease meanwhile: removing a million objects takes longer than one lease lasts.

        False when it was lost; then nothing more is removed, as another cleaner may be through, and a retry begun.
        """
        renewed_at = time.monotonic()
        try:
            while not (await asyncio.wait([removing], timeout=self.engine.lease_seconds / 4))[0]:
                if time.monotonic() - renewed_at > self.engine.lease_seconds * 0.9:
                    return False
                began = time.monotonic()
                with contextlib.suppress(DriverError):
                    if not await self.jobs.renew_step(lease, progress=None):
                        return False
                    renewed_at = began
            await removing
        finally:
            while not removing.done():  # the driver may swallow a cancellation that comes together with its answer
                removing.cancel()
                await asyncio.wait([removing], timeout=_ONCE_MORE_SECONDS)
        return True
