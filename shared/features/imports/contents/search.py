"""Which contents several images have, by the notes of all shards: exactly, and in memory that is bounded.

Digests are gone through in parts, by their beginnings, each of which is small enough to be held. Of all images only the
column is held, four bytes for each.
"""

import asyncio
from array import array
from bisect import bisect_left
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass, field

from shared.features.imports.contents.records import NO_SPLIT, ContentKey, column_entry, read_column, read_records
from shared.features.imports.models import DoneShard, Ledger
from shared.ports.object_store import ObjectStore

AT_ONCE = 1 << 17
_READS = 8
_SHARD_BITS = 32
_ALL = 1 << 32


@dataclass(slots=True)
class RepeatedContent:
    """Contents that several images have, the numbers of the splits these are in, and their places."""

    key: ContentKey
    splits: set[int] = field(default_factory=set)
    _places: "array[int]" = field(default_factory=lambda: array("Q"))

    def add(self, shard: int, place: int, split: int) -> None:
        """Take one image: the number of its shard, its place in the shard's manifest, and its split."""
        self._places.append(shard << _SHARD_BITS | place)
        if split != NO_SPLIT:
            self.splits.add(split)

    @property
    def images(self) -> int:
        """How many images have them."""
        return len(self._places)

    @property
    def places(self) -> Iterable[tuple[int, int]]:
        """Of each image the number of its shard, and its place there."""
        return ((place >> _SHARD_BITS, place % _ALL) for place in self._places)


@dataclass(frozen=True, slots=True)
class ContentSearch:
    """Searches the notes of a plan's shards."""

    store: ObjectStore
    ledger: Ledger
    shards: Sequence[DoneShard]
    at_once: int = AT_ONCE

    async def repeated(self) -> AsyncIterator[RepeatedContent]:
        """Contents that several images have, in the order of their keys. Raises ObjectNotFound where notes are gone."""
        columns = await self._columns()
        parts = sum(map(len, columns)) // self.at_once + 1
        starts = [0] * len(columns)
        for part in range(1, parts + 1):
            bound = _ALL * part // parts
            ends = [bisect_left(column, bound, start) for column, start in zip(columns, starts, strict=True)]
            chunks = [column[start:end] for column, start, end in zip(columns, starts, ends, strict=True)]
            if alike := _repeated(chunks):
                for content in await self._in_part(columns, chunks, starts, alike):
                    yield content
            starts = ends
            await asyncio.sleep(0)

    async def _columns(self) -> "list[array[int]]":
        columns: list[array[int]] = []
        for start in range(0, len(self.shards), _READS):
            some = self.shards[start : start + _READS]
            columns += await asyncio.gather(*(read_column(self.store, self.ledger, shard) for shard in some))
        return columns

    async def _in_part(
        self,
        columns: "Sequence[array[int]]",
        chunks: "Sequence[array[int]]",
        starts: Sequence[int],
        alike: set[int],
    ) -> list[RepeatedContent]:
        """The same of the part whose columns are `chunks`: those records are read that begin as another one does."""
        found: dict[bytes, RepeatedContent] = {}
        for number, (column, chunk, start) in enumerate(zip(columns, chunks, starts, strict=True)):
            if alike.isdisjoint(chunk):
                continue
            span = {"first": start, "last": start + len(chunk)}
            records = await read_records(self.store, self.ledger, self.shards[number], count=len(column), **span)
            for key, split, place in records:
                if column_entry(key) in alike:
                    if key not in found:
                        found[key] = RepeatedContent(ContentKey(key))
                    found[key].add(number, place, split)
        return [found[key] for key in sorted(found) if found[key].images > 1]


def _repeated(chunks: "Iterable[array[int]]") -> set[int]:
    """The numbers that are there twice."""
    seen: set[int] = set()
    twice: set[int] = set()
    for chunk in chunks:
        own = set(chunk)
        if len(own) < len(chunk):
            twice.update(number for number, count in Counter(chunk).items() if count > 1)
        twice |= seen & own
        seen |= own
    return twice
