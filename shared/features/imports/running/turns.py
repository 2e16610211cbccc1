"""Sharing workers fairly: a claimer that has had its turn goes to the end of the queue when another job waits."""

import time
from dataclasses import dataclass
from datetime import timedelta

import structlog

from shared.features.imports.repository import ImportJobRepository
from shared.foundation.ids import JobId
from shared.foundation.settings import EngineSettings
from shared.ports.job_launcher import JobLauncher
from shared.ports.job_queue import QueueUnavailable

PATIENCE = timedelta(seconds=60)
"""How long a claimer that was asked for may take to report."""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Turns:
    """Decides when a claimer makes room. Where workers are started for each job alone, nobody ever has to."""

    jobs: ImportJobRepository
    launcher: JobLauncher
    engine: EngineSettings

    async def is_over(self, job_id: JobId, began: float) -> bool:
        """Whether a claimer that began at `began` (monotonic) is to leave; another one was asked for in its place."""
        longest = self.engine.turn_seconds
        if not longest or time.monotonic() - began < longest:
            return False
        return await self.jobs.others_wait(job_id, patience=PATIENCE) and await self._asked_again(job_id)

    async def _asked_again(self, job_id: JobId) -> bool:
        await self.jobs.note_another_launch(job_id, 1)
        try:
            launched = await self.launcher.launch(job_id, tasks=1)
        except QueueUnavailable:
            await self.jobs.note_another_launch(job_id, -1)
            return False
        await self.jobs.note_launched(job_id, launched)
        _log.info("claimer makes room for another job", job_id=job_id)
        return True
