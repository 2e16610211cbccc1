"""What a shard notes of the contents of its images: one short record for each, in the order of digests.

The object of a shard holds a column of the first four bytes of all digests, then the records; so equal contents are
found by reading a column, and only where two are alike the records behind it.
"""

import sys
from array import array
from collections.abc import Mapping, Sequence
from struct import Struct
from typing import NamedTuple

from shared.features.imports.image_bytes.probe import ImageFacts
from shared.features.imports.models import DoneShard, ImportPlan, Ledger, ShardLease
from shared.features.imports.shards.manifest import ShardEntry, temp_prefix
from shared.foundation.streams import whole
from shared.ports.object_store import ObjectStore

_DIGEST_BYTES = 16
_HASHED = b"\1"
_UNHASHED = Struct(">LQ5x")
_RECORD = Struct("<17sbL")
_COLUMN_TYPE, _COLUMN_BYTES = "I", 4
NO_SPLIT = -1


class ContentKey(bytes):
    """By what contents are told apart: their SHA-256, shortened, or CRC-32 and size where nobody has hashed them."""

    @property
    def is_hashed(self) -> bool:
        """Whether it is a hash that nobody can forge."""
        return self.endswith(_HASHED)

    @property
    def size_bytes(self) -> int:
        """The size of contents that are not hashed."""
        size: int = _UNHASHED.unpack(self)[1]
        return size


class ContentRecord(NamedTuple):
    """One image: what it holds, the number of its split or `NO_SPLIT`, and its place in its shard's manifest."""

    key: bytes
    split: int
    place: int


def hashed_key(sha256: str) -> ContentKey:
    """The key of contents whose SHA-256 is known."""
    return ContentKey(bytes.fromhex(sha256)[:_DIGEST_BYTES] + _HASHED)


def unhashed_key(crc32: int, size_bytes: int) -> ContentKey:
    """The key of contents of which only this is known."""
    return ContentKey(_UNHASHED.pack(crc32, size_bytes))


def column_entry(key: bytes) -> int:
    """What the column says of a key."""
    return int.from_bytes(key[:_COLUMN_BYTES], "big")


# -- writing


async def write_contents(
    store: ObjectStore,
    plan: ImportPlan,
    lease: ShardLease,
    entries: Sequence[ShardEntry],
    facts: Mapping[int, ImageFacts],
) -> None:
    """Note the contents of a shard's images. A shard that is done again writes the same to the same object."""
    numbers: dict[str | None, int] = {split: number for number, split in enumerate(plan.splits)}
    records = []
    for place, entry in enumerate(entries, lease.first):
        known = facts.get(entry.image.header_offset)
        key = _key(entry, known) if known is not None else None
        if key is not None:
            records.append(ContentRecord(key, numbers.get(entry.split, NO_SPLIT), place))
    done = DoneShard(lease.manifest_key, lease.first, len(entries))
    await store.put(_object_key(Ledger(lease.job_id, plan.generation), done), encode_contents(records))


def _key(entry: ShardEntry, facts: ImageFacts) -> ContentKey | None:
    if facts.sha256 is not None:
        return hashed_key(facts.sha256)
    return None if entry.image.crc32 is None else unhashed_key(entry.image.crc32, facts.size_bytes)


def encode_contents(records: list[ContentRecord]) -> bytes:
    """The column and the records."""
    records.sort()
    column = array(_COLUMN_TYPE, [column_entry(record.key) for record in records])
    if sys.byteorder == "big":
        column.byteswap()
    return column.tobytes() + b"".join([_RECORD.pack(*record) for record in records])


# -- reading


async def read_column(store: ObjectStore, ledger: Ledger, shard: DoneShard) -> "array[int]":
    """The beginnings of a shard's digests, in their order. Raises ObjectNotFound."""
    data = await whole(store.read(_object_key(ledger, shard)))
    count = len(data) // (_COLUMN_BYTES + _RECORD.size)
    column = array(_COLUMN_TYPE, data[: count * _COLUMN_BYTES])
    if sys.byteorder == "big":
        column.byteswap()
    return column


async def read_records(
    store: ObjectStore, ledger: Ledger, shard: DoneShard, *, count: int, first: int, last: int
) -> list[ContentRecord]:
    """Of a shard's `count` records those from position `first` up to, without, `last`."""
    start = count * _COLUMN_BYTES
    span = store.read(_object_key(ledger, shard), start=start + first * _RECORD.size, end=start + last * _RECORD.size)
    return list(map(ContentRecord._make, _RECORD.iter_unpack(await whole(span))))


def _object_key(ledger: Ledger, shard: DoneShard) -> str:
    """Of a shard that was cut meanwhile, its former claimer writes to another object."""
    name = shard.manifest_key.rpartition("/")[2].removesuffix(".json")
    return f"{temp_prefix(ledger.job_id)}contents-{ledger.generation}/{name}-{shard.first}-{shard.images}"
