"""What calls to Google's gRPC services share: deadlines, retries, breakers, clients that belong to an event loop."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Generic, TypeVar
from weakref import WeakKeyDictionary

import grpc.aio
from google.api_core import exceptions
from google.api_core.retry import AsyncRetry, if_exception_type
from google.auth.exceptions import GoogleAuthError

from shared.adapters.breaker import Breaker
from shared.ports.job_queue import QueueUnavailable

DEADLINE_SECONDS = 10.0
"""Of one call, its retries included."""
ATTEMPT_SECONDS = 4.0
"""Of one attempt of a call."""
_FAILURES_TO_OPEN = 5

_PASSING = (
    exceptions.Aborted,
    exceptions.DeadlineExceeded,
    exceptions.InternalServerError,
    exceptions.ResourceExhausted,
    exceptions.ServiceUnavailable,
)

Client = TypeVar("Client")


@dataclass(frozen=True)
class GoogleCalls(Generic[Client]):
    """A client of one Google service. `make` gets a plain channel where the settings name an emulator, else None.

    Every failure is a QueueUnavailable: what the service is too busy for, and what it refuses, waits in the job's
    document for the next sweep. After five failures in a row the service is left alone for a moment.
    """

    service: str
    endpoint: str | None
    make: Callable[[grpc.aio.Channel | None], Client]
    _clients: WeakKeyDictionary[asyncio.AbstractEventLoop, Client] = field(default_factory=WeakKeyDictionary)
    _breaker: Breaker = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_breaker", Breaker(self.service, QueueUnavailable, failures=_FAILURES_TO_OPEN))

    @asynccontextmanager
    async def client(self) -> AsyncIterator[Client]:
        """The client of the running loop. What fails while it is used is a QueueUnavailable."""
        async with self._breaker.guard(), _translated(self.service):
            yield self._of_loop()

    def _of_loop(self) -> Client:
        loop = asyncio.get_running_loop()
        if loop not in self._clients:
            channel = grpc.aio.insecure_channel(self.endpoint) if self.endpoint else None
            self._clients[loop] = self.make(channel)
        return self._clients[loop]


@asynccontextmanager
async def _translated(service: str) -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(DEADLINE_SECONDS + 1):
            yield
    except exceptions.GoogleAPICallError as error:
        raise QueueUnavailable(f"{service} answers {type(error).__name__}.") from error
    except (exceptions.RetryError, GoogleAuthError, TimeoutError) as error:
        raise QueueUnavailable(f"{service} does not answer: {type(error).__name__}.") from error


def retrying() -> AsyncRetry:
    """Tries again what may pass, with growing jittered pauses, within the deadline."""
    return AsyncRetry(
        predicate=if_exception_type(*_PASSING), initial=0.2, maximum=2.0, multiplier=2.0, timeout=DEADLINE_SECONDS
    )
