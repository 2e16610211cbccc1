"""What sweeps do about uploads: those nobody finished expire, those nobody needs any more are removed."""

from dataclasses import dataclass
from datetime import timedelta

from shared.features.datasets.models import DatasetNotFound
from shared.features.datasets.service import DatasetService
from shared.features.imports.models import ImportRequest
from shared.features.imports.repository import ImportJobRepository
from shared.features.imports.uploaded.arrivals import Arrivals
from shared.features.jobs.models import Job, JobState
from shared.features.jobs.starting import attempt
from shared.features.uploads.models import Upload, UploadInUse, UploadState
from shared.features.uploads.service import UNNOTICED, UploadService
from shared.foundation.clock import utc_now
from shared.foundation.settings import EngineSettings

_LATER = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class UploadKeeper:
    """Keeps what is read, and removes the rest; every step can be done again."""

    uploads: UploadService
    arrivals: Arrivals
    jobs: ImportJobRepository
    datasets: DatasetService
    engine: EngineSettings

    async def sweep(self) -> None:
        """One round; safe at any frequency, and several at once."""
        rounds = {
            UploadState.WAITING: self._look_after,
            UploadState.COMPLETE: self._look_at_complete,
            UploadState.IMPORTING: self._forget_when_over,
            UploadState.FAILED: self._forget,
            UploadState.EXPIRED: self._forget,
            UploadState.DELETED: self._forget,
        }
        for state, work in rounds.items():
            for upload in await self.uploads.uploads.due(state):
                await attempt(work(upload), f"looking after an upload that is {state}", upload.id)

    async def delete(self, upload: Upload) -> None:
        """Remove an upload for its owner. Raises UploadInUse."""
        for job in await self._jobs_of(upload):
            if not job.ended:
                raise UploadInUse("An import reads this upload; cancel it first.", job_id=job.id)
            if await self._stays_in_place(job):
                raise UploadInUse("A dataset uses this upload in place; delete it first.", dataset=job.dataset_id)
        if not await self.uploads.remove(upload):
            raise UploadInUse("Somebody has just begun to use this upload; try again.")

    async def _look_after(self, upload: Upload) -> None:
        """Nobody may have told us that it has arrived: whoever would have was killed, or an event was lost."""
        if await self.uploads.look(upload):
            await self.arrivals.finish(upload.id)
        elif upload.expires_at <= utc_now():
            await self.uploads.expire(upload)
        else:
            await self.uploads.uploads.postpone(upload.id, min(upload.expires_at, utc_now() + UNNOTICED))

    async def _look_at_complete(self, upload: Upload) -> None:
        if upload.options is not None:
            await self.arrivals.begin_import(upload)
        else:
            await self._forget_when_over(upload)

    async def _forget_when_over(self, upload: Upload) -> None:
        """Remove it once every import that reads it has ended long enough ago, and no dataset has it in place."""
        kept = timedelta(days=self.engine.uploaded_days)
        jobs = await self._jobs_of(upload)
        for job in jobs:
            if not job.ended or await self._stays_in_place(job):
                await self.uploads.uploads.postpone(upload.id, utc_now() + _LATER)
                return
        last = max((job.finished_at for job in jobs if job.finished_at), default=upload.expires_at)
        if last + kept > utc_now():
            await self.uploads.uploads.postpone(upload.id, last + kept)
        else:
            await self.uploads.remove(upload)

    async def _forget(self, upload: Upload) -> None:
        await self.uploads.clear(upload)
        await self.uploads.uploads.remove(upload.id)

    async def _jobs_of(self, upload: Upload) -> list[Job]:
        found = [await self.jobs.load(job_id) for job_id in upload.jobs]
        return [job for job in found if job is not None]

    async def _stays_in_place(self, job: Job) -> bool:
        if job.state is not JobState.SUCCEEDED or not ImportRequest.model_validate_json(job.request).in_place:
            return False
        try:
            await self.datasets.load(job.dataset_id)
        except DatasetNotFound:
            return False
        return True
