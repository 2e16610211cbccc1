"""Where the shards of an import that decodes images note what these look like, and the notes of all of them."""

from collections.abc import Mapping, Sequence

from shared.features.imports.image_bytes.probe import ImageFacts
from shared.features.imports.likeness.table import LikenessTable, noted
from shared.features.imports.models import DoneShard, ImportPlan, Ledger, ShardLease
from shared.features.imports.shards.manifest import ShardEntry, temp_prefix
from shared.foundation.streams import whole
from shared.ports.object_store import ObjectStore

_SHARD_AT = 32


async def write_likenesses(
    store: ObjectStore,
    plan: ImportPlan,
    lease: ShardLease,
    entries: Sequence[ShardEntry],
    facts: Mapping[int, ImageFacts],
) -> None:
    """Note what a shard's images look like. A shard that is done again writes the same to the same object."""
    done = DoneShard(lease.manifest_key, lease.first, len(entries))
    notes = noted(entries, facts, plan.splits, range(lease.first, lease.first + len(entries)))
    await store.put(_object_key(Ledger(lease.job_id, plan.generation), done), notes)


async def read_likenesses(store: ObjectStore, ledger: Ledger, shards: Sequence[DoneShard]) -> LikenessTable:
    """The notes of all shards; `shard_place` takes the places in it apart. Raises ObjectNotFound."""
    table = LikenessTable()
    for number, shard in enumerate(shards):
        table.add(await whole(store.read(_object_key(ledger, shard))), base=number << _SHARD_AT)
    return table


def shard_place(place: int) -> tuple[int, int]:
    """The position of an image's shard, and its own in the shard's manifest."""
    return divmod(place, 1 << _SHARD_AT)


def _object_key(ledger: Ledger, shard: DoneShard) -> str:
    """Of a shard that was cut meanwhile, its former claimer writes to another object."""
    name = shard.manifest_key.rpartition("/")[2].removesuffix(".json")
    return f"{temp_prefix(ledger.job_id)}likenesses-{ledger.generation}/{name}-{shard.first}-{shard.images}"
