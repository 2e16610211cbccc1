"""The one place where failures become RFC 9457 responses."""

from collections.abc import Mapping
from http import HTTPStatus

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from services.api.views.problems import field_problems
from shared.foundation.errors import AppError, Conflict, Forbidden, Invalid, NotFound, Unavailable
from shared.foundation.mongo import DriverError, database_failure

STATUS_BY_FAMILY: Mapping[type[AppError], int] = {
    NotFound: 404, Conflict: 409, Invalid: 422, Forbidden: 403, Unavailable: 503,
}  # fmt: skip
_RETRY_AFTER_SECONDS = "5"

_log = structlog.get_logger(__name__)


class ProblemResponse(JSONResponse):
    """JSON of the problem media type."""

    media_type = "application/problem+json"


def status_of(error: AppError) -> int:
    """The HTTP status of a failure: that of its nearest family, 500 when it has none."""
    return next((STATUS_BY_FAMILY[family] for family in type(error).__mro__ if family in STATUS_BY_FAMILY), 500)


def problem(
    request: Request, status: int, members: Mapping[str, object], headers: Mapping[str, str] | None = None
) -> ProblemResponse:
    """A problem document for this request."""
    correlation_id = getattr(request.state, "correlation_id", "")
    body = {**members, "status": status, "instance": request.url.path, "correlation_id": correlation_id}
    return ProblemResponse(body, status_code=status, headers=dict(headers or {}))


async def on_app_error(request: Request, error: Exception) -> ProblemResponse:
    """An expected failure, in its own words."""
    failure = error if isinstance(error, AppError) else AppError("An unexpected failure.")
    status = status_of(failure)
    headers = {"Retry-After": _RETRY_AFTER_SECONDS} if failure.retryable else {}
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        _log.warning("request failed", slug=failure.slug, detail=failure.detail)
    return problem(request, status, failure.to_problem(), headers)


async def on_driver_error(request: Request, error: Exception) -> ProblemResponse:
    """The database failed; its words stay in the log."""
    _log.error("database failure", exc_info=error)
    known = error if isinstance(error, DriverError) else DriverError(str(error))
    return await on_app_error(request, database_failure(known))


async def on_invalid_request(request: Request, error: Exception) -> ProblemResponse:
    """The request does not fit the schema; each wrong part is named."""
    invalid = error if isinstance(error, RequestValidationError) else RequestValidationError([])
    found = field_problems(invalid.errors(), invalid.body)
    members = {
        "type": "/problems/invalid-request",
        "title": "Invalid request",
        "detail": "The request does not fit the schema; `errors` names the parts.",
        "errors": [one.model_dump() for one in found],
    }
    return problem(request, 422, members)


async def on_http_error(request: Request, error: Exception) -> ProblemResponse:
    """What the framework refuses: unknown paths, methods, broken bodies."""
    failure = error if isinstance(error, HTTPException) else HTTPException(500)
    title = HTTPStatus(failure.status_code).phrase
    members = {"type": f"/problems/http-{failure.status_code}", "title": title, "detail": str(failure.detail)}
    return problem(request, failure.status_code, members, failure.headers)


async def on_unforeseen(request: Request, error: Exception) -> ProblemResponse:
    """Nobody expected this: the log has it, the caller gets the correlation id."""
    _log.error("unforeseen failure", exc_info=error)
    members = {
        "type": "/problems/internal-error",
        "title": "Something went wrong",
        "detail": "An unexpected failure; the log has it under the correlation id.",
    }
    return problem(request, 500, members)


def install(app: FastAPI) -> None:
    """Answer every failure with a problem document."""
    app.add_exception_handler(AppError, on_app_error)
    app.add_exception_handler(DriverError, on_driver_error)
    app.add_exception_handler(RequestValidationError, on_invalid_request)
    app.add_exception_handler(HTTPException, on_http_error)
    app.add_exception_handler(Exception, on_unforeseen)
