"""Verifications as callers see them: start one; they are watched, cancelled and retried like imports."""

from dataclasses import dataclass

import structlog

from shared.features.auth.models import Actor
from shared.features.datasets.models import Dataset, DatasetBusy, DatasetState, VersionBusy
from shared.features.imports.repository import ImportJobRepository
from shared.features.imports.verification.verify import source_of
from shared.features.jobs.models import Job, JobNotFound, NewJob
from shared.foundation.ids import JobId, new_id
from shared.foundation.settings import EngineSettings
from shared.ports.job_queue import JobQueue, QueueUnavailable

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class VerificationService:
    """Starts verifications of packed datasets."""

    jobs: ImportJobRepository
    queue: JobQueue
    engine: EngineSettings

    async def start(self, dataset: Dataset, actor: Actor, *, correlation_id: str) -> Job:
        """Queue a verification. Raises NothingToVerify, and DatasetBusy while the dataset is imported."""
        if dataset.state is not DatasetState.READY:
            raise DatasetBusy(f"Wait for the import job {dataset.import_job_id}.", job_id=dataset.import_job_id)
        if dataset.draft is not None:
            raise VersionBusy(dataset.draft.job_id)
        source_of(dataset)
        new = NewJob(
            id=JobId(new_id()),
            owner_id=actor.id,
            dataset_id=dataset.id,
            request="{}",
            correlation_id=correlation_id,
            claimers=self.engine.claimers,
            idempotency_key=None,
            kind="verify",
        )
        await self.jobs.add(new)
        try:
            await self.queue.enqueue(new.id)
        except QueueUnavailable:
            _log.warning("queue unavailable; the sweeper will start the job", job_id=new.id)
        job = await self.jobs.get(new.id, actor)
        if job is None:
            raise JobNotFound(new.id)
        return job
