"""What lies in temp/ although nobody will ever clean it up: of jobs that are gone, or were cleaned before it came."""

import time
from dataclasses import dataclass, field

import structlog

from shared.features.imports.repository import ImportJobRepository
from shared.features.imports.shards.manifest import TEMP_FOLDER, temp_prefix
from shared.features.jobs.models import JobState
from shared.foundation.ids import JobId
from shared.ports.object_store import ObjectStore

EVERY_SECONDS = 3600.0

_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Leftovers:
    """Looks through temp/ now and then: that takes as long as there are objects in it."""

    jobs: ImportJobRepository
    store: ObjectStore
    _next: float = field(default=0.0, init=False)

    async def sweep(self) -> None:
        """Remove what is left over, if it is time to look again."""
        if time.monotonic() < self._next:
            return
        self._next = time.monotonic() + EVERY_SECONDS
        for job_id in await self._folders():
            if await self._is_over(job_id):
                count = await self.store.delete_prefix(temp_prefix(job_id))
                _log.info("leftovers removed", job_id=job_id, objects=count)

    async def _folders(self) -> list[JobId]:
        found: dict[str, None] = {}
        async for key in self.store.list(TEMP_FOLDER):
            found[key.removeprefix(TEMP_FOLDER).partition("/")[0]] = None
        return [JobId(name) for name in found]

    async def _is_over(self, job_id: JobId) -> bool:
        """Whether there is no such job, or it has succeeded and been cleaned up."""
        job = await self.jobs.load(job_id)
        if job is None:
            return True
        return job.state is JobState.SUCCEEDED and not job.live_claimers and await self.jobs.is_clean(job_id)
