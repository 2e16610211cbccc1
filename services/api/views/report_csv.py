"""The report of an import as CSV (RFC 4180), streamed whatever its length."""

import csv
import io
from collections.abc import AsyncIterator

from fastapi import Request
from fastapi.responses import StreamingResponse

from services.api.views.imports import finding_view
from shared.features.imports.models import ReportFilter
from shared.features.imports.service import ImportService
from shared.features.jobs.models import Job
from shared.foundation.paging import MAX_LIMIT, PageRequest

_COLUMNS = ("rule", "severity", "file", "line", "column", "message", "suggestion")
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def wants_csv(request: Request) -> bool:
    """True when the caller asks for CSV rather than JSON."""
    return request.headers.get("accept", "").split(",")[0].split(";")[0].strip() == "text/csv"


class CsvReport(StreamingResponse):
    """Every finding of a job as CSV."""

    def __init__(self, imports: ImportService, job: Job, wanted: ReportFilter) -> None:
        headers = {"Content-Disposition": f'attachment; filename="report-{job.id}.csv"'}
        super().__init__(_lines(imports, job, wanted), media_type="text/csv", headers=headers)


async def _lines(imports: ImportService, job: Job, wanted: ReportFilter) -> AsyncIterator[str]:
    yield _row(_COLUMNS)
    request = PageRequest(limit=MAX_LIMIT)
    while True:
        page = await imports.report(job, request, wanted)
        views = [finding_view(finding) for finding in page.items]
        yield "".join(_row([getattr(view, column) for column in _COLUMNS]) for view in views)
        if page.next_cursor is None:
            return
        request = PageRequest(limit=MAX_LIMIT, cursor=page.next_cursor)


def _row(values: object) -> str:
    line = io.StringIO()
    cells = values if isinstance(values, list | tuple) else ()
    csv.writer(line).writerow([_harmless(cell) for cell in cells])
    return line.getvalue()


def _harmless(cell: object) -> object:
    """A cell no spreadsheet takes for a formula: file names and label text come from strangers."""
    if isinstance(cell, str) and cell.startswith(_FORMULA_STARTS):
        return f"'{cell}"
    return cell
