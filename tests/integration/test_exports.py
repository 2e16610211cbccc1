"""Exports, as they are asked for, made, downloaded and removed."""

import asyncio
import hashlib
import random
import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest

from shared.features.auth.models import LOCAL_OWNER
from shared.features.datasets.models import Dataset
from shared.foundation.settings import EngineSettings
from tests.factories.archives import jpeg_bytes, yolo_zip, zip_of
from tests.factories.exports import FORMATS, downloaded, export_ended, exported, members_of, shapes, tar_members
from tests.factories.yard import Yard, open_yard

YAML = b"train: images/train\nval: images/val\nnames: [person, car]\n"
STORAGES: dict[str, dict[str, object]] = {
    "objects": {},
    "packed": {"storage": "packed"},
    "in_place": {"storage": "packed", "in_place": True},
}


@pytest.mark.parametrize("name", FORMATS)
async def test_a_zip_holds_every_image_byte_for_byte(yard: Yard, tmp_path: Path, name: str) -> None:
    images = await shapes(yard, tmp_path)
    export = await exported(yard, "shapes", **FORMATS[name])
    data = await downloaded(yard, export)
    members = members_of(data)

    found = sorted(hashlib.sha256(data).hexdigest() for member, data in members.items() if member.endswith(".jpg"))
    assert found == sorted(image["sha256"] for image in images.values())
    assert {member.rpartition("/")[2] for member in members if member.endswith(".jpg")} == {
        image["file_name"] for image in images.values()
    }
    assert (export["images"], export["size_bytes"], export["progress"]["fraction"]) == (20, len(data), 1.0)
    (tmp_path / "export.zip").write_bytes(data)
    if shutil.which("unzip"):
        command = ["unzip", "-tqq", str(tmp_path / "export.zip")]
        await asyncio.to_thread(subprocess.run, command, check=True)


@pytest.mark.parametrize("storage", STORAGES)
@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
async def test_any_range_is_served_wherever_images_lie(yard: Yard, tmp_path: Path, storage: str, method: int) -> None:
    yolo_zip(tmp_path / "shapes.zip", images=12, compression=method)
    await yard.imported(tmp_path / "shapes.zip", **STORAGES[storage])
    export = await exported(yard, "shapes", format="coco")
    data = await downloaded(yard, export)
    members_of(data)
    url, etag = export["links"]["file"], export["etag"]
    dice = random.Random(storage)
    for _ in range(60):
        start = dice.randrange(len(data))
        end = dice.randrange(start, min(len(data), start + dice.choice((1, 100, 10_000))))
        answer = await yard.api.get(url, headers={"Range": f"bytes={start}-{end}", "If-Range": etag})
        assert (answer.status_code, answer.content) == (206, data[start : end + 1])
        assert answer.headers["content-range"] == f"bytes {start}-{end}/{len(data)}"
    rest = await yard.api.get(url, headers={"Range": f"bytes={len(data) // 3}-"})
    assert rest.content == data[len(data) // 3 :]


async def test_ranges_of_every_length_come_out_the_same(yard: Yard, tmp_path: Path) -> None:
    """With blocks of a few images, and every byte as the beginning of a range."""
    await shapes(yard, tmp_path, images=7)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("shared.features.exports.pieces.ROWS", 2)
        export = await exported(yard, "shapes", format="csv")
    data = await downloaded(yard, export)
    found = await yard.container.exports.get(await _dataset(yard), export["id"])
    built = found.export.built
    assert built is not None
    for start in range(0, len(data), 37):
        for end in (start, start + 1, start + 61, start + 2_000):
            pieces = yard.container.exports.read(
                await _dataset(yard), built, built.files[0], start, min(end, len(data))
            )
            assert b"".join([piece async for piece in pieces]) == data[start:end]


async def _dataset(yard: Yard) -> Dataset:
    return await yard.container.datasets.get("shapes", LOCAL_OWNER)


async def test_headers_and_conditions(yard: Yard, tmp_path: Path) -> None:
    await shapes(yard, tmp_path)
    export = await exported(yard, "shapes")
    url, etag, size = export["links"]["file"], export["etag"], export["size_bytes"]

    head = await yard.api.head(url)
    assert (head.status_code, head.headers["content-length"], head.headers["etag"]) == (200, str(size), etag)
    assert head.headers["content-disposition"] == "attachment; filename*=UTF-8''shapes-yolo.zip"
    assert (head.headers["content-type"], head.headers["accept-ranges"]) == ("application/zip", "bytes")
    assert (await yard.api.get(url, headers={"If-None-Match": etag})).status_code == 304
    other = await yard.api.get(url, headers={"Range": "bytes=5-", "If-Range": '"other"'})
    assert (other.status_code, len(other.content)) == (200, size)
    several = await yard.api.get(url, headers={"Range": "bytes=0-1,5-6"})
    assert (several.status_code, len(several.content)) == (200, size)
    beyond = await yard.api.get(url, headers={"Range": f"bytes={size}-"})
    assert (beyond.status_code, beyond.headers["content-range"]) == (416, f"bytes */{size}")
    none = await yard.api.get(f"{url}?shard=1")
    assert (none.status_code, none.json()["type"]) == (404, "/problems/export-file-not-found")


async def test_the_same_options_are_the_same_export(yard: Yard, tmp_path: Path) -> None:
    await shapes(yard, tmp_path)
    first = await exported(yard, "shapes", format="coco")
    data = await downloaded(yard, first)
    again = (await yard.api.post("/datasets/shapes/exports", json={"format": "coco", "version": 1})).json()
    assert again == first
    everything = await exported(yard, "shapes", format="coco", splits=["val", "test", "train"])
    assert everything["id"] == first["id"]
    assert (await exported(yard, "shapes", format="coco", splits=["val"]))["id"] != first["id"]

    assert (await yard.api.delete(first["links"]["export"])).status_code == 204
    assert (await yard.api.get(first["links"]["export"])).status_code == 404
    assert (await yard.api.get(first["links"]["file"])).status_code == 404
    anew = await exported(yard, "shapes", format="coco")
    assert (anew["id"], anew["etag"], anew["job_id"] != first["job_id"]) == (first["id"], first["etag"], True)
    assert await downloaded(yard, anew) == data


async def test_exports_are_listed_newest_first(yard: Yard, tmp_path: Path) -> None:
    await shapes(yard, tmp_path, images=3)
    made = [(await exported(yard, "shapes", **options))["id"] for options in FORMATS.values()]
    first = (await yard.api.get("/datasets/shapes/exports", params={"limit": 4})).json()
    rest = (await yard.api.get("/datasets/shapes/exports", params={"cursor": first["next_cursor"]})).json()
    assert (first["total"], rest["next_cursor"]) == (len(made), None)
    assert [one["id"] for one in first["items"] + rest["items"]] == made[::-1]


async def test_jobs_of_all_kinds_are_one_list(yard: Yard, tmp_path: Path) -> None:
    await shapes(yard, tmp_path, images=3)
    made = [(await exported(yard, "shapes", **options))["job_id"] for options in FORMATS.values()]
    (imported,) = (await yard.api.get("/jobs", params={"kind": "import"})).json()["items"]
    exports = (await yard.api.get("/jobs", params={"kind": "export"})).json()
    assert [one["job_id"] for one in exports["items"]] == made[::-1]
    first = exports["items"][0]
    assert (first["kind"], first["state"], first["progress"]["images_done"]) == ("export", "succeeded", 3)
    assert (await yard.api.get(first["links"]["export"])).status_code == 200
    found, cursor = [], None
    while True:
        page = (await yard.api.get("/jobs", params={"limit": 3, **({"cursor": cursor} if cursor else {})})).json()
        found += page["items"]
        if (cursor := page["next_cursor"]) is None:
            break
    assert [one["job_id"] for one in found] == [*made[::-1], imported["job_id"]]
    jump = (await yard.api.get("/jobs", params={"offset": 6, "limit": 5})).json()
    assert [one["job_id"] for one in jump["items"]] == [made[0], imported["job_id"]]


# -- what is asked for


async def test_splits_and_categories_are_chosen(yard: Yard, tmp_path: Path) -> None:
    images = await shapes(yard, tmp_path)
    some = await exported(yard, "shapes", splits=["val"], categories=["car", "2"])
    members = members_of(await downloaded(yard, some))
    wanted = [
        image
        for image in images.values()
        if image["split"] == "val" and any(one["category_id"] in (1, 2) for one in image["annotations"])
    ]
    assert sorted(name.rpartition("/")[2] for name in members if name.endswith(".jpg")) == sorted(
        image["file_name"] for image in wanted
    )
    assert b"names:\n  0: car\n  1: traffic light\n" in members["data.yaml"]
    rows = [row for name, data in members.items() if name.endswith(".txt") for row in data.decode().splitlines()]
    expected = [one for image in wanted for one in image["annotations"] if one["category_id"] in (1, 2)]
    assert sorted(map(float, " ".join(rows).split())) == sorted(
        value for one in expected for value in (one["category_id"] - 1, *one["bbox"])
    )
    assert [one["rule"] for one in some["findings"]] == ["EXPORT_NO_TRAIN"]


@pytest.mark.parametrize(
    ("options", "status", "problem"),
    [
        ({"format": "tfrecord"}, 422, "invalid-request"),
        ({"format": "coco", "tree": "darknet"}, 422, "invalid-request"),
        ({"format": "coco", "task": "pose"}, 422, "invalid-request"),
        ({"format": "yolo", "version": 2}, 404, "version-not-found"),
        ({"format": "yolo", "splits": ["trian"]}, 404, "split-not-found"),
        ({"format": "yolo", "splits": [None]}, 404, "split-not-found"),
        ({"format": "yolo", "splits": []}, 422, "invalid-request"),
        ({"format": "yolo", "categories": ["dog"]}, 404, "category-not-found"),
        ({"format": "yolo", "task": "classify"}, 422, "export-not-possible"),
        ({"format": "yolo", "task": "pose"}, 422, "export-not-possible"),
    ],
)
async def test_what_cannot_be_exported_is_refused(
    yard: Yard, tmp_path: Path, options: dict, status: int, problem: str
) -> None:
    await shapes(yard, tmp_path, images=2)
    answer = await yard.api.post("/datasets/shapes/exports", json=options)
    assert (answer.status_code, answer.json()["type"]) == (status, f"/problems/{problem}")


async def test_a_dataset_is_exported_once_it_is_ready(quiet_yard: Yard, tmp_path: Path) -> None:
    yolo_zip(tmp_path / "shapes.zip", images=2)
    await quiet_yard.start_import(tmp_path / "shapes.zip")
    answer = await quiet_yard.api.post("/datasets/shapes/exports", json={"format": "yolo"})
    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/dataset-busy")


async def test_only_who_may_read_a_dataset_sees_its_exports(yard: Yard, tmp_path: Path) -> None:
    await shapes(yard, tmp_path, images=2)
    export = await exported(yard, "shapes")
    base, one = "/datasets/shapes/exports", export["links"]["export"]
    await yard.database["datasets"].update_many({}, {"$set": {"access.owner_id": "somebody"}})
    await yard.database["exports"].update_many({}, {"$set": {"owner_id": "somebody"}})
    for method, path in (("POST", base), ("GET", base), ("GET", one), ("GET", f"{one}/file"), ("DELETE", one)):
        answer = await yard.api.request(method, path, json={"format": "yolo"} if method == "POST" else None)
        assert (answer.status_code, answer.json()["type"]) == (404, "/problems/dataset-not-found"), (method, path)

    await yard.database["datasets"].update_many({}, {"$set": {"access.visibility": "public"}})
    assert (await yard.api.get(one)).status_code == 200
    assert (await yard.api.get(f"{one}/file")).status_code == 200
    assert (await yard.api.post(base, json={"format": "csv"})).status_code == 202
    assert (await yard.api.delete(one)).status_code == 404  # it is somebody else's
    assert (await yard.api.get(one)).status_code == 200


# -- names, splits, what is left out


async def test_names_that_are_wanted_twice(yard: Yard, tmp_path: Path) -> None:
    images = {f"images/train/{folder}/1.jpg": jpeg_bytes(40, 30, seed=ord(folder)) for folder in "abc"}
    labels = {
        f"labels/train/{folder}/1.txt": f"0 .5 .5 .{number + 1} .5\n".encode() for number, folder in enumerate("abc")
    }
    zip_of(tmp_path / "twice.zip", {"data.yaml": YAML, **images, **labels})
    await yard.imported(tmp_path / "twice.zip")
    for name, options in FORMATS.items():
        export = await exported(yard, "twice", **options)
        members = members_of(await downloaded(yard, export))
        assert len([member for member in members if member.endswith(".jpg")]) == 3, name
        (renamed,) = [one for one in export["findings"] if one["rule"] == "EXPORT_RENAMED"]
        assert (renamed["count"], renamed["examples"]) == (2, ["images/train/b/1.jpg", "images/train/c/1.jpg"])
    members = members_of(await downloaded(yard, await exported(yard, "twice")))
    pairs = {
        hashlib.sha256(data).hexdigest(): members[member.replace("images/", "labels/").replace(".jpg", ".txt")]
        for member, data in members.items()
        if member.endswith(".jpg")
    }
    expected = {
        hashlib.sha256(data).hexdigest(): labels[path.replace("images/", "labels/").replace(".jpg", ".txt")]
        for path, data in images.items()
    }
    assert pairs == expected


async def test_damaged_images_and_those_without_bytes_are_left_out_and_named(yard: Yard, tmp_path: Path) -> None:
    images = await shapes(yard, tmp_path, images=5, storage="packed")
    damaged, pending = sorted(images)[1:3]
    await yard.database["images"].update_one({"path": damaged}, {"$set": {"damaged": True}})
    await yard.database["images"].update_one({"path": pending}, {"$set": {"member": None}})
    export = await exported(yard, "shapes")
    found = {one["rule"]: one["examples"] for one in export["findings"]}
    assert found["EXPORT_DAMAGED"] == [damaged]
    assert found["EXPORT_PENDING"] == [pending]
    assert export["images"] == 3
    names = {member.rpartition("/")[2] for member in members_of(await downloaded(yard, export))}
    assert not {Path(damaged).name, Path(pending).name} & names


async def test_nothing_left_is_a_failure_that_says_so(yard: Yard, tmp_path: Path) -> None:
    await shapes(yard, tmp_path, images=3)
    await yard.database["images"].update_many({}, {"$set": {"damaged": True}})
    answer = await yard.api.post("/datasets/shapes/exports", json={"format": "yolo"})
    export = await export_ended(yard, "shapes", answer.json()["id"])
    assert (export["state"], export["error"]["type"]) == ("failed", "/problems/nothing-to-export")
    file = await yard.api.get(export["links"]["file"])
    assert (file.status_code, file.json()["type"]) == (409, "/problems/export-not-ready")
    await yard.database["images"].update_many({}, {"$unset": {"damaged": ""}})
    assert (await exported(yard, "shapes"))["id"] == export["id"]


async def test_a_source_that_told_no_checksum_is_read_once(yard: Yard, tmp_path: Path) -> None:
    images = await shapes(yard, tmp_path, images=5)
    expected = await exported(yard, "shapes")
    data = await downloaded(yard, expected)
    await yard.database["images"].update_many({}, {"$set": {"crc32": None}})
    await yard.api.delete(expected["links"]["export"])
    again = await exported(yard, "shapes")
    assert (again["etag"], await downloaded(yard, again)) == (expected["etag"], data)
    assert len(images) == again["images"]


async def test_old_versions_are_exported_as_they_were(yard: Yard, tmp_path: Path) -> None:
    """Closed and opened documents, as an edit will leave them."""
    images = await shapes(yard, tmp_path, images=5)
    first = await exported(yard, "shapes", format="csv")
    before = await downloaded(yard, first)
    path = sorted(images)[2]
    old = await yard.database["images"].find_one({"path": path})
    assert old is not None
    await yard.database["images"].update_one({"_id": old["_id"]}, {"$set": {"valid_to": 2}})
    edited = {**old, "_id": "edited", "valid_from": 2, "annotations": []}
    await yard.database["images"].insert_one(edited)
    await yard.database["datasets"].update_many({}, {"$set": {"version": 2}})

    await yard.api.delete(first["links"]["export"])
    same = await exported(yard, "shapes", format="csv", version=1)
    assert (same["id"], same["etag"]) == (first["id"], first["etag"])
    assert await downloaded(yard, same) == before
    members = members_of(await downloaded(yard, await exported(yard, "shapes", format="yolo")))
    assert f"labels/{path.removeprefix('images/').removesuffix('.jpg')}.txt" not in members
    assert len([name for name in members if name.endswith(".jpg")]) == 5


# -- shards


async def test_shards_hold_whole_samples(mongo_url: str, tmp_path: Path) -> None:
    engine = EngineSettings(claimers=2, lease_seconds=2, export_shard_bytes=12_000)
    async with open_yard(mongo_url, tmp_path / "yard", engine=engine) as yard:
        images = await shapes(yard, tmp_path)
        export = await exported(yard, "shapes", format="webdataset")
        assert [file["name"].split("-")[1] for file in export["files"]] == sorted(
            file["name"].split("-")[1] for file in export["files"]
        )
        assert len({file["etag"] for file in export["files"]}) == len(export["files"]) > 3
        found: dict[str, bytes] = {}
        for number, file in enumerate(export["files"]):
            data = await downloaded(yard, export, number)
            assert len(data) <= 12_000
            members = tar_members(data)
            keys = [name.partition(".")[0] for name in members]
            assert keys == [key for key in dict.fromkeys(keys) for _ in range(2)], "a sample's files follow one another"
            found |= {f"{file['name'].split('-')[1]}/{name}": content for name, content in members.items()}
            part = await yard.api.get(file["url"], headers={"Range": f"bytes=100-{len(data) - 300}"})
            assert part.content == data[100 : len(data) - 299]
        hashes = {hashlib.sha256(data).hexdigest() for name, data in found.items() if name.endswith(".jpg")}
        assert hashes == {image["sha256"] for image in images.values()}


async def test_a_small_dataset_is_one_shard_for_each_split(yard: Yard, tmp_path: Path) -> None:
    await shapes(yard, tmp_path)
    export = await exported(yard, "shapes", format="webdataset", splits=["val"])
    (file,) = export["files"]
    assert (file["name"], file["url"]) == ("shapes-val-000000.tar", export["links"]["file"])
    assert (await yard.api.head(file["url"])).headers["content-type"] == "application/x-tar"
