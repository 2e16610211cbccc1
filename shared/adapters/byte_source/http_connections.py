"""The HTTP connections of a process: bounded, kept alive between reads and between sources, one set per event loop."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from weakref import WeakKeyDictionary

import aiohttp
from purgatory import AsyncCircuitBreakerFactory

from shared.adapters.byte_source.guard import GuardedResolver, HostGuard
from shared.adapters.byte_source.lost import LostAnswer
from shared.foundation.settings import SourceSettings

BUFFER_BYTES = 1024 * 1024
KEPT_ALIVE_SECONDS = 15.0


@dataclass(slots=True)
class _Pool:
    """What belongs to one event loop: slots for requests in progress, and sessions by whom they may reach."""

    slots: asyncio.Semaphore
    sessions: dict[HostGuard, aiohttp.ClientSession] = field(default_factory=dict)
    users: int = 0


class HttpConnections:
    """Shared by the sources of a process. A request in progress holds one connection, and there are only so many.

    Whoever joins must leave: the last one closes what is kept alive.
    """

    def __init__(self, settings: SourceSettings) -> None:
        self._settings = settings
        self._pools: WeakKeyDictionary[asyncio.AbstractEventLoop, _Pool] = WeakKeyDictionary()
        self.breakers = _make_breakers(settings)

    def join(self, guard: HostGuard) -> aiohttp.ClientSession:
        """A session that reaches the hosts `guard` allows; `leave` gives it back."""
        pool = self._pool()
        pool.users += 1
        if guard not in pool.sessions:
            pool.sessions[guard] = self._session(guard)
        return pool.sessions[guard]

    async def leave(self) -> None:
        """Give a session back."""
        pool = self._pool()
        pool.users -= 1
        if pool.users == 0:
            sessions, pool.sessions = pool.sessions, {}
            for session in sessions.values():
                await session.close()

    @asynccontextmanager
    async def slot(self) -> AsyncIterator[None]:
        """The right to one connection. Raises LostAnswer when none gets free in time."""
        slots = self._pool().slots
        try:
            async with asyncio.timeout(deadline_seconds(self._settings)):
                await slots.acquire()
        except TimeoutError:
            raise LostAnswer(f"All {self._settings.max_connections} connections to sources are in use.") from None
        try:
            yield
        finally:
            slots.release()

    def _pool(self) -> _Pool:
        loop = asyncio.get_running_loop()
        if loop not in self._pools:
            self._pools[loop] = _Pool(asyncio.Semaphore(self._settings.max_connections))
        return self._pools[loop]

    def _session(self, guard: HostGuard) -> aiohttp.ClientSession:
        seconds = self._settings.connect_seconds
        return aiohttp.ClientSession(
            # The slots are the limit: waiting for one is no slow connecting.
            connector=aiohttp.TCPConnector(
                resolver=GuardedResolver(guard), limit=0, keepalive_timeout=KEPT_ALIVE_SECONDS
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"Accept-Encoding": "identity", "Accept": "*/*", "User-Agent": "datayard"},
            timeout=aiohttp.ClientTimeout(
                total=None, connect=seconds, sock_connect=seconds, sock_read=self._settings.read_seconds
            ),
            auto_decompress=False,
            trust_env=False,
            read_bufsize=BUFFER_BYTES,
            max_field_size=64 * 1024,
        )


def deadline_seconds(settings: SourceSettings) -> float:
    """How long one answer may take to begin."""
    return settings.connect_seconds + 2 * settings.read_seconds


def _make_breakers(settings: SourceSettings) -> AsyncCircuitBreakerFactory:
    """Circuit breakers by host; one read's patience alone does not open one."""
    return AsyncCircuitBreakerFactory(
        default_threshold=max(10, 2 * (settings.attempts + 1)),
        default_ttl=15.0,
        exclude=[(BaseException, lambda failure: not isinstance(failure, LostAnswer))],
    )
