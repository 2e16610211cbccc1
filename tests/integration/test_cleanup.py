"""Leftovers of imports that ended: when they are removed, what a retry makes of that, and emptied trash."""

import asyncio
from pathlib import Path

import pytest
from pymongo.errors import AutoReconnect

from shared.features.imports.models import NothingImported
from shared.foundation.clock import utc_now
from tests.factories.archives import spoil_crc, yolo_zip
from tests.factories.disturbed_imports import ENGINE, IN_PLACE, begun, finished, part, retried, undisturbed
from tests.factories.snapshots import snapshot
from tests.factories.traps import kill, trap
from tests.factories.yard import QuietLauncher, Yard, open_yard


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

    if method != "end_cleanup":
        assert (await quiet.api.post(f"/datasets/import/{job_id}/retry")).status_code == 409
    await retried(quiet, job_id, sweeping=True)
    assert await finished(quiet, job_id) == expected


@pytest.mark.parametrize("end", ENDS)
async def test_no_retry_while_a_cleanup_takes_its_time(
    quiet: Yard, messy: Path, results: dict, monkeypatch: pytest.MonkeyPatch, end: str
) -> None:
    """Removing a million images takes longer than a lease: a retry in the middle would lose what it makes.

    That the database is away for a moment changes nothing.
    """
    expected = await undisturbed(quiet, messy, results)
    job_id = await ENDS[end](quiet, messy)
    _fail_once(monkeypatch, quiet.container.repositories.jobs, "renew_step")
    caught = trap(monkeypatch, quiet.container.images, "remove_all")
    cleaner = asyncio.create_task(quiet.swept())
    await caught.reached.wait()
    await asyncio.sleep(1.5 * ENGINE.lease_seconds)

    assert (await quiet.api.post(f"/datasets/import/{job_id}/retry")).status_code == 409
    caught.open.set()
    await cleaner
    await retried(quiet, job_id)
    assert await finished(quiet, job_id) == expected


def _fail_once(patch: pytest.MonkeyPatch, owner: object, method: str) -> None:
    real = getattr(owner, method)

    async def fails(*_args: object, **_options: object) -> None:
        patch.setattr(owner, method, real)
        raise AutoReconnect("the primary steps down")

    patch.setattr(owner, method, fails)


async def test_a_cleaner_that_lost_its_lease_removes_nothing_more(
    quiet: Yard, messy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job_id = await _cancelled_at_the_end(quiet, messy)
    caught = trap(monkeypatch, quiet.container.images, "remove_all")
    cleaner = asyncio.create_task(quiet.swept())
    await caught.reached.wait()
    await quiet.database["import_jobs"].update_one({"_id": job_id}, {"$inc": {"step.token": 1}})
    await asyncio.wait_for(cleaner, 2 * ENGINE.lease_seconds)

    assert await quiet.database["import_shards"].count_documents({"job_id": job_id}) > 0
    assert await quiet.database["images"].count_documents({}) > 0
    assert "cleanup_at" in await quiet.job(job_id)


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
    await retried(quiet, job_id, sweeping=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(jobs, "claim_cleanup", _nothing)
        await quiet.claimer(job_id)

    caught.open.set()
    await sweeper
    assert await finished(quiet, job_id) == expected


# -- trash


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


async def test_a_verification_is_ended_before_its_dataset_is_purged(
    mongo_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = ENGINE.model_copy(update={"trash_days": 0})
    yolo_zip(tmp_path / "shapes.zip", images=30)
    spoil_crc(tmp_path / "shapes.zip", "images/train/img_00003.jpg")
    async with open_yard(mongo_url, tmp_path / "yard", engine=engine, launcher=QuietLauncher()) as yard:
        assert (await finished(yard, await begun(yard, tmp_path / "shapes.zip", **IN_PLACE)))["state"] == "succeeded"
        verification = (await yard.api.post("/datasets/shapes/verify")).json()["job_id"]
        await yard.begun(verification)
        caught = trap(monkeypatch, yard.container.repositories.findings, "write")
        claimer = yard.claimer(verification)
        await caught.reached.wait()

        assert (await yard.api.delete("/datasets/shapes")).status_code == 204
        await yard.swept()
        assert await yard.database["datasets"].count_documents({}) == 1
        caught.open.set()
        await asyncio.wait_for(claimer, 10)
        await yard.cleaned(verification)
        await yard.swept()
        assert (await yard.job(verification))["state"] == "cancelled"
        for left in ("datasets", "images", "findings", "import_shards"):
            assert await yard.database[left].count_documents({}) == 0, left
