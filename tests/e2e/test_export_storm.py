"""Exports and versions whose workers are killed at random moments, as processes: what comes out is always the same."""

import asyncio
import random
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from shared.foundation.settings import EngineSettings
from tests.bench.storm_archive import storm_tar
from tests.factories.claimers import Nursery, nursery
from tests.factories.exports import FORMATS, downloaded, export_ended
from tests.factories.versions import everything, history, labelled
from tests.factories.yard import ENDED, QuietLauncher, Yard, open_yard

pytestmark = pytest.mark.slow

KILLS, LONGEST_SECONDS = 20, 0.8
ENGINE = EngineSettings(claimers=2, shard_bytes=64 << 10, shard_images=50, lease_seconds=1, max_attempts=1_000)


@pytest.fixture(scope="module")
def forks() -> Iterator[Nursery]:
    """Where claimers come from."""
    with nursery() as opened:
        yield opened


@pytest.fixture
async def storm_yard(mongo_url: str, tmp_path: Path) -> AsyncIterator[Yard]:
    """A yard whose claimers are started by the test."""
    async with open_yard(mongo_url, tmp_path / "yard", engine=ENGINE, launcher=QuietLauncher()) as opened:
        yield opened


async def _run(yard: Yard, forks: Nursery, job_id: str, collection: str, dice: random.Random | None = None) -> int:
    """Run a job by claimers that are killed, until it has ended; how many were killed before that."""
    kills = 0
    async with asyncio.timeout(120):
        while True:
            await yard.swept()
            claimer = forks.claimer(yard, job_id)
            wait = dice.uniform(0, LONGEST_SECONDS) if dice and kills < KILLS else 60
            moment = asyncio.get_running_loop().time() + wait
            while claimer.lives and asyncio.get_running_loop().time() < moment:  # noqa: ASYNC110 - polled
                await asyncio.sleep(0.005)
            kills += claimer.lives
            claimer.kill()
            job = await yard.database[collection].find_one({"_id": job_id})
            if job is not None and job["state"] in ENDED:
                return kills


async def _cleaned(yard: Yard, job_id: str) -> None:
    """Wait until what the killed have left is gone: that nobody works at it any more takes a lease to be sure of."""
    async with asyncio.timeout(20):
        while "cleanup_at" in (await yard.database["jobs"].find_one({"_id": job_id}) or {}):
            await yard.swept()
            await asyncio.sleep(0.1)


@pytest.mark.parametrize("shape", ["ultralytics", "coco", "webdataset"])
async def test_an_export_whose_workers_are_killed_is_the_one_nobody_disturbed(
    storm_yard: Yard, forks: Nursery, tmp_path: Path, shape: str
) -> None:
    yard, options = storm_yard, FORMATS.get(shape, {"format": "webdataset"})
    imported = await yard.start_import(storm_tar(tmp_path, 400))
    await _run(yard, forks, imported, "import_jobs")
    dataset = (await yard.job(imported))["dataset_id"]
    found, kills = [], 0
    for seed in (None, 1, 2):
        started = (await yard.api.post(f"/datasets/{dataset}/exports", json=options)).json()
        kills += await _run(yard, forks, started["job_id"], "jobs", None if seed is None else random.Random(seed))
        export = await export_ended(yard, dataset, started["id"])
        assert export["state"] == "succeeded", export
        files = [await downloaded(yard, export, number) for number in range(len(export["files"]))]
        found.append((export["files"], export["findings"], files))
        await _cleaned(yard, started["job_id"])
        built = {key.split("/")[5] for key in yard.stored() if "/exports/" in key}
        assert len(built) == 1, "what was left over is gone"
        assert (await yard.api.delete(started["links"]["export"])).status_code == 204
        assert not [key for key in yard.stored() if "/exports/" in key]
    assert found[1:] == found[:1] * 2
    assert kills


FIXES = {"fixes": {"ROW_CLASS_RANGE": "remap", "ROW_ZERO_AREA": "drop_row"}, "category_map": {"7": 2}}
LABELS = ("7 .5 .5 .2 .4\n0 .5 .5 .2 .4\n", "1 .5 .5 0 .4\n1 .4 .4 .2 .2\n", "2 .5 .5 .2 .2\n")


async def test_versions_whose_workers_are_killed_are_those_nobody_disturbed(
    storm_yard: Yard, forks: Nursery, tmp_path: Path
) -> None:
    """Fixes and rollbacks by turns: whatever is killed, a version is as it should be."""
    yard, dice, kills = storm_yard, random.Random(7), 0
    labels = {f"{number:04d}": LABELS[number % len(LABELS)] for number in range(600)}
    imported = await yard.start_import(labelled(tmp_path, labels))
    await _run(yard, forks, imported, "import_jobs")
    before = await everything(yard, "shapes")
    fixed, counts = None, None
    for turn in range(6):
        route, body = ("versions", FIXES) if turn % 2 == 0 else ("rollback", {"version": turn})
        job_id = (await yard.api.post(f"/datasets/shapes/{route}", json=body)).json()["job_id"]
        kills += await _run(yard, forks, job_id, "import_jobs", dice if turn else None)
        assert (await yard.ended(job_id))["state"] == "succeeded"
        await yard.swept()
        found, newest = await everything(yard, "shapes"), (await history(yard, "shapes"))[0]
        assert newest["version"] == turn + 2
        if turn % 2:
            assert found == before
        else:
            fixed, counts = fixed or found, counts or newest["counts"]
            assert (found, newest["counts"]) == (fixed, counts)
        assert await everything(yard, "shapes", version=1) == before
    assert fixed != before
    assert kills
