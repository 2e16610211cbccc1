"""Images of a source with the same bytes, said as an import says it: noted as alike, then compared if that is cheap."""

import asyncio
import hashlib
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from heapq import nsmallest

from shared.features.imports.checks.content_table import Alike, ContentTable, NoteKind, kind_of
from shared.features.imports.models import ImportPlan
from shared.features.imports.shards.members import OpenMember
from shared.features.imports.sources.joined import open_source, read_each
from shared.features.imports.sources.opening import OpenedSource
from shared.formats.archives.errors import BrokenMember
from shared.formats.findings import Finding
from shared.ports.byte_source import ByteSources

MOST_COMPARED_BYTES = 1 << 30
"""How much is read to compare images; of a zip the rest is said to be probable, of other sources nothing is said."""
MOST_COMPARED = 10_000
"""Contents that are compared at most."""

_REPEATED, _LEAK = "IMG_DUP_CONTENT", "SET_SPLIT_LEAK"
_NAMED = 5
_LEAST_BYTES = 16 << 10
"""What reading an image takes, however small it is."""


@dataclass(slots=True)
class SaidOfContents:
    """The exact counts of both rules, and the first findings of each."""

    most: int
    counts: Counter[str] = field(default_factory=Counter)
    findings: list[Finding] = field(default_factory=list)

    def add(self, rule: str, finding: Finding | None) -> None:
        """Count a finding, and keep it while there is room."""
        self.counts[rule] += 1
        if finding is not None and self.counts[rule] <= self.most:
            self.findings.append(finding)


@dataclass(frozen=True, slots=True)
class ContentCheck:
    """Looks for images of equal bytes in a source that was checked. `most` findings of a rule are kept."""

    sources: ByteSources
    archive: OpenedSource
    plan: ImportPlan
    splits: Sequence[str]
    most: int

    async def find(
        self, table: ContentTable, *, deadline: float | None, most_bytes: int = MOST_COMPARED_BYTES
    ) -> SaidOfContents:
        """What there is to say of them. Raises what sources raise; what is not compared by the deadline is not sure."""
        said = SaidOfContents(self.most)
        kept, more = await asyncio.to_thread(_kept, table)
        hashes = await self._hashes(_worth_comparing(kept, self.archive, most_bytes), deadline)
        sure = [group for one in kept for group in self._settled(one, hashes)]
        for names, one, certain in sorted(sure, key=lambda group: group[0]):
            self._say(said, one, names, certain=certain)
        said.counts += more
        return said

    async def _hashes(self, groups: Sequence[Alike], deadline: float | None) -> dict[int, str | None]:
        """SHA-256 by the offset of a member, None for one that cannot be read."""
        hashes: dict[int, str | None] = {}
        if not groups or not self.plan.source.cheap_ranges:
            return hashes
        items = [self.archive.directory.member(number) for one in groups for number in one.members]
        items.sort(key=lambda item: item.header_offset)
        source = open_source(self.sources, self.plan.source, self.archive.files(items))
        try:
            async with asyncio.timeout_at(deadline):
                await _hash_all(read_each(source, items, self.plan.source), hashes)
        except TimeoutError:
            pass
        finally:
            await source.close()
        return hashes

    def _settled(self, one: Alike, hashes: dict[int, str | None]) -> "list[tuple[list[str], Alike, bool]]":
        """The images with the first of their names; those that turned out to differ are in groups of their own."""
        directory, kind = self.archive.directory, kind_of(one.note)
        if kind is not NoteKind.HASH and all(directory.offset(number) in hashes for number in one.members):
            by_hash: dict[str, list[int]] = {}
            for place, number in enumerate(one.members):
                digest = hashes[directory.offset(number)]
                if digest is not None:
                    by_hash.setdefault(digest, []).append(place)
            parts = [_part(one, places) for places in by_hash.values() if len(places) > 1]
            return [(self._names(part), part, True) for part in parts]
        return [] if kind is NoteKind.BEGINNING else [(self._names(one), one, kind is NoteKind.HASH)]

    def _names(self, one: Alike) -> list[str]:
        return nsmallest(_NAMED, map(self.archive.directory.name, one.members))

    def _say(self, said: SaidOfContents, one: Alike, names: Sequence[str], *, certain: bool) -> None:
        more = len(one.members) - len(names)
        rest = f"{', '.join(names[1:])}{f' and {more} more' if more > 0 else ''}"
        sure = "has" if certain else "probably has, by CRC-32 and size,"
        said.add(_REPEATED, Finding(_REPEATED, names[0], f"It {sure} the same bytes as {rest}."))
        if one.is_in_several_splits:
            splits = sorted(self.splits[number] for number in set(one.splits) if number >= 0)
            others = f"{splits[0]} and {splits[-1]}"
            message = f"It {sure} the same bytes as images of other splits ({others}): {rest}."
            said.add(_LEAK, Finding(_LEAK, names[0], message))


def _kept(table: ContentTable) -> tuple[list[Alike], Counter[str]]:
    """The groups that are looked at one by one, and the counts of further ones that are sure or probable."""
    kept: list[Alike] = []
    more: Counter[str] = Counter()
    for one in table.alike():
        if len(kept) < MOST_COMPARED:
            kept.append(one)
        elif kind_of(one.note) is not NoteKind.BEGINNING:
            more[_REPEATED] += 1
            more[_LEAK] += one.is_in_several_splits
    return kept, +more


def _worth_comparing(groups: Sequence[Alike], archive: OpenedSource, most_bytes: int) -> list[Alike]:
    """Those that are not hashed, the smallest first, as many as can be read."""
    member = archive.directory.member
    sizes = [sum(max(_LEAST_BYTES, member(number).size_bytes) for number in one.members) for one in groups]
    chosen = []
    for at in sorted(range(len(groups)), key=sizes.__getitem__):
        if kind_of(groups[at].note) is NoteKind.HASH:
            continue
        most_bytes -= sizes[at]
        if most_bytes < 0:
            break
        chosen.append(groups[at])
    return chosen


async def _hash_all(members: AsyncIterator[OpenMember], hashes: dict[int, str | None]) -> None:
    async for member in members:
        sha256 = hashlib.sha256()
        try:
            async for piece in member.pieces():
                sha256.update(piece)
        except BrokenMember:
            hashes[member.item.header_offset] = None
        else:
            hashes[member.item.header_offset] = sha256.hexdigest()


def _part(one: Alike, places: Sequence[int]) -> Alike:
    return Alike(one.note, [one.members[place] for place in places], [one.splits[place] for place in places])
