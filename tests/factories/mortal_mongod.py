"""A mongod of one's own that can be killed and comes back with its data, on the same port."""

import asyncio
import contextlib
import os
import signal
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

from services.cli.up.database import become_primary
from services.cli.up.health import wait_for_port
from services.cli.up.mongod import find_mongod, mongo_url, mongod_program
from services.cli.up.ports import choose

TRANSACTION_SECONDS = 2
"""A client that is killed in a transaction leaves it open; until then nobody can write what it has written."""


class MortalMongod:
    """A replica set of one."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._port = folder, choose(None, taken=set())
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Its address, which stays the same."""
        return mongo_url(self._port)

    async def start(self) -> None:
        """Return when it takes writes."""
        (self._folder / "logs").mkdir(parents=True, exist_ok=True)
        self._process = self._started()
        async with asyncio.timeout(60):
            await wait_for_port(self._port)
            await become_primary(self._port)

    def _started(self) -> "subprocess.Popen[bytes]":
        program = mongod_program(find_mongod(), data=self._folder, port=self._port, env=os.environ)
        command = [*program.command, "--setParameter", f"transactionLifetimeLimitSeconds={TRANSACTION_SECONDS}"]
        with program.log.open("ab") as log:
            return subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)

    def kill(self, number: int = signal.SIGKILL) -> None:
        """End it, at once unless another signal is given."""
        if self._process is not None:
            self._process.send_signal(number)
            self._process.wait(30)


@contextlib.asynccontextmanager
async def mortal_mongod(folder: Path) -> AsyncIterator[MortalMongod]:
    """A running one; ended with the block, whatever became of it meanwhile."""
    mongod = MortalMongod(folder)
    await mongod.start()
    try:
        yield mongod
    finally:
        mongod.kill()
