"""Import jobs and their reports, as JSON."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field

from services.api.views.pages import PageView
from shared.features.datasets.statistics import Statistics
from shared.features.imports.models import Progress
from shared.features.jobs.models import Job, JobState, Phase
from shared.formats.findings import Finding, Severity
from shared.formats.rules import RULES
from shared.foundation.errors import JsonScalar
from shared.foundation.paging import Page

_EXAMPLE_ID = "0193a5c1f2b04be0c9d1a7e2"


class JobLinks(BaseModel):
    """Where to look next."""

    status: str
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
                    "links": {
                        "status": f"/datasets/import/{_EXAMPLE_ID}/status",
                        "report": f"/datasets/import/{_EXAMPLE_ID}/report",
                        "dataset": "/datasets/0193a5c1f2b13c5a7f00d9b4",
                    },
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

    job_id: str
    kind: str
    dataset_id: str
    state: JobState
    phase: Phase
    attempts: int
    progress: Progress
    error: dict[str, JsonScalar] | None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    links: JobLinks


class FindingView(BaseModel):
    """One thing found in the data: where, what, what to do, and what trainers make of it."""

    rule: str
    severity: Severity
    file: str
    line: int | None
    column: int | None
    message: str
    suggestion: str
    effect: dict[str, str] = Field(description="What a trainer does because of it, by `trainer>=version`.")


class ReportView(PageView[FindingView]):
    """Findings in the order of files and lines, and the exact counts behind them."""

    counts: dict[str, int] = Field(description="Findings by rule, exact, also when not all are kept.")
    rows_read: int = Field(description="Label rows read; those kept and those left out together.")
    rows_left_out: int


def links_of(job: Job) -> JobLinks:
    """Addresses that belong to a job."""
    base = f"/datasets/import/{job.id}"
    return JobLinks(status=f"{base}/status", report=f"{base}/report", dataset=f"/datasets/{job.dataset_id}")


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
        progress=progress,
        error=job.error,
        created_at=job.created_at,
        started_at=job.started_at,
        finished_at=job.finished_at,
        links=links_of(job),
    )


def finding_view(finding: Finding) -> FindingView:
    """The finding with what its rule says."""
    rule = RULES[finding.rule]
    return FindingView(
        rule=rule.id,
        severity=rule.severity,
        file=finding.file,
        line=finding.line,
        column=finding.column,
        message=finding.message,
        suggestion=rule.suggestion,
        effect=dict(rule.effect),
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
    )
