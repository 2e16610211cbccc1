"""What is said of images that look nearly the same."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from heapq import nsmallest

from shared.features.imports.likeness.notes import read_likenesses, shard_place
from shared.features.imports.likeness.table import LookAlikes
from shared.features.imports.models import DoneShard, ImportPlan, Ledger
from shared.features.imports.repository import FindingRepository, ShardRepository
from shared.features.imports.shards.manifest import read_whole_manifest
from shared.formats.findings import Finding
from shared.ports.object_store import ObjectStore

NEAR_DUP = "IMG_NEAR_DUP"
NAMED = 5


@dataclass(frozen=True, slots=True)
class LikenessFindings:
    """Finds what looks nearly the same. Doing it again writes the same findings, and counts the same."""

    store: ObjectStore
    shards: ShardRepository
    findings: FindingRepository
    most_kept: int

    async def write(self, plan: ImportPlan, ledger: Ledger) -> Counter[str]:
        """Write a finding for each group of images, the first `most_kept`; how many there are."""
        shards = await self.shards.done(ledger)
        table = await read_likenesses(self.store, ledger, shards)
        groups = await asyncio.to_thread(table.alike)
        kept = groups[: self.most_kept]
        names = await self._names(kept, shards)
        found = [finding_of(one, paths, plan.splits) for one, paths in zip(kept, names, strict=True)]
        await self.findings.write(ledger, found)
        return Counter({NEAR_DUP: len(groups)})

    async def _names(self, groups: Sequence[LookAlikes], shards: Sequence[DoneShard]) -> list[list[str]]:
        """The first paths of each group, in order; a manifest is read once."""
        wanted: dict[int, list[tuple[int, int]]] = {}
        for at, group in enumerate(groups):
            for shard, place in map(shard_place, group.places):
                wanted.setdefault(shard, []).append((at, place))
        names: list[list[str]] = [[] for _ in groups]
        for number, places in sorted(wanted.items()):
            entries = (await read_whole_manifest(self.store, shards[number].manifest_key)).entries
            paths: dict[int, list[str]] = {}
            for at, place in places:
                paths.setdefault(at, []).append(entries[place].image.name)
            for at, some in paths.items():
                names[at] = nsmallest(NAMED, names[at] + some)
        return names


def finding_of(group: LookAlikes, paths: Sequence[str], splits: Sequence[str]) -> Finding:
    """What is said of a group, of which these are the first paths."""
    more = len(group.places) - len(paths)
    rest = f"{', '.join(paths[1:])}{f' and {more} more' if more else ''}"
    message = f"It looks nearly the same as {rest}."
    if len(group.splits) > 1:
        names = sorted(splits[number] for number in group.splits)
        message += f" Such images are in several splits ({names[0]} and {names[-1]})."
    return Finding(NEAR_DUP, paths[0], message)
