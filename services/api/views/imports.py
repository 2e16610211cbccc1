"""Import jobs and their reports, as JSON."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from services.api.views.exports import ExportLinks
from services.api.views.exports import links_of as export_links
from services.api.views.pages import PageView
from shared.features.datasets.statistics import Statistics
from shared.features.imports.findings.trainers import seen_by_trainers
from shared.features.imports.findings.views import FindingView, TrainerView, finding_view
from shared.features.imports.models import Progress
from shared.features.jobs.models import Job, JobState, Phase
from shared.formats.findings import Finding
from shared.foundation.errors import JsonScalar
from shared.foundation.paging import Page

_EXAMPLE_ID = "0193a5c1f2b04be0c9d1a7e2"
_EXAMPLE_LINKS = {
    "status": f"/datasets/import/{_EXAMPLE_ID}/status",
    "events": f"/datasets/import/{_EXAMPLE_ID}/events",
    "ws": f"/datasets/import/{_EXAMPLE_ID}/ws",
    "report": f"/datasets/import/{_EXAMPLE_ID}/report",
    "dataset": "/datasets/0193a5c1f2b13c5a7f00d9b4",
}
_EXAMPLE_JOB: dict[str, JsonValue] = {
    "job_id": _EXAMPLE_ID,
    "kind": "import",
    "dataset_id": "0193a5c1f2b13c5a7f00d9b4",
    "state": "running",
    "phase": "transfer",
    "attempts": 1,
    "paused": False,
    "progress": {
        "fraction": 0.42,
        "bytes_total": 13316813,
        "bytes_done": 5593061,
        "images_total": 200,
        "images_indexed": 84,
        "images_done": 84,
        "annotations": 91,
        "findings": 2,
        "bytes_per_second": 11000000,
        "eta_seconds": 1,
    },
    "error": None,
    "created_at": "2026-11-21T09:00:00Z",
    "started_at": "2026-11-21T09:00:00.120Z",
    "finished_at": None,
    "links": dict(_EXAMPLE_LINKS),
}


class JobLinks(BaseModel):
    """Where to look next."""

    status: str
    events: str
    ws: str
    report: str
    dataset: str


class ImportStarted(BaseModel):
    """The answer to a new import."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "job_id": _EXAMPLE_ID,
                    "dataset_id": "0193a5c1f2b13c5a7f00d9b4",
                    "state": "queued",
                    "links": dict(_EXAMPLE_LINKS),
                }
            ]
        }
    )

    job_id: str
    dataset_id: str
    state: JobState
    links: JobLinks


class JobView(BaseModel):
    """How a job stands. `error` is a problem document."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE_JOB]})

    job_id: str
    kind: str
    dataset_id: str
    state: JobState
    phase: Phase
    attempts: int
    paused: bool = Field(description="True for a `queued` job that rests until it is resumed.")
    progress: Progress
    error: dict[str, JsonScalar] | None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    links: JobLinks | ExportLinks


class ReportView(PageView[FindingView]):
    """Findings in the order of files and lines, and the exact counts behind them."""

    counts: dict[str, int] = Field(description="Findings by rule, exact, also when not all are kept.")
    rows_read: int = Field(description="Label rows read; those kept and those left out together.")
    rows_left_out: int
    trainers: dict[str, TrainerView] = Field(
        description="What each known trainer would see, by `trainer@release`; images are counted as they are done."
    )


def links_of(job: Job) -> JobLinks:
    """Addresses that belong to a job."""
    base = f"/datasets/import/{job.id}"
    return JobLinks(
        status=f"{base}/status",
        events=f"{base}/events",
        ws=f"{base}/ws",
        report=f"{base}/report",
        dataset=f"/datasets/{job.dataset_id}",
    )


def started_view(job: Job) -> ImportStarted:
    """The answer to a new import."""
    return ImportStarted(job_id=job.id, dataset_id=job.dataset_id, state=job.state, links=links_of(job))


def job_view(job: Job, progress: Progress) -> JobView:
    """The job with its progress."""
    return JobView(
        job_id=job.id,
        kind=job.kind,
        dataset_id=job.dataset_id,
        state=job.state,
        phase=job.phase,
        attempts=job.attempts,
        paused=job.paused,
        progress=progress,
        error=job.error,
        created_at=job.created_at,
        started_at=job.started_at,
        finished_at=job.finished_at,
        links=export_links(job.request, job.dataset_id) if job.kind == "export" else links_of(job),
    )


def report_view(page: Page[Finding], statistics: Statistics) -> ReportView:
    """A page of the report, with the exact counts."""
    return ReportView(
        items=[finding_view(finding) for finding in page.items],
        next_cursor=page.next_cursor,
        total=page.total,
        counts=statistics.by_name("findings"),
        rows_read=statistics.total("rows_read"),
        rows_left_out=statistics.total("rows_left_out"),
        trainers={name: TrainerView.model_validate(seen) for name, seen in seen_by_trainers(statistics).items()},
    )
