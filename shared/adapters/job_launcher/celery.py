"""Claimers as Celery tasks: each `datayard.run_job` is one, run by whichever worker is free."""

from shared.adapters.celery_broker import JOBS, RUN_JOB_TASK, CelerySender
from shared.foundation.ids import JobId


class CeleryJobLauncher:
    """A JobLauncher over Redis or Valkey."""

    def __init__(self, broker_url: str) -> None:
        self._sender = CelerySender(broker_url)

    async def launch(self, job_id: JobId, *, tasks: int) -> str:
        """Send `tasks` tasks; a failure half-way leaves those sent."""
        return ",".join(await self._sender.send(RUN_JOB_TASK, job_id, queue=JOBS, times=tasks))

    async def cancel(self, launched: str) -> None:
        """Have the workers pass over those they have not begun; one that runs leaves by itself."""
        await self._sender.revoke(launched.split(","))
