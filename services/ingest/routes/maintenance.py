"""The scheduler's call: put right what stopped, remove what is left over."""

from fastapi import APIRouter, Request

router = APIRouter()


@router.post("/maintenance", status_code=204)
async def maintain(request: Request) -> None:
    """One round; safe at any frequency, and several at once."""
    await request.app.state.container.dispatcher.sweep()
