"""Whether the service lives, and whether it and what it depends on can serve."""

import asyncio
from collections.abc import Awaitable
from typing import Literal

from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import BaseModel, ConfigDict

from services.api.dependencies import Services
from shared.foundation.errors import AppError
from shared.foundation.mongo import DriverError, ping
from shared.wiring.container import Container
from shared.wiring.migrations import check_migrated

router = APIRouter(tags=["health"])

_DEADLINE_SECONDS = 5.0


class Live(BaseModel):
    """The process answers."""

    status: Literal["live"] = "live"


class Ready(BaseModel):
    """What answers and what does not. `degraded`: reads work, new imports wait until the queue is back."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"status": "ready", "dependencies": {"database": "ok", "object_store": "ok", "queue": "ok"}}]
        }
    )

    status: Literal["ready", "degraded", "unavailable"]
    dependencies: dict[str, str]


@router.get("/health/live")
async def live() -> Live:
    """The process answers."""
    return Live()


@router.get("/health/ready", responses={503: {"model": Ready}})
async def ready(services: Services, response: Response) -> Ready:
    """Each dependency by name. 503 without the database or the object store."""
    states = await _states(services)
    answer = Ready(status=_status(states), dependencies=states)
    response.status_code = 503 if answer.status == "unavailable" else 200
    return answer


@router.get("/metrics", include_in_schema=False)
async def metrics(request: Request) -> Response:
    """Prometheus metrics of this process."""
    return Response(generate_latest(request.app.state.registry), media_type=CONTENT_TYPE_LATEST)


async def _states(services: Container) -> dict[str, str]:
    outside = services.outside
    checks: dict[str, Awaitable[None]] = {
        "database": ping(outside.database),
        "migrations": check_migrated(outside.database),
        "object_store": outside.store.ping(),
        "queue": outside.queue.ping(),
    }
    results = await asyncio.gather(*(_state(check) for check in checks.values()))
    return dict(zip(checks, results, strict=True))


async def _state(check: Awaitable[None]) -> str:
    try:
        async with asyncio.timeout(_DEADLINE_SECONDS):
            await check
    except AppError as error:
        return error.detail
    except (DriverError, TimeoutError) as error:
        return f"no answer ({type(error).__name__})"
    return "ok"


def _status(states: dict[str, str]) -> Literal["ready", "degraded", "unavailable"]:
    down = {name for name, state in states.items() if state != "ok"}
    if not down:
        return "ready"
    return "degraded" if down == {"queue"} else "unavailable"
