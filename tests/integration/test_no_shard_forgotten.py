"""A phase is over when every image is through it, though shards are cut, completed and adopted while one looks."""

import asyncio
import random
from datetime import timedelta

from shared.features.datasets.models import Rollup
from shared.features.imports.models import Ledger, NewShard, ShardProgress, ShardState
from shared.features.imports.repository import ShardRepository
from shared.foundation.clock import utc_now
from shared.foundation.ids import JobId, new_id
from tests.factories.yard import Yard

SHARDS, IMAGES, KEPT = 1500, 100, 55
TRIALS = 12


async def _nearly_done(yard: Yard) -> tuple[ShardRepository, Ledger]:
    """A large plan of which every shard is done, with counts as they are in a large import."""
    shards, ledger = yard.container.repositories.shards, Ledger(JobId(new_id()), 1)
    await shards.add_all(ledger, [NewShard(index, "manifest", IMAGES) for index in range(SHARDS)])
    rows = [["annotations", str(number), "train", "box", number] for number in range(300)]
    done = {"$set": {"state": "done", "rollup": rows}}
    await yard.database["import_shards"].update_many({"job_id": ledger.job_id}, done)
    return shards, ledger


async def test_what_was_cut_off_is_seen_at_every_moment(quiet_yard: Yard) -> None:
    shards, ledger = await _nearly_done(quiet_yard)
    documents, dice = quiet_yard.database["import_shards"], random.Random(1)
    looking, forgotten = True, 0

    async def look() -> None:
        nonlocal forgotten
        while looking:
            forgotten += await shards.all_past(ledger, ShardState.INDEXED, images=SHARDS * IMAGES)

    for _ in range(TRIALS):
        name = {"job_id": ledger.job_id, "index": dice.randrange(SHARDS), "state": "done", "images": IMAGES}
        held = {"state": "indexed", "token": 1, "expires_at": utc_now() + timedelta(seconds=60)}
        found = await documents.find_one_and_update(name, {"$set": held})
        looking, eyes = True, [asyncio.create_task(look()) for _ in range(2)]
        await asyncio.sleep(0.03)
        rest = {"first": KEPT, "images": IMAGES - KEPT}
        await documents.update_one({"_id": found["_id"]}, {"$set": {"images": KEPT, "remainder": rest}})
        await asyncio.sleep(dice.uniform(0, 0.05))
        done = {"$set": {"state": "done", "expires_at": None}}  # as the holder completes it
        await documents.update_one({"_id": found["_id"]}, done)
        await asyncio.sleep(dice.uniform(0, 0.05))
        assert await shards.adopt_remainders(ledger)
        await asyncio.sleep(dice.uniform(0, 0.05))
        looking = False
        await asyncio.gather(*eyes)
        lease = await shards.claim_next(ledger, ShardState.OPEN) or await shards.claim_next(ledger, ShardState.INDEXED)
        assert lease is not None
        assert lease.images == IMAGES - KEPT
        progress = ShardProgress(images=lease.images)
        assert await shards.complete(lease, images=lease.images, rollup=Rollup(), progress=progress)
    assert forgotten == 0
    assert await shards.all_past(ledger, ShardState.INDEXED, images=SHARDS * IMAGES)


async def test_images_that_no_shard_has_are_missed(quiet_yard: Yard) -> None:
    shards, ledger = await _nearly_done(quiet_yard)
    assert not await shards.all_past(ledger, ShardState.INDEXED, images=SHARDS * IMAGES + 1)
