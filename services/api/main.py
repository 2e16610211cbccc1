"""Builds the API: `create_app(settings)`, or `build_app` over a container that exists already."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.responses import RedirectResponse
from fastapi_offline import FastAPIOffline
from prometheus_client import CollectorRegistry
from starlette.middleware.trustedhost import TrustedHostMiddleware

from services.api import problems
from services.api.checks import CheckDesk
from services.api.middleware import ConditionalJson, GzipJson, Observed
from services.api.routers import (
    datasets,
    events,
    exports,
    health,
    images,
    imports,
    jobs,
    uploads,
    verifications,
    versions,
)
from services.api.settings import ApiSettings
from services.api.views.problems import ProblemView
from shared.foundation.telemetry import HttpMetrics
from shared.wiring.checking import CheckContext
from shared.wiring.container import Container, make_container, open_outside

# imports stand before datasets: `/datasets/import` is no dataset's slug
_ROUTERS = (
    imports.router,
    events.router,
    images.router,
    verifications.router,
    exports.router,
    versions.router,
    datasets.router,
    jobs.router,
    uploads.router,
    health.router,
)
_PROBLEM = {"model": ProblemView, "content": {"application/problem+json": {}}}
_PROBLEMS: dict[int | str, dict[str, Any]] = {status: {**_PROBLEM, "description": text} for status, text in {
    400: "The request cannot be read.", 404: "Not there, or not yours.", 409: "The state does not allow it.",
    422: "The request does not fit.", 503: "Something we depend on is down.",
}.items()}  # fmt: skip


def create_app(settings: ApiSettings) -> FastAPI:
    """The API over the adapters the settings name."""
    container = make_container(open_outside(settings), settings.engine, settings.events)
    checks = CheckDesk(CheckContext(settings.sources, settings.limits, settings.engine), settings.check)
    return build_app(container, checks, hosts=settings.api.hosts)


def build_app(container: Container, checks: CheckDesk, *, hosts: Sequence[str] = ("*",)) -> FastAPI:
    """The API over a container and what checks sources, both of which it closes at its end.

    A request addressed to none of `hosts` is refused: a page of a stranger whose name was made to point here must not
    reach a laptop's API.
    """

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        yield
        await checks.close()
        await container.close()

    app = FastAPIOffline(
        title="Datayard", version="0.1.0", summary="Vision archives as datasets.", lifespan=lifespan, redoc_url=None
    )
    registry = CollectorRegistry()
    app.state.container = container
    app.state.checks = checks
    app.state.registry = registry
    _add_routes(app)
    problems.install(app)
    for middleware in (ConditionalJson, GzipJson):
        app.add_middleware(middleware)
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=list(hosts))
    app.add_middleware(Observed, metrics=HttpMetrics(registry))
    return app


def _add_routes(app: FastAPI) -> None:
    """The canonical paths, and the same under /api."""
    everything = APIRouter()
    for router in _ROUTERS:
        everything.include_router(router, responses=_PROBLEMS)
    app.include_router(everything)
    app.include_router(everything, prefix="/api", include_in_schema=False)
    app.add_api_route("/", _home, include_in_schema=False)


async def _home() -> RedirectResponse:
    """To the pages for people; until the web UI is there, the API's own."""
    return RedirectResponse("/docs")
