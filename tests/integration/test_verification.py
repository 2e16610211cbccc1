"""Verifying a packed dataset: what was pending becomes known, what is damaged is found, nothing else changes."""

import json
import stat
import zipfile
from pathlib import Path

import pytest

from shared.foundation.ids import ImageId
from shared.foundation.settings import LimitSettings
from tests.factories.archives import jpeg_bytes, spoil_crc, yolo_zip, zip_of
from tests.factories.broken import CONFIG, huge_png
from tests.factories.yard import Yard, open_yard

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
    await _flip_a_byte(yard, path, image)

    job = await verified(yard, "shapes")

    assert job["state"] == "succeeded"
    findings = await yard.report(job["job_id"])
    assert [finding["file"] for finding in findings] == [image["path"]]
    assert findings[0]["rule"] in {"ARCHIVE_CRC", "ARCHIVE_TRUNCATED"}
    assert findings[0]["message"].startswith("Damaged: ")
    after = {found["path"]: (found["pending"], found["damaged"]) for found in await yard.all_images("shapes")}
    assert after.pop(image["path"]) == (["sha256"], True)
    assert all(found == ([], False) for found in after.values())


async def test_a_damaged_file_is_not_served_until_it_is_whole_again(yard: Yard, tmp_path: Path) -> None:
    path = tmp_path / "shapes.zip"
    content = jpeg_bytes(40, 30, seed=1)
    members = {f"images/train/{number}.jpg": jpeg_bytes(40, 30, seed=number) for number in range(3)}
    zip_of(path, members | {"data.yaml": CONFIG}, compression=zipfile.ZIP_STORED)
    await yard.imported(path, **IN_PLACE)
    image = (await yard.all_images("shapes"))[1]
    url = image["urls"]["file"]
    await _flip_a_byte(yard, path, image)

    await verified(yard, "shapes")

    for headers in ({}, {"Range": "bytes=0-0"}):
        answer = await yard.api.get(url, headers=headers)
        assert (answer.status_code, answer.json()["type"]) == (422, "/problems/packed-file-broken")
    assert (await yard.api.head(url)).status_code == 422
    await _flip_a_byte(yard, path, image)
    await verified(yard, "shapes")
    assert (await yard.api.get(url)).content == content
    assert (await yard.api.get(url.removesuffix("/file"))).json()["damaged"] is False


async def test_what_the_import_left_out_is_not_looked_at(mongo_url: str, tmp_path: Path) -> None:
    limits = LimitSettings(max_image_bytes=1 << 20)
    async with open_yard(mongo_url, tmp_path / "yard", limits=limits) as yard:
        images = {f"images/train/{number}.jpg": jpeg_bytes(40, 30, seed=number) for number in range(5)}
        left_out = {
            "images/train/large.png": huge_png(9, 9) + bytes(2 << 20),
            "images/train/page.jpg": b"<!doctype html>",
        }
        zip_of(tmp_path / "shapes.zip", images | left_out | {"data.yaml": CONFIG})
        spoil_crc(tmp_path / "shapes.zip", "images/train/large.png")
        await yard.imported(tmp_path / "shapes.zip", **IN_PLACE)
        assert len(await yard.all_images("shapes")) == len(images)

        job = await verified(yard, "shapes")

        assert await yard.report(job["job_id"]) == []
        plan = json.loads((await yard.job(job["job_id"]))["plan"])
        assert plan["rollup"]["rows"] == [["verified", len(images)]]


async def test_what_is_gone_meanwhile_does_not_count_as_verified(quiet_yard: Yard) -> None:
    hashes = {ImageId("gone"): "0" * 64}
    assert await quiet_yard.container.images.set_hashes(hashes) == 0
    assert await quiet_yard.container.images.set_hashes({}) == 0


async def test_every_name_of_damaged_bytes_is_found(yard: Yard, tmp_path: Path) -> None:
    path = tmp_path / "links.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("images/train/a.jpg", jpeg_bytes(40, 30))
        link = zipfile.ZipInfo("images/train/b.jpg")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "a.jpg")
        archive.writestr("data.yaml", CONFIG)
    await yard.imported(path, **IN_PLACE)
    await _flip_a_byte(yard, path, (await yard.all_images("links"))[0])

    job = await verified(yard, "links")

    files = [finding["file"] for finding in await yard.report(job["job_id"])]
    assert files == ["images/train/a.jpg", "images/train/b.jpg"]
    assert [image["damaged"] for image in await yard.all_images("links")] == [True, True]


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


async def _flip_a_byte(yard: Yard, path: Path, image: dict) -> None:
    """Damage an image in its archive, or mend it, so that nothing but its bytes tells."""
    document = await yard.database["images"].find_one({"_id": image["id"]})
    assert document is not None
    member = document["member"]
    with path.open("r+b") as file:
        file.seek(member["header_offset"] + 30 + len(image["path"]) + member["compressed_bytes"] // 2)
        byte = file.read(1)
        file.seek(-1, 1)
        file.write(bytes((byte[0] ^ 0xFF,)))
    found = {"_id": document["dataset_id"]}
    await yard.database["datasets"].update_one(found, {"$set": {"archive.etag": _etag(path)}})


def _etag(path: Path) -> str:
    found = path.stat()
    return f"{found.st_size}-{found.st_mtime_ns}-{found.st_ino}"
