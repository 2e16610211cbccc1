"""A circuit breaker in front of one service: what fails often in a row is left alone for a moment."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from purgatory import AsyncCircuitBreakerFactory
from purgatory.domain.model import OpenedState

from shared.foundation.errors import Unavailable

_OPEN_SECONDS = 15.0


class Breaker:
    """Counts failures of one kind; while it is open, that kind is raised without a call."""

    def __init__(self, service: str, failure: type[Unavailable], *, failures: int) -> None:
        self._service, self._failure = service, failure
        self._breakers = AsyncCircuitBreakerFactory(
            default_threshold=failures,
            default_ttl=_OPEN_SECONDS,
            exclude=[(BaseException, lambda raised: not isinstance(raised, failure))],
        )

    @asynccontextmanager
    async def guard(self) -> AsyncIterator[None]:
        """Go through, or be refused at once."""
        breaker = await self._breakers.get_breaker(self._service)
        try:
            async with breaker:
                yield
        except OpenedState:
            raise self._failure(f"{self._service} has failed too often; it is left alone for a moment.") from None
