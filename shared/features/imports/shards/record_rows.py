"""Labels that came in a few files about many images, put down image by image, for the shards to read.

Such a file says things in any order, and may be larger than memory: what it says is sorted in runs, which are merged
for each shard. A record is one line; those of an image keep the order in which they were found.
"""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from operator import itemgetter

from shared.features.imports.models import ImportPlan, Ledger, ShardLease
from shared.features.imports.shards.labels import ShardLabels
from shared.features.imports.shards.manifest import ShardEntry, record_rows_key, rows_key, temp_prefix
from shared.foundation.streams import whole
from shared.ports.object_store import ObjectStore

_RUN_BYTES = 32 << 20
_MARK_BYTES = 256 << 10


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

    Holds `_RUN_BYTES` of records, and a mark for each `_MARK_BYTES` of what was put down.
    """

    store: ObjectStore
    ledger: Ledger
    run_bytes: int = _RUN_BYTES
    mark_bytes: int = _MARK_BYTES
    _held: list[tuple[int, bytes]] = field(default_factory=list)
    _held_bytes: int = 0
    _runs: list[_Run] = field(default_factory=list)

    async def add(self, records: Iterable[tuple[int, bytes]]) -> None:
        """Take records: the place of an image, and one line without its end."""
        for record in records:
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
        found: list[tuple[int, bytes]] = []
        for run in self._runs:
            start, end = run.span(first, last)
            data = await whole(self.store.read(run.key, start=start, end=end)) if end > start else b""
            found += [(place, line) for place, line in map(_parsed, data.splitlines()) if first <= place < last]
        found.sort(key=itemgetter(0))
        lines = [b"%d\t%s\n" % (place - first, line) for place, line in found]
        await self.store.put(record_rows_key(self.ledger, manifest_key), b"".join(lines))

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
    lines: dict[int, list[bytes]] = {}
    for place, line in map(_parsed, data.splitlines()):
        lines.setdefault(place - lease.first, []).append(line)
    for at, entry in enumerate(entries):
        if at in lines:
            labels.records[entry.image.name] = b"\n".join(lines[at])


def _parsed(line: bytes) -> tuple[int, bytes]:
    place, _, rest = line.partition(b"\t")
    return int(place), rest
