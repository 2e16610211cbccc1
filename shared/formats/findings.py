"""What a reader has to say about the data it read: findings, their rules and a log of bounded size."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from types import MappingProxyType

from shared.formats.storable import storable

WHOLE_DATASET = "."
"""The `file` of a finding about the dataset as a whole."""


class Severity(StrEnum):
    """How bad a finding is: an `error` left something out, a `warning` kept it, `info` is worth knowing."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


@dataclass(frozen=True, slots=True)
class Rule:
    """One thing that can be said about data. `suggestion` is what its owner can do about it.

    `effect` is what a trainer makes of it, keyed by `trainer>=version`; empty where no trainer looks.
    """

    id: str
    severity: Severity
    meaning: str
    suggestion: str
    effect: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True)
class Finding:
    """One rule met at one place. `line` and `column` count from 1; None where the file as a whole is meant.

    `effect` is what trainers make of this one, as in `Rule`; None where that is what the rule says.
    """

    rule: str
    file: str
    message: str
    line: int | None = None
    column: int | None = None
    effect: tuple[tuple[str, str], ...] | None = None


def _storable(finding: Finding) -> Finding:
    return replace(finding, message=storable(finding.message))


@dataclass(slots=True)
class FindingLog:
    """Collects findings in bounded memory: every one is counted, the first `limit` of each rule are kept in full."""

    limit: int
    counts: Counter[str] = field(default_factory=Counter)
    kept: list[Finding] = field(default_factory=list)
    total: int = 0

    def add(self, finding: Finding) -> None:
        """Count the finding and keep it while there is room."""
        self.total += 1
        self.counts[finding.rule] += 1
        if self.counts[finding.rule] <= self.limit:
            self.kept.append(finding if finding.message.isascii() else _storable(finding))

    def uncounted(self) -> Iterator[Finding]:
        """For each finding that was not kept, the last one of its rule: to add all this up in another log."""
        last = {finding.rule: finding for finding in self.kept}
        for rule, count in self.counts.items():
            for _ in range(count - self.limit):
                yield last[rule]

    def __iter__(self) -> Iterator[Finding]:
        return iter(self.kept)
