"""Verifying a packed dataset: its bytes are read through once, in a job of its own."""

from fastapi import APIRouter, Request

from services.api.dependencies import Asker, EditDataset, Services
from services.api.views.imports import ImportStarted, started_view

router = APIRouter(prefix="/datasets/{dataset}/verify", tags=["imports"])


@router.post("", status_code=202)
async def start_verification(dataset: EditDataset, request: Request, services: Services, asker: Asker) -> ImportStarted:
    """Read every image of a packed dataset once: check it against its CRC-32 and set its `sha256`."""
    correlation_id: str = request.state.correlation_id
    return started_view(await services.verifications.start(dataset, asker, correlation_id=correlation_id))
