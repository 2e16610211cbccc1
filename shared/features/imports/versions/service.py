"""Versions as callers see them: make one with fixes, bring an older one back, see beforehand what would change.

Their jobs are watched, cancelled and retried like imports.
"""

import asyncio
import time
from dataclasses import dataclass

import structlog

from shared.features.auth.models import Actor
from shared.features.datasets.models import Dataset, DatasetBusy, DatasetState, Rollup, VersionBusy
from shared.features.datasets.service import DatasetService
from shared.features.datasets.statistics import Statistics, add_rollup, from_rollup, to_rollup
from shared.features.images.service import ImageService
from shared.features.imports.models import ImportRequest, VersionPlan
from shared.features.imports.repository import ImportJobRepository
from shared.features.imports.versions.choosing import (
    change_of,
    chosen_fixes,
    judging_of,
    mender_of,
    plan_of,
    published_rollup,
    rollup_to_begin_with,
    version_counts,
)
from shared.features.imports.versions.fixing import Fixing
from shared.features.imports.versions.models import (
    NothingToFix,
    NothingToRestore,
    Preview,
    RollbackRequest,
    VersionOrder,
    VersionRequest,
)
from shared.features.imports.versions.planner import Span, how_imported
from shared.features.imports.versions.shards import pages_of
from shared.features.jobs.models import IdempotencyConflict, Job, JobNotFound, NewJob
from shared.formats.annotations.fixes.table import ChosenFixes
from shared.foundation.ids import DatasetId, JobId, following_id, new_id
from shared.foundation.mongo import AlreadyThere, Session, Transactions
from shared.foundation.settings import EngineSettings
from shared.ports.job_queue import JobQueue, QueueUnavailable

_PREVIEWED_IMAGES = 2_000
_PREVIEW_SECONDS = 10.0

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Asked:
    """By whom, and under which ids, a version is asked for."""

    actor: Actor
    correlation_id: str
    idempotency_key: str | None = None


@dataclass(frozen=True, slots=True)
class VersionService:
    """Starts jobs that make versions."""

    datasets: DatasetService
    images: ImageService
    jobs: ImportJobRepository
    queue: JobQueue
    transactions: Transactions
    engine: EngineSettings

    async def fix(self, dataset: Dataset, request: VersionRequest, asked: Asked) -> Job:
        """Queue a job that applies fixes to the published version.

        Raises FixesDoNotFit, NothingToFix, VersionBusy, and DatasetBusy while the dataset is imported or verified.
        """
        asked_for = request.model_dump_json()
        if (earlier := await self._earlier(dataset, asked_for, asked)) is not None:
            return earlier
        await self._check_idle(dataset)
        chosen = chosen_fixes(request.fixes, request.category_map, dataset.rollup)
        await self._change(dataset, chosen)
        order = VersionOrder(
            asked=asked_for, fixes=dict(chosen.by_rule), category_map=request.category_map, note=request.note
        )
        return await self._start(dataset, order, asked)

    async def rollback(self, dataset: Dataset, request: RollbackRequest, asked: Asked) -> Job:
        """Queue a job that makes a version with the content of an older one.

        Raises VersionNotFound, NothingToRestore, VersionBusy, and DatasetBusy as `fix` does.
        """
        asked_for = request.model_dump_json()
        if (earlier := await self._earlier(dataset, asked_for, asked)) is not None:
            return earlier
        await self._check_idle(dataset)
        older = await self.datasets.version(dataset, request.version)
        if older.number == dataset.version:
            raise NothingToRestore(f"Version {older.number} is what readers see.", version=older.number)
        return await self._start(
            dataset, VersionOrder(asked=asked_for, restores=older.number, note=request.note), asked
        )

    async def preview(self, dataset: Dataset, request: VersionRequest) -> Preview:
        """What fixes would change, by the first images; nothing is written.

        Raises FixesDoNotFit and NothingToFix.
        """
        chosen = chosen_fixes(request.fixes, request.category_map, dataset.rollup)
        plan = await self._change(dataset, chosen)
        reading = (await how_imported(self.jobs, dataset)).reading
        fixing = Fixing(self.images, dataset, mender_of(plan, chosen, reading), judging_of(dataset))
        seen, total = await self._look(dataset, fixing), Statistics(dataset.rollup).images()
        counts = from_rollup(rollup_to_begin_with(dataset, chosen))
        add_rollup(counts, to_rollup(fixing.counts))
        return Preview(
            images_looked_at=seen,
            images=total,
            complete=seen >= total,
            fixes=dict(chosen.by_rule),
            counts=version_counts(to_rollup(counts), published_rollup(to_rollup(counts)), chosen),
        )

    async def _look(self, dataset: Dataset, fixing: Fixing) -> int:
        """Fix images and keep nothing of it, until there were enough; how many there were."""
        seen, began = 0, time.monotonic()
        async for images in pages_of(self.images, dataset, Span(None, None)):
            for image in images:
                if seen >= _PREVIEWED_IMAGES or time.monotonic() - began > _PREVIEW_SECONDS:
                    return seen
                await fixing.fix(image)
                seen += 1
                await asyncio.sleep(0)
        return seen

    async def _change(self, dataset: Dataset, chosen: ChosenFixes) -> VersionPlan:
        """What the fixes do to the categories. Raises FixesDoNotFit."""
        parent = await self.datasets.version(dataset, dataset.version)
        known = await how_imported(self.jobs, dataset)
        change = change_of(dataset, parent, chosen, known.reading)
        return plan_of(dataset, dataset.newest_version + 1, change, takes_rows_in=known.takes_rows_in)

    async def _check_idle(self, dataset: Dataset) -> None:
        if dataset.state is not DatasetState.READY:
            raise DatasetBusy(f"Wait for the import job {dataset.import_job_id}.", job_id=dataset.import_job_id)
        if dataset.draft is not None:
            raise VersionBusy(dataset.draft.job_id)
        for job in await self.jobs.of_dataset(dataset.id):
            if job.kind == "verify" and not job.ended:
                raise DatasetBusy(f"Wait for the verification {job.id}.", job_id=job.id)

    async def _start(self, dataset: Dataset, order: VersionOrder, asked: Asked) -> Job:
        new = _new_job(JobId(new_id()), dataset.id, order, asked, self.engine)

        async def work(session: Session) -> None:
            await self.jobs.add(new, session)
            await self.datasets.begin_draft(dataset.id, new.id, session)

        try:
            await self.transactions.run(work)
        except AlreadyThere:
            if (earlier := await self._earlier(dataset, order.asked, asked)) is not None:
                return earlier
            raise
        await announce(self.queue, new.id)
        job = await self.jobs.get(new.id, asked.actor)
        if job is None:
            raise JobNotFound(new.id)
        return job

    async def _earlier(self, dataset: Dataset, asked_for: str, asked: Asked) -> Job | None:
        """The job that this very request has made before. Raises IdempotencyConflict."""
        if asked.idempotency_key is None:
            return None
        earlier = await self.jobs.with_idempotency_key(asked.idempotency_key, asked.actor)
        if earlier is None:
            return None
        same = earlier.kind == "version" and earlier.dataset_id == dataset.id
        if not same or VersionOrder.model_validate_json(earlier.request).asked != asked_for:
            raise IdempotencyConflict("This Idempotency-Key was sent before with another request.", job_id=earlier.id)
        return earlier


@dataclass(frozen=True, slots=True)
class FixesAfterImport:
    """What follows an import that was asked for fixes: a job that makes version 2."""

    datasets: DatasetService
    jobs: ImportJobRepository
    queue: JobQueue
    engine: EngineSettings

    async def begin(self, job: Job, dataset: Dataset, rollup: Rollup, session: Session) -> JobId | None:
        """Within the transaction that publishes version 1: write the job, if there is something to fix."""
        request = ImportRequest.model_validate_json(job.request)
        if not request.fixes:
            return None
        try:
            chosen = chosen_fixes(request.fixes, request.category_map, rollup)
        except NothingToFix:
            return None
        order = VersionOrder(
            fixes=dict(chosen.by_rule), category_map=request.category_map, note="asked for with the import"
        )
        asked = Asked(Actor(job.owner_id), job.correlation_id)
        new = _new_job(JobId(following_id(job.id, "fixes", job.generation)), dataset.id, order, asked, self.engine)
        await self.jobs.add(new, session)
        await self.datasets.begin_draft(dataset.id, new.id, session)
        return new.id

    async def announce(self, job_id: JobId) -> None:
        """Tell that the job is due."""
        await announce(self.queue, job_id)


async def announce(queue: JobQueue, job_id: JobId) -> None:
    """Put a job that was written into the queue; if that fails, the sweeper finds it."""
    try:
        await queue.enqueue(job_id)
    except QueueUnavailable:
        _log.warning("queue unavailable; the sweeper will start the job", job_id=job_id)


def _new_job(job_id: JobId, dataset_id: DatasetId, order: VersionOrder, asked: Asked, engine: EngineSettings) -> NewJob:
    return NewJob(
        id=job_id,
        owner_id=asked.actor.id,
        dataset_id=dataset_id,
        request=order.model_dump_json(),
        correlation_id=asked.correlation_id,
        claimers=engine.claimers,
        idempotency_key=asked.idempotency_key,
        kind="version",
    )
