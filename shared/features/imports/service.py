"""Imports as callers see them: start, watch, pause, cancel, retry, report."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from urllib.parse import unquote, urlsplit

import structlog

from shared.features.auth.models import Actor
from shared.features.datasets.models import Dataset, DatasetState, Rollup
from shared.features.datasets.service import DatasetService
from shared.features.imports.models import ImportRequest, Ledger, ReportFilter
from shared.features.imports.repository import FindingRepository, ImportJobRepository
from shared.features.imports.running.ending import Ending
from shared.features.imports.sources.addresses import check_addresses, resolve_uploads
from shared.features.jobs.models import (
    IdempotencyConflict,
    Job,
    JobKind,
    JobNotFound,
    JobState,
    JobStateConflict,
    NewJob,
)
from shared.features.sharing.access import Access
from shared.features.uploads.models import Upload
from shared.features.uploads.service import UploadService
from shared.formats.findings import Finding
from shared.foundation.clock import utc_now
from shared.foundation.errors import Conflict
from shared.foundation.ids import DatasetId, JobId, new_id
from shared.foundation.mongo import AlreadyThere, Session, Transactions
from shared.foundation.paging import Page, PageRequest
from shared.foundation.settings import EngineSettings
from shared.ports.byte_source import STORED_SCHEME, ByteSources
from shared.ports.job_queue import JobQueue, QueueUnavailable

ARCHIVE_ENDINGS = (
    *(".tar.gz", ".tar.bz2", ".tar.xz", ".tar.zst"),
    *(".tgz", ".tbz2", ".txz", ".tzst", ".zip", ".tar"),
)
_SLUG_TRIES = 5

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class ImportService:
    """Everything about imports but the work itself."""

    datasets: DatasetService
    jobs: ImportJobRepository
    findings: FindingRepository
    ending: Ending
    uploads: UploadService
    sources: ByteSources
    queue: JobQueue
    transactions: Transactions
    engine: EngineSettings

    async def start(
        self, request: ImportRequest, actor: Actor, *, correlation_id: str, idempotency_key: str | None
    ) -> Job:
        """Queue an import; its dataset exists at once, empty. The same key and request give the same job.

        Raises UnsupportedSource, RefusedSource, UploadNotFound, UploadNotComplete, and IdempotencyConflict for a key
        used otherwise.
        """
        check_addresses(request, self.sources)
        shown = request.shown_source
        request, uploads = await resolve_uploads(request, self.uploads, actor)
        job_id = JobId(new_id())
        dataset = _new_dataset(request, actor, job_id, await self.datasets.free_slug(_name_of(request)), shown)
        new = NewJob(
            id=job_id,
            owner_id=actor.id,
            dataset_id=dataset.id,
            request=request.model_dump_json(),
            correlation_id=correlation_id,
            claimers=self.engine.claimers,
            idempotency_key=idempotency_key,
        )
        job, is_new = await self._write(new, dataset, actor, uploads)
        if is_new:
            await self._enqueue(job_id)
        return job

    async def job(self, job_id: str, actor: Actor) -> Job:
        """One job. Raises JobNotFound."""
        job = await self.jobs.get(job_id, actor)
        if job is None:
            raise JobNotFound(job_id)
        return job

    async def page(
        self, actor: Actor, request: PageRequest, *, state: JobState | None, kind: JobKind | None = None
    ) -> Page[Job]:
        """The actor's jobs, newest first."""
        return await self.jobs.page(actor, request, state=state, kind=kind)

    async def report(self, job: Job, request: PageRequest, wanted: ReportFilter) -> Page[Finding]:
        """What the job found in its data, in the order of files and lines."""
        return await self.findings.page(Ledger(job.id, job.generation), request, wanted)

    async def cancel(self, job_id: str, actor: Actor) -> Job:
        """Stop the job: claimers let go within seconds. Cancelling twice is no error; an ended job stays as it is."""
        job = await self.job(job_id, actor)
        if not job.ended:
            await self.ending.end(job, JobState.CANCELLED, None)
            await self._enqueue(job.id)  # the ingest service stops its claimers
            job = await self.job(job_id, actor)
        if job.state is not JobState.CANCELLED:
            raise JobStateConflict(_has_ended(job.state), state=job.state)
        return job

    async def pause(self, job_id: str, actor: Actor) -> Job:
        """Let the job rest: claimers let go within seconds, what is done stays. Pausing twice is no error."""
        job = await self.job(job_id, actor)
        if not await self.jobs.pause(job.id):
            raise JobStateConflict(_has_ended(job.state), state=job.state)
        return await self.job(job_id, actor)

    async def resume(self, job_id: str, actor: Actor) -> Job:
        """Go on with a paused job from what is done. A job that is not paused stays as it is, unless it has ended."""
        job = await self.job(job_id, actor)
        if await self.jobs.resume(job.id):
            await self._enqueue(job.id)
        elif job.ended:
            raise JobStateConflict(_has_ended(job.state), state=job.state)
        return await self.job(job_id, actor)

    async def retry(self, job_id: str, actor: Actor) -> Job:
        """Queue an ended job again; it goes on from what is done. Raises JobStateConflict unless it ended badly."""
        job = await self.job(job_id, actor)
        is_import = job.kind == "import"
        name = _name_of(ImportRequest.model_validate_json(job.request)) if is_import else ""
        for attempt in range(_SLUG_TRIES):
            slug = await self.datasets.free_slug(name, crowded=attempt > 0)

            async def work(session: Session, slug: str = slug) -> bool:
                retried = await self.jobs.retry(job.id, session)
                if retried and is_import:
                    await self.datasets.reopen(job.dataset_id, slug, session)
                if retried and job.kind == "version":
                    await self.datasets.begin_draft(job.dataset_id, job.id, session)
                return retried

            try:
                if not await self.transactions.run(work):
                    raise JobStateConflict(_not_to_retry(job.state), state=job.state)
            except AlreadyThere:
                continue
            break
        else:
            raise Conflict("No free slug was found for the dataset; try again.")
        await self._enqueue(job.id)
        return await self.job(job_id, actor)

    async def _write(self, new: NewJob, dataset: Dataset, actor: Actor, uploads: Sequence[Upload]) -> tuple[Job, bool]:
        for attempt in range(_SLUG_TRIES):
            slug = await self.datasets.free_slug(dataset.name, crowded=attempt > 0)
            fresh = dataset.model_copy(update={"slug": slug})

            async def work(session: Session, fresh: Dataset = fresh) -> None:
                await self.jobs.add(new, session)
                await self.datasets.add(fresh, session)
                for upload in uploads:
                    await self.uploads.note_use(upload, new.id, session)

            try:
                await self.transactions.run(work)
            except AlreadyThere:
                if earlier := await self._earlier(new, actor):
                    return earlier, False
                continue
            return await self.job(new.id, actor), True
        raise Conflict(f"No free slug was found for {dataset.name!r}; choose another name.")

    async def _earlier(self, new: NewJob, actor: Actor) -> Job | None:
        if new.idempotency_key is None:
            return None
        earlier = await self.jobs.with_idempotency_key(new.idempotency_key, actor)
        if earlier is not None and earlier.request != new.request:
            raise IdempotencyConflict("This Idempotency-Key was sent before with another request.", job_id=earlier.id)
        return earlier

    async def _enqueue(self, job_id: JobId) -> None:
        try:
            await self.queue.enqueue(job_id)
        except QueueUnavailable:
            _log.warning("queue unavailable; the sweeper will start the job", job_id=job_id)


def _new_dataset(request: ImportRequest, actor: Actor, job_id: JobId, slug: str, shown_source: str) -> Dataset:
    now = utc_now()
    return Dataset(
        id=DatasetId(new_id()),
        slug=slug,
        name=_name_of(request),
        description="",
        state=DatasetState.IMPORTING,
        task=None,
        format=None,
        layout=None,
        source=shown_source,
        storage=request.storage,
        version=0,
        categories=(),
        rollup=Rollup(),
        access=Access(owner_id=actor.id),
        tags=(),
        import_job_id=job_id,
        created_at=now,
        updated_at=now,
        deleted_at=None,
    )


def _has_ended(state: JobState) -> str:
    how = {JobState.CANCELLED: "been cancelled", JobState.DEAD: "died"}
    return f"The job has already {how.get(state, state)}."


def _not_to_retry(state: JobState) -> str:
    if state is JobState.SUCCEEDED:
        return "The job has succeeded; there is nothing to retry."
    if state in {JobState.QUEUED, JobState.RUNNING}:
        return f"The job is {state}; there is nothing to retry."
    return "The job is being cleaned up; try again in a moment."


def _name_of(request: ImportRequest) -> str:
    """The name asked for, else the archive's file name without its ending; that of the folder around plain "images"."""
    if request.name:
        return request.name
    addresses = request.addresses
    path = _path_of(addresses.get("archive") or addresses["images"])
    stem = _stem(path.name)
    if "images" in addresses and stem.lower() == "images":
        stem = _stem(path.parent.name)
    return stem[:200].strip() or "dataset"


def _path_of(address: str) -> PurePosixPath:
    if address.startswith(STORED_SCHEME):  # a key as it is: nothing in it is escaped
        return PurePosixPath(address.removeprefix(STORED_SCHEME))
    return PurePosixPath(unquote(urlsplit(address).path))


def _stem(name: str) -> str:
    ending = next((ending for ending in ARCHIVE_ENDINGS if name.lower().endswith(ending)), "")
    return "".join(letter for letter in name[: len(name) - len(ending)] if letter.isprintable())
