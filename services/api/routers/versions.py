"""Versions of a dataset: its history, fixes that make a new one, older ones brought back."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse

from services.api.dependencies import Asker, EditDataset, IdempotencyKey, Paging, ReadDataset, Services
from services.api.views.imports import ImportStarted, started_view
from services.api.views.pages import PageView
from services.api.views.versions import VersionView, version_view
from shared.features.imports.versions.models import Preview, RollbackRequest, VersionRequest
from shared.features.imports.versions.service import Asked

router = APIRouter(prefix="/datasets/{dataset}", tags=["versions"])


@router.get("/versions")
async def list_versions(dataset: ReadDataset, services: Services, paging: Paging) -> PageView[VersionView]:
    """The published versions, newest first: what was asked, and what changed."""
    page = await services.datasets.versions(dataset, paging)
    return PageView(items=[version_view(one) for one in page.items], next_cursor=page.next_cursor, total=page.total)


@router.post(
    "/versions",
    status_code=202,
    response_model=ImportStarted,
    responses={200: {"model": Preview, "description": "With `dry_run`: what would change."}},
)
async def make_version(
    dataset: EditDataset,
    body: VersionRequest,
    request: Request,
    services: Services,
    asker: Asker,
    key: IdempotencyKey = None,
    *,
    dry_run: Annotated[bool, Query(description="Only say what would change, by the first 2 000 images.")] = False,
) -> ImportStarted | JSONResponse:
    """Apply fixes to the published version: a job makes a new one, over originals that stay as they are."""
    if dry_run:
        return JSONResponse((await services.versions.preview(dataset, body)).model_dump())
    asked = Asked(asker, request.state.correlation_id, key)
    return started_view(await services.versions.fix(dataset, body, asked))


@router.post("/rollback", status_code=202)
async def roll_back(
    dataset: EditDataset,
    body: RollbackRequest,
    request: Request,
    services: Services,
    asker: Asker,
    key: IdempotencyKey = None,
) -> ImportStarted:
    """Bring an older version back: a job makes a new version with the same content."""
    asked = Asked(asker, request.state.correlation_id, key)
    return started_view(await services.versions.rollback(dataset, body, asked))
