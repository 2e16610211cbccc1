"""Starting imports and watching how far they are."""

import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.bench.yard_access import ENDED, KeptConnection


@dataclass
class Watched:
    """An import under way: its status as it was last read, and the seconds after which something was first seen."""

    job_id: str
    dataset_id: str
    began: float
    status: dict[str, Any] = field(default_factory=dict)
    reached: dict[str, float] = field(default_factory=dict)

    @property
    def ended(self) -> bool:
        """Whether it ended, however."""
        return self.state in ENDED

    @property
    def state(self) -> str:
        """As last read."""
        return str(self.status.get("state", "queued"))

    @property
    def fraction(self) -> float:
        """The share that was done when last read."""
        return 1.0 if self.state == "succeeded" else float(self.status["progress"]["fraction"]) if self.status else 0.0

    def look(self, connection: KeptConnection) -> None:
        """Read the status; note what is new."""
        self.status = connection.get(f"/datasets/import/{self.job_id}/status").json()
        now = time.perf_counter() - self.began
        for name, there in (("10 %", self.fraction >= 0.1), ("60 %", self.fraction >= 0.6), ("end", self.ended)):
            if there:
                self.reached.setdefault(name, now)


def start_import(connection: KeptConnection, archive: Path, **options: object) -> Watched:
    """Ask for an import."""
    answer = connection.post("/datasets/import", {"source": str(archive), **options})
    assert answer.status == 202, answer.body
    started = answer.json()
    return Watched(started["job_id"], started["dataset_id"], time.perf_counter())
