"""Stragglers: others take over half of what a slow claimer has left, and nothing is lost or counted twice."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from shared.foundation.settings import EngineSettings
from tests.factories.archives import jpeg_bytes, zip_of
from tests.factories.broken import CONFIG, noise
from tests.factories.disturbed_imports import IN_PLACE, PACKED, begun, finished, same, undisturbed
from tests.factories.traps import Trap, kill, trap
from tests.factories.yard import QuietLauncher, Yard, open_yard

STRAGGLING = EngineSettings(claimers=2, shard_images=200, lease_seconds=20, index_first_bytes=0)
TOLD, LEFT = 20, 120


@pytest.fixture(scope="session")
def lengthy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An archive that makes one shard, its labels behind the images; some images and labels are broken."""
    images = {f"images/train/{n:03d}.jpg": jpeg_bytes(30, 20, seed=n) + noise(2000, n) for n in range(LEFT)}
    images |= {f"images/train/{n:03d}.jpg": b"<html>" for n in (7, 63, 99)}
    labels = {name.replace("images", "labels").replace(".jpg", ".txt"): b"%d 0.5 0.5 0.1 0.1\n" % (n % 4)
              for n, name in enumerate(images)}  # fmt: skip
    return zip_of(tmp_path_factory.mktemp("lengthy") / "a.zip", {**images, **labels, "data.yaml": CONFIG})


@pytest.fixture
async def straggling(mongo_url: str, tmp_path: Path) -> AsyncIterator[Yard]:
    """A yard of large shards and leases so long that a claimer says nothing of its progress by itself."""
    async with open_yard(mongo_url, tmp_path / "slow", engine=STRAGGLING, launcher=QuietLauncher()) as yard:
        yield yard


async def _straggler(yard: Yard, path: Path, patch: pytest.MonkeyPatch, *, call: int) -> tuple[str, Any, Trap]:
    """A job and its only claimer, caught at the `call`-th image of the only shard after telling of some images."""
    job_id = await begun(yard, path)
    caught = trap(patch, yard.container.outside.store, "put", containing="/images/", call=call)
    holder = yard.claimer(job_id)
    async with asyncio.timeout(10):
        await caught.reached.wait()
    told = {"$set": {"progress.images": TOLD}}
    await yard.database["import_shards"].update_one({"job_id": job_id}, told)
    return job_id, holder, caught


async def _shards(yard: Yard, job_id: str) -> list[tuple[int, int, str]]:
    found = await yard.database["import_shards"].find({"job_id": job_id}).sort("first").to_list()
    return [(one["first"], one["images"], one["state"]) for one in found]


async def _until_split(yard: Yard, job_id: str, expected: list[tuple[int, int, str]]) -> None:
    async with asyncio.timeout(10):
        while await _shards(yard, job_id) != expected:  # noqa: ASYNC110
            await asyncio.sleep(0.02)


SPLIT = [(0, 45, "indexed"), (45, 25, "done"), (70, 50, "done")]
"""Half of what is left is taken over, and of what is then left half again; 25 images are not worth it."""


@pytest.mark.parametrize("call", [25, 110], ids=["before the cut", "beyond the cut"])
async def test_a_straggler_is_relieved_of_half_of_the_rest(
    straggling: Yard, lengthy: Path, results: dict, monkeypatch: pytest.MonkeyPatch, call: int
) -> None:
    """It hears of that when it completes the shard, at the latest; nothing is counted twice."""
    expected = await undisturbed(straggling, lengthy, results)
    job_id, holder, caught = await _straggler(straggling, lengthy, monkeypatch, call=call)

    thief = straggling.claimer(job_id)
    await _until_split(straggling, job_id, SPLIT)
    caught.open.set()
    async with asyncio.timeout(20):
        await asyncio.gather(holder, thief)

    same(expected, await finished(straggling, job_id))


async def test_a_straggler_that_hears_of_the_cut_stops_there(
    mongo_url: str, tmp_path: Path, lengthy: Path, results: dict, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = STRAGGLING.model_copy(update={"lease_seconds": 1})
    async with open_yard(mongo_url, tmp_path / "yard", engine=engine, launcher=QuietLauncher()) as yard:
        expected = await undisturbed(yard, lengthy, results)
        job_id = await begun(yard, lengthy)
        caught = trap(monkeypatch, yard.container.outside.store, "put", containing="/images/", call=TOLD)
        holder = yard.claimer(job_id)
        async with asyncio.timeout(10):
            await caught.reached.wait()
        thief = yard.claimer(job_id)
        await _until_split(yard, job_id, SPLIT)
        await asyncio.sleep(engine.lease_seconds / 2)  # a heartbeat of the holder
        before = caught.calls
        caught.open.set()
        async with asyncio.timeout(20):
            await asyncio.gather(holder, thief)

        assert caught.calls - before < 30
        same(expected, await finished(yard, job_id))


async def test_a_straggler_killed_after_the_cut(
    mongo_url: str, tmp_path: Path, lengthy: Path, results: dict, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = STRAGGLING.model_copy(update={"lease_seconds": 2})
    async with open_yard(mongo_url, tmp_path / "yard", engine=engine, launcher=QuietLauncher()) as yard:
        expected = await undisturbed(yard, lengthy, results)
        job_id, holder, _caught = await _straggler(yard, lengthy, monkeypatch, call=60)
        thief = yard.claimer(job_id)
        async with asyncio.timeout(10):
            while len(await _shards(yard, job_id)) < 2:  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        await kill(holder)
        async with asyncio.timeout(20):
            await thief

        same(expected, await finished(yard, job_id))


THIEF_DIES = {
    "before it asks": ("split_straggler", {}, [(0, LEFT, "indexed")]),
    "before it takes": ("adopt_remainders", {"call": 2}, [(0, 70, "indexed")]),
    "when it has taken": ("adopt_remainders", {"call": 2, "after": True}, [(0, 70, "indexed"), (70, 50, "indexed")]),
    "while it takes": ("", {"after": True}, [(0, 70, "indexed"), (70, 50, "indexed")]),
}


@pytest.mark.parametrize("alone", [False, True], ids=["others are left", "nobody else is left"])
@pytest.mark.parametrize("when", THIEF_DIES)
async def test_a_thief_that_dies(
    straggling: Yard, lengthy: Path, results: dict, monkeypatch: pytest.MonkeyPatch, when: str, alone: bool
) -> None:
    """What it has cut off is done by others, be it by the straggler itself, when that is through with the rest."""
    expected = await undisturbed(straggling, lengthy, results)
    job_id, holder, caught = await _straggler(straggling, lengthy, monkeypatch, call=60)
    method, where, left = THIEF_DIES[when]
    shards = straggling.container.repositories.shards
    dies = trap(monkeypatch, shards, method, **where) if method else trap(
        monkeypatch, shards._shards, "insert_one", **where
    )  # fmt: skip
    thief = straggling.claimer(job_id)
    async with asyncio.timeout(10):
        await dies.reached.wait()
    await kill(thief)
    assert await _shards(straggling, job_id) == left
    await straggling.database["import_jobs"].update_one({"_id": job_id}, {"$set": {"heartbeats": {}}})

    others = [] if alone else [straggling.claimer(job_id)]
    if others:
        await _until_split(straggling, job_id, SPLIT)
    caught.open.set()
    async with asyncio.timeout(20):
        await asyncio.gather(holder, *others)

    same(expected, await finished(straggling, job_id))


@pytest.mark.parametrize("options", [PACKED, IN_PLACE], ids=["packed", "in place"])
async def test_where_nothing_can_be_taken_over_the_straggler_is_waited_for(
    straggling: Yard, lengthy: Path, results: dict, monkeypatch: pytest.MonkeyPatch, options: dict
) -> None:
    expected = await undisturbed(straggling, lengthy, results, **options)
    job_id = await begun(straggling, lengthy, **options)
    caught = trap(monkeypatch, straggling.container.repositories.shards, "complete")
    holder = straggling.claimer(job_id)
    await caught.reached.wait()
    await straggling.database["import_shards"].update_one({"job_id": job_id}, {"$set": {"progress.images": TOLD}})
    other = straggling.claimer(job_id)
    await asyncio.sleep(0.5)

    assert len(await _shards(straggling, job_id)) == 1
    caught.open.set()
    async with asyncio.timeout(20):
        await asyncio.gather(holder, other)
    same(expected, await finished(straggling, job_id))
