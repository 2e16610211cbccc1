"""Claimers die, sleep and race; the result is that of an undisturbed import, compared completely."""

import asyncio
import random
import signal
import time
from collections.abc import AsyncIterator, Awaitable
from datetime import timedelta
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from shared.features.datasets.models import Rollup
from shared.features.imports import dispatch, ending
from shared.features.imports.keeper import Keeper
from shared.features.imports.models import Ledger, NewShard, NothingImported, ShardProgress, ShardState
from shared.features.imports.repository import ImportJobRepository, ShardRepository
from shared.features.jobs.models import Phase
from shared.foundation.clock import utc_now
from shared.foundation.ids import JobId, new_id
from shared.foundation.settings import EngineSettings, SourceSettings
from shared.ports.job_queue import QueueUnavailable
from tests.factories.archives import jpeg_bytes, yolo_zip, zip_of
from tests.factories.broken import CONFIG, around, messy_members, noise, tar_of
from tests.factories.claimers import claimer_process, claimers_log
from tests.factories.claimers import kill as kill_process
from tests.factories.http_servers import source_server
from tests.factories.snapshots import differences, snapshot
from tests.factories.traps import Trap, kill, trap
from tests.factories.yard import QuietLauncher, Yard, open_yard

ENGINE = EngineSettings(claimers=3, shard_bytes=8 << 10, shard_images=7, lease_seconds=1)
LABELS_FIRST = ENGINE.model_copy(update={"index_first_bytes": 0, "shard_bytes": 512 << 10})
PACKED: dict[str, Any] = {"storage": "packed"}
IN_PLACE: dict[str, Any] = PACKED | {"in_place": True}


@pytest.fixture
async def quiet(mongo_url: str, tmp_path: Path) -> AsyncIterator[Yard]:
    """A yard whose claimers are started by the test; many small shards, short leases."""
    async with open_yard(mongo_url, tmp_path / "quiet", engine=ENGINE, launcher=QuietLauncher()) as yard:
        yield yard


@pytest.fixture
async def hasty(mongo_url: str, tmp_path: Path) -> AsyncIterator[Yard]:
    """The same, but labels are read first wherever that is cheap."""
    async with open_yard(mongo_url, tmp_path / "hasty", engine=LABELS_FIRST, launcher=QuietLauncher()) as yard:
        yield yard


@pytest.fixture(scope="session")
def messy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An archive with something of everything."""
    return zip_of(tmp_path_factory.mktemp("messy") / "messy.zip", messy_members())


@pytest.fixture(scope="session")
def results() -> dict[str, Any]:
    """Undisturbed results by archive."""
    return {}


async def begun(yard: Yard, source: Path | str, **options: object) -> str:
    job_id = await yard.start_import(source, **options)
    await yard.begun(job_id)
    return job_id


async def finished(yard: Yard, job_id: str, *, claimers: int = 2) -> dict[str, Any]:
    """What is left once undisturbed claimers have worked, and leftovers are removed."""
    async with asyncio.timeout(30):
        await asyncio.gather(*(yard.claimer(job_id) for _ in range(claimers)))
    await yard.cleaned(job_id)
    return await snapshot(yard, job_id)


async def undisturbed(yard: Yard, source: Path, results: dict[str, Any], **options: object) -> dict[str, Any]:
    """What an import that nobody disturbs leaves behind; made once."""
    key = f"{source} {options} {yard.runner.engine}"
    if key not in results:
        found = await finished(yard, await begun(yard, source, name="undisturbed", **options))
        assert found["state"] == "succeeded"
        assert found["left over"] == []
        assert found["shards"] == 0
        results[key] = found
    return results[key]


def same(expected: dict[str, Any], found: dict[str, Any]) -> None:
    """Fail with the first differences of two results, if there are any."""
    assert list(islice(differences(expected, found), 5)) == []


# -- killed at any moment


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


def part(yard: Yard, name: str) -> object:
    """The object behind a kill point, which every claimer of the yard shares."""
    container = yard.container
    parts = {
        "store": container.outside.store,
        "datasets": container.datasets,
        "images": container.images,
        "transactions": container.transactions,
    }
    return parts.get(name) or getattr(container.repositories, name)


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
        patch.setattr(Keeper, "_beat_for_ever", _no_beat)
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


async def _no_beat(_keeper: Keeper) -> None:
    await asyncio.Event().wait()


async def _lease_over(yard: Yard, job_id: str) -> None:
    async with asyncio.timeout(10):
        while (await yard.container.repositories.jobs.load(JobId(job_id))).live_claimers[2:]:  # noqa: ASYNC110
            await asyncio.sleep(0.05)


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
    assert await asyncio.to_thread(process.wait, 10) == 0
    assert time.monotonic() - began < 10

    job = await quiet.job(job_id)
    assert (job["state"], job["heartbeats"]) == ("running", {})
    assert await shards.count_documents({"job_id": job_id, "expires_at": {"$ne": None}}) == 0
    assert await shards.count_documents({"job_id": job_id, "state": "open"}) > 0
    same(expected, await finished(quiet, job_id))


# -- stragglers

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
            patch.setattr(Keeper, "_beat_for_ever", _no_beat)
            sleeper = yard.claimer(job_id)
            await caught.reached.wait()
        await yard.api.post(f"/datasets/import/{job_id}/cancel")
        await asyncio.sleep(1.2 * engine.lease_seconds)
        await yard.cleaned(job_id)
        await _retried(yard, job_id)

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


# -- leases


async def test_a_shard_can_be_claimed_whatever_a_dead_claimer_has_left_open(
    hasty: Yard, messy: Path, results: dict, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A transaction of a killed process would keep what it has written locked for a minute or more."""
    expected = await undisturbed(hasty, messy, results)
    job_id = JobId(await begun(hasty, messy))
    caught = trap(monkeypatch, hasty.container.images, "preview", after=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Keeper, "_beat_for_ever", _no_beat)
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


# -- cancel and retry


async def test_a_cancelled_job_stops_and_a_retry_goes_on(
    quiet: Yard, messy: Path, results: dict, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = await undisturbed(quiet, messy, results)
    job_id = await begun(quiet, messy)
    caught = trap(monkeypatch, quiet.container.repositories.shards, "complete", call=4, after=True)
    claimer = quiet.claimer(job_id)
    await caught.reached.wait()

    cancelled = await quiet.api.post(f"/datasets/import/{job_id}/cancel")
    caught.open.set()
    async with asyncio.timeout(5):
        await claimer
    assert cancelled.json()["state"] == "cancelled"
    assert (await quiet.api.get(f"/datasets/{cancelled.json()['dataset_id']}")).status_code == 404
    before = quiet.stored(), await quiet.database["images"].count_documents({})
    await asyncio.gather(quiet.claimer(job_id), quiet.swept())
    assert before == (quiet.stored(), await quiet.database["images"].count_documents({}))
    done = await quiet.database["import_shards"].count_documents({"job_id": job_id, "state": "done"})
    total = await quiet.database["import_shards"].count_documents({"job_id": job_id})
    assert 4 <= done < total

    assert (await quiet.api.post(f"/datasets/import/{job_id}/retry")).status_code == 202
    counted = trap(monkeypatch, quiet.container.repositories.shards, "complete", call=10**9)
    planned = trap(monkeypatch, quiet.container.repositories.jobs, "advance", call=10**9)
    await quiet.begun(job_id)
    assert await finished(quiet, job_id) == expected
    assert counted.calls == total - done
    assert planned.calls == 0


async def _stalled(yard: Yard, server: Any, phase: str) -> str:
    """A job whose claimers wait for a source that sends nothing more."""
    server.ranges = phase == "transfer"
    server.stall_after = 200_000
    return await yard.start_import(server.url)


@pytest.mark.parametrize("phase", ["plan", "transfer"])
@pytest.mark.parametrize("how", ["cancel", "stop"])
async def test_claimers_let_go_of_a_silent_source(mongo_url: str, tmp_path: Path, how: str, phase: str) -> None:
    """With the default lease and a patient client: a cancel is seen within 5 seconds, a shutdown within 10."""
    path = zip_of(tmp_path / "a.zip", around({f"images/train/{n}.jpg": noise(400_000, n) for n in range(4)}))
    launcher, sources = QuietLauncher(), SourceSettings(allow_private=True, read_seconds=60)
    async with open_yard(
        mongo_url, tmp_path / "yard", launcher=launcher, sources=sources, engine=EngineSettings()
    ) as yard:
        with source_server(path.read_bytes()) as server:
            job_id = await _stalled(yard, server, phase)
            await yard.begun(job_id)
            claimers = [yard.claimer(job_id), yard.claimer(job_id)]
            async with asyncio.timeout(10):
                while server.stalls_left == 10**9:  # noqa: ASYNC110
                    await asyncio.sleep(0.02)
            if how == "cancel":
                assert (await yard.api.post(f"/datasets/import/{job_id}/cancel")).status_code == 200
            else:
                yard.stop.set()
            async with asyncio.timeout(5 if how == "cancel" else 9):
                await asyncio.gather(*claimers)
        job = await yard.job(job_id)
        assert job["heartbeats"] == {}
        assert job["step"]["expires_at"] is None
        assert await yard.database["import_shards"].count_documents({"expires_at": {"$ne": None}}) == 0
        assert not [key for key in yard.stored() if key.startswith(".partial/")]


async def test_what_cannot_be_cancelled_or_retried(quiet: Yard, messy: Path) -> None:
    job_id = await begun(quiet, messy)
    url = f"/datasets/import/{job_id}"

    assert (await quiet.api.post(f"{url}/retry")).json()["type"] == "/problems/job-state-conflict"
    assert [(await quiet.api.post(f"{url}/cancel")).status_code for _ in range(2)] == [200, 200]
    assert [(await quiet.api.post(f"{url}/retry")).status_code for _ in range(2)] == [202, 409]
    await quiet.begun(job_id)
    await finished(quiet, job_id)
    for verb in ("cancel", "retry"):
        answer = await quiet.api.post(f"{url}/{verb}")
        assert (answer.status_code, answer.json()["type"]) == (409, "/problems/job-state-conflict")


@pytest.mark.parametrize("race", range(3))
async def test_a_cancel_that_meets_the_end(quiet: Yard, tmp_path: Path, race: int) -> None:
    """Either the job succeeded and cannot be cancelled, or it is cancelled and its dataset hidden: never both."""
    yolo_zip(tmp_path / "a.zip", images=3)
    job_id = await begun(quiet, tmp_path / "a.zip")
    claimer = quiet.claimer(job_id)
    await asyncio.sleep(random.Random(race).uniform(0.02, 0.12))
    answer = await quiet.api.post(f"/datasets/import/{job_id}/cancel")
    await claimer

    job = await quiet.job(job_id)
    dataset = await quiet.database["datasets"].find_one({"_id": job["dataset_id"]})
    assert (answer.status_code, job["state"], dataset["state"]) in {
        (200, "cancelled", "discarded"),
        (409, "succeeded", "ready"),
    }


async def _failed_at_the_end(yard: Yard, source: Path) -> str:
    """A job that did all its shards and failed then, with its leftovers still to be removed."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(yard.container.datasets, "publish", _fails)
        patch.setattr(yard.container.repositories.jobs, "claim_cleanup", _nothing)
        job_id = await begun(yard, source)
        await yard.claimer(job_id)
    assert (await yard.job(job_id))["state"] == "failed"
    return job_id


async def _cancelled_at_the_end(yard: Yard, source: Path) -> str:
    """A job that did all its shards and was cancelled then, long ago: its leftovers are due to be removed."""
    job_id = await begun(yard, source)
    with pytest.MonkeyPatch.context() as patch:
        caught = trap(patch, yard.container.datasets, "publish")
        claimer = yard.claimer(job_id)
        await caught.reached.wait()
        assert (await yard.api.post(f"/datasets/import/{job_id}/cancel")).status_code == 200
        caught.open.set()
        await claimer
    due = {"$set": {"cleanup_at": utc_now()}}
    await yard.database["import_jobs"].update_one({"_id": job_id, "state": "cancelled", "phase": "finish"}, due)
    return job_id


async def _fails(*_args: object, **_options: object) -> None:
    raise NothingImported("For a test.")


async def _nothing(*_args: object) -> None:
    return None


ENDS = {"failed": _failed_at_the_end, "cancelled": _cancelled_at_the_end}


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize(
    ("owner", "method", "after"),
    [
        ("jobs", "claim_cleanup", True),
        ("images", "remove_all", True),
        ("store", "delete_prefix", True),
        ("shards", "remove_all", False),
        ("shards", "remove_all", True),
        ("jobs", "end_cleanup", True),
    ],
)
async def test_a_retry_after_a_cleanup_that_was_killed(
    quiet: Yard,
    messy: Path,
    results: dict,
    monkeypatch: pytest.MonkeyPatch,
    end: str,
    owner: str,
    method: str,
    after: bool,
) -> None:
    """What was removed is made again: shards that were done do not count."""
    expected = await undisturbed(quiet, messy, results)
    job_id = await ENDS[end](quiet, messy)
    caught = trap(monkeypatch, part(quiet, owner), method, after=after)
    cleaner = asyncio.create_task(quiet.swept())
    await caught.reached.wait()
    await kill(cleaner)

    await _retried(quiet, job_id, sweeping=end == "failed")
    assert await finished(quiet, job_id) == expected


async def _retried(yard: Yard, job_id: str, *, sweeping: bool = False) -> None:
    """Retry as soon as that is allowed; a failed job has to be cleaned up first."""
    async with asyncio.timeout(10):
        while (await yard.api.post(f"/datasets/import/{job_id}/retry")).status_code == 409:
            if sweeping:
                await yard.swept()
            await asyncio.sleep(0.05)
    await yard.begun(job_id)


@pytest.mark.parametrize("end", ENDS)
async def test_no_retry_while_a_cleanup_takes_its_time(
    quiet: Yard, messy: Path, results: dict, monkeypatch: pytest.MonkeyPatch, end: str
) -> None:
    """Removing a million images takes longer than a lease: a retry in the middle would lose what it makes."""
    expected = await undisturbed(quiet, messy, results)
    job_id = await ENDS[end](quiet, messy)
    caught = trap(monkeypatch, quiet.container.images, "remove_all")
    cleaner = asyncio.create_task(quiet.swept())
    await caught.reached.wait()
    await asyncio.sleep(1.5 * ENGINE.lease_seconds)

    assert (await quiet.api.post(f"/datasets/import/{job_id}/retry")).status_code == 409
    caught.open.set()
    await cleaner
    await _retried(quiet, job_id)
    assert await finished(quiet, job_id) == expected


async def test_a_sweeper_with_old_news_removes_nothing(
    quiet: Yard, messy: Path, results: dict, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It read the job as failed; before it came to clean, the job was cleaned, retried, and had succeeded."""
    expected = await undisturbed(quiet, messy, results)
    job_id = await _failed_at_the_end(quiet, messy)
    jobs = quiet.container.repositories.jobs
    caught = trap(monkeypatch, jobs, "due_for_cleanup", after=True)
    sweeper = asyncio.create_task(quiet.swept())
    await caught.reached.wait()
    await _retried(quiet, job_id, sweeping=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(jobs, "claim_cleanup", _nothing)
        await quiet.claimer(job_id)

    caught.open.set()
    await sweeper
    assert await finished(quiet, job_id) == expected


async def test_a_retry_of_a_mended_source_reports_the_mended_one(quiet: Yard, tmp_path: Path, results: dict) -> None:
    path = tmp_path / "a.zip"
    members = around({"../x.jpg": b"x", "images/train/x.jpg": b"<html>"})
    zip_of(path, members | {"data.yaml": b"train: ["})
    job_id = await begun(quiet, path)
    await quiet.claimer(job_id)
    await quiet.cleaned(job_id)
    assert (await quiet.job(job_id))["error"]["type"] == "/problems/bad-configuration"
    assert {one["rule"] for one in await quiet.report(job_id)} == {"ARCHIVE_PATH_UNSAFE"}
    zip_of(path, around({}))

    await _retried(quiet, job_id)
    found = await finished(quiet, job_id)

    assert found["state"] == "succeeded"
    assert found["findings"] == []
    assert found == await finished(quiet, await begun(quiet, path, name="again"))


async def test_what_may_pass_is_tried_again_and_at_last_dead(
    mongo_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ending, "_FIRST_RETRY_SECONDS", 0.2)
    path = zip_of(tmp_path / "a.zip", around({}))
    engine = EngineSettings(claimers=1, lease_seconds=1, max_attempts=3)
    sources = SourceSettings(allow_private=True, connect_seconds=1, read_seconds=1, attempts=0)
    async with open_yard(mongo_url, tmp_path / "yard", engine=engine, sources=sources) as yard:
        with source_server(path.read_bytes()) as server:
            server.statuses = [503] * 3
            job_id = await yard.start_import(server.url)
            status = await yard.ended(job_id, seconds=15)
            assert (status["state"], status["attempts"]) == ("dead", 3)
            assert status["error"]["type"] == "/problems/source-unavailable"
            assert len(server.requests) == 3
            assert (await yard.api.get("/datasets")).json()["total"] == 0

            assert (await yard.api.post(f"/datasets/import/{job_id}/retry")).json()["error"] is None
            status = await yard.ended(job_id, seconds=15)
        assert (status["state"], status["attempts"], status["error"]) == ("succeeded", 1, None)


async def test_one_failure_that_passes_costs_one_attempt(
    mongo_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Claimers of the first attempt that fail late must not use up the second."""
    monkeypatch.setattr(ending, "_FIRST_RETRY_SECONDS", 0.1)
    path = zip_of(tmp_path / "a.zip", around({f"images/train/{n}.jpg": jpeg_bytes(30, 20, seed=n) for n in range(9)}))
    engine = EngineSettings(claimers=4, lease_seconds=2, max_attempts=3, shard_images=1)
    async with open_yard(mongo_url, tmp_path / "yard", engine=engine, launcher=QuietLauncher()) as yard:
        job_id = await begun(yard, path)
        store = yard.container.outside.store
        first = trap(monkeypatch, store, "put", containing="/images/", call=2)
        second = trap(monkeypatch, store, "put", containing="/images/", call=2)
        claimers = [yard.claimer(job_id) for _ in range(2)]
        await asyncio.gather(first.reached.wait(), second.reached.wait())
        monkeypatch.setattr(yard.container.images, "write", _unavailable)
        first.open.set()
        async with asyncio.timeout(10):
            while (await yard.job(job_id))["attempts"] < 2:  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        second.open.set()
        await asyncio.gather(*claimers)

        job = await yard.job(job_id)
        assert (job["state"], job["attempts"]) == ("running", 2)


async def _unavailable(*_args: object) -> None:
    raise QueueUnavailable("For a test.")


# -- queue, launcher, sweeper


class BrokenQueue:
    """A queue that does not answer."""

    async def enqueue(self, job_id: JobId, *, delay_seconds: float = 0) -> None:
        raise QueueUnavailable("For a test.")

    async def ping(self) -> None:
        raise QueueUnavailable("For a test.")


async def test_a_job_is_accepted_while_the_queue_is_down(
    mongo_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    yolo_zip(tmp_path / "a.zip", images=4)
    async with open_yard(mongo_url, tmp_path / "yard", queue=BrokenQueue(), engine=ENGINE) as yard:
        job_id = await yard.start_import(tmp_path / "a.zip")
        await yard.swept()
        assert (await yard.job(job_id))["state"] == "queued"  # its callback could still come

        monkeypatch.setattr(dispatch, "_CALLBACK_PATIENCE", timedelta())
        await asyncio.gather(yard.swept(), yard.swept(), yard.swept())
        status = await yard.ended(job_id)
    assert (status["state"], status["attempts"]) == ("succeeded", 1)


async def test_lost_launches_and_lost_claimers_are_replaced(
    quiet: Yard, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    yolo_zip(tmp_path / "a.zip", images=40)
    launcher = quiet.container.outside.launcher
    assert isinstance(launcher, QuietLauncher)
    job_id = await begun(quiet, tmp_path / "a.zip")
    await quiet.swept()
    assert launcher.asked == [(job_id, 3)]  # they may still be on their way

    monkeypatch.setattr(dispatch, "PATIENCE", timedelta())
    caught = trap(monkeypatch, quiet.container.repositories.shards, "complete")
    claimer = quiet.claimer(job_id)
    await caught.reached.wait()
    await quiet.swept()
    assert launcher.asked[1:] == [(job_id, 2)]

    caught.open.set()
    await claimer
    await quiet.swept()
    assert len(launcher.asked) == 2


async def test_a_source_that_changes_in_the_middle(
    quiet: Yard, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.zip"
    yolo_zip(path, images=60)
    job_id = await begun(quiet, path)
    caught = trap(monkeypatch, quiet.container.repositories.shards, "complete", call=2)
    claimer = quiet.claimer(job_id)
    await caught.reached.wait()
    yolo_zip(path, images=61)
    caught.open.set()
    await claimer
    await quiet.cleaned(job_id)

    status = await quiet.ended(job_id)
    assert (status["state"], status["error"]["type"]) == ("failed", "/problems/source-changed")
    assert quiet.stored() == []
    assert await quiet.database["images"].count_documents({}) == 0


async def test_a_page_that_changes_in_the_middle(quiet: Yard, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    yolo_zip(tmp_path / "a.zip", images=60)
    with source_server((tmp_path / "a.zip").read_bytes()) as server:
        job_id = await begun(quiet, server.url)
        caught = trap(monkeypatch, quiet.container.repositories.shards, "complete", call=2)
        claimer = quiet.claimer(job_id)
        await caught.reached.wait()
        server.etag = '"two"'
        caught.open.set()
        await claimer

    status = await quiet.ended(job_id)
    assert (status["state"], status["error"]["type"]) == ("failed", "/problems/source-changed")


# -- requests that race


async def _posts(yard: Yard, body: dict, headers: dict[str, str], count: int) -> list[tuple[int, dict]]:
    calls: list[Awaitable] = [yard.api.post("/datasets/import", json=body, headers=headers) for _ in range(count)]
    return [(answer.status_code, answer.json()) for answer in await asyncio.gather(*calls)]


async def test_one_idempotency_key_sent_ten_times_at_once(quiet: Yard, tmp_path: Path) -> None:
    yolo_zip(tmp_path / "a.zip", images=3)
    answers = await _posts(quiet, {"source": str(tmp_path / "a.zip")}, {"Idempotency-Key": "one"}, 10)

    assert [status for status, _ in answers] == [202] * 10
    assert len({body["job_id"] for _, body in answers}) == len({body["dataset_id"] for _, body in answers}) == 1
    assert await quiet.database["import_jobs"].count_documents({}) == 1
    assert await quiet.database["datasets"].count_documents({}) == 1


@pytest.mark.parametrize("count", [10, 40])
async def test_one_name_asked_for_many_times_at_once(quiet: Yard, tmp_path: Path, count: int) -> None:
    yolo_zip(tmp_path / "a.zip", images=3)
    answers = await _posts(quiet, {"source": str(tmp_path / "a.zip"), "name": "Same"}, {}, count)

    assert [status for status, _ in answers] == [202] * count
    slugs = await quiet.database["datasets"].distinct("slug")
    assert len(slugs) == count
    assert all(slug == "same" or slug.startswith("same-") for slug in slugs)


async def test_a_dataset_cannot_be_deleted_while_it_is_imported(quiet: Yard, messy: Path) -> None:
    job_id = await begun(quiet, messy)
    dataset_id = (await quiet.job(job_id))["dataset_id"]

    answer = await quiet.api.delete(f"/datasets/{dataset_id}")

    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/dataset-busy")


async def test_trash_is_emptied(mongo_url: str, tmp_path: Path, messy: Path) -> None:
    engine = ENGINE.model_copy(update={"trash_days": 0})
    async with open_yard(mongo_url, tmp_path / "yard", engine=engine) as yard:
        kept, gone = [await yard.imported(messy, name=name) for name in ("kept", "gone")]
        for status in (kept, gone):
            await yard.cleaned(status["job_id"])
        before = await snapshot(yard, kept["job_id"])

        assert (await yard.api.delete("/datasets/gone")).status_code == 204
        await asyncio.sleep(0.002)  # times are kept to the millisecond
        await yard.swept()

        assert await yard.database["images"].distinct("dataset_id") == [kept["dataset_id"]]
        assert await yard.database["findings"].distinct("job_id") == [kept["job_id"]]
        assert await yard.database["datasets"].count_documents({}) == 1
        assert {key.split("/")[1] for key in yard.stored()} == {kept["dataset_id"]}
        assert await snapshot(yard, kept["job_id"]) == before
        assert (await yard.api.get(f"/datasets/import/{gone['job_id']}/status")).json()["state"] == "succeeded"
