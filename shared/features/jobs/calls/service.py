"""A call that was answered with success is not taken again."""

from dataclasses import dataclass
from datetime import datetime

from shared.features.jobs.calls.repository import CallRepository


@dataclass(frozen=True, slots=True)
class AnsweredCalls:
    """The calls that were answered, by their digests."""

    calls: CallRepository

    async def has(self, digest: str) -> bool:
        """Whether a call of this digest was answered."""
        return await self.calls.is_known(digest)

    async def add(self, digest: str, *, until: datetime) -> None:
        """Remember that it was, until what it showed is no longer valid."""
        await self.calls.note(digest, expires_at=until)
