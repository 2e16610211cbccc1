"""Starts workers for a job."""

from typing import Protocol

from shared.foundation.ids import JobId


class JobLauncher(Protocol):
    """Starts claimers: as many processes as asked run the same job and share its shards."""

    async def launch(self, job_id: JobId, *, tasks: int) -> None:
        """Start `tasks` claimers of the job. More than needed do no harm. Raises QueueUnavailable."""
        ...
