"""Claimers killed at any moment: the result is that of an undisturbed import, compared completely."""

import asyncio
import os
import random
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from tests.factories.archives import yolo_zip
from tests.factories.broken import messy_members, tar_of
from tests.factories.claimers import claimer_process, claimers_log
from tests.factories.claimers import kill as kill_process
from tests.factories.disturbed_imports import IN_PLACE, PACKED, begun, finished, part, same, undisturbed
from tests.factories.snapshots import snapshot
from tests.factories.traps import kill, trap
from tests.factories.yard import Yard

# -- at random


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("kind", ["zip", "tar.gz"])
async def test_claimers_killed_at_random_awaits(
    quiet: Yard, tmp_path: Path, messy: Path, results: dict, kind: str, seed: int
) -> None:
    path = messy if kind == "zip" else messy.with_name("messy.tar.gz")
    if not path.exists():
        tar_of(path, messy_members(), mode="w:gz")
    expected = await undisturbed(quiet, path, results)
    dice = random.Random(seed)
    job_id = await begun(quiet, path)

    claimers = [quiet.claimer(job_id) for _ in range(4)]
    for _ in range(14):
        await asyncio.sleep(dice.uniform(0, 0.08))
        victim = dice.randrange(len(claimers))
        await kill(claimers[victim])
        claimers[victim] = quiet.claimer(job_id)
    await asyncio.gather(*claimers)

    assert await finished(quiet, job_id) == expected


@pytest.mark.parametrize("options", [{}, PACKED, IN_PLACE], ids=["objects", "packed", "in place"])
@pytest.mark.parametrize("kind", ["zip", "tar"])
async def test_claimers_of_other_ways_killed_at_random_awaits(
    hasty: Yard, messy: Path, results: dict, options: dict, kind: str
) -> None:
    path = messy if kind == "zip" else messy.with_name("messy.tar")
    if not path.exists():
        tar_of(path, messy_members())
    expected = await undisturbed(hasty, path, results, **options)
    job_id, dice = await begun(hasty, path, **options), random.Random(11)

    claimers = [hasty.claimer(job_id) for _ in range(3)]
    for _ in range(12):
        await asyncio.sleep(dice.uniform(0, 0.08))
        victim = dice.randrange(len(claimers))
        await kill(claimers[victim])
        claimers[victim] = hasty.claimer(job_id)
    await asyncio.gather(*claimers)

    same(expected, await finished(hasty, job_id))


# -- at chosen places

KILL_POINTS: list[tuple[str, str, dict[str, Any]]] = [
    ("store", "put", {"containing": "/config/"}),
    ("store", "put", {"containing": "/shards-"}),
    ("store", "put", {"containing": "/shards-", "call": 5, "after": True}),
    ("datasets", "describe", {"after": True}),
    ("shards", "add_all", {}),
    ("shards", "add_all", {"after": True}),
    ("jobs", "advance", {}),
    ("jobs", "advance", {"after": True}),
    ("shards", "claim_next", {"call": 2, "after": True}),
    ("store", "put", {"containing": "/images/", "call": 3, "after": True}),
    ("store", "write", {"containing": "/large/", "after": True}),
    ("store", "move", {"containing": "/large/"}),
    ("store", "move", {"containing": "/large/", "after": True}),
    ("store", "put", {"containing": ".pack", "call": 2, "after": True}),
    ("images", "write", {"call": 2}),
    ("images", "write", {"call": 2, "after": True}),
    ("findings", "write", {"call": 1, "after": True}),
    ("findings", "write", {"call": 3, "after": True}),
    ("shards", "complete", {"call": 2}),
    ("shards", "complete", {"call": 2, "after": True}),
    ("jobs", "move_on", {}),
    ("jobs", "move_on", {"after": True}),
    ("jobs", "claim_step", {"call": 2, "after": True}),
    ("datasets", "publish", {"after": True}),
    ("jobs", "succeed", {"after": True}),
    ("transactions", "run", {}),
    ("transactions", "run", {"after": True}),
    ("jobs", "claim_cleanup", {"after": True}),
    ("store", "delete_prefix", {}),
    ("store", "delete_prefix", {"after": True}),
    ("jobs", "keep_plan", {"after": True}),
    ("shards", "remove_all", {"after": True}),
    ("jobs", "end_cleanup", {}),
    ("jobs", "end_cleanup", {"after": True}),
]


@pytest.mark.parametrize(("owner", "method", "where"), KILL_POINTS)
async def test_killed_at_a_chosen_place(
    quiet: Yard, messy: Path, results: dict, monkeypatch: pytest.MonkeyPatch, owner: str, method: str, where: dict
) -> None:
    expected = await undisturbed(quiet, messy, results)
    job_id = await begun(quiet, messy)
    caught = trap(monkeypatch, part(quiet, owner), method, **where)

    victim = quiet.claimer(job_id)
    async with asyncio.timeout(10):
        await caught.reached.wait()
    await kill(victim)

    assert await finished(quiet, job_id) == expected


_AFTER = {"after": True}
WAY_KILL_POINTS: list[tuple[dict[str, Any], str, str, dict[str, Any]]] = [
    ({}, "store", "put", {"containing": ".pack", "call": 2, "after": True}),
    ({}, "store", "put", {"containing": ".labels", "call": 2}),
    ({}, "store", "put", {"containing": ".labels", "call": 2, "after": True}),
    ({}, "images", "preview", {"call": 2}),
    ({}, "images", "preview", {"call": 2, "after": True}),
    ({}, "shards", "indexed", {"call": 3}),
    ({}, "shards", "indexed", {"call": 3, "after": True}),
    ({}, "jobs", "move_on", {}),
    ({}, "jobs", "move_on", _AFTER),
    ({}, "jobs", "move_on", {"call": 2, "after": True}),
    ({}, "store", "put", {"containing": "/images/", "call": 5, "after": True}),
    ({}, "images", "withdraw", {"call": 2}),
    ({}, "images", "withdraw", {"call": 2, "after": True}),
    ({}, "images", "write", {"call": 2, "after": True}),
    ({}, "shards", "complete", {"call": 2, "after": True}),
    (PACKED, "images", "preview", {"call": 2, "after": True}),
    (PACKED, "store", "write", {"containing": ".part", "call": 2}),
    (PACKED, "store", "write", {"containing": ".part", "call": 2, "after": True}),
    (PACKED, "findings", "write", {"call": 3, "after": True}),
    (PACKED, "images", "write", {"call": 2, "after": True}),
    (PACKED, "shards", "complete", {"call": 2}),
    (IN_PLACE, "datasets", "describe", _AFTER),
    (IN_PLACE, "findings", "write", {"call": 3, "after": True}),
    (IN_PLACE, "images", "write", {"call": 2, "after": True}),
    (IN_PLACE, "shards", "complete", {"call": 2, "after": True}),
    (IN_PLACE, "jobs", "move_on", {}),
    (IN_PLACE, "jobs", "move_on", _AFTER),
]


@pytest.mark.parametrize(("options", "owner", "method", "where"), WAY_KILL_POINTS)
async def test_killed_at_a_chosen_place_on_another_way(
    hasty: Yard, messy: Path, results: dict, monkeypatch: pytest.MonkeyPatch,
    options: dict, owner: str, method: str, where: dict,
) -> None:  # fmt: skip
    expected = await undisturbed(hasty, messy, results, **options)
    job_id = await begun(hasty, messy, **options)
    caught = trap(monkeypatch, part(hasty, owner), method, **where)

    victim = hasty.claimer(job_id)
    async with asyncio.timeout(10):
        await caught.reached.wait()
    await kill(victim)

    same(expected, await finished(hasty, job_id))


# -- processes


@pytest.mark.slow
async def test_processes_killed_ten_times(quiet: Yard, tmp_path: Path, results: dict) -> None:
    """Real claimers, SIGKILL, whenever some more shards are done."""
    path = tmp_path / "many.zip"
    yolo_zip(path, images=1500)
    expected = await undisturbed(quiet, path, results)
    job_id, dice = await begun(quiet, path), random.Random(7)
    processes = [claimer_process(quiet, job_id) for _ in range(2)]
    done = quiet.database["import_shards"].count_documents
    for number in range(10):
        async with asyncio.timeout(30):
            while await done({"job_id": job_id, "state": "done"}) < number * 8:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        await asyncio.sleep(dice.uniform(0, 0.1))
        victim = dice.randrange(2)
        assert processes[victim].poll() is None, claimers_log(quiet).read_text()[-2000:]
        kill_process(processes[victim])
        processes[victim] = claimer_process(quiet, job_id)
    async with asyncio.timeout(60):
        for process in processes:
            assert await asyncio.to_thread(process.wait) == 0
    await quiet.cleaned(job_id)

    assert await snapshot(quiet, job_id) == expected


async def test_a_process_that_is_asked_to_go_leaves_its_shard(quiet: Yard, tmp_path: Path, results: dict) -> None:
    path = tmp_path / "many.zip"
    yolo_zip(path, images=600)
    expected = await undisturbed(quiet, path, results)
    job_id = await begun(quiet, path)
    process = claimer_process(quiet, job_id)
    shards = quiet.database["import_shards"]
    async with asyncio.timeout(20):
        while await shards.count_documents({"job_id": job_id, "state": "done"}) < 2:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    process.send_signal(signal.SIGTERM)
    began = time.monotonic()
    assert await asyncio.to_thread(process.wait, 10) == os.EX_TEMPFAIL  # the job goes on: start me again
    assert time.monotonic() - began < 10

    job = await quiet.job(job_id)
    assert (job["state"], job["heartbeats"]) == ("running", {})
    assert await shards.count_documents({"job_id": job_id, "expires_at": {"$ne": None}}) == 0
    assert await shards.count_documents({"job_id": job_id, "state": "open"}) > 0
    same(expected, await finished(quiet, job_id))
