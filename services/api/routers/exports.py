"""Exports of a dataset: ask for one, see how it stands and what is lost, download it, remove it."""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import Response

from services.api.dependencies import Asker, Paging, ReadDataset, Services
from services.api.ranges import StoredFile, serve
from services.api.views.exports import ExportView, export_view, file_name
from services.api.views.pages import PageView
from shared.features.exports.models import ExportRequest

router = APIRouter(prefix="/datasets/{dataset}/exports", tags=["exports"])

ExportReference = Annotated[str, Path(min_length=1, max_length=64, description="Id of the export.")]
Shard = Annotated[int, Query(ge=0, le=10_000_000, description="Which of its files, counted from 0.")]
_TYPES = ("application/zip", "application/x-tar")
_BYTES = {media_type: {"schema": {"type": "string", "format": "binary"}} for media_type in _TYPES}
_FILE: dict[int | str, dict[str, Any]] = {
    200: {"content": _BYTES, "description": "The whole."},
    206: {"content": _BYTES, "description": "The range asked for."},
    304: {"description": "The caller has it already."},
    416: {"description": "The range lies beyond the end."},
}


@router.post("", status_code=202)
async def start_export(
    dataset: ReadDataset, body: ExportRequest, request: Request, services: Services, asker: Asker
) -> ExportView:
    """Make an export, or find the one there is: the same version and options are the same export, byte for byte."""
    correlation_id: str = request.state.correlation_id
    return export_view(await services.exports.start(dataset, body, asker, correlation_id=correlation_id), dataset)


@router.get("")
async def list_exports(dataset: ReadDataset, services: Services, paging: Paging) -> PageView[ExportView]:
    """The exports of a dataset that have not expired, newest first."""
    page = await services.exports.page(dataset, paging)
    items = [export_view(status, dataset) for status in page.items]
    return PageView(items=items, next_cursor=page.next_cursor, total=page.total)


@router.get("/{export_id}")
async def get_export(dataset: ReadDataset, export_id: ExportReference, services: Services) -> ExportView:
    """How an export stands, how large it is, and what could not be written as it is."""
    return export_view(await services.exports.get(dataset, export_id), dataset)


@router.delete("/{export_id}", status_code=204)
async def delete_export(dataset: ReadDataset, export_id: ExportReference, services: Services, asker: Asker) -> None:
    """Remove an export, or stop making it. Images are not touched."""
    await services.exports.remove(dataset, export_id, asker)


@router.head("/{export_id}/file", include_in_schema=False)
@router.get("/{export_id}/file", response_class=Response, responses=_FILE)
async def get_export_file(
    dataset: ReadDataset, export_id: ExportReference, request: Request, services: Services, shard: Shard = 0
) -> Response:
    """The bytes of the export; ranges are served. An export of several files has each of them as a `shard`."""
    export, built, file = await services.exports.file(dataset, export_id, shard)
    stored = StoredFile(
        size_bytes=file.size_bytes,
        media_type=_TYPES[file.name.endswith(".tar")],
        etag=f'"{file.etag}"',
        read=lambda start, end: services.exports.read(dataset, built, file, start, end),
        name=file_name(export, file.name, dataset),
    )
    return await serve(request, stored)
