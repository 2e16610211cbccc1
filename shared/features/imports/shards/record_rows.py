"""Labels that came in a few files about many images, put down image by image, for the shards to read.

Such a file says things in any order, and may be larger than memory: what it says is sorted in runs, which are merged
for each shard. A record is one line; those of an image keep the order in which they were found.
"""

import heapq
from array import array
from bisect import bisect_left
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from operator import itemgetter

from shared.features.imports.models import ImportPlan, Ledger, ShardLease
from shared.features.imports.shards.labels import ShardLabels
from shared.features.imports.shards.manifest import ShardEntry, record_rows_key, rows_key, temp_prefix
from shared.foundation.streams import whole
from shared.ports.object_store import ObjectStore

_RUN_BYTES = 32 << 20
_MARK_BYTES = 256 << 10
_IMAGE_BYTES = 32 << 20
_CHUNK_BYTES = 1 << 20


@dataclass(slots=True)
class _Run:
    """One sorted object: at each of `starts` begins the first record of an image whose place is in `places`."""

    key: str
    places: list[int] = field(default_factory=list)
    starts: list[int] = field(default_factory=list)
    size_bytes: int = 0

    def span(self, first: int, last: int) -> tuple[int, int]:
        """Bytes that hold all records of the places from `first` up to, without, `last`."""
        low = max(0, bisect_left(self.places, first + 1) - 1)
        high = bisect_left(self.places, last)
        return self.starts[low], self.starts[high] if high < len(self.starts) else self.size_bytes


@dataclass(slots=True)
class RecordRows:
    """Collects the records of a plan, each for an image by its place in the order of the shards.

    Holds `_RUN_BYTES` of records, a mark for each `_MARK_BYTES` of what was put down, and 8 bytes for each image.
    """

    store: ObjectStore
    ledger: Ledger
    run_bytes: int = _RUN_BYTES
    mark_bytes: int = _MARK_BYTES
    image_bytes: int = _IMAGE_BYTES
    left_out: Counter[int] = field(default_factory=Counter)
    """Of how many records more than `image_bytes` would have been said of an image, by its place."""
    _said: "array[int]" = field(default_factory=lambda: array("q"))
    _held: list[tuple[int, bytes]] = field(default_factory=list)
    _held_bytes: int = 0
    _runs: list[_Run] = field(default_factory=list)

    async def add(self, records: Iterable[tuple[int, bytes]]) -> None:
        """Take records: the place of an image, and one line without its end."""
        for record in records:
            if not self._fits(*record):
                continue
            self._held.append(record)
            self._held_bytes += len(record[1])
            if self._held_bytes >= self.run_bytes:
                await self._put_down()

    async def close(self) -> None:
        """Put down what is still held."""
        if self._held:
            await self._put_down()

    async def write_shard(self, manifest_key: str, first: int, last: int) -> None:
        """Write the records of the images from place `first` up to, without, `last`, as the shard will read them."""
        parts = []
        for run in self._runs:
            start, end = run.span(first, last)
            if end > start:
                parts.append(_lines(await whole(self.store.read(run.key, start=start, end=end))))
        merged = heapq.merge(*parts, key=itemgetter(0))  # where places are equal, in the order of the runs
        lines = (b"%d\t%s\n" % (place - first, line) for place, line in merged if first <= place < last)
        await self.store.write(record_rows_key(self.ledger, manifest_key), _chunks(lines))

    def _fits(self, place: int, line: bytes) -> bool:
        """Whether not too much is said of the image: all of it is held at once when it is read."""
        if place >= len(self._said):
            self._said.extend([0] * (place + 1 - len(self._said)))
        self._said[place] += len(line)
        if self._said[place] <= self.image_bytes:
            return True
        self.left_out[place] += 1
        return False

    async def _put_down(self) -> None:
        run = _Run(f"{temp_prefix(self.ledger.job_id)}runs-{self.ledger.generation}/{len(self._runs):06d}")
        self._held.sort(key=itemgetter(0))
        lines: list[bytes] = []
        marked, last = -self.mark_bytes, -1
        for place, line in self._held:
            if place != last and run.size_bytes - marked >= self.mark_bytes:
                run.places.append(place)
                run.starts.append(run.size_bytes)
                marked = run.size_bytes
            last = place
            lines.append(b"%d\t%s\n" % (place, line))
            run.size_bytes += len(lines[-1])
        await self.store.put(run.key, b"".join(lines))
        self._runs.append(run)
        self._held, self._held_bytes = [], 0


async def read_records(
    store: ObjectStore, plan: ImportPlan, lease: ShardLease, entries: Sequence[ShardEntry], labels: ShardLabels
) -> None:
    """Put what the plan's files about many images say of a shard's entries to its labels."""
    if not plan.record_files:
        return
    data = await whole(store.read(rows_key(lease, plan.generation)))
    for place, records in groupby(_lines(data), key=itemgetter(0)):
        if 0 <= place - lease.first < len(entries):
            labels.records[entries[place - lease.first].image.name] = b"\n".join(line for _place, line in records)


def _lines(data: bytes) -> Iterator[tuple[int, bytes]]:
    """The places and records of lines, one by one: there may be very many of them."""
    start = 0
    while (end := data.find(b"\n", start)) >= 0:
        tab = data.index(b"\t", start)
        yield int(data[start:tab]), data[tab + 1 : end]
        start = end + 1


async def _chunks(lines: Iterable[bytes]) -> AsyncIterator[bytes]:
    """Lines, many of them at a time."""
    held = bytearray()
    for line in lines:
        held += line
        if len(held) >= _CHUNK_BYTES:
            yield bytes(held)
            held.clear()
    yield bytes(held)
