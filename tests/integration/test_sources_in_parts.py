"""Datasets whose images, labels and description lie apart, each as another kind of source."""

from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from tests.factories.archives import jpeg_bytes, zip_of
from tests.factories.broken import CONFIG, tar_of
from tests.factories.http_servers import source_server
from tests.factories.source_kinds import KINDS, NAMES, STORAGES, Members, check, dataset, expected, rules, served
from tests.factories.yard import Yard


@dataclass(frozen=True)
class Apart:
    """A dataset in parts, as they are named inside."""

    images: Members
    labels: Members
    config: bytes
    whole: Members


def apart(*, images: str = "", labels: str = "", config: bytes = CONFIG) -> Apart:
    """The parts with these folders around what is below images/ and labels/."""
    files = dataset()
    files["labels/train/classes.txt"] = b"person\n"
    of = {
        folder: {
            around + name.removeprefix(f"{folder}/"): data for name, data in files.items() if name.startswith(folder)
        }
        for folder, around in (("images", images), ("labels", labels))
    }
    return Apart(of["images"], of["labels"], config, files | {"data.yaml": config})


def in_kinds(folder: Path, parts: Apart, images: str, labels: str, config: str) -> dict[str, str]:
    """The addresses of the parts, each written as that kind of archive."""
    folder.mkdir()
    found = {
        "images": KINDS[images](folder / "the-images", parts.images),
        "labels": KINDS[labels](folder / "the-labels", parts.labels),
    }
    if config == "file":
        (folder / "my.yaml").write_bytes(parts.config)
        return {name: path.as_uri() for name, path in found.items()} | {"config": str(folder / "my.yaml")}
    found["config"] = KINDS[config](folder / "the-config", {"data.yaml": parts.config})
    return {name: path.as_uri() for name, path in found.items()}


TRIPLES = [
    ("zip", "zip", "file"),
    ("zip", "tar", "zip"),
    ("tar.gz", "folder", "file"),
    ("folder", "zip", "tar.xz"),
    ("folder", "folder", "folder"),
    ("tar", "tar.zst", "file"),
]


@pytest.mark.parametrize("storage", STORAGES)
@pytest.mark.parametrize(("images", "labels", "config"), TRIPLES, ids=" ".join)
async def test_three_parts(
    small_yard: Yard, tmp_path: Path, images: str, labels: str, config: str, storage: str
) -> None:
    parts = apart()
    source = in_kinds(tmp_path / "set", parts, images, labels, config)
    if storage == "packed" and ("zip" in images) != ("zip" in labels):
        answer = await small_yard.api.post("/datasets/import", json={"source": source, "storage": storage})
        status = await small_yard.ended(answer.json()["job_id"])
        assert (status["state"], status["error"]["type"]) == ("failed", "/problems/unsupported-source")
        return
    status = await check(small_yard, source, parts.whole, storage=storage)
    assert await rules(small_yard, status) == []
    shown = (await small_yard.api.get(f"/datasets/{status['dataset_id']}")).json()
    assert "the-images" in shown["source"]
    assert "labels: " in shown["source"]


@pytest.mark.parametrize(("images", "labels", "config"), TRIPLES[1:4], ids=" ".join)
async def test_three_parts_labels_first(
    index_yard: Yard, tmp_path: Path, images: str, labels: str, config: str
) -> None:
    parts = apart()
    await check(index_yard, in_kinds(tmp_path / "set", parts, images, labels, config), parts.whole)


@pytest.mark.parametrize(
    ("images", "labels"),
    [("", ""), ("images/", "labels/"), ("", "coco/labels/"), ("pics/images/", ""), ("a/images/", "b/labels/")],
)
async def test_folders_within_parts(small_yard: Yard, tmp_path: Path, images: str, labels: str) -> None:
    parts = apart(images=images, labels=labels)
    await check(small_yard, in_kinds(tmp_path / "set", parts, "zip", "tar.gz", "file"), parts.whole)


async def test_splits_above_images_and_labels(small_yard: Yard, tmp_path: Path) -> None:
    """As Roboflow has them: nothing is put before names, nor taken off, even if there is one split only."""
    files = {f"train/{name}": data for name, data in dataset().items() if name.startswith(("images", "labels"))}
    config = yaml.safe_dump({"train": "../train/images", "names": NAMES}).encode()
    images = {name: data for name, data in files.items() if "/images/" in name}
    labels = {name: data for name, data in files.items() if "/labels/" in name}
    source = in_kinds(tmp_path / "set", Apart(images, labels, config, files), "zip", "folder", "file")
    await check(small_yard, source, files)


async def test_of_two_parts_with_one_name_the_first_wins(small_yard: Yard, tmp_path: Path) -> None:
    parts = apart(labels="labels/")
    image = next(iter(parts.images))
    parts.labels[f"images/{image}"] = jpeg_bytes(9, 9)
    source = in_kinds(tmp_path / "set", parts, "zip", "zip", "file")
    status = await check(small_yard, source, parts.whole)
    assert await rules(small_yard, status) == [("ARCHIVE_DUP_NAME", f"images/{image}")]


async def test_images_alone_with_their_description_inside(small_yard: Yard, tmp_path: Path) -> None:
    files = dataset()
    await check(small_yard, {"images": zip_of(tmp_path / "set.zip", files).as_uri()}, files)


async def test_parts_from_servers(small_yard: Yard, tmp_path: Path) -> None:
    """One with ranges, one without ranges and lengths, one that redirects with a token."""
    parts = apart()
    tar_of(tmp_path / "labels.tgz", parts.labels, mode="w:gz")
    images = zip_of(tmp_path / "images.zip", parts.images).read_bytes()
    with (
        source_server(images) as first,
        source_server((tmp_path / "labels.tgz").read_bytes()) as second,
        source_server(parts.config) as third,
    ):
        second.ranges = second.announces_length = third.ranges = third.announces_length = False
        source = {"images": f"{first.url}?token=secret", "labels": second.url, "config": third.url}
        status = await check(small_yard, source, parts.whole)
    shown = (await small_yard.api.get(f"/datasets/{status['dataset_id']}")).json()
    assert "secret" not in shown["source"]


async def test_every_address_is_judged_and_a_retry_goes_on(small_yard: Yard, tmp_path: Path) -> None:
    parts = apart()
    source = in_kinds(tmp_path / "set", parts, "zip", "tar", "file")
    refused = await small_yard.api.post("/datasets/import", json={"source": source | {"labels": "ftp://host/l.zip"}})
    assert (refused.status_code, refused.json()["type"]) == (422, "/problems/unsupported-source")
    for wrong in ({"labels": source["labels"]}, source | {"archive": source["images"]}, source | {"masks": "x"}):
        assert (await small_yard.api.post("/datasets/import", json={"source": wrong})).status_code == 422

    labels = tmp_path / "set/the-labels"
    hidden = labels.rename(tmp_path / "elsewhere")
    key = {"Idempotency-Key": "once"}
    first, again = [
        (await small_yard.api.post("/datasets/import", json={"source": source, "name": "parts"}, headers=key)).json()
        for _ in range(2)
    ]
    assert first["job_id"] == again["job_id"]
    failed = await small_yard.ended(first["job_id"])
    assert failed["error"]["type"] == "/problems/source-not-found"
    hidden.rename(labels)
    await small_yard.cleaned(first["job_id"])
    assert (await small_yard.api.post(f"/datasets/import/{first['job_id']}/retry")).status_code == 202
    assert await served(small_yard, await small_yard.ended(first["job_id"])) == expected(parts.whole)
