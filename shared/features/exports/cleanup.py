"""What is left to remove: pieces of exports that did not come to be, and exports whose time is over."""

from dataclasses import dataclass

from shared.features.datasets.service import DatasetService
from shared.features.exports.models import Export, job_prefix
from shared.features.exports.repository import ExportRepository, OtherJobRepository
from shared.features.jobs.models import Job, JobState
from shared.foundation.clock import utc_now
from shared.foundation.ids import DatasetId, JobId
from shared.ports.object_store import ObjectStore


@dataclass(frozen=True, slots=True)
class ExportCleaner:
    """Removes leftovers; every step can be done again."""

    jobs: OtherJobRepository
    exports: ExportRepository
    datasets: DatasetService
    store: ObjectStore

    async def clean_if_last(self, job_id: JobId) -> None:
        """Clean up after a job that has ended, unless a claimer still works on it."""
        job = await self.jobs.load(job_id)
        if job is not None and job.ended and not job.live_claimers:
            await self.clean(job_id)

    async def clean(self, job_id: JobId) -> None:
        """Remove what an ended job has written and nobody needs: all of it, unless it succeeded."""
        claimed = await self.jobs.claim_cleanup(job_id)
        if claimed is None:
            return
        lease, job = claimed
        prefix = job_prefix(job.dataset_id, job.request, job.id)
        export = await self.exports.of_job(job.request, job.id)
        if job.state is not JobState.SUCCEEDED or export is None or export.built is None:
            await self.store.delete_prefix(prefix)
        else:
            await self._remove_older(prefix, export.built.prefix, job)
            for notes in ("label-notes/", "image-notes/"):
                await self.store.delete_prefix(f"{export.built.prefix}{notes}")
        await self.jobs.end_cleanup(lease)

    async def remove(self, export: Export) -> None:
        """Remove an export that has expired, or was deleted; its job is cancelled, and cleaned up after."""
        job = await self.jobs.load(export.job_id)
        if job is not None:
            await self.jobs.end(job, JobState.CANCELLED, error=None, cleanup_at=utc_now())
        await self.store.delete_prefix(job_prefix(export.dataset_id, export.id, export.job_id))
        await self.exports.remove(export)

    async def purge(self, dataset_id: DatasetId) -> None:
        """Let go of a dataset that is removed for good: its jobs end, its exports are forgotten."""
        for job in await self.jobs.of_dataset(dataset_id):
            await self.jobs.end(job, JobState.CANCELLED, error=None, cleanup_at=utc_now())
        await self.exports.remove_all(dataset_id)

    async def _remove_older(self, prefix: str, published: str, job: Job) -> None:
        """Remove what claimers that died have left."""
        for token in range(1, job.generation + 1):
            if f"{prefix}{token}/" != published:
                await self.store.delete_prefix(f"{prefix}{token}/")
