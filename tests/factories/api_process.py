"""The API in a process of its own, on a yard's database and objects; to be killed and started again."""

import asyncio
import contextlib
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass

import httpx2
import psutil

from services.cli.up.ports import choose
from tests.factories.claimers import ROOT, claimer_environment
from tests.factories.yard import Yard


@dataclass
class ApiProcess:
    """Where it listens, and what it takes to be killed."""

    port: int
    environment: dict[str, str]
    process: "subprocess.Popen[bytes]"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def anonymous_mib(self) -> float:
        """Resident memory that is not of files."""
        found = psutil.Process(self.process.pid).memory_info()
        return (found.rss - found.shared) / 2**20

    async def kill(self) -> None:
        """SIGKILL."""
        self.process.kill()
        await asyncio.to_thread(self.process.wait, 10)

    async def start_again(self) -> None:
        """Another process in the place of a killed one."""
        self.process = _started(self.environment)
        await self._ready()

    async def _ready(self) -> None:
        async with asyncio.timeout(60), httpx2.AsyncClient(trust_env=False) as http:
            while True:
                with contextlib.suppress(httpx2.HTTPError):
                    if (await http.get(f"{self.url}/health/live")).status_code == httpx2.codes.OK:
                        return
                await asyncio.sleep(0.1)


@contextlib.asynccontextmanager
async def api_process(yard: Yard) -> AsyncIterator[ApiProcess]:
    """The API on a port of its own; its queue is down, so that jobs wait for the yard's sweeper."""
    yard.objects.mkdir(parents=True, exist_ok=True)
    port = choose(None, taken=set())
    environment = {
        **claimer_environment(yard),
        "DATAYARD_API__PORT": str(port),
        "DATAYARD_QUEUE__BACKEND": "celery",
        "DATAYARD_QUEUE__BROKER_URL": "redis://127.0.0.1:9/0",
    }
    api = ApiProcess(port, environment, _started(environment))
    try:
        await api._ready()
        yield api
    finally:
        api.process.kill()
        api.process.wait(10)


def _started(environment: dict[str, str]) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-m", "services.api"]
    log = subprocess.DEVNULL
    return subprocess.Popen(command, cwd=ROOT, env={**os.environ, **environment}, stdout=log, stderr=log)
