"""What `make bench` was asked for."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Options:
    """What every bench is told; `None` lets a bench take the size its target speaks of.

    `storage`, `gigabytes`, `interleaved` and `keep` are about the huge archive.
    """

    folder: Path
    rounds: int = 3
    images: int | None = None
    gigabytes: float | None = None
    storage: str = "packed"
    interleaved: bool = False
    keep: bool = False
