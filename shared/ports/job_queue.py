"""The queue between asking for a job and starting it: it carries an id and nothing else."""

from typing import Protocol

from shared.foundation.errors import Unavailable
from shared.foundation.ids import JobId


class QueueUnavailable(Unavailable):
    """The queue takes nothing at present."""

    slug, title = "queue-unavailable", "The job queue does not answer"


class JobQueue(Protocol):
    """Calls the ingest service once per enqueued id, at least once, again after a failed call."""

    async def enqueue(self, job_id: JobId, *, delay_seconds: float = 0) -> None:
        """Have the job's callback made, not before `delay_seconds` from now. Raises QueueUnavailable."""
        ...

    async def ping(self) -> None:
        """Return if the queue answers; raise QueueUnavailable otherwise."""
        ...
