"""Verifying a packed dataset: what was pending becomes known, what is damaged is found, nothing else changes."""

from pathlib import Path

import pytest

from tests.factories.archives import yolo_zip
from tests.factories.yard import Yard

IN_PLACE = {"storage": "packed", "in_place": True}


async def verified(yard: Yard, dataset_id: str) -> dict:
    """The status of a verification that has ended."""
    answer = await yard.api.post(f"/datasets/{dataset_id}/verify")
    assert answer.status_code == 202, answer.text
    return await yard.ended(answer.json()["job_id"])


async def test_hashes_become_known(yard: Yard, tmp_path: Path) -> None:
    truth = yolo_zip(tmp_path / "shapes.zip", images=30)
    status = await yard.imported(tmp_path / "shapes.zip", **IN_PLACE)
    before = await yard.all_images("shapes")
    assert {(image["sha256"], tuple(image["pending"])) for image in before} == {(None, ("sha256",))}

    job = await verified(yard, status["dataset_id"])

    assert (job["state"], job["kind"], job["progress"]["images_done"]) == ("succeeded", "verify", 30)
    after = await yard.all_images("shapes")
    assert {image["path"]: image["sha256"] for image in after} == {
        path: truth.sha256[path] for path in truth.image_sizes
    }
    known = {"sha256": None, "pending": None}
    assert [image | known for image in after] == [image | known for image in before]
    assert all(image["pending"] == [] for image in after)
    again = await verified(yard, status["dataset_id"])
    assert again["state"] == "succeeded"
    assert await yard.all_images("shapes") == after


async def test_damage_is_found_and_its_neighbours_are_hashed(yard: Yard, tmp_path: Path) -> None:
    path = tmp_path / "shapes.zip"
    yolo_zip(path, images=12)
    await yard.imported(path, **IN_PLACE)
    image = (await yard.all_images("shapes"))[5]
    document = await yard.database["images"].find_one({"_id": image["id"]})
    assert document is not None
    member = document["member"]
    await yard.database["datasets"].update_one({"slug": "shapes"}, {"$set": {"archive.etag": None}})
    with path.open("r+b") as file:
        file.seek(member["header_offset"] + 30 + len(image["path"]) + member["compressed_bytes"] // 2)
        byte = file.read(1)
        file.seek(-1, 1)
        file.write(bytes((byte[0] ^ 0xFF,)))
    dataset = (await yard.api.get("/datasets/shapes")).json()
    await yard.database["datasets"].update_one({"slug": "shapes"}, {"$set": {"archive.etag": _etag(path)}})

    job = await verified(yard, dataset["id"])

    assert job["state"] == "succeeded"
    findings = await yard.report(job["job_id"])
    assert [finding["file"] for finding in findings] == [image["path"]]
    assert findings[0]["rule"] in {"ARCHIVE_CRC", "ARCHIVE_TRUNCATED"}
    pending = {found["path"]: found["pending"] for found in await yard.all_images("shapes")}
    assert pending.pop(image["path"]) == ["sha256"]
    assert set(map(tuple, pending.values())) == {()}


async def test_objects_were_verified_when_they_were_written(yard: Yard, tmp_path: Path) -> None:
    yolo_zip(tmp_path / "shapes.zip", images=3)
    await yard.imported(tmp_path / "shapes.zip")
    answer = await yard.api.post("/datasets/shapes/verify")
    assert (answer.status_code, answer.json()["type"].rpartition("/")[2]) == (409, "nothing-to-verify")


@pytest.mark.parametrize("when", ["queued", "running"])
async def test_a_paused_job_rests_until_it_is_resumed(quiet_yard: Yard, tmp_path: Path, when: str) -> None:
    yard = quiet_yard
    yolo_zip(tmp_path / "shapes.zip", images=30)
    job_id = await yard.start_import(tmp_path / "shapes.zip")
    claimers = []
    if when == "running":
        await yard.begun(job_id)
        claimers = [yard.claimer(job_id)]
    paused = (await yard.api.post(f"/datasets/import/{job_id}/pause")).json()
    assert (paused["state"], paused["paused"]) == ("queued", True)
    for claimer in claimers:
        await claimer
    await yard.swept()
    await yard.container.dispatcher.dispatch((await yard.job(job_id))["_id"])
    assert (await yard.job(job_id))["state"] == "queued"

    resumed = (await yard.api.post(f"/datasets/import/{job_id}/resume")).json()
    assert resumed["paused"] is False
    await yard.begun(job_id)
    await yard.claimer(job_id)
    assert (await yard.ended(job_id))["state"] == "succeeded"
    late = await yard.api.post(f"/datasets/import/{job_id}/pause")
    assert late.status_code == 409


def _etag(path: Path) -> str:
    found = path.stat()
    return f"{found.st_size}-{found.st_mtime_ns}-{found.st_ino}"
