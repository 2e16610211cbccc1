"""Who may call: the queue and the scheduler, which know the shared token."""

import secrets
from typing import Annotated

from fastapi import Header, HTTPException, Request


async def require_caller(request: Request, authorization: Annotated[str, Header()] = "") -> None:
    """401 unless the bearer token is the one of the settings; an empty setting lets nobody in."""
    expected: str = request.app.state.token
    given = authorization.removeprefix("Bearer ")
    if not expected or not secrets.compare_digest(given.encode(), expected.encode()):
        raise HTTPException(401, "This door is for the queue and the scheduler.")
