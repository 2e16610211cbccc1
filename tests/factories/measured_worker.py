"""A worker that takes one job after another from its standard input and says how much memory each one took.

`python -m tests.factories.measured_worker`, with a worker's settings. Linux only: it resets the peak in between.
"""

import asyncio
import contextlib
import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from tests.factories.claimers import ROOT, claimer_environment, claimers_log, kill
from tests.factories.yard import Yard

_MARK = '{"peak_mib": '


@dataclass
class MeasuredWorker:
    """The process, seen from the test. It is started when it is needed, and again after it had to be killed.

    One job at a time: whoever runs one holds `turn`.
    """

    yard: Yard
    most_mib: float
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    _process: "subprocess.Popen[bytes] | None" = None

    async def run(self, job_id: str, *, seconds: float) -> float:
        """The peak resident size, in MiB, of the process while it ran the job. TimeoutError if it took longer."""
        await self.ready()
        try:
            async with asyncio.timeout(seconds):
                peak_mib = await asyncio.to_thread(self._ask, job_id)
        except TimeoutError:
            self.close()
            raise
        if peak_mib > self.most_mib:
            self.close()  # what it holds now is not the next job's fault
        return peak_mib

    async def ready(self) -> None:
        """Return when the process has started and loaded what it needs."""
        if self._process is None:
            self._process = _started(self.yard)
            await asyncio.to_thread(self._answer)

    def close(self) -> None:
        """End the process."""
        if self._process is not None:
            kill(self._process)
            for stream in (self._process.stdin, self._process.stdout):
                with contextlib.suppress(OSError):
                    stream.close()  # type: ignore[union-attr]
            self._process = None

    def _ask(self, job_id: str) -> float:
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.write(f"{job_id}\n".encode())
        self._process.stdin.flush()
        return self._answer()

    def _answer(self) -> float:
        assert self._process is not None
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.startswith(_MARK.encode()):
                return float(json.loads(line)["peak_mib"])
        raise AssertionError(f"the worker died with {self._process.wait(10)}")


def _started(yard: Yard) -> "subprocess.Popen[bytes]":
    yard.objects.mkdir(parents=True, exist_ok=True)
    with claimers_log(yard).open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "tests.factories.measured_worker"],
            cwd=ROOT,
            env={**os.environ, **claimer_environment(yard)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
        )


def _peak_mib() -> float:
    """The high-water mark since it was last reset. Source: proc(5), /proc/pid/status and /proc/pid/clear_refs."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM:"))


def _say(began: float) -> None:
    said = {"peak_mib": round(_peak_mib(), 1), "seconds": round(time.perf_counter() - began, 2)}
    sys.stdout.write(f"{json.dumps(said)}\n")
    sys.stdout.flush()
    Path("/proc/self/clear_refs").write_text("5")


def main() -> None:
    """Run the jobs whose ids come in, each to its end."""
    from prometheus_client import CollectorRegistry  # noqa: PLC0415 - the test that starts this one needs none of it

    from services.worker.claimer import run_job  # noqa: PLC0415
    from services.worker.settings import WorkerSettings  # noqa: PLC0415
    from shared.foundation.ids import JobId  # noqa: PLC0415
    from shared.foundation.logging import configure_logging  # noqa: PLC0415
    from shared.foundation.telemetry import EngineMetrics  # noqa: PLC0415

    settings = WorkerSettings()
    configure_logging(settings.log, service="worker")
    metrics = EngineMetrics(CollectorRegistry())
    _say(time.perf_counter())
    for line in sys.stdin:
        began = time.perf_counter()
        asyncio.run(run_job(JobId(line.strip()), settings, metrics, stopping=lambda: False))
        _say(began)


if __name__ == "__main__":
    main()
