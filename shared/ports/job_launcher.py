"""Starts workers for a job, and stops them."""

from typing import Protocol

from shared.foundation.ids import JobId


class JobLauncher(Protocol):
    """Starts claimers: as many processes as asked run the same job and share its shards."""

    async def launch(self, job_id: JobId, *, tasks: int) -> str:
        """Start `tasks` claimers of the job; what `cancel` takes. More than needed do no harm.

        Raises QueueUnavailable.
        """
        ...

    async def cancel(self, launched: str) -> None:
        """Stop what one launch started: claimers that have not begun never will, others are told to leave, or leave
        by themselves once they see that their job was cancelled. Nothing happens to what has ended.

        Raises QueueUnavailable.
        """
        ...
