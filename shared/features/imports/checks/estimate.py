"""What an import would take: time by measured rates, cost by published prices. docs/check.md explains the formula."""

from dataclasses import dataclass

from shared.features.imports.checks.prices import AS_OF, CPU_SECOND, GB_MONTH, GIB_SECOND, NAME, THOUSAND_WRITES
from shared.features.imports.checks.report import CostParts, Estimate
from shared.features.imports.models import ImportRequest, SourceRef

_HEAD_BYTES = 4 << 10
_GB = 1e9
_MOST_DECIMALS = 6


@dataclass(frozen=True, slots=True)
class Rates:
    """What one worker of one CPU does in a second: docs/benchmarks.md, rounded down. `worker_gib` is its memory."""

    images_stored: float = 750.0
    images_looked_at: float = 4_000.0
    bytes_stored: float = 100e6
    near_bytes_read: float = 400e6
    distant_bytes_read: float = 40e6
    start_seconds: float = 1.0
    worker_gib: float = 0.5


RATES = Rates()


@dataclass(frozen=True, slots=True)
class Amounts:
    """What an import has before it: images and shards; bytes as they lie in the source, and unpacked."""

    images: int
    shards: int
    image_bytes: int
    label_bytes: int
    unpacked_bytes: int

    def to_read(self, request: ImportRequest, source: SourceRef) -> int:
        """Bytes of the source that the import would read."""
        if request.in_place:
            return self.label_bytes + min(self.image_bytes, _HEAD_BYTES * self.images)
        if request.storage == "packed":
            return source.size_bytes or self.image_bytes + self.label_bytes
        return self.image_bytes + self.label_bytes


def estimated(amounts: Amounts, request: ImportRequest, source: SourceRef, *, workers: int) -> Estimate:
    """Time and cost of an import of these amounts by so many workers."""
    seconds = RATES.start_seconds + _working_seconds(amounts, request, source) / workers
    objects, stored = _stored(amounts, request, source)
    cost = CostParts(
        operations_usd=_usd(objects / 1000 * THOUSAND_WRITES.usd),
        compute_usd=_usd(seconds * workers * (CPU_SECOND.usd + RATES.worker_gib * GIB_SECOND.usd)),
        storage_month_usd=_usd(stored / _GB * GB_MONTH.usd),
    )
    total = _usd(cost.operations_usd + cost.compute_usd + cost.storage_month_usd)
    return Estimate(
        seconds=round(seconds, 1),
        objects=objects,
        storage_bytes=stored,
        cost_usd=total,
        cost=cost,
        prices=NAME,
        prices_as_of=AS_OF,
    )


def _working_seconds(amounts: Amounts, request: ImportRequest, source: SourceRef) -> float:
    """The seconds of one worker: whichever of its images, its bytes and the way to the source is slowest."""
    to_read = amounts.to_read(request, source)
    reading = to_read / (RATES.near_bytes_read if source.cheap_ranges else RATES.distant_bytes_read)
    if request.in_place:
        return max(amounts.images / RATES.images_looked_at, reading)
    images = amounts.images / (RATES.images_looked_at if request.storage == "packed" else RATES.images_stored)
    return max(images, amounts.unpacked_bytes / RATES.bytes_stored, reading)


def _stored(amounts: Amounts, request: ImportRequest, source: SourceRef) -> tuple[int, int]:
    """Objects and bytes that are kept. Labels are in a pack for each shard, or in the archive."""
    if request.in_place:
        return amounts.shards, 0
    if request.storage == "packed":
        return amounts.shards, source.size_bytes or amounts.image_bytes + amounts.label_bytes
    return amounts.images + amounts.shards, amounts.unpacked_bytes


def _usd(amount: float) -> float:
    return round(amount, _MOST_DECIMALS)
