"""What is said of images that have the same bytes, and of those of them that are in several splits."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from shared.features.imports.contents.comparing import ContentComparer, Namesakes
from shared.features.imports.contents.search import ContentSearch, RepeatedContent
from shared.features.imports.models import DoneShard, ImportPlan, Ledger
from shared.features.imports.repository import FindingRepository, ShardRepository
from shared.formats.findings import Finding
from shared.ports.byte_source import ByteSources
from shared.ports.object_store import ObjectStore

_REPEATED, _LEAK = "IMG_DUP_CONTENT", "SET_SPLIT_LEAK"


@dataclass(frozen=True, slots=True)
class ContentFindings:
    """Finds what has the same bytes. Doing it again writes the same findings, and counts the same."""

    sources: ByteSources
    store: ObjectStore
    shards: ShardRepository
    findings: FindingRepository
    most_kept: int

    async def write(self, plan: ImportPlan, ledger: Ledger) -> Counter[str]:
        """Write a finding for each content that several images have, `most_kept` of a rule; the exact counts."""
        shards = await self.shards.done(ledger)
        counts, kept = await self._repeated(ledger, shards)
        if kept:
            named = await ContentComparer(self.sources, self.store, plan, shards).named(kept)
            counts -= _counts(kept)
            counts += _counts(named)
            await self.findings.write(ledger, [finding for one in named for finding in _findings(one, plan.splits)])
        return counts

    async def _repeated(
        self, ledger: Ledger, shards: Sequence[DoneShard]
    ) -> tuple[Counter[str], list[RepeatedContent]]:
        counts: Counter[str] = Counter()
        kept: list[RepeatedContent] = []
        async for content in ContentSearch(self.store, ledger, shards).repeated():
            counts += _counts([content])
            leaks = len(content.splits) > 1 and counts[_LEAK] <= self.most_kept
            if leaks or counts[_REPEATED] <= self.most_kept:
                kept.append(content)
        return counts, kept


def _counts(contents: Sequence[RepeatedContent] | Sequence[Namesakes]) -> Counter[str]:
    leaks = sum(len(content.splits) > 1 for content in contents)
    return Counter({_REPEATED: len(contents), _LEAK: leaks})


def _findings(found: Namesakes, splits: Sequence[str]) -> list[Finding]:
    first, *others = found.paths
    more = found.images - len(found.paths)
    rest = f"{', '.join(others)}{f' and {more} more' if more > 0 else ''}"
    sure = "has" if found.is_certain else "probably has, by CRC-32 and size,"
    findings = [Finding(_REPEATED, first, f"It {sure} the same bytes as {rest}.")]
    if len(found.splits) > 1:
        names = sorted(splits[number] for number in found.splits)
        message = f"It {sure} the same bytes as images of other splits ({names[0]} and {names[-1]}): {rest}."
        findings.append(Finding(_LEAK, first, message))
    return findings
