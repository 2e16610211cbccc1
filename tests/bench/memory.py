"""How much memory processes take while something runs."""

import contextlib
import threading
from dataclasses import dataclass, field
from typing import Self

import psutil

SAMPLE_SECONDS = 0.05


@dataclass
class PeakMemory:
    """The largest resident size of each process, sampled while the block runs, in MiB."""

    pids: dict[str, int]
    mebibytes: dict[str, float] = field(default_factory=dict)

    def __enter__(self) -> Self:
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
