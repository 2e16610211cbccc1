"""One process of a yard: started, watched, started again when it dies, stopped when it is time."""

import asyncio
import contextlib
import ctypes
import os
import signal
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from services.cli.formatting import cut

_MAX_LOG_BYTES = 20 * 10**6
_TAIL_BYTES = 16_384
_TAIL_COLUMNS = 300
_PR_SET_PDEATHSIG = 1
_PRCTL = ctypes.CDLL(None).prctl if sys.platform == "linux" else None

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Program:
    """What a child runs. `orphan_signal` is what the kernel sends it when the supervisor is killed (Linux)."""

    name: str
    command: tuple[str, ...]
    env: Mapping[str, str]
    log: Path
    grace_seconds: float = 10.0
    orphan_signal: signal.Signals = signal.SIGKILL


@dataclass(slots=True)
class RestartPolicy:
    """How long to wait before a child is started again: doubling while it keeps dying young."""

    first_seconds: float = 0.2
    most_seconds: float = 5.0
    settled_seconds: float = 30.0
    failures: int = field(default=0, init=False)

    def delay_after(self, lived_seconds: float) -> float:
        """Count a death; the seconds to wait. A child that lived long enough starts the count anew."""
        if lived_seconds >= self.settled_seconds:
            self.failures = 0
        self.failures += 1
        return min(self.most_seconds, self.first_seconds * 2.0 ** (min(self.failures, 32) - 1))


def describe_end(returncode: int) -> str:
    """How a process ended: by which signal or with which exit code."""
    return f"by signal {-returncode}" if returncode < 0 else f"with exit code {returncode}"


def log_tail(log: Path, lines: int = 12) -> str:
    """The last lines of a log that say something, indented and cut to a screen; empty when there is none."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - _TAIL_BYTES))
            text = file.read().decode("utf-8", "replace")
    except OSError:
        return ""
    said = [line.rstrip() for line in text.splitlines() if line.strip()]
    return "\n".join(f"    {cut(line, _TAIL_COLUMNS)}" for line in said[-lines:])


def _rotate(log: Path) -> None:
    with contextlib.suppress(FileNotFoundError):
        if log.stat().st_size > _MAX_LOG_BYTES:
            log.replace(log.with_name(f"{log.name}.1"))


def _follow_parent(parent: int, signum: int) -> Callable[[], None]:
    """Runs in the child between fork and exec: have the kernel end it when the supervisor is no more."""

    def setup() -> None:
        if _PRCTL is not None:
            _PRCTL(_PR_SET_PDEATHSIG, signum)
            if os.getppid() != parent:
                os._exit(1)

    return setup


class Child:
    """A process that is kept running. `say` hears of restarts, `started` of every new process."""

    def __init__(self, program: Program, *, say: Say, started: Callable[[str, int], None]) -> None:
        self.program = program
        self.policy = RestartPolicy()
        self._say = say
        self._started = started
        self._process: asyncio.subprocess.Process | None = None
        self._born = 0.0
        self._stopping = asyncio.Event()
        self._watcher: asyncio.Task[None] | None = None

    @property
    def name(self) -> str:
        """Its name in logs, messages and the state file."""
        return self.program.name

    async def start(self) -> None:
        """Start it and keep it running until `stop`."""
        _rotate(self.program.log)
        await self._spawn()
        self._watcher = asyncio.create_task(self._watch(), name=f"watch {self.name}")

    async def _spawn(self) -> int:
        with self.program.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *self.program.command,
                env=dict(self.program.env),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # the terminal's Ctrl-C is for the supervisor alone
                preexec_fn=_follow_parent(os.getpid(), self.program.orphan_signal),
            )
        self._born = time.monotonic()
        self._started(self.name, self._process.pid)
        return self._process.pid

    async def _watch(self) -> None:
        while self._process is not None:
            pid, code = self._process.pid, await self._process.wait()
            fresh = await self._spawn_again()
            if fresh is None:
                return
            self._say(f"{self.name} (pid {pid}) ended {describe_end(code)}; started again as pid {fresh}")

    async def _spawn_again(self) -> int | None:
        """The pid of the next process, after as many tries as it takes; None when it is time to stop."""
        while not await self._stops_within(self.policy.delay_after(time.monotonic() - self._born)):
            try:
                fresh = await self._spawn()
            except OSError as error:
                self._say(f"{self.name} cannot be started again yet: {error}")
                continue
            if self._stopping.is_set():  # `stop` came while it was being made
                self._signal(signal.SIGTERM)
            return fresh
        return None

    async def _stops_within(self, seconds: float) -> bool:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), seconds)
        return self._stopping.is_set()

    async def stop(self, hurry: asyncio.Event) -> None:
        """End it: SIGTERM, then SIGKILL when its grace is over or as soon as `hurry` is set. Twice is harmless."""
        self._stopping.set()
        if self._watcher is None or self._process is None:
            return
        self._signal(signal.SIGTERM)
        impatient = asyncio.create_task(hurry.wait())
        await asyncio.wait(
            {self._watcher, impatient}, timeout=self.program.grace_seconds, return_when="FIRST_COMPLETED"
        )
        impatient.cancel()
        if not self._watcher.done():
            self._signal(signal.SIGKILL)
            await asyncio.wait({self._watcher})

    def _signal(self, signum: signal.Signals) -> None:
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(signum)
