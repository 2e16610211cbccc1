"""Jobs of all kinds, as the queue and the scheduler drive them: each is its own dispatcher's."""

from dataclasses import dataclass

from shared.features.exports.dispatch import ExportDispatcher
from shared.features.imports.running.dispatch import ImportDispatcher
from shared.features.imports.running.leftovers import Leftovers
from shared.features.imports.uploaded.keeping import UploadKeeper
from shared.foundation.ids import JobId


@dataclass(frozen=True, slots=True)
class JobDispatcher:
    """Finds out whose job it is."""

    exports: ExportDispatcher
    imports: ImportDispatcher
    uploads: UploadKeeper
    leftovers: Leftovers

    async def dispatch(self, job_id: JobId) -> bool:
        """Start a queued job's claimers. Does nothing for a job that runs or has ended; False for an unknown one."""
        return await self.imports.dispatch(job_id) or await self.exports.dispatch(job_id)

    async def sweep(self) -> None:
        """Put right what stopped and remove what is left over; exports of a dataset go before it."""
        await self.exports.sweep()
        await self.imports.sweep()
        await self.uploads.sweep()
        await self.leftovers.sweep()
