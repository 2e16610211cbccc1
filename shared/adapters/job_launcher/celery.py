"""Claimers as Celery tasks: each `datayard.run_job` is one, run by whichever worker is free."""

from shared.adapters.celery_broker import JOBS, RUN_JOB_TASK, CelerySender
from shared.foundation.ids import JobId


class CeleryJobLauncher:
    """A JobLauncher over Redis or Valkey."""

    def __init__(self, broker_url: str) -> None:
        self._sender = CelerySender(broker_url)

    async def launch(self, job_id: JobId, *, tasks: int) -> None:
        """Send `tasks` tasks; a failure half-way leaves those sent."""
        await self._sender.send(RUN_JOB_TASK, job_id, queue=JOBS, times=tasks)
