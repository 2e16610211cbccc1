"""Jobs of all kinds as one list, though imports and others are in collections of their own."""

from dataclasses import dataclass, replace

from shared.features.auth.models import Actor
from shared.features.exports.models import progress_of
from shared.features.exports.service import ExportService
from shared.features.imports.models import Progress
from shared.features.imports.progress import ProgressReader
from shared.features.imports.service import ImportService
from shared.features.jobs.models import Job, JobKind, JobNotFound, JobState
from shared.foundation.paging import Page, PageRequest, encode_cursor


@dataclass(frozen=True, slots=True)
class JobList:
    """Lists jobs, and says how far they are."""

    imports: ImportService
    exports: ExportService
    reader: ProgressReader

    async def page(
        self, actor: Actor, request: PageRequest, *, state: JobState | None, kind: JobKind | None
    ) -> Page[Job]:
        """The actor's jobs, newest first: ids begin with the time, so two lists are one by their ids."""
        if kind == "export":
            return await self.exports.jobs_page(actor, request, state=state)
        if kind is not None:
            return await self.imports.page(actor, request, state=state, kind=kind)
        wide = replace(request, offset=0, limit=request.offset + request.limit)
        pages = (
            await self.imports.page(actor, wide, state=state, kind=None),
            await self.exports.jobs_page(actor, wide, state=state),
        )
        found = sorted((job for page in pages for job in page.items), key=lambda job: job.id, reverse=True)
        items = found[request.offset : request.offset + request.limit]
        more = len(found) > request.offset + request.limit or any(page.next_cursor for page in pages)
        cursor = encode_cursor(items[-1].id) if items and more else None
        return Page(items, cursor, sum(page.total for page in pages))

    async def job(self, job_id: str, actor: Actor) -> Job:
        """One job of any kind. Raises JobNotFound."""
        try:
            return await self.imports.job(job_id, actor)
        except JobNotFound:
            return await self.exports.job(job_id, actor)

    async def progress(self, job: Job) -> Progress:
        """How far a job of any kind is."""
        if job.kind != "export":
            return await self.reader.of(job)
        found = progress_of(job)
        fraction = 1.0 if job.state is JobState.SUCCEEDED else found.fraction
        return Progress(fraction=fraction, images_total=found.images_total, images_done=found.images_done)
