"""Datasets with links: folders and files under several names, in zips, tars and folders."""

import hashlib
import io
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.factories.broken import large_jpeg, tar_member, tar_of
from tests.factories.http_servers import source_server
from tests.factories.raw_zip import SYMLINK, RawMember, raw_zip
from tests.factories.source_kinds import NAMES, STORAGES, Members, check, dataset, rules, served, write_folder
from tests.factories.yard import Yard

POOL = {f"pool/{number}.jpg": large_jpeg(3_000, seed=number, sides=(40 + number, 30)) for number in range(6)}
BOX, POLYGON = b"0 0.5 0.5 0.2 0.2\n", b"1 0.1 0.1 0.9 0.1 0.9 0.9\n"


def linked(task: str) -> Members:
    """Labels of one task for all images of the pool."""
    row = BOX if task == "detect" else POLYGON
    rows = [row.replace(b"0.2\n", b"0.%d\n" % (at + 2)).replace(b" 0.9\n", b" 0.%d\n" % (at + 4)) for at in range(6)]
    return {f"{task}/labels/{number}.txt": b"".join(rows[: number + 1]) for number in range(6)}


BOTH = yaml.safe_dump({"train": "detect/images", "val": "segment/images", "names": NAMES}).encode()
TREES = POOL | linked("detect") | linked("segment") | {"data.yaml": BOTH}
POOL_LINKS = {"detect/images": "../pool", "segment/images": "../pool"}


def linked_tar(path: Path, files: Mapping[str, bytes], links: Mapping[str, str]) -> Path:
    with tarfile.open(path, "w") as archive:
        for name, target in links.items():
            archive.addfile(tar_member(name, kind=tarfile.SYMTYPE, target=target))
        for name, data in files.items():
            archive.addfile(tar_member(name, size=len(data)), io.BytesIO(data))
    return path


def linked_zip(path: Path, files: Mapping[str, bytes], links: Mapping[str, str]) -> Path:
    members = [RawMember(name.encode(), data, method=0) for name, data in files.items()]
    methods = (0, 8)
    targets = enumerate(links.items())
    return raw_zip(
        path,
        members
        + [
            RawMember(name.encode(), target.encode(), method=methods[at % 2], attributes=SYMLINK)
            for at, (name, target) in targets
        ],
    )


def linked_folder(path: Path, files: Mapping[str, bytes], links: Mapping[str, str]) -> Path:
    write_folder(path, files)
    for name, target in links.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).symlink_to(target)
    return path


WITH_LINKS = {"tar": linked_tar, "zip": linked_zip, "folder": linked_folder}


@pytest.mark.parametrize("storage", STORAGES)
@pytest.mark.parametrize("kind", WITH_LINKS)
async def test_two_trees_over_one_pool(small_yard: Yard, tmp_path: Path, kind: str, storage: str) -> None:
    """Both share the images by a linked folder, and each image has two documents with the same bytes."""
    links = POOL_LINKS | {"detect/labels/link.txt": "1.txt"}
    status = await check_linked(small_yard, WITH_LINKS[kind](tmp_path / "set", TREES, links), storage=storage)
    objects = [key for key in small_yard.stored() if f"{status['dataset_id']}/images/" in key]
    assert len(objects) == (len(POOL) if storage == "objects" else 0)
    assert await rules(small_yard, status) == []


@pytest.mark.parametrize("storage", STORAGES)
@pytest.mark.parametrize("kind", WITH_LINKS)
async def test_two_trees_labels_first(index_yard: Yard, tmp_path: Path, kind: str, storage: str) -> None:
    await check_linked(index_yard, WITH_LINKS[kind](tmp_path / "set", TREES, POOL_LINKS), storage=storage)


async def test_links_of_a_zip_on_a_server(small_yard: Yard, tmp_path: Path) -> None:
    data = linked_zip(tmp_path / "set", TREES, POOL_LINKS).read_bytes()
    for ranges in (True, False):
        with source_server(data) as server:
            server.ranges = ranges
            assert len(await served(small_yard, await small_yard.imported(server.url))) == 2 * len(POOL)


async def check_linked(yard: Yard, source: Path, **options: object) -> dict[str, Any]:
    """Import the two trees; each image of the pool is in both."""
    trees = {
        f"{tree}/{image.replace('pool', 'images')}": data
        for tree in ("detect", "segment")
        for image, data in POOL.items()
    }
    return await check(yard, source.as_uri(), linked("detect") | linked("segment") | trees, **options)


@pytest.mark.parametrize("storage", STORAGES)
@pytest.mark.parametrize("kind", WITH_LINKS)
async def test_links_to_files(small_yard: Yard, tmp_path: Path, kind: str, storage: str) -> None:
    """An image and its label by other names, a label for an image of its own, and links that lead nowhere."""
    files = dataset()
    image = "images/train/0001.jpg"
    links = {
        "images/train/other.jpg": "0001.jpg",
        "images/val/chain.jpg": "../train/other.jpg",
        "labels/train/other.txt": "0001.txt",
        "labels/val/chain.txt": "../../labels/train/0003.txt",
        "images/train/nothing.jpg": "nowhere.jpg",
    }
    outcome = files | {
        "images/train/other.jpg": files[image],
        "images/val/chain.jpg": files[image],
        "labels/train/other.txt": files["labels/train/0001.txt"],
        "labels/val/chain.txt": files["labels/train/0003.txt"],
    }
    status = await check(
        small_yard, WITH_LINKS[kind](tmp_path / "set", files, links).as_uri(), outcome, storage=storage
    )
    assert await rules(small_yard, status) == [("ARCHIVE_LINK", "images/train/nothing.jpg")]


@pytest.mark.parametrize("storage", STORAGES)
async def test_hard_links_of_a_tar(small_yard: Yard, tmp_path: Path, storage: str) -> None:
    files = dataset()
    path = tar_of(tmp_path / "set.tar", files)
    with tarfile.open(path, "a") as archive:
        archive.addfile(tar_member("images/val/hard.jpg", kind=tarfile.LNKTYPE, target="images/train/0000.jpg"))
    outcome = files | {"images/val/hard.jpg": files["images/train/0000.jpg"]}
    await check(small_yard, path.as_uri(), outcome, storage=storage)


async def test_links_in_place_and_verified(small_yard: Yard, tmp_path: Path) -> None:
    source = linked_zip(tmp_path / "set", TREES, POOL_LINKS)
    status = await small_yard.imported(source, storage="packed", in_place=True)
    assert status["state"] == "succeeded"
    await small_yard.cleaned(status["job_id"])
    started = (await small_yard.api.post(f"/datasets/{status['dataset_id']}/verify")).json()
    verified = await small_yard.ended(started["job_id"])
    assert (verified["state"], verified["progress"]["images_done"]) == ("succeeded", 2 * len(POOL))
    images = await small_yard.all_images(status["dataset_id"])
    assert {image["sha256"] for image in images} == {hashlib.sha256(data).hexdigest() for data in POOL.values()}
    assert len(images) == 2 * len(POOL)


async def test_an_image_that_a_link_names_a_label(small_yard: Yard, tmp_path: Path) -> None:
    files = dataset()
    label = files.pop("labels/train/0001.txt")
    assert label
    links = {"labels/train/0001.txt": "../../images/train/0001.jpg"}
    status = await small_yard.imported(linked_tar(tmp_path / "set.tar", files, links))
    found = await served(small_yard, status)
    image = files["images/train/0001.jpg"]
    assert found["images/train/0001.jpg"] == (hashlib.sha256(image).hexdigest(), image, 0)
    faults = await rules(small_yard, status)
    assert faults
    assert all(rule.startswith("ROW_") and file == "labels/train/0001.txt" for rule, file in faults)
