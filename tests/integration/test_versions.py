"""Versions: older ones stay readable, each can be brought back, and no kill, race or failure leaves a trace."""

import asyncio
import io
import random
import zipfile
from pathlib import Path
from typing import Any

import pytest

from shared.features.images import overflow
from shared.features.images.repository import version_query
from shared.foundation.settings import EngineSettings
from shared.wiring.migrations import write_first_versions
from tests.factories.claimers import claimer_process
from tests.factories.claimers import kill as kill_process
from tests.factories.exports import downloaded, exported
from tests.factories.traps import kill
from tests.factories.versions import GOOD, everything, history, labelled, versioned
from tests.factories.yard import QuietLauncher, Yard, open_yard

ODD = f"{GOOD}1 0.9 0.5 0.2 1.005\n2 0.5 0.5 0 0.1\n7 0.5 0.5 0.1 0.1\n"
CLIP = {"fixes": {"ROW_COORD_TOLERANCE": "clip"}}
DROP = {"fixes": {"ROW_ZERO_AREA": "drop_row"}}
REMAP = {"fixes": {"ROW_CLASS_RANGE": "remap"}, "category_map": {"7": 2}}
ALL = {"fixes": CLIP["fixes"] | DROP["fixes"] | {"ROW_CLASS_RANGE": "remap"}, "category_map": {"7": 2}}
SMALL_SHARDS = EngineSettings(claimers=2, shard_bytes=8 << 10, shard_images=4, lease_seconds=1)


def labels(count: int) -> dict[str, str]:
    """Every third image has something to fix."""
    return {f"{number:03}": GOOD if number % 3 else ODD for number in range(count)}


async def documents(yard: Yard) -> list[dict[str, Any]]:
    """The image documents, as they are."""
    return [one async for one in yard.database["images"].find().sort("_id")]


async def test_every_version_stays_what_it_was(small_yard: Yard, tmp_path: Path) -> None:
    yard = small_yard
    await yard.imported(labelled(tmp_path, labels(20)))
    seen = {1: await everything(yard, "shapes")}
    for number, body in enumerate((CLIP, DROP, REMAP), start=2):
        await versioned(yard, "shapes", body)
        seen[number] = await everything(yard, "shapes")
        assert seen[number] != seen[number - 1]

    for number, expected in seen.items():
        assert await everything(yard, "shapes", version=number) == expected
    for number, changed in ((2, 7), (3, 7), (4, 7)):
        assert await yard.database["images"].count_documents({"valid_from": number}) == changed
    missing = await yard.api.get("/datasets/shapes/images", params={"version": 5})
    assert (missing.status_code, missing.json()["type"]) == (404, "/problems/version-not-found")


async def test_an_id_names_its_image_in_every_version(yard: Yard, tmp_path: Path) -> None:
    await yard.imported(labelled(tmp_path, {"a": ODD}))
    (old,) = await yard.all_images("shapes")
    await versioned(yard, "shapes", DROP)
    (new,) = await yard.all_images("shapes")
    assert old["id"] != new["id"]

    for image_id in (old["id"], new["id"]):
        path = f"/datasets/shapes/images/{image_id}"
        assert (await yard.api.get(path)).json()["id"] == new["id"]
        assert (await yard.api.get(path, params={"version": 1})).json()["id"] == old["id"]
        assert (await yard.api.get(f"{path}/labels")).text == ODD
        assert (await yard.api.get(f"{path}/file")).status_code == 200


async def test_undoing_gives_the_same_images_again(small_yard: Yard, tmp_path: Path) -> None:
    yard = small_yard
    await yard.imported(labelled(tmp_path, labels(14)))
    first = await everything(yard, "shapes")
    await versioned(yard, "shapes", CLIP)
    await versioned(yard, "shapes", REMAP)
    third = await everything(yard, "shapes")

    back = await versioned(yard, "shapes", {"version": 1, "note": "no"}, route="rollback")

    assert (back["version"], back["kind"], back["restored"], back["parent"]) == (4, "rollback", 1, 3)
    assert back["counts"]["images_changed"] == 5
    assert await everything(yard, "shapes") == first
    await versioned(yard, "shapes", {"version": 3}, route="rollback")
    assert await everything(yard, "shapes") == third
    assert await everything(yard, "shapes", version=4) == first
    assert [one["version"] for one in await history(yard, "shapes")] == [5, 4, 3, 2, 1]
    for number, kind in ((5, "nothing-to-restore"), (9, "version-not-found")):
        answer = await yard.api.post("/datasets/shapes/rollback", json={"version": number})
        assert answer.json()["type"] == f"/problems/{kind}"


async def test_the_index_gives_every_version_in_order(yard: Yard, tmp_path: Path) -> None:
    await yard.imported(labelled(tmp_path, labels(60)))
    await versioned(yard, "shapes", CLIP)
    await versioned(yard, "shapes", DROP)
    dataset = await yard.container.datasets.load((await yard.database["datasets"].find_one({}))["_id"])
    for number in (1, 2, 3):
        at = await yard.container.datasets.at_version(dataset, number)
        found = await yard.database.command(
            "explain", {"find": "images", "filter": version_query(at), "sort": {"path": 1, "_id": 1}, "limit": 10}
        )
        stages = set(_stages(found["queryPlanner"]["winningPlan"]))
        assert not stages & {"SORT", "COLLSCAN"}, stages
        assert found["executionStats"]["totalDocsExamined"] <= 10 + 2 * 10


def _stages(plan: dict[str, Any]) -> list[str]:
    inner = [plan[name] for name in ("inputStage", "queryPlan") if name in plan] + plan.get("inputStages", [])
    return [plan["stage"]] * ("stage" in plan) + [stage for one in inner for stage in _stages(one)]


@pytest.mark.parametrize("seed", range(3))
async def test_claimers_killed_at_random_awaits(mongo_url: str, tmp_path: Path, seed: int) -> None:
    path = labelled(tmp_path, labels(60))
    async with open_yard(mongo_url, tmp_path / "one", engine=SMALL_SHARDS) as yard:
        await yard.imported(path)
        await versioned(yard, "shapes", ALL)
        expected = await everything(yard, "shapes"), (await history(yard, "shapes"))[0]["counts"]
    dice = random.Random(seed)
    async with open_yard(mongo_url, tmp_path / "two", engine=SMALL_SHARDS, launcher=QuietLauncher()) as yard:
        imported = await yard.start_import(path)
        await yard.begun(imported)
        await yard.claimer(imported)
        job_id = (await yard.api.post("/datasets/shapes/versions", json=ALL)).json()["job_id"]
        await yard.begun(job_id)
        claimers = [yard.claimer(job_id) for _ in range(3)]
        for _ in range(10):
            await asyncio.sleep(dice.uniform(0, 0.05))
            victim = dice.randrange(len(claimers))
            await kill(claimers[victim])
            claimers[victim] = yard.claimer(job_id)
        await asyncio.gather(*claimers)
        assert (await yard.ended(job_id))["state"] == "succeeded"
        assert (await everything(yard, "shapes"), (await history(yard, "shapes"))[0]["counts"]) == expected


async def test_a_killed_process_changes_nothing(mongo_url: str, tmp_path: Path) -> None:
    async with open_yard(mongo_url, tmp_path / "yard", engine=SMALL_SHARDS, launcher=QuietLauncher()) as yard:
        imported = await yard.start_import(labelled(tmp_path, labels(400)))
        await yard.begun(imported)
        await yard.claimer(imported)
        before = await everything(yard, "shapes")
        job_id = (await yard.api.post("/datasets/shapes/versions", json=ALL)).json()["job_id"]
        await yard.begun(job_id)
        process = claimer_process(yard, job_id)
        async with asyncio.timeout(30):
            while not await yard.database["images"].count_documents({"valid_from": 2}):  # noqa: ASYNC110 - polled
                await asyncio.sleep(0.01)
        kill_process(process)

        assert await everything(yard, "shapes") == before
        assert (await yard.job(job_id))["state"] == "running"
        await yard.claimer(job_id)
        assert (await yard.ended(job_id))["state"] == "succeeded"
        counts = (await history(yard, "shapes"))[0]["counts"]
        assert counts["mended"] == {"ROW_CLASS_RANGE": 134, "ROW_COORD_TOLERANCE": 134, "ROW_ZERO_AREA": 134}
        assert await everything(yard, "shapes", version=1) == before


@pytest.mark.parametrize("written", [False, True])
async def test_a_cancelled_version_leaves_nothing(mongo_url: str, tmp_path: Path, *, written: bool) -> None:
    async with open_yard(mongo_url, tmp_path / "yard", engine=SMALL_SHARDS, launcher=QuietLauncher()) as yard:
        imported = await yard.start_import(labelled(tmp_path, labels(40)))
        await yard.begun(imported)
        await yard.claimer(imported)
        before, stored = await documents(yard), yard.stored()
        job_id = (await yard.api.post("/datasets/shapes/versions", json=ALL)).json()["job_id"]
        await yard.begun(job_id)
        if written:
            claimer = yard.claimer(job_id)
            while await documents(yard) == before and not claimer.done():  # noqa: ASYNC110 - polled
                await asyncio.sleep(0.001)
            await kill(claimer)
            assert await documents(yard) != before
        busy = await yard.api.post("/datasets/shapes/versions", json=CLIP)
        assert (busy.status_code, busy.json()["type"]) == (409, "/problems/version-busy")

        await yard.api.post(f"/datasets/import/{job_id}/cancel")
        await yard.cleaned(job_id)

        assert await documents(yard) == before
        assert yard.stored() == stored
        assert (await yard.api.get("/datasets/shapes")).json()["pending_version"] is None
        assert len(await history(yard, "shapes")) == 1

        assert (await yard.api.post(f"/datasets/import/{job_id}/retry")).status_code == 202
        await yard.begun(job_id)
        await yard.claimer(job_id)
        assert (await yard.ended(job_id))["state"] == "succeeded"
        assert [one["version"] for one in await history(yard, "shapes")] == [3, 1]


async def test_who_wakes_after_its_version_was_given_up_writes_nothing(mongo_url: str, tmp_path: Path) -> None:
    """A claimer stands before its transaction while its job is cancelled, cleaned up, and another version made."""
    async with open_yard(mongo_url, tmp_path / "yard", engine=SMALL_SHARDS, launcher=QuietLauncher()) as yard:
        imported = await yard.start_import(labelled(tmp_path, labels(8)))
        await yard.begun(imported)
        await yard.claimer(imported)
        before = await documents(yard)
        job_id = (await yard.api.post("/datasets/shapes/versions", json=DROP)).json()["job_id"]
        await yard.begun(job_id)
        drafts, waiting, awake = yard.container.drafts, asyncio.Event(), asyncio.Event()
        keep_large = type(drafts).keep_large

        async def asleep(self: Any, *args: Any) -> Any:
            waiting.set()
            await awake.wait()
            return await keep_large(self, *args)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(type(drafts), "keep_large", asleep)
            claimer = yard.claimer(job_id)
            await waiting.wait()
            await yard.api.post(f"/datasets/import/{job_id}/cancel")
            await yard.database["import_jobs"].update_one({"_id": job_id}, {"$set": {"heartbeats": {}}})
            await yard.cleaned(job_id)
            awake.set()
            await claimer

        assert await documents(yard) == before


async def test_of_two_at_once_one_is_made(yard: Yard, tmp_path: Path) -> None:
    await yard.imported(labelled(tmp_path, labels(30)))
    answers = await asyncio.gather(
        *(yard.api.post("/datasets/shapes/versions", json=body) for body in (CLIP, DROP, REMAP, CLIP))
    )
    assert sorted(answer.status_code for answer in answers) == [202, 409, 409, 409]
    started = next(answer for answer in answers if answer.status_code == 202)
    assert (await yard.ended(started.json()["job_id"]))["state"] == "succeeded"
    assert [one["version"] for one in await history(yard, "shapes")] == [2, 1]


async def test_who_may_only_read_a_dataset_changes_nothing(yard: Yard, tmp_path: Path) -> None:
    await yard.imported(labelled(tmp_path, labels(3)), storage="packed")
    base, of_others = "/datasets/shapes", {"access.owner_id": "somebody", "access.visibility": "public"}
    orders = [(f"{base}/versions", DROP), (f"{base}/versions?dry_run=true", DROP), (f"{base}/verify", None)]
    orders.append((f"{base}/rollback", {"version": 1}))
    await yard.database["datasets"].update_many({}, {"$set": of_others})
    assert (await yard.api.get(f"{base}/versions")).status_code == 200
    for collaborators, may in (({}, False), ({"local": "read"}, False), ({"local": "edit"}, True)):
        await yard.database["datasets"].update_many({}, {"$set": {"access.collaborators": collaborators}})
        for path, body in orders if not may else orders[1:2]:
            answer = await yard.api.post(path, json=body)
            assert (answer.status_code == 404) != may, (path, answer.text)
    assert await yard.database["import_jobs"].count_documents({}) == 1
    assert len(await history(yard, "shapes")) == 1


async def test_the_same_key_makes_one_version(yard: Yard, tmp_path: Path) -> None:
    await yard.imported(labelled(tmp_path, labels(6)))
    headers = {"Idempotency-Key": "clip-it"}
    first = await yard.api.post("/datasets/shapes/versions", json=CLIP, headers=headers)
    await yard.ended(first.json()["job_id"])
    again = await yard.api.post("/datasets/shapes/versions", json=CLIP, headers=headers)
    other = await yard.api.post("/datasets/shapes/versions", json=DROP, headers=headers)

    assert again.json()["job_id"] == first.json()["job_id"]
    assert (other.status_code, other.json()["type"]) == (409, "/problems/idempotency-conflict")
    assert len(await history(yard, "shapes")) == 2


async def test_a_dataset_goes_with_its_history(mongo_url: str, tmp_path: Path) -> None:
    engine = SMALL_SHARDS.model_copy(update={"trash_days": 0})
    async with open_yard(mongo_url, tmp_path / "yard", engine=engine) as yard:
        await yard.imported(labelled(tmp_path, labels(6)))
        await versioned(yard, "shapes", CLIP)
        assert (await yard.api.delete("/datasets/shapes")).status_code == 204
        async with asyncio.timeout(10):
            while await yard.database["datasets"].count_documents({}):  # claimers may still be leaving
                await yard.swept()
                await asyncio.sleep(0.05)
        for collection in ("images", "versions"):
            assert await yard.database[collection].count_documents({}) == 0


async def test_a_verification_is_of_all_versions(yard: Yard, tmp_path: Path) -> None:
    await yard.imported(labelled(tmp_path, labels(9)), storage="packed", in_place=True)
    await versioned(yard, "shapes", CLIP)
    answer = await yard.api.post("/datasets/shapes/verify")
    assert (await yard.ended(answer.json()["job_id"]))["state"] == "succeeded"

    for version in (1, 2):
        images = await yard.all_images("shapes", version=version)
        assert len(images) == 9
        assert all(image["sha256"] and not image["pending"] for image in images)


async def test_every_version_can_be_exported(yard: Yard, tmp_path: Path) -> None:
    """An old one with the label files as they were, its categories and all; a mended one as its documents say."""
    names = "names: {0: circle, 2: triangle}\n"
    text = "2 0.9 0.5 0.2 1.005\n0 0.5 0.5 0.2 0.4\n"
    await yard.imported(labelled(tmp_path, {"a": text, "b": GOOD}, names=names))
    await versioned(yard, "shapes", {"fixes": {"YAML_NAMES_GAP": "densify", "ROW_COORD_TOLERANCE": "clip"}})
    await versioned(yard, "shapes", {"version": 1}, route="rollback")

    found = {}
    for version in (1, 2, 3):
        export = await exported(yard, "shapes", version=version)
        with zipfile.ZipFile(io.BytesIO(await downloaded(yard, export))) as archive:
            members = {Path(name).name: archive.read(name).decode() for name in archive.namelist() if "jpg" not in name}
        found[version] = members
    assert found[1]["a.txt"] == text
    assert found[1]["b.txt"] == found[2]["b.txt"] == GOOD
    assert [row.split()[0] for row in found[2]["a.txt"].splitlines()] == ["1", "0"]
    assert float(found[2]["a.txt"].split()[4]) == 1
    assert "class_1" not in found[2]["data.yaml"]
    assert [list(map(float, row.split())) for row in found[3]["a.txt"].splitlines()] == [
        list(map(float, row.split())) for row in text.splitlines()
    ]
    assert found[3]["data.yaml"] == found[1]["data.yaml"]
    missing = await yard.api.post("/datasets/shapes/exports", json={"format": "yolo", "version": 9})
    assert (missing.status_code, missing.json()["type"]) == (404, "/problems/version-not-found")


async def test_older_databases_get_their_first_versions(yard: Yard, tmp_path: Path) -> None:
    """Datasets of before there was a history can be fixed, and read at version 1 after that."""
    await yard.imported(labelled(tmp_path, labels(6)))
    before = await everything(yard, "shapes")
    await yard.database["versions"].delete_many({})
    await yard.database["datasets"].update_many({}, {"$unset": {"newest_version": "", "draft": ""}})
    yard.disturbed = True

    await write_first_versions(yard.database)
    await write_first_versions(yard.database)

    assert [one["kind"] for one in await history(yard, "shapes")] == ["import"]
    await versioned(yard, "shapes", CLIP)
    assert await everything(yard, "shapes", version=1) == before


async def test_annotations_beside_their_documents_have_versions_too(
    mongo_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(overflow, "_MOST_BYTES", 200)
    async with open_yard(mongo_url, tmp_path / "yard", engine=SMALL_SHARDS, launcher=QuietLauncher()) as yard:
        imported = await yard.start_import(labelled(tmp_path, labels(9)))
        await yard.begun(imported)
        await yard.claimer(imported)
        first = await _whole_images(yard)
        stored = [name for name in yard.stored() if name.startswith("datasets/")]
        assert any("/annotations/" in name for name in stored)
        job_id = (await yard.api.post("/datasets/shapes/versions", json=CLIP)).json()["job_id"]
        await yard.begun(job_id)
        claimer = yard.claimer(job_id)
        while not await yard.database["images"].count_documents({"valid_from": 2}):  # noqa: ASYNC110 - polled
            await asyncio.sleep(0.001)
        await kill(claimer)
        await yard.api.post(f"/datasets/import/{job_id}/cancel")
        await yard.cleaned(job_id)
        assert [name for name in yard.stored() if name.startswith("datasets/")] == stored

        job_id = (await yard.api.post("/datasets/shapes/versions", json=CLIP)).json()["job_id"]
        await yard.begun(job_id)
        await yard.claimer(job_id)

        assert (await yard.ended(job_id))["state"] == "succeeded"
        heights = [one[1]["bbox"][3] for one in await _whole_images(yard) if len(one) > 1]
        assert heights == [1, 1, 1]
        assert await _whole_images(yard, version=1) == first


async def _whole_images(yard: Yard, **query: object) -> list[list[dict[str, Any]]]:
    """The annotations of every image, also of those whose pages have none."""
    images = await yard.all_images("shapes", **query)
    paths = [f"/datasets/shapes/images/{image['id']}" for image in images]
    return [(await yard.api.get(path, params=query)).json()["annotations"] for path in paths]


async def test_versions_and_verifications_wait_for_each_other(quiet_yard: Yard, tmp_path: Path) -> None:
    yard = quiet_yard
    imported = await yard.start_import(labelled(tmp_path, labels(3)), storage="packed", in_place=True)
    busy = await yard.api.post("/datasets/shapes/versions", json=CLIP)
    assert (busy.status_code, busy.json()["type"]) == (409, "/problems/dataset-busy")
    await yard.begun(imported)
    await yard.claimer(imported)

    verification = (await yard.api.post("/datasets/shapes/verify")).json()["job_id"]
    busy = await yard.api.post("/datasets/shapes/versions", json=CLIP)
    assert (busy.status_code, busy.json()["type"]) == (409, "/problems/dataset-busy")
    await yard.api.post(f"/datasets/import/{verification}/cancel")
    assert (await yard.api.post("/datasets/shapes/versions", json=CLIP)).status_code == 202
    busy = await yard.api.post("/datasets/shapes/verify")
    assert (busy.status_code, busy.json()["type"]) == (409, "/problems/version-busy")
