"""Leases: a shard and a step belong to one claimer at a time, and whoever lost one writes no more."""

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest

from shared.features.datasets.models import Rollup
from shared.features.imports.models import Ledger, NewShard, ShardProgress, ShardState
from shared.features.imports.repository import ImportJobRepository, ShardRepository
from shared.features.imports.running.keeper import Keeper
from shared.features.jobs.models import Phase
from shared.foundation.ids import JobId, new_id
from tests.factories.disturbed_imports import LABELS_FIRST, begun, finished, no_beat, same, undisturbed
from tests.factories.traps import trap
from tests.factories.yard import Yard


async def test_a_shard_can_be_claimed_whatever_a_dead_claimer_has_left_open(
    hasty: Yard, messy: Path, results: dict, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A transaction of a killed process would keep what it has written locked for a minute or more."""
    expected = await undisturbed(hasty, messy, results)
    job_id = JobId(await begun(hasty, messy))
    caught = trap(monkeypatch, hasty.container.images, "preview", after=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Keeper, "_beat_for_ever", no_beat)
        dead = hasty.claimer(job_id)
        await caught.reached.wait()
    await asyncio.sleep(1.2 * LABELS_FIRST.lease_seconds)

    shards, ledger = hasty.container.repositories.shards, Ledger(job_id, (await hasty.job(job_id))["generation"])
    async with asyncio.timeout(5):
        lease = await shards.claim_next(ledger, ShardState.OPEN)
    assert lease is not None
    assert (lease.index, lease.claims) == (0, 2)
    await shards.release(lease)
    caught.open.set()
    await asyncio.gather(dead, hasty.claimer(job_id))
    same(expected, await finished(hasty, job_id))


async def test_a_shard_is_counted_by_one_claimer_only(quiet: Yard) -> None:
    repository = ShardRepository(quiet.database, lease=timedelta(seconds=-1))  # over as soon as it is given
    ledger = Ledger(JobId(new_id()), 1)
    await repository.add_all(ledger, [NewShard(0, "k", 1)])

    stale = await repository.claim_next(ledger, ShardState.OPEN)
    fresh = await repository.claim_next(ledger, ShardState.OPEN)

    assert stale is not None
    assert fresh is not None
    assert (stale.token, fresh.token) == (1, 2)
    assert await repository.renew(stale, ShardProgress()) is None
    await repository.release(stale)
    assert await repository.complete(stale, images=1, rollup=Rollup(), progress=ShardProgress(images=1)) is False
    assert await repository.renew(fresh, ShardProgress()) == 1
    assert await repository.complete(fresh, images=1, rollup=Rollup(), progress=ShardProgress(images=2)) is True
    assert await repository.complete(fresh, images=1, rollup=Rollup(), progress=ShardProgress(images=3)) is False
    assert await repository.claim_next(ledger, ShardState.OPEN) is None
    assert (await repository.progress(ledger)).images == 2


async def test_a_shard_in_good_hands_is_not_given_away(quiet: Yard) -> None:
    repository = ShardRepository(quiet.database, lease=timedelta(seconds=60))
    ledger = Ledger(JobId(new_id()), 1)
    await repository.add_all(ledger, [NewShard(0, "k", 1), NewShard(1, "l", 1)])

    claims = await asyncio.gather(*(repository.claim_next(ledger, ShardState.OPEN) for _ in range(8)))

    held = [lease for lease in claims if lease]
    assert sorted(lease.index for lease in held) == [0, 1]
    await repository.release(held[0])
    again = await repository.claim_next(ledger, ShardState.OPEN)
    assert again is not None
    assert (again.index, again.claims) == (held[0].index, 1)


async def test_a_step_is_done_by_one_claimer_only(quiet: Yard, messy: Path) -> None:
    job_id = JobId(await begun(quiet, messy))
    repository = ImportJobRepository(quiet.database, lease=timedelta(seconds=60))
    claims = await asyncio.gather(*(repository.claim_step(job_id, Phase.PLAN) for _ in range(8)))
    (first,) = [lease for lease in claims if lease]
    assert await repository.claim_step(job_id, Phase.FINISH) is None

    hasty = ImportJobRepository(quiet.database, lease=timedelta(seconds=-1))
    await hasty.renew_step(first, progress=None)
    second = await repository.claim_step(job_id, Phase.PLAN)

    assert second is not None
    assert await repository.renew_step(first, progress=None) is False
    assert await repository.advance(first, to=Phase.TRANSFER, plan="{}") is False
    await repository.release_step(first)
    assert await repository.claim_step(job_id, Phase.PLAN) is None
    assert await repository.advance(second, to=Phase.TRANSFER, plan="{}") is True
    assert await repository.advance(second, to=Phase.FINISH) is False
