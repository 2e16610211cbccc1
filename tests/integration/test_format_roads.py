"""Datasets of other formats than YOLO along every road: what is in pixels comes out the same, size known or not."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from shared.features.imports.image_bytes import heads
from shared.features.imports.image_bytes.probe import ImageFacts
from shared.formats.archives.directory import Member
from tests.factories.archives import zip_of
from tests.factories.broken import large_jpeg
from tests.factories.roads import FIRST, IN_PLACE, PACKED_FIRST, ROADS, yard_of
from tests.factories.traps import trap
from tests.factories.yard import QuietLauncher, Yard

COUNT = 12
SIZE = (80, 40)
CORNERS = (8, 10, 24, 30)
BBOX = [0.2, 0.5, 0.2, 0.5]


def picture(number: int) -> bytes:
    return large_jpeg(9_000, number, SIZE)


def voc(*, sized: bool = False) -> dict[str, bytes]:
    """Images and XML files, without or with the size of the image."""
    size = b"<size><width>80</width><height>40</height></size>" if sized else b""
    corners = b"".join(
        b"<%b>%d</%b>" % (tag, at, tag) for tag, at in zip((b"xmin", b"ymin", b"xmax", b"ymax"), CORNERS, strict=True)
    )
    text = b"<annotation>" + size + b"<object><name>cat</name><bndbox>" + corners + b"</bndbox></object></annotation>"
    pictures = {f"x/images/{number:02d}.jpg": picture(number) for number in range(COUNT)}
    return pictures | {name.replace("images", "annotations").replace("jpg", "xml"): text for name in pictures}


def kitti() -> dict[str, bytes]:
    row = b"cat 0.00 0 -1.57 %d %d %d %d 1 1 1 1 1 1 1.57\n" % CORNERS
    pictures = {f"training/image_2/{number:06d}.jpg": picture(number) for number in range(COUNT)}
    return pictures | {name.replace("image_2", "label_2").replace("jpg", "txt"): row for name in pictures}


def table(columns: str = "filename,class,xmin,ymin,xmax,ymax", more: str = "") -> dict[str, bytes]:
    pictures = {f"images/{number:02d}.jpg": picture(number) for number in range(COUNT)}
    corners = ",".join(map(str, CORNERS))
    rows = [f"{number:02d}.jpg,cat,{corners}{more}" for number in reversed(range(COUNT))]
    return {"labels.csv": "\n".join([columns + ",width,height" * bool(more), *rows, ""]).encode(), **pictures}


DATASETS = {
    "voc": voc(),
    "voc, sized": voc(sized=True),
    "kitti": kitti(),
    "csv": table(),
    "csv, sized": table(more=",80,40"),
}


async def about_files(yard: Yard, status: dict[str, Any]) -> list[dict[str, Any]]:
    """What was found, without what is said of the dataset as a whole: it has a box, and always the same."""
    return [one for one in await yard.report(status["job_id"]) if not one["rule"].startswith("SET_")]


async def outcome(yard: Yard, status: dict[str, Any]) -> dict[str, list[list[float]]]:
    """The boxes of each image; the import has succeeded."""
    assert (status["state"], status["error"]) == ("succeeded", None)
    images = await yard.all_images(status["dataset_id"])
    return {image["path"]: [one["bbox"] for one in image["annotations"]] for image in images}


@pytest.mark.parametrize("name", DATASETS)
@pytest.mark.parametrize("road", ROADS)
async def test_boxes_in_pixels_along_every_road(mongo_url: str, tmp_path: Path, name: str, road: str) -> None:
    files = DATASETS[name]
    async with yard_of(mongo_url, tmp_path, ROADS[road]) as yard:
        status = await yard.imported(zip_of(tmp_path / "a.zip", files), **ROADS[road].options)
        found = await outcome(yard, status)
        statistics = (await yard.api.get(f"/datasets/{status['dataset_id']}/statistics")).json()
        dataset = (await yard.api.get(f"/datasets/{status['dataset_id']}")).json()

        assert found == {path: [BBOX] for path in files if path.endswith(".jpg")}
        assert (statistics["images"], statistics["annotations"]) == (COUNT, COUNT)
        assert (dataset["format"], dataset["task"]) == (name.partition(",")[0], "detect")
        rules = {one["rule"] for one in await about_files(yard, status)}
        assert rules == ({"LABEL_SIZE_MISSING"} if name == "voc" else set())


@pytest.mark.parametrize("name", DATASETS)
@pytest.mark.parametrize(
    ("road", "method", "containing"), [(FIRST, "put", "/images/"), (PACKED_FIRST, "write", ".part")]
)
async def test_a_preview_has_what_needs_no_size_and_no_finding(
    mongo_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, road: str, method: str, containing: str
) -> None:
    async with yard_of(mongo_url, tmp_path, ROADS[road], launcher=QuietLauncher()) as yard:
        caught = trap(monkeypatch, yard.container.outside.store, method, containing=containing)
        job_id = await yard.start_import(zip_of(tmp_path / "a.zip", DATASETS[name]), **ROADS[road].options)
        dataset = (await yard.job(job_id))["dataset_id"]
        await yard.begun(job_id)
        claimer = yard.claimer(job_id)
        await caught.reached.wait()
        early = await yard.all_images(dataset)
        caught.open.set()
        await claimer

        sized = name.endswith("sized")
        assert len(early) == COUNT
        assert [[one["bbox"] for one in image["annotations"]] for image in early] == [[BBOX] * sized] * COUNT
        assert {image["findings"] for image in early} == {0}
        late = await yard.all_images(dataset)
        assert [[one["bbox"] for one in image["annotations"]] for image in late] == [[BBOX]] * COUNT


@pytest.mark.parametrize("name", DATASETS)
async def test_where_images_are_not_measured_the_declared_size_counts(
    mongo_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    async def unmeasured(_: heads.HeadReader, items: Sequence[Member]) -> dict[int, ImageFacts]:
        return {item.header_offset: heads._unmeasured(item) for item in items}

    monkeypatch.setattr(heads.HeadReader, "facts", unmeasured)
    files = DATASETS[name]
    async with yard_of(mongo_url, tmp_path, ROADS[IN_PLACE]) as yard:
        status = await yard.imported(zip_of(tmp_path / "a.zip", files), **ROADS[IN_PLACE].options)
        found = await outcome(yard, status)
        rules = [one["rule"] for one in await about_files(yard, status)]

        sized = name.endswith("sized")
        assert found == {path: [BBOX] * sized for path in files if path.endswith(".jpg")}
        assert rules == ([] if sized else ["ROW_NO_SIZE"] * COUNT)


@pytest.mark.parametrize("road", ROADS)
async def test_images_alone_have_no_task(mongo_url: str, tmp_path: Path, road: str) -> None:
    files = {f"{split}/{number}.jpg": picture(number) for number, split in enumerate(["train", "valid", "test"])}
    async with yard_of(mongo_url, tmp_path, ROADS[road]) as yard:
        status = await yard.imported(zip_of(tmp_path / "a.zip", files), **ROADS[road].options)
        dataset = (await yard.api.get(f"/datasets/{status['dataset_id']}")).json()

        assert (dataset["format"], dataset["task"]) == ("images", None)
        assert [one["split"] for one in dataset["splits"]] == ["test", "train", "val"]
        assert [one["rule"] for one in await yard.report(status["job_id"])] == []


@pytest.mark.parametrize("road", ROADS)
async def test_folders_are_classes(mongo_url: str, tmp_path: Path, road: str) -> None:
    names = ["train/cat/0.jpg", "train/dog/1.jpg", "val/cat/2.jpg", "test/3.jpg"]
    files = {name: picture(number) for number, name in enumerate(names)}
    async with yard_of(mongo_url, tmp_path, ROADS[road]) as yard:
        status = await yard.imported(zip_of(tmp_path / "a.zip", files), **ROADS[road].options)
        dataset = (await yard.api.get(f"/datasets/{status['dataset_id']}")).json()
        images = await yard.all_images(status["dataset_id"])
        said = {one["path"]: [(row["category"], row["type"]) for row in one["annotations"]] for one in images}

        assert (dataset["format"], dataset["task"]) == ("imagefolder", "classify")
        assert said == {
            names[0]: [("cat", "label")],
            names[1]: [("dog", "label")],
            names[2]: [("cat", "label")],
            names[3]: [],
        }
        assert [one["rule"] for one in await yard.report(status["job_id"])] == ["SET_CLASS_NOT_IN_SPLIT"]
