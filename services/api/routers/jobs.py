"""Every job, of whatever kind."""

from typing import Annotated

from fastapi import APIRouter, Query

from services.api.dependencies import Asker, Paging, Services
from services.api.views.imports import JobView, job_view
from services.api.views.pages import PageView
from shared.features.jobs.models import JobKind, JobState

router = APIRouter(tags=["jobs"])


@router.get("/jobs")
async def list_jobs(
    services: Services,
    asker: Asker,
    paging: Paging,
    state: Annotated[JobState | None, Query(description="Only jobs in this state; a paused one is `queued`.")] = None,
    kind: Annotated[JobKind | None, Query(description="Only jobs of this kind.")] = None,
) -> PageView[JobView]:
    """Jobs, newest first."""
    page = await services.jobs.page(asker, paging, state=state, kind=kind)
    items = [job_view(job, await services.jobs.progress(job)) for job in page.items]
    return PageView(items=items, next_cursor=page.next_cursor, total=page.total)
