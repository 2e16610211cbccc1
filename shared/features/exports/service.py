"""What people do with exports: ask for one, see how it stands, download it, remove it."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import timedelta

import structlog

from shared.features.auth.models import Actor
from shared.features.datasets.models import Dataset, DatasetBusy, DatasetState, Task
from shared.features.datasets.service import DatasetService
from shared.features.datasets.statistics import Statistics
from shared.features.exports.cleanup import ExportCleaner
from shared.features.exports.models import (
    Built,
    Export,
    ExportFile,
    ExportFileNotFound,
    ExportNotFound,
    ExportNotPossible,
    ExportNotReady,
    ExportOptions,
    ExportProgress,
    ExportRequest,
    ExportStatus,
    progress_of,
)
from shared.features.exports.reader import Chunk, ExportReader
from shared.features.exports.repository import ExportRepository, OtherJobRepository
from shared.features.images.models import SplitNotFound
from shared.features.images.service import category_id_of
from shared.features.jobs.models import Job, JobNotFound, JobState, NewJob
from shared.formats.annotations.writers.registry import WRITE_FORMATS
from shared.foundation.clock import utc_now
from shared.foundation.ids import JobId, new_id
from shared.foundation.mongo import AlreadyThere, Session, Transactions
from shared.foundation.paging import Page, PageRequest
from shared.foundation.settings import EngineSettings
from shared.ports.job_queue import JobQueue, QueueUnavailable

_MADE_ANEW = frozenset({JobState.FAILED, JobState.CANCELLED, JobState.DEAD})

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class ExportService:
    """Exports of datasets that the caller has already been allowed to read."""

    datasets: DatasetService
    jobs: OtherJobRepository
    exports: ExportRepository
    cleaner: ExportCleaner
    reader: ExportReader
    queue: JobQueue
    transactions: Transactions
    engine: EngineSettings

    async def start(
        self, dataset: Dataset, request: ExportRequest, actor: Actor, *, correlation_id: str
    ) -> ExportStatus:
        """The export that was asked for: the one there is, or a new one, which is queued. Idempotent.

        Raises DatasetBusy, VersionNotFound, SplitNotFound, CategoryNotFound and ExportNotPossible.
        """
        options = self._options(await self.datasets.at_version(dataset, request.version), request)
        export_id = options.export_id(dataset.id)
        found, now = await self.exports.stored(dataset, export_id), utc_now()
        if found is not None and found.expires_at > now:
            status = await self._status(found)
            if status.state not in _MADE_ANEW:
                return status
        export = Export(
            id=export_id,
            dataset_id=dataset.id,
            owner_id=actor.id,
            job_id=JobId(new_id()),
            options=options,
            created_at=now,
            expires_at=now + timedelta(days=self.engine.export_days),
            built=None,
        )
        former = found.job_id if found else None
        if not await self._add(export, former, correlation_id):  # another request was quicker
            return await self.get(dataset, export_id)
        return ExportStatus(export, JobState.QUEUED, ExportProgress(), None)

    async def get(self, dataset: Dataset, export_id: str) -> ExportStatus:
        """One export and how it stands. Raises ExportNotFound."""
        return await self._status(await self._found(dataset, export_id))

    async def page(self, dataset: Dataset, request: PageRequest) -> Page[ExportStatus]:
        """The dataset's exports, the newest first."""
        page = await self.exports.page(dataset, request)
        return Page([await self._status(one) for one in page.items], page.next_cursor, page.total)

    async def file(self, dataset: Dataset, export_id: str, number: int) -> tuple[Export, Built, ExportFile]:
        """One file of an export. Raises ExportNotFound, ExportNotReady, ExportFileNotFound."""
        export = await self._found(dataset, export_id)
        if export.built is None:
            state = (await self._status(export)).state
            raise ExportNotReady(f"The export is {state}.", export_id=export_id, state=state)
        if number >= len(export.built.files):
            raise ExportFileNotFound(f"The export has {len(export.built.files)} files, counted from 0.")
        return export, export.built, export.built.files[number]

    def read(self, dataset: Dataset, built: Built, file: ExportFile, start: int, end: int) -> AsyncIterator[Chunk]:
        """The bytes of a file from `start` up to but without `end`."""
        return self.reader.read(dataset, built, file, start, end)

    async def remove(self, dataset: Dataset, export_id: str, actor: Actor) -> None:
        """Remove an export, made or not; only whoever asked for it, or owns the dataset. Raises ExportNotFound."""
        export = await self._found(dataset, export_id)
        if actor.id not in (export.owner_id, dataset.access.owner_id):
            raise ExportNotFound(export_id)
        await self.exports.expire(export)
        await self.cleaner.remove(export)

    async def jobs_page(self, actor: Actor, request: PageRequest, *, state: JobState | None) -> Page[Job]:
        """The actor's jobs of exports, newest first."""
        return await self.jobs.page(actor, request, state=state)

    async def job(self, job_id: str, actor: Actor) -> Job:
        """One job of an export. Raises JobNotFound."""
        job = await self.jobs.get(job_id, actor)
        if job is None:
            raise JobNotFound(job_id)
        return job

    async def _add(self, export: Export, former: JobId | None, correlation_id: str) -> bool:
        """Write the export and its job, in the place of what `former` did not make; False when there is another."""
        job = NewJob(
            id=export.job_id,
            owner_id=export.owner_id,
            dataset_id=export.dataset_id,
            request=export.id,
            correlation_id=correlation_id,
            claimers=1,
            idempotency_key=None,
            kind="export",
        )

        async def write(session: Session) -> bool:
            if former is None:
                await self.exports.add(export, session)
            elif not await self.exports.replace(former, export, session):
                return False
            else:
                await self.jobs.clean_again(former, session)
            await self.jobs.add(job, session)
            return True

        try:
            added = await self.transactions.run(write)
        except AlreadyThere:
            return False
        if added:
            await self._enqueue(export.job_id)
        return added

    async def _enqueue(self, job_id: JobId) -> None:
        try:
            await self.queue.enqueue(job_id)
        except QueueUnavailable:
            _log.warning("queue unavailable; the sweeper will start the job", job_id=job_id)

    async def _found(self, dataset: Dataset, export_id: str) -> Export:
        export = await self.exports.get(dataset, export_id)
        if export is None:
            raise ExportNotFound(export_id)
        return export

    async def _status(self, export: Export) -> ExportStatus:
        job = None if export.built else await self.jobs.load(export.job_id)
        if job is not None and job.state is JobState.SUCCEEDED:  # meanwhile
            export = await self.exports.of_job(export.id, export.job_id) or export
        if export.built is not None:
            images = export.built.images
            done = ExportProgress(images_done=images, images_total=images)
            return ExportStatus(export, JobState.SUCCEEDED, done, None)
        if job is None or job.state is JobState.SUCCEEDED:
            return ExportStatus(export, JobState.CANCELLED, ExportProgress(), None)
        return ExportStatus(export, job.state, progress_of(job), job.error)

    # -- what was asked for

    def _options(self, dataset: Dataset, request: ExportRequest) -> ExportOptions:
        if dataset.state is not DatasetState.READY:
            raise DatasetBusy(f"Wait for the import job {dataset.import_job_id}.", job_id=dataset.import_job_id)
        made = WRITE_FORMATS[request.format]
        task = request.task if request.task != "auto" else dataset.task or "detect"
        _check_carried(request, dataset.task or "detect", task)
        return ExportOptions(
            format=request.format,
            version=dataset.version,
            splits=_splits(dataset, request.splits),
            categories=_categories(dataset, request.categories),
            task=task,
            tree=request.tree or "ultralytics",
            shard_bytes=self.engine.export_shard_bytes if made.shards else 0,
        )


def _check_carried(request: ExportRequest, has: Task, task: Task) -> None:
    """Raise ExportNotPossible where nothing useful would be left."""
    if has not in WRITE_FORMATS[request.format].carries:
        able = [name for name, made in WRITE_FORMATS.items() if has in made.carries]
        raise ExportNotPossible(f"{request.format} cannot carry what a {has} dataset says; {', '.join(able)} can.")
    if (has == "classify") != (task == "classify"):
        raise ExportNotPossible(f"A {has} dataset has nothing to write for the task {task}.")
    if task == "pose" and request.tree == "darknet":
        raise ExportNotPossible("Darknet's description cannot say how many keypoints there are; choose another tree.")
    if task == "pose" and has != "pose":
        raise ExportNotPossible(f"A {has} dataset has no keypoints.")


def _splits(dataset: Dataset, wanted: Sequence[str | None] | None) -> tuple[str | None, ...] | None:
    """The splits, each once, in one order; None for all of them."""
    if wanted is None:
        return None
    known = {split or None for split in Statistics(dataset.rollup).by_name("images")}
    for split in wanted:
        if split not in known:
            raise SplitNotFound(split or "null", sorted(one for one in known if one))
    found = sorted(set(wanted), key=lambda split: (split is not None, split or ""))
    return None if set(found) == known else tuple(found)


def _categories(dataset: Dataset, wanted: Sequence[str] | None) -> tuple[int, ...] | None:
    return None if wanted is None else tuple(sorted({category_id_of(dataset, reference) for reference in wanted}))
