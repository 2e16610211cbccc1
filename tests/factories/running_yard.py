"""`datayard up` in processes of its own, for end-to-end tests and benchmarks."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import httpx2

from services.cli.state import load

ROOT = Path(__file__).parents[2]
READY_SECONDS = 60


@dataclass
class RunningYard:
    """A running yard."""

    url: str
    data: Path
    supervisor: subprocess.Popen[bytes]
    http: httpx2.Client = field(default_factory=lambda: httpx2.Client(timeout=30, trust_env=False))

    @property
    def pids(self) -> dict[str, int]:
        """The processes of the yard as they are now, by name."""
        state = load(self.data)
        return {name: one.pid for name, one in state.processes.items()} if state else {}

    def run(self, *arguments: str) -> str:
        """The standard output of a `datayard` command against this yard."""
        command = [sys.executable, "-m", "services.cli", *arguments]
        environment = {**os.environ, "DATAYARD_URL": self.url}
        return subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, text=True).stdout

    def get(self, path: str, **params: object) -> dict:
        """The JSON at a path of the API."""
        return self.http.get(f"{self.url}{path}", params=params).raise_for_status().json()

    def stop(self) -> int:
        """Stop as Ctrl-C does; the exit code."""
        if self.supervisor.poll() is None:
            self.supervisor.send_signal(signal.SIGTERM)
        return self.supervisor.wait(60)

    def kill_everything(self) -> None:
        """`kill -9` of every process of the yard at once, as a power cut would."""
        pids = list(self.pids.values())
        self.supervisor.kill()
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.supervisor.wait(30)


@contextlib.contextmanager
def running_yard(data: Path, *, workers: int = 2, options: Sequence[str] = ()) -> Iterator[RunningYard]:
    """A yard that is stopped at the end, unless the block has ended it."""
    yard = start_yard(data, workers=workers, options=options)
    try:
        yield yard
    finally:
        yard.stop()


def start_yard(data: Path, *, workers: int = 2, options: Sequence[str] = (), folder: Path | None = None) -> RunningYard:
    """A yard that is ready, on a port of its own choice; `folder` is where it is started, and may hold settings."""
    command = [sys.executable, "-m", "services.cli", "up", "--port", "0", "--data", str(data)]
    with (data.parent / f"{data.name}.log").open("ab") as log:
        process = subprocess.Popen(
            [*command, "--workers", str(workers), *options],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=log,
            stderr=log,
        )
    return _ready(data, process)


def _ready(data: Path, process: subprocess.Popen[bytes]) -> RunningYard:
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        state = load(data)
        if state is not None and _answers(f"{state.url}/health/ready"):
            return RunningYard(state.url, data, process)
        time.sleep(0.1)
    raise RuntimeError(f"the yard did not start; see {data}.log")


def _answers(url: str) -> bool:
    try:
        return httpx2.get(url, timeout=5, trust_env=False).status_code == httpx2.codes.OK
    except httpx2.HTTPError:
        return False
