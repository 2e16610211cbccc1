"""Exports that are killed, deleted, asked for twice, or whose time or dataset is over."""

import asyncio
from pathlib import Path

import pytest

from shared.foundation.clock import utc_now
from shared.foundation.settings import EngineSettings
from tests.factories.archives import yolo_zip
from tests.factories.exports import downloaded, export_ended, exported, shapes
from tests.factories.traps import kill, trap
from tests.factories.yard import Yard, open_yard


@pytest.mark.parametrize("at", [0, 1, 2])
async def test_a_claimer_that_is_killed_changes_nothing(
    quiet_yard: Yard, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: int
) -> None:
    yard = quiet_yard
    job_id = await yard.start_import(_made(tmp_path))
    await yard.begun(job_id)
    await yard.claimer(job_id)
    first = (await yard.api.post("/datasets/shapes/exports", json={"format": "coco"})).json()
    await _begun(yard, first["job_id"])
    await yard.claimer(first["job_id"])
    expected = await export_ended(yard, "shapes", first["id"])
    data = await downloaded(yard, expected)
    await yard.api.delete(first["links"]["export"])

    second = (await yard.api.post("/datasets/shapes/exports", json={"format": "coco"})).json()
    await _begun(yard, second["job_id"])
    owner, method = (
        (yard.container.outside.store, "put"),
        (yard.container.repositories.exports, "publish"),
        (yard.container.repositories.other_jobs, "succeed"),
    )[at]
    caught = trap(monkeypatch, owner, method, after=at == 0)
    claimer = yard.claimer(second["job_id"])
    await caught.reached.wait()
    await kill(claimer)
    monkeypatch.undo()
    await asyncio.sleep(2.2)  # its lease runs out
    await yard.claimer(second["job_id"])
    again = await export_ended(yard, "shapes", second["id"])
    assert (again["etag"], await downloaded(yard, again)) == (expected["etag"], data)
    assert {key.split("/")[5] for key in yard.stored() if "/exports/" in key} == {"2"}, "what was left over is gone"


def _made(folder: Path) -> Path:
    yolo_zip(folder / "shapes.zip", images=9)
    return folder / "shapes.zip"


async def _begun(yard: Yard, job_id: str) -> None:
    async with asyncio.timeout(10):
        while True:
            job = await yard.database["jobs"].find_one({"_id": job_id})
            if job is not None and job["state"] != "queued":
                return
            await asyncio.sleep(0.02)


async def test_deleting_an_export_stops_it(quiet_yard: Yard, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    yard = quiet_yard
    job_id = await yard.start_import(_made(tmp_path))
    await yard.begun(job_id)
    await yard.claimer(job_id)
    export = (await yard.api.post("/datasets/shapes/exports", json={"format": "yolo"})).json()
    await _begun(yard, export["job_id"])
    caught = trap(monkeypatch, yard.container.outside.store, "put", after=True)
    claimer = yard.claimer(export["job_id"])
    await caught.reached.wait()
    assert (await yard.api.delete(export["links"]["export"])).status_code == 204
    caught.open.set()
    await asyncio.wait_for(claimer, 10)
    await yard.swept()
    assert not [key for key in yard.stored() if "/exports/" in key]
    assert await yard.database["exports"].count_documents({}) == 0
    job = await yard.database["jobs"].find_one({"_id": export["job_id"]})
    assert job is not None
    assert job["state"] == "cancelled"


async def test_exports_expire(yard: Yard, tmp_path: Path) -> None:
    await shapes(yard, tmp_path, images=3)
    export = await exported(yard, "shapes")
    kept = await exported(yard, "shapes", format="csv")
    await yard.database["exports"].update_one({"_id": export["id"]}, {"$set": {"expires_at": utc_now()}})
    assert (await yard.api.get(export["links"]["export"])).status_code == 404
    await yard.swept()
    assert await yard.database["exports"].count_documents({}) == 1
    assert {key.split("/")[3] for key in yard.stored() if "/exports/" in key} == {kept["id"]}
    await downloaded(yard, kept)
    assert await downloaded(yard, await exported(yard, "shapes"))


async def test_an_export_made_anew_leaves_nothing_of_the_one_that_had_expired(yard: Yard, tmp_path: Path) -> None:
    await shapes(yard, tmp_path, images=3)
    first = await exported(yard, "shapes")
    await yard.swept()
    await yard.database["exports"].update_one({"_id": first["id"]}, {"$set": {"expires_at": utc_now()}})
    second = await exported(yard, "shapes")  # before anybody has looked for what has expired
    await yard.swept()
    assert second["id"] == first["id"]
    assert {key.split("/")[4] for key in yard.stored() if "/exports/" in key} == {second["job_id"]}
    await downloaded(yard, second)


async def test_a_purged_dataset_takes_its_exports_along(mongo_url: str, tmp_path: Path) -> None:
    engine = EngineSettings(claimers=2, lease_seconds=2, trash_days=0)
    async with open_yard(mongo_url, tmp_path / "yard", engine=engine) as yard:
        await shapes(yard, tmp_path, images=3)
        export = await exported(yard, "shapes")
        assert (await yard.api.delete("/datasets/shapes")).status_code == 204
        assert (await yard.api.get(export["links"]["file"])).status_code == 404
        async with asyncio.timeout(20):  # until every claimer has left
            while await yard.database["datasets"].count_documents({}):
                await asyncio.sleep(0.05)
                await yard.swept()
        assert await yard.database["exports"].count_documents({}) == 0
        assert yard.stored() == []


async def test_two_who_ask_at_once_get_one_export(mongo_url: str, tmp_path: Path) -> None:
    async with open_yard(mongo_url, tmp_path / "yard") as yard:
        await shapes(yard, tmp_path, images=3)
        answers = await asyncio.gather(
            *(yard.api.post("/datasets/shapes/exports", json={"format": "coco"}) for _ in range(8))
        )
        assert [answer.status_code for answer in answers] == [202] * 8
        assert len({answer.json()["id"] for answer in answers}) == 1
        await export_ended(yard, "shapes", answers[0].json()["id"])
        assert await yard.database["jobs"].count_documents({}) == 1
        assert await yard.database["exports"].count_documents({}) == 1
