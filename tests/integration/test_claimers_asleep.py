"""Claimers that sleep over their lease and wake up late: they change nothing that others have done."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from shared.features.imports.running.keeper import Keeper
from shared.foundation.ids import JobId
from tests.factories.disturbed_imports import (
    IN_PLACE,
    LABELS_FIRST,
    PACKED,
    begun,
    finished,
    no_beat,
    part,
    retried,
    same,
    undisturbed,
)
from tests.factories.traps import Trap, trap
from tests.factories.yard import QuietLauncher, Yard, open_yard

pytestmark = pytest.mark.slow

SLEEP_POINTS: list[tuple[str, str, dict[str, Any]]] = [
    ("store", "put", {"containing": "/config/"}),
    ("datasets", "describe", {}),
    ("shards", "add_all", {}),
    ("jobs", "advance", {}),
    ("store", "put", {"containing": "/images/", "call": 3}),
    ("store", "write", {"containing": "/large/", "after": True}),
    ("store", "move", {"containing": "/large/"}),
    ("images", "write", {"call": 2}),
    ("shards", "complete", {"call": 2}),
    ("jobs", "move_on", {}),
    ("transactions", "run", {}),
]


@pytest.mark.parametrize("late", [False, True], ids=["at once", "after the end"])
@pytest.mark.parametrize(("owner", "method", "where"), SLEEP_POINTS)
async def test_a_claimer_that_sleeps_over_its_lease(
    quiet: Yard,
    messy: Path,
    results: dict,
    monkeypatch: pytest.MonkeyPatch,
    owner: str,
    method: str,
    where: dict,
    late: bool,
) -> None:
    """A suspended process wakes up when another has taken over, or when all is over, and finds that it must not."""
    expected = await undisturbed(quiet, messy, results)
    job_id = await begun(quiet, messy)
    caught = trap(monkeypatch, part(quiet, owner), method, **where)
    await _sleep_over_the_lease(quiet, job_id, caught, late=late)

    same(expected, await finished(quiet, job_id))


WAY_SLEEP_POINTS: list[tuple[dict[str, Any], str, str, dict[str, Any]]] = [
    ({}, "store", "put", {"containing": ".pack", "call": 2}),
    ({}, "images", "preview", {"call": 2}),
    ({}, "shards", "indexed", {"call": 2}),
    ({}, "shards", "claim_next", {"call": 3, "after": True}),
    ({}, "jobs", "move_on", {}),
    ({}, "images", "withdraw", {"call": 2}),
    ({}, "images", "write", {"call": 2}),
    ({}, "shards", "complete", {"call": 2}),
    (PACKED, "images", "preview", {"call": 2}),
    (PACKED, "store", "write", {"containing": ".part", "call": 2}),
    (PACKED, "images", "write", {"call": 2}),
    (IN_PLACE, "images", "write", {"call": 2}),
    (IN_PLACE, "shards", "complete", {"call": 2}),
]


@pytest.mark.parametrize("late", [False, True], ids=["at once", "after the end"])
@pytest.mark.parametrize(("options", "owner", "method", "where"), WAY_SLEEP_POINTS)
async def test_a_claimer_of_another_way_that_sleeps_over_its_lease(
    hasty: Yard, messy: Path, results: dict, monkeypatch: pytest.MonkeyPatch,
    options: dict, owner: str, method: str, where: dict, late: bool,
) -> None:  # fmt: skip
    """What it then writes late is what is there already, or is refused."""
    expected = await undisturbed(hasty, messy, results, **options)
    job_id = await begun(hasty, messy, **options)
    caught = trap(monkeypatch, part(hasty, owner), method, **where)
    await _sleep_over_the_lease(hasty, job_id, caught, late=late)

    same(expected, await finished(hasty, job_id))


async def _sleep_over_the_lease(yard: Yard, job_id: str, caught: Trap, *, late: bool) -> None:
    """A claimer without heartbeats is caught, and let go when its lease is over, or when the job is."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Keeper, "_beat_for_ever", no_beat)
        sleeper = yard.claimer(job_id)
        async with asyncio.timeout(10):
            await caught.reached.wait()

    others = [yard.claimer(job_id), yard.claimer(job_id)]
    if late:
        await asyncio.gather(*others)
    else:
        await _lease_over(yard, job_id)
    caught.open.set()
    async with asyncio.timeout(20):
        await asyncio.gather(sleeper, *others)


async def _lease_over(yard: Yard, job_id: str) -> None:
    async with asyncio.timeout(10):
        while (await yard.container.repositories.jobs.load(JobId(job_id))).live_claimers[2:]:  # noqa: ASYNC110
            await asyncio.sleep(0.05)


# -- old news


async def test_a_claimer_with_an_old_plan_moves_nothing_on(
    mongo_url: str, tmp_path: Path, messy: Path, results: dict, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It finds none of its plan's shards, as they are gone: the shards of the plan that counts are still to be done."""
    engine = LABELS_FIRST.model_copy(update={"leftover_days": 0})
    async with open_yard(mongo_url, tmp_path / "yard", engine=engine, launcher=QuietLauncher()) as yard:
        expected = await undisturbed(yard, messy, results)
        job_id = await begun(yard, messy)
        shards = yard.container.repositories.shards
        caught = trap(monkeypatch, shards, "claim_next", call=2)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Keeper, "_beat_for_ever", no_beat)
            sleeper = yard.claimer(job_id)
            await caught.reached.wait()
        await yard.api.post(f"/datasets/import/{job_id}/cancel")
        await asyncio.sleep(1.2 * engine.lease_seconds)
        await yard.cleaned(job_id)
        await retried(yard, job_id)

        again = trap(monkeypatch, shards, "indexed", call=2)
        other = yard.claimer(job_id)
        await again.reached.wait()
        caught.open.set()
        await asyncio.sleep(0.3)
        assert (await yard.job(job_id))["phase"] == "index"
        again.open.set()
        async with asyncio.timeout(20):
            await asyncio.gather(sleeper, other)
        same(expected, await finished(yard, job_id))
