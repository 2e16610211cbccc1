"""How much memory the processes of a yard take while something runs."""

import contextlib
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Self

import psutil

from tests.factories.running_yard import RunningYard

SAMPLE_SECONDS = 0.2
SEARCH_SECONDS = 1.0
# Servers that we start but did not write: their caches have sizes of their own.
NOT_OURS = ("mongod", "valkey")


@dataclass(frozen=True, slots=True)
class Resident:
    """Resident memory of a process in MiB; `anonymous` leaves out pages of files, which the system can drop."""

    rss: float = 0.0
    anonymous: float = 0.0

    def peak(self, other: "Resident") -> "Resident":
        """The larger of each."""
        return Resident(max(self.rss, other.rss), max(self.anonymous, other.anonymous))


@dataclass
class PeakMemory:
    """The largest resident size of each process, by name, sampled while the block runs."""

    processes: Callable[[], Mapping[str, int]]
    peaks: dict[str, Resident] = field(default_factory=dict)
    _ended: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._sample, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def ours(self) -> dict[str, Resident]:
        """The Python processes."""
        return {name: peak for name, peak in sorted(self.peaks.items()) if name not in NOT_OURS}

    def others(self) -> dict[str, Resident]:
        """The servers."""
        return {name: peak for name, peak in sorted(self.peaks.items()) if name in NOT_OURS}

    def _sample(self) -> None:
        searched, processes = 0.0, dict(self.processes())
        while True:
            for name, pid in processes.items():
                with contextlib.suppress(psutil.Error):
                    self.peaks[name] = _resident(pid).peak(self.peaks.get(name, Resident()))
            if self._ended.wait(SAMPLE_SECONDS):
                return
            if time.monotonic() - searched > SEARCH_SECONDS:  # processes are replaced, and have children
                searched, processes = time.monotonic(), dict(self.processes())


def yard_memory(yard: RunningYard) -> PeakMemory:
    """The memory of every process of a yard, its supervisor and children among them."""

    def processes() -> dict[str, int]:
        known = {"supervisor": yard.supervisor.pid, **yard.pids}
        return {**known, **dict(_children(yard.supervisor.pid, set(known.values())))}

    return PeakMemory(processes)


def listed(peaks: Iterable[tuple[str, Resident]]) -> str:
    """Peaks in a line of text."""
    return ", ".join(f"{name} {peak.rss:.0f} MiB" for name, peak in peaks)


def _resident(pid: int) -> Resident:
    found = psutil.Process(pid).memory_info()
    return Resident(found.rss / 2**20, (found.rss - getattr(found, "shared", 0)) / 2**20)


def _children(supervisor: int, known: set[int]) -> Iterator[tuple[str, int]]:
    with contextlib.suppress(psutil.Error):
        for child in psutil.Process(supervisor).children(recursive=True):
            if child.pid not in known:
                with contextlib.suppress(psutil.Error):
                    yield f"child {child.pid} ({child.name()})", child.pid
