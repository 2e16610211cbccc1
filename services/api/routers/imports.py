"""Import jobs: start, watch, cancel, retry, report."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from services.api.checks import ClientGone, while_connected
from services.api.dependencies import Asker, Checks, IdempotencyKey, JobReference, Paging, Services
from services.api.views.imports import (
    ImportStarted,
    JobView,
    ReportView,
    job_view,
    report_view,
    started_view,
)
from services.api.views.report_csv import CsvReport, wants_csv
from shared.features.imports.checks.report import CheckReport
from shared.features.imports.models import ImportRequest, ReportFilter
from shared.features.jobs.models import Job
from shared.formats.findings import Severity
from shared.wiring.container import Container

_CLIENT_CLOSED = 499  # nobody hears it; the log shows it

router = APIRouter(prefix="/datasets/import", tags=["imports"])


@router.post("", status_code=202)
async def start_import(
    body: ImportRequest, request: Request, services: Services, asker: Asker, key: IdempotencyKey = None
) -> ImportStarted:
    """Start importing an archive. The answer comes at once; `links.status` tells how it goes on."""
    correlation_id: str = request.state.correlation_id
    job = await services.imports.start(body, asker, correlation_id=correlation_id, idempotency_key=key)
    return started_view(job)


@router.post("/plan", response_model=CheckReport)
async def plan_import(body: ImportRequest, request: Request, checks: Checks) -> CheckReport | Response:
    """What an import would find in the source and make of it: a dry run that stores nothing. `name` is not needed.

    Where time runs out, `complete` is false and counts are of what has been read by then.
    """
    try:
        return await while_connected(request, checks.check(body, correlation_id=request.state.correlation_id))
    except ClientGone:
        return Response(status_code=_CLIENT_CLOSED)


@router.get("/{job_id}/status")
async def import_status(job_id: JobReference, services: Services, asker: Asker) -> JobView:
    """How the import stands, or a job of another kind: state, phase, progress, and the problem it failed with."""
    job = await services.jobs.job(job_id, asker)
    return job_view(job, await services.jobs.progress(job))


@router.get("/{job_id}/report", response_model=ReportView, responses={200: {"content": {"text/csv": {}}}})
async def import_report(
    job_id: JobReference,
    request: Request,
    services: Services,
    asker: Asker,
    paging: Paging,
    severity: Annotated[Severity | None, Query(description="Only findings of this severity.")] = None,
    rule: Annotated[str | None, Query(max_length=64, description="A rule id, as `ROW_CLASS_RANGE`.")] = None,
) -> ReportView | CsvReport:
    """What was found in the data, in the order of files and lines. `Accept: text/csv` gives all of it as CSV."""
    job = await services.imports.job(job_id, asker)
    wanted = ReportFilter(severity=severity, rule=rule)
    if wants_csv(request):
        return CsvReport(services.imports, job, wanted)
    page = await services.imports.report(job, paging, wanted)
    return report_view(page, await services.progress.statistics(job))


@router.post("/{job_id}/cancel")
async def cancel_import(job_id: JobReference, services: Services, asker: Asker) -> JobView:
    """Stop the import. Its dataset is hidden; what is done is kept for a while, so that a retry can go on."""
    return await _view(await services.imports.cancel(job_id, asker), services)


@router.post("/{job_id}/pause")
async def pause_import(job_id: JobReference, services: Services, asker: Asker) -> JobView:
    """Let the import rest; workers let go of it within seconds. It stays `queued` until it is resumed or cancelled."""
    return await _view(await services.imports.pause(job_id, asker), services)


@router.post("/{job_id}/resume")
async def resume_import(job_id: JobReference, services: Services, asker: Asker) -> JobView:
    """Go on with a paused import, from what is done."""
    return await _view(await services.imports.resume(job_id, asker), services)


@router.post("/{job_id}/retry", status_code=202)
async def retry_import(job_id: JobReference, services: Services, asker: Asker) -> JobView:
    """Start an import again that failed, died or was cancelled; it goes on from what is done."""
    return await _view(await services.imports.retry(job_id, asker), services)


async def _view(job: Job, services: Container) -> JobView:
    return job_view(job, await services.progress.of(job))
