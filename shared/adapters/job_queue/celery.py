"""Callbacks as Celery tasks: the worker's `datayard.callback` calls the ingest service."""

from shared.adapters.celery_broker import CALLBACK_TASK, CALLBACKS, CelerySender
from shared.foundation.ids import JobId


class CeleryJobQueue:
    """A JobQueue over Redis or Valkey; the worker that takes the task retries a failed call."""

    def __init__(self, broker_url: str) -> None:
        self._sender = CelerySender(broker_url)

    async def enqueue(self, job_id: JobId, *, delay_seconds: float = 0) -> None:
        """Send the task; a worker holds it until its time has come."""
        await self._sender.send(CALLBACK_TASK, job_id, queue=CALLBACKS, delay_seconds=delay_seconds)

    async def ping(self) -> None:
        """Ping the broker."""
        await self._sender.ping()
