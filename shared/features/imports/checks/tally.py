"""What a check has counted so far: the sums of its shards, in memory that does not grow with them."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from shared.features.datasets.statistics import Counts, Statistics, count_findings, to_rollup
from shared.features.imports.checks.estimate import Amounts
from shared.features.imports.checks.options import SHOWN_FINDINGS
from shared.features.imports.checks.shards import ShardResult, ShardTask
from shared.features.imports.planning.cut import Amount
from shared.features.imports.shards.manifest import ShardEntry
from shared.formats.findings import Finding, FindingLog


@dataclass(slots=True)
class CheckTally:
    """Sums. `found` are the images of the source by split, "" for none; `looked_at` those of shards that were read."""

    counts: Counts = field(default_factory=Counts)
    shown: dict[str, list[Finding]] = field(default_factory=dict)
    found: Counter[str] = field(default_factory=Counter)
    looked_at: Counter[str] = field(default_factory=Counter)
    labels_read: int = 0
    shards: int = 0
    unpacked_bytes: int = 0
    amount: Amount = field(default_factory=Amount)

    def meet(self, entries: list[ShardEntry]) -> None:
        """Take note of a shard that is there, whether it will be read or not."""
        self.shards += 1
        self.amount.add(entries)
        self.found.update(entry.split or "" for entry in entries)
        self.unpacked_bytes += sum(entry.image.size_bytes for entry in entries)
        self.unpacked_bytes += sum(entry.label.size_bytes for entry in entries if entry.label)

    def add(self, task: ShardTask, result: ShardResult) -> None:
        """Add a shard that was read."""
        self.counts.update(result.counts)
        self.looked_at.update(task.looked_at)
        self.labels_read += result.labels_read
        self._show(result.findings)

    def note(self, findings: FindingLog) -> None:
        """Add what was found beside the shards."""
        count_findings(self.counts, findings.counts)
        self._show(findings)

    def say(self, counts: Mapping[str, int], findings: Iterable[Finding]) -> None:
        """Add findings of which not all are at hand."""
        count_findings(self.counts, counts)
        self._show(findings)

    @property
    def statistics(self) -> Statistics:
        """The figures of what was read."""
        return Statistics(to_rollup(self.counts))

    @property
    def amounts(self) -> Amounts:
        """What an import would have before it."""
        return Amounts(
            images=self.amount.images,
            shards=self.shards,
            image_bytes=self.amount.image_bytes,
            label_bytes=self.amount.label_bytes,
            unpacked_bytes=self.unpacked_bytes,
        )

    def _show(self, findings: Iterable[Finding]) -> None:
        for finding in findings:
            kept = self.shown.setdefault(finding.rule, [])
            if len(kept) < SHOWN_FINDINGS:
                kept.append(finding)
