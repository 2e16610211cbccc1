"""A yard started for a measurement, and the memory its workers take."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx2
import psutil

from services.cli.state import load

READY_SECONDS = 60
SAMPLE_SECONDS = 0.05


@dataclass
class BenchYard:
    """A running yard."""

    url: str
    pids: dict[str, int]
    data: Path

    def run(self, *arguments: str) -> str:
        """The standard output of a `datayard` command against this yard."""
        command = [sys.executable, "-m", "services.cli", *arguments]
        environment = {**os.environ, "DATAYARD_URL": self.url}
        return subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, text=True).stdout


@dataclass
class PeakMemory:
    """The largest resident size of each process, sampled while the block runs, in MiB."""

    pids: dict[str, int]
    mebibytes: dict[str, float] = field(default_factory=dict)

    def __enter__(self) -> "PeakMemory":
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _sample(self) -> None:
        while not self._ended.wait(SAMPLE_SECONDS):
            for name, pid in self.pids.items():
                with contextlib.suppress(psutil.NoSuchProcess):
                    size = psutil.Process(pid).memory_info().rss / 2**20
                    self.mebibytes[name] = max(size, self.mebibytes.get(name, 0))


@contextlib.contextmanager
def running_yard(data: Path, *, workers: int, port: int = 8790) -> Iterator[BenchYard]:
    """`datayard up` in a process of its own, stopped at the end."""
    command = [sys.executable, "-m", "services.cli", "up", "--port", str(port), "--data", str(data)]
    with (data.parent / f"{data.name}.log").open("wb") as log:
        process = subprocess.Popen([*command, "--workers", str(workers)], stdout=log, stderr=log)
    try:
        yield _ready(data, process)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


def _ready(data: Path, process: subprocess.Popen[bytes]) -> BenchYard:
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        state = load(data)
        if state is not None and _answers(f"{state.url}/health/ready"):
            return BenchYard(state.url, {name: one.pid for name, one in state.processes.items()}, data)
        time.sleep(0.1)
    raise RuntimeError(f"the yard did not start; see {data}.log")


def _answers(url: str) -> bool:
    try:
        return httpx2.get(url, timeout=5, trust_env=False).status_code == httpx2.codes.OK
    except httpx2.HTTPError:
        return False
