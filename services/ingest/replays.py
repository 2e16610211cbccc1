"""A call that has been answered with success is not taken again.

What is the same call: the same token, address, task and number of the attempt. Google may show one token for many
tasks, and shows it again when it tries one again, so the token alone would refuse what is in order.
"""

import hashlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime

from fastapi import Request

from services.ingest.security import Caller, Refused
from shared.features.jobs.calls.service import AnsweredCalls

_NAMES = ("X-CloudTasks-TaskName", "X-CloudTasks-TaskRetryCount", "X-CloudScheduler-ScheduleTime")


async def only_once(request: Request) -> AsyncIterator[None]:
    """Refuse a call that was answered before; remember it once it is."""
    caller: Caller = request.state.caller
    if not caller.proof:  # a shared token proves nothing about one call
        yield
        return
    answered: AnsweredCalls = request.app.state.answered_calls
    digest = _digest(request, caller)
    if await answered.has(digest):
        raise Refused(403, "this very call was answered before")
    yield
    await answered.add(digest, until=datetime.fromtimestamp(caller.expires_at, UTC))


def _digest(request: Request, caller: Caller) -> str:
    parts = (caller.proof, request.url.path, *(request.headers.get(name, "") for name in _NAMES))
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()
