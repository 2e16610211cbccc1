"""The queue's callback: a job is due."""

from fastapi import APIRouter, HTTPException, Request

from shared.foundation.ids import JobId

router = APIRouter()


@router.post("/tasks/{job_id}", status_code=202)
async def dispatch(job_id: str, request: Request) -> None:
    """Start the job's claimers. 404 for a job that does not exist: the queue need not call again."""
    if not await request.app.state.container.dispatcher.dispatch(JobId(job_id)):
        raise HTTPException(404, "No such job.")
