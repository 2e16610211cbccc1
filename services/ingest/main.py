"""Builds the ingest service."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog
from fastapi import Depends, FastAPI, Request
from fastapi.responses import JSONResponse

from services.ingest.replays import only_once
from services.ingest.routes import maintenance, storage_events, tasks
from services.ingest.routes.storage_events import EventScope
from services.ingest.security import make_door, require_caller
from services.ingest.settings import IngestSettings
from shared.features.jobs.calls.service import AnsweredCalls
from shared.foundation.errors import AppError
from shared.foundation.mongo import DriverError, database_failure
from shared.wiring.container import make_container, open_outside

_log = structlog.get_logger(__name__)


def create_app(settings: IngestSettings) -> FastAPI:
    """The service over the adapters the settings name."""
    container = make_container(open_outside(settings), settings.engine)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        yield
        await container.close()

    app = FastAPI(title="Datayard ingest", lifespan=lifespan, docs_url=None, openapi_url=None)
    app.state.container = container
    app.state.answered_calls = AnsweredCalls(container.repositories.calls)
    app.state.door = make_door(settings)
    app.state.event_scope = EventScope.of(settings.object_store)
    for door in (tasks, maintenance):
        app.include_router(door.router, dependencies=[Depends(require_caller), Depends(only_once)])
    # the same event may come again with the same token, and then has no effect
    app.include_router(storage_events.router, dependencies=[Depends(require_caller)])
    app.add_api_route("/health/live", _live)
    app.add_exception_handler(AppError, _try_later)
    app.add_exception_handler(DriverError, _try_later)
    return app


async def _live() -> dict[str, str]:
    return {"status": "live"}


async def _try_later(_request: Request, error: Exception) -> JSONResponse:
    """503: whoever called calls again."""
    failure = error if isinstance(error, AppError) else None
    problem = failure.to_problem() if failure else _database_problem(error)
    _log.warning("call failed", problem=problem, exc_info=error)
    return JSONResponse({**problem, "status": 503}, status_code=503, media_type="application/problem+json")


def _database_problem(error: Exception) -> dict[str, object]:
    return dict(database_failure(error).to_problem()) if isinstance(error, DriverError) else {}
