"""The report of an import as CSV (RFC 4180), streamed whatever its length."""

from collections.abc import AsyncIterator

from fastapi import Request
from fastapi.responses import StreamingResponse

from shared.features.imports.findings.csv_rows import CSV_COLUMNS, csv_row
from shared.features.imports.findings.views import finding_view
from shared.features.imports.models import ReportFilter
from shared.features.imports.service import ImportService
from shared.features.jobs.models import Job
from shared.foundation.paging import MAX_LIMIT, PageRequest


def wants_csv(request: Request) -> bool:
    """True when the caller asks for CSV rather than JSON."""
    return request.headers.get("accept", "").split(",")[0].split(";")[0].strip() == "text/csv"


class CsvReport(StreamingResponse):
    """Every finding of a job as CSV."""

    def __init__(self, imports: ImportService, job: Job, wanted: ReportFilter) -> None:
        headers = {"Content-Disposition": f'attachment; filename="report-{job.id}.csv"'}
        super().__init__(_lines(imports, job, wanted), media_type="text/csv", headers=headers)


async def _lines(imports: ImportService, job: Job, wanted: ReportFilter) -> AsyncIterator[str]:
    yield csv_row(CSV_COLUMNS)
    request = PageRequest(limit=MAX_LIMIT)
    while True:
        page = await imports.report(job, request, wanted)
        views = [finding_view(finding) for finding in page.items]
        yield "".join(csv_row([getattr(view, column) for column in CSV_COLUMNS]) for view in views)
        if page.next_cursor is None:
            return
        request = PageRequest(limit=MAX_LIMIT, cursor=page.next_cursor)
