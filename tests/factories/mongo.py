"""A real mongod for tests: the one of DATAYARD_TEST_MONGO_URL, or an embedded one that lives as long as the run."""

import asyncio
import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from services.cli.up.database import become_primary
from services.cli.up.health import wait_for_port
from services.cli.up.mongod import find_mongod, mongo_url, mongod_program
from services.cli.up.ports import choose

GIVEN_URL = "DATAYARD_TEST_MONGO_URL"
_MEMORY = Path("/dev/shm")
_ROOM_BYTES = 4 << 30


@contextlib.contextmanager
def running_mongod(folder: Path) -> Iterator[str]:
    """The address of a one-node replica set with a primary. Its data lie in memory, where there is room for them."""
    if given := os.environ.get(GIVEN_URL):
        yield given
    elif _MEMORY.is_dir() and shutil.disk_usage(_MEMORY).free > _ROOM_BYTES:
        with tempfile.TemporaryDirectory(prefix="datayard-test-", dir=_MEMORY) as quick, _mongod(Path(quick)) as url:
            yield url
    else:
        with _mongod(folder) as url:
            yield url


@contextlib.contextmanager
def _mongod(folder: Path) -> Iterator[str]:
    port = choose(None, taken=set())
    (folder / "logs").mkdir(parents=True)
    program = mongod_program(find_mongod(), data=folder, port=port, env=os.environ)
    with (folder / "logs" / "mongod.log").open("wb") as log:
        process = subprocess.Popen(program.command, stdout=log, stderr=log, start_new_session=True)
    try:
        asyncio.run(_primary(port))
        yield mongo_url(port)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


async def _primary(port: int) -> None:
    async with asyncio.timeout(60):
        await wait_for_port(port)
        await become_primary(port)
