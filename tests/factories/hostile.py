"""Archives made to do harm, each with what an import has to say about it. The tables are in the `hostile_*` modules."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.factories.broken import around

NEIGHBOURS: Mapping[str, bytes] = {name: data for name, data in around({}).items() if name.endswith(".jpg")}
UNREADABLE, UNKNOWN = "unreadable-archive", "dataset-not-recognised"


@dataclass(frozen=True)
class Case:
    """An archive, and what must come of it.

    It may fail with one of `problems`, or succeed with one of `rules` found. With neither, it is odd but right: it
    succeeds, and nothing is left out. If it succeeds, the `good` images are there byte for byte, and none of `never`.
    """

    build: Callable[[Path], object]
    ending: str = "zip"
    rules: frozenset[str] = frozenset()
    file: str | None = None
    """The file that one of the findings names; None where any file will do."""
    problems: frozenset[str] = frozenset()
    good: Mapping[str, bytes] = field(default_factory=lambda: NEIGHBOURS)
    never: frozenset[str] = frozenset()
    whole_bytes: bool = False
    """True where only who reads all of a member's bytes can find it: an import that does not need not."""
    either: bool = False
    """True where an import may also succeed with nothing found, if it is quick and careful enough."""


def one_of(*words: str) -> frozenset[str]:
    """Any of these rules, or of these problems."""
    return frozenset(words)
