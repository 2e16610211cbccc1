"""Asking a yard for exports, and looking into them."""

import asyncio
import io
import json
import tarfile
import zipfile
from pathlib import Path
from typing import Any

from tests.factories.archives import yolo_zip
from tests.factories.yard import ENDED, Yard

FORMATS: dict[str, dict[str, object]] = {
    "ultralytics": {"format": "yolo"},
    "roboflow": {"format": "yolo", "tree": "roboflow"},
    "darknet": {"format": "yolo", "tree": "darknet"},
    "coco": {"format": "coco"},
    "voc": {"format": "voc"},
    "kitti": {"format": "kitti"},
    "csv": {"format": "csv"},
}
"""Every export that is one zip."""


async def shapes(yard: Yard, folder: Path, *, images: int = 20, **options: object) -> dict[str, dict[str, Any]]:
    """The images, by path, of the dataset `shapes`, which is imported."""
    yolo_zip(folder / "shapes.zip", images=images)
    await yard.imported(folder / "shapes.zip", **options)
    return {image["path"]: image for image in await yard.all_images("shapes")}


async def export_ended(yard: Yard, dataset: str, export_id: str, *, seconds: float = 60) -> dict[str, Any]:
    """The export once nothing more happens to it by itself."""
    async with asyncio.timeout(seconds):
        while True:
            await _job_ended(yard, export_id)
            found = (await yard.api.get(f"/datasets/{dataset}/exports/{export_id}")).json()
            if found["state"] in ENDED:
                return found
            await asyncio.sleep(0.02)


async def _job_ended(yard: Yard, export_id: str) -> None:
    """Wait for the end of the export's job; asks the database, which costs less than requests."""
    while export := await yard.database["exports"].find_one({"_id": export_id}, ["job_id"]):
        job = await yard.database["jobs"].find_one({"_id": export["job_id"]}, ["state"])
        if job is None or job["state"] in ENDED:
            return
        await asyncio.sleep(0.02)


async def exported(yard: Yard, dataset: str, **options: object) -> dict[str, Any]:
    """An export that has succeeded."""
    answer = await yard.api.post(f"/datasets/{dataset}/exports", json={"format": "yolo", **options})
    assert answer.status_code == 202, answer.text
    found = await export_ended(yard, dataset, answer.json()["id"])
    assert found["state"] == "succeeded", found["error"]
    return found


async def downloaded(yard: Yard, export: dict[str, Any], number: int = 0) -> bytes:
    """One of its files, whole."""
    file = export["files"][number]
    answer = await yard.api.get(file["url"])
    assert (answer.status_code, answer.headers["etag"]) == (200, file["etag"])
    assert answer.headers["content-length"] == str(file["size_bytes"]) == str(len(answer.content))
    return answer.content


def members_of(data: bytes) -> dict[str, bytes]:
    """The members of a zip, checked."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist()}


def tar_members(data: bytes) -> dict[str, bytes]:
    """The members of a tar."""
    with tarfile.open(fileobj=io.BytesIO(data), mode="r:") as archive:
        files = {member.name: archive.extractfile(member) for member in archive}
        return {name: file.read() for name, file in files.items() if file is not None}


async def content(yard: Yard, dataset: str) -> list[dict[str, Any]]:
    """What a dataset says, image by image, but for ids and where files lie: what a round trip has to keep."""
    kept = ("split", "width", "height", "format", "orientation", "size_bytes", "sha256", "attributes")
    found = []
    for image in await yard.all_images(dataset):
        one = {key: image[key] for key in kept}
        found.append({**one, "name": image["file_name"], "annotations": image["annotations"]})
    return sorted(found, key=lambda image: json.dumps([image["sha256"], image["split"], image["name"]]))


async def categories(yard: Yard, dataset: str) -> list[tuple[int, str]]:
    """The categories, in order."""
    found = (await yard.api.get(f"/datasets/{dataset}")).json()["categories"]
    return [(one["id"], one["name"]) for one in found]


async def reimported(yard: Yard, path: Path, data: bytes, **options: object) -> dict[str, Any]:
    """The status of an import of what was exported."""
    await asyncio.to_thread(path.write_bytes, data)
    status = await yard.imported(path, **options)
    assert status["state"] == "succeeded", status["error"]
    return status
