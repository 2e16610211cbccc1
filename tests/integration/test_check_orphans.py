"""A dry run whose API is killed: its child ends too, in the middle of its work, and leaves nothing behind."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

_PROGRAM = """
import asyncio, sys
from services.api.checks import CheckDesk
from shared.features.imports.models import ImportRequest
from shared.foundation.settings import CheckSettings, SourceSettings
from shared.wiring.checking import CheckContext

async def main():
    sources = SourceSettings(allow_private=True, read_seconds=60)
    desk = CheckDesk(CheckContext(sources), CheckSettings(seconds=60, open_seconds=60))
    await desk.check(ImportRequest(source=sys.argv[1]), correlation_id="x")

if __name__ == "__main__":
    asyncio.run(main())
"""


@pytest.fixture
def silent() -> Iterator[socket.socket]:
    """Somebody who listens and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


def test_killed_with_its_api_a_check_leaves_no_process_and_no_folder(tmp_path: Path, silent: socket.socket) -> None:
    program, scratch = tmp_path / "api.py", tmp_path / "scratch"
    program.write_text(_PROGRAM)
    scratch.mkdir()
    environment = {**os.environ, "TMPDIR": str(scratch), "PYTHONPATH": str(Path(__file__).parents[2])}
    address = f"http://127.0.0.1:{silent.getsockname()[1]}/a.zip"
    process = subprocess.Popen([sys.executable, str(program), address], env=environment)
    try:
        silent.settimeout(60)
        connection, _ = silent.accept()  # the child has begun to ask
        with connection:
            children = psutil.Process(process.pid).children(recursive=True)
            assert children
            assert len(list(scratch.glob("datayard-check-*"))) == 1
            process.send_signal(signal.SIGKILL)
            process.wait(10)
            _until(lambda: not any(_lives(child) for child in children))
            _until(lambda: not list(scratch.glob("datayard-check-*")))
    finally:
        process.kill()


def _lives(process: psutil.Process) -> bool:
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE


def _until(true: Callable[[], bool], *, seconds: float = 15) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.05)
