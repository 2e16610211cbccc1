"""The API on a port of its own in this loop, for what ASGI alone cannot show: streams, disconnects, shutdown."""

import asyncio
import contextlib
import dataclasses
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field

import httpx2
import uvicorn

from services.api.main import build_app
from services.api.server import Server
from shared.features.imports.events.changes import ImportChanges
from shared.features.imports.events.stream import EventService, EventSources
from shared.foundation.settings import EventSettings
from tests.factories.yard import Yard

QUICK = EventSettings(max_streams=3, pause_seconds=0.05, keep_alive_seconds=0.4)


@dataclass
class Door:
    """Where the API listens, and the means to stop it."""

    url: str
    server: Server
    serving: asyncio.Task[None]
    events: EventService
    http: httpx2.AsyncClient

    @property
    def open_streams(self) -> int:
        """Streams the API holds open."""
        return len(self.events._open)

    @contextlib.asynccontextmanager
    async def following(self, job_id: str, after: str | None = None) -> AsyncIterator["Follower"]:
        """A reader of the job's events."""
        headers = {"Last-Event-ID": after} if after else {}
        async with self.http.sse(f"/datasets/import/{job_id}/events", headers=headers) as source:
            source.response.raise_for_status()
            follower = Follower()
            reading = asyncio.create_task(follower.read(source))
            try:
                yield follower
            finally:
                reading.cancel()
                await asyncio.gather(reading, return_exceptions=True)


@dataclass
class Follower:
    """What one reader has got so far."""

    events: list[httpx2.ServerSentEvent] = field(default_factory=list)
    ended: asyncio.Event = field(default_factory=asyncio.Event)

    async def read(self, source: httpx2.EventSource) -> None:
        """Read to the end."""
        try:
            async for event in source:
                if event.data:
                    self.events.append(event)
        finally:
            self.ended.set()

    def names(self) -> list[str]:
        """The events, but for progress, which comes as often as there is time for it."""
        return [event.event for event in self.events if event.event != "progress"]

    def of(self, name: str) -> list[dict]:
        """The data of the events of one name."""
        return [event.json() for event in self.events if event.event == name]

    async def until(self, name: str, count: int = 1, *, seconds: float = 10) -> None:
        """Wait for as many events of this name."""
        async with asyncio.timeout(seconds):
            while len(self.of(name)) < count:  # noqa: ASYNC110 - a list tells no one
                await asyncio.sleep(0.01)


@contextlib.asynccontextmanager
async def open_door(
    yard: Yard, *, settings: EventSettings = QUICK, hosts: Sequence[str] = ("*",)
) -> AsyncIterator[Door]:
    """The API of the yard over TCP, until the block ends or `server.should_exit` is set."""
    sources = EventSources(
        yard.container.repositories.jobs,
        yard.container.repositories.findings,
        yard.container.progress,
        ImportChanges(yard.database),
    )
    events = EventService(sources, settings)
    app = build_app(dataclasses.replace(yard.container, events=events), yard.checks, hosts=hosts)
    config = uvicorn.Config(app, port=0, lifespan="off", log_config=None, access_log=False)
    server = Server(config, before_shutdown=events.close)
    serving = asyncio.create_task(server._serve())
    while not server.started:  # noqa: ASYNC110 - uvicorn tells no one
        await asyncio.sleep(0.01)
    url = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    async with httpx2.AsyncClient(base_url=url, trust_env=False, timeout=10) as http:
        try:
            yield Door(url, server, serving, events, http)
        finally:
            server.should_exit = True
            await asyncio.wait_for(serving, 15)
