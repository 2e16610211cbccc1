"""What is left to remove after a job has ended, and after a dataset's time in the trash is over."""

from dataclasses import dataclass

from shared.features.datasets.service import DatasetService
from shared.features.images.service import ImageService
from shared.features.imports.manifest import temp_prefix
from shared.features.imports.models import ImportPlan
from shared.features.imports.progress import settled
from shared.features.imports.repository import FindingRepository, ImportJobRepository, ShardRepository
from shared.features.jobs.models import Job, JobState, Phase
from shared.foundation.ids import DatasetId
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

    async def clean(self, job: Job) -> None:
        """After success: what only the job needed. Otherwise also what it had made of the dataset."""
        lease = await self.jobs.claim_cleanup(job.id)
        if lease is None:
            return
        if job.state is not JobState.SUCCEEDED:
            await self.images.remove_all(job.dataset_id)
        await self.store.delete_prefix(temp_prefix(job.id))
        if job.plan:
            plan = await settled(ImportPlan.model_validate_json(job.plan), job, self.shards)
            await self.jobs.keep_plan(lease, plan.model_dump_json())
        await self.shards.remove_all(job.id)
        await self.jobs.end_cleanup(lease, phase=Phase.FINISH if job.state is JobState.SUCCEEDED else Phase.PLAN)

    async def purge(self, dataset_id: DatasetId) -> None:
        """Remove a trashed dataset for good."""
        dataset = await self.datasets.load(dataset_id)
        await self.images.remove_all(dataset_id)
        await self.findings.remove_all(dataset.import_job_id)
        await self.datasets.remove(dataset_id)
