"""The ingest service as a Cloud Function, by `functions-framework --asgi --target ingest` on this file.

The framework calls one function for every path; ours answers with what the service answers.
"""

from functools import cache

import functions_framework.aio
from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from services.ingest.main import create_app
from services.ingest.settings import IngestSettings
from shared.foundation.logging import configure_logging


@functions_framework.aio.http
async def ingest(_request: Request) -> Response:
    """Have the service answer."""
    return _ServiceAnswer()


class _ServiceAnswer(Response):
    """A response that the service itself writes; the request's body has not been read yet."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await _service()(scope, receive, send)


@cache
def _service() -> FastAPI:
    """The service, built for the first request: an instance of a function lives from then until it is killed."""
    settings = IngestSettings()
    configure_logging(settings.log, service="ingest")
    return create_app(settings)
