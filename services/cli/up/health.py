"""Waits for the parts of a yard to answer, and calls its maintenance as Cloud Scheduler would."""

import asyncio
import contextlib
import json
from collections.abc import Mapping

import httpx2

_POLL_SECONDS = 0.05
_MAINTENANCE_SECONDS = 2.0


async def wait_for_port(port: int) -> None:
    """Return when something listens on loopback `port`. Call it with a deadline."""
    while True:
        try:
            _reader, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(_POLL_SECONDS / 5)
            continue
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()
        return


def local_client(*, timeout_seconds: float) -> httpx2.AsyncClient:
    """A client for this machine: no proxy of the environment, short deadlines."""
    return httpx2.AsyncClient(timeout=timeout_seconds, trust_env=False)


class Probe:
    """Asks one address until it answers 200; `last` is what it said before, for a person."""

    def __init__(self, name: str, url: str) -> None:
        self.name = name
        self.url = url
        self.last = "no answer"

    async def wait(self) -> None:
        """Return at the first 200. Call it with a deadline."""
        async with local_client(timeout_seconds=5.0) as client:
            while not await self._answers(client):  # noqa: ASYNC110 - only asking tells
                await asyncio.sleep(_POLL_SECONDS)
        self.last = "ready"

    async def _answers(self, client: httpx2.AsyncClient) -> bool:
        try:
            response = await client.get(self.url)
        except httpx2.HTTPError:
            return False
        self.last = not_ready(response.content) or f"HTTP {response.status_code}"
        return response.status_code == httpx2.codes.OK


def not_ready(body: bytes) -> str:
    """The dependencies that a readiness answer says are not ready, each with what it says of them; empty if none."""
    try:
        answer: object = json.loads(body)
    except ValueError:
        return ""
    states = answer.get("dependencies") if isinstance(answer, dict) else None
    if not isinstance(states, dict):
        return ""
    return ", ".join(f"{name}: {text}" for name, state in states.items() if (text := _complaint(state)))


def _complaint(state: object) -> str:
    word = state.get("status") if isinstance(state, Mapping) else state
    return "" if word in {"ok", "ready", "up", True} else str(word)


async def call_maintenance(url: str, token: str) -> None:
    """Call ingest's maintenance now and every two seconds, for ever; a call that fails is simply followed by the next.

    It is what starts jobs again whose workers have died.
    """
    async with local_client(timeout_seconds=1.5) as client:
        while True:
            with contextlib.suppress(httpx2.HTTPError):
                await client.post(f"{url}/maintenance", headers={"Authorization": f"Bearer {token}"})
            await asyncio.sleep(_MAINTENANCE_SECONDS)
