"""The ways an import can go: whichever it is, readers get the same dataset."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from shared.foundation.settings import LimitSettings
from tests.factories.archives import jpeg_bytes, spoil_crc
from tests.factories.broken import CONFIG, ROW, noise
from tests.factories.roads import (
    FIRST,
    IMAGES,
    IN_PLACE,
    KINDS,
    LARGE,
    NO_IMAGE,
    PACKED_FIRST,
    ROADS,
    SMALL,
    label_name,
    members,
    seen,
    write,
    yard_of,
)
from tests.factories.yard import Yard


async def plan_of(yard: Yard, job_id: str) -> dict[str, Any]:
    """The plan in the job's document."""
    plan: dict[str, Any] = json.loads((await yard.job(job_id))["plan"])
    return plan


@pytest.fixture(scope="session")
def results() -> dict[int, dict[str, Any]]:
    """What a plain import of each size of images gives; made once."""
    return {}


async def plain(yard: Yard, folder: Path, size_bytes: int, results: dict[int, dict[str, Any]]) -> dict[str, Any]:
    """What a plain import into objects gives, checked against the files themselves."""
    if size_bytes not in results:
        files = members("after", size_bytes)
        path = write(folder / f"plain-{size_bytes}.zip", "zip", files)
        results[size_bytes] = await seen(yard, await yard.imported(path, name="plain"))
        found = results[size_bytes]["images"]
        assert found.keys() == {name for name in files if name.endswith(".jpg")} - {NO_IMAGE}
        for name, image in found.items():
            assert image["file"] == hashlib.sha256(files[name]).hexdigest()
            assert image["text"] == (files[label_name(name)].decode() if label_name(name) in files else None)
        assert {one["rule"] for one in results[size_bytes]["findings"]} >= {"IMG_UNREADABLE", "ROW_CLASS_RANGE"}
    return results[size_bytes]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ROADS)
async def test_every_road_leads_to_the_same_dataset(
    mongo_url: str, tmp_path: Path, results: dict[int, dict[str, Any]], name: str, kind: str
) -> None:
    road = ROADS[name]
    async with yard_of(mongo_url, tmp_path, road) as yard:
        if name == IN_PLACE and kind == "tar.gz":
            pytest.skip("it cannot be entered in the middle")
        for order, size in {"before": SMALL, "after": SMALL, "between": LARGE}.items():
            expected = await plain(yard, tmp_path, size, results)
            path = write(tmp_path / f"{order}{KINDS[kind]}", kind, members(order, size))
            status = await yard.imported(path, **road.options)
            plan = await plan_of(yard, status["job_id"])

            assert (plan["way"], bool(plan["way_reason"])) == (road.way, True), order
            assert await seen(yard, status) == expected, order


async def test_labels_between_small_images_are_read_with_them(
    mongo_url: str, tmp_path: Path, results: dict[int, dict[str, Any]]
) -> None:
    async with yard_of(mongo_url, tmp_path, ROADS[FIRST]) as yard:
        path = write(tmp_path / "between.zip", "zip", members("between"))
        status = await yard.imported(path)
        plan = await plan_of(yard, status["job_id"])

        assert plan["way"] == "together"
        assert "between images" in plan["way_reason"]
        assert await seen(yard, status) == await plain(yard, tmp_path, SMALL, results)


# -- what is wrong with the data


@pytest.mark.parametrize("name", [FIRST, PACKED_FIRST])
async def test_an_image_left_out_is_nowhere(mongo_url: str, tmp_path: Path, name: str) -> None:
    files = members("after")
    broken = "images/train/0006.jpg"
    path = spoil_crc(write(tmp_path / "a.zip", "zip", files), broken)
    async with yard_of(mongo_url, tmp_path, ROADS[name]) as yard:
        status = await yard.imported(path, **ROADS[name].options)
        found = await seen(yard, status)

        assert found["images"].keys() == {one for one in files if one.endswith(".jpg")} - {NO_IMAGE, broken}
        assert found["statistics"]["images"] == IMAGES - 2
        assert [one["rule"] for one in found["findings"] if one["file"] == broken] == ["ARCHIVE_CRC"]
        assert await yard.database["images"].count_documents({"valid_to": None}) == IMAGES - 2


@pytest.mark.parametrize("name", ROADS)
async def test_a_broken_label_is_reported_once(mongo_url: str, tmp_path: Path, name: str) -> None:
    files = members("after")
    image = "images/train/0007.jpg"
    path = spoil_crc(write(tmp_path / "a.zip", "zip", files), label_name(image))
    async with yard_of(mongo_url, tmp_path, ROADS[name]) as yard:
        found = await seen(yard, await yard.imported(path, **ROADS[name].options))

        about = [one for one in found["findings"] if one["file"] == label_name(image)]
        assert [one["rule"] for one in about] == ["ARCHIVE_CRC"]
        assert (found["images"][image]["text"], found["images"][image]["annotations"]) == (None, [])


ROWS, POINTS = 50, 10_000


@pytest.mark.slow
async def test_annotations_beyond_what_a_document_holds_stay_whole(mongo_url: str, tmp_path: Path) -> None:
    points = [(number % 997 / 997, number % 991 / 991) for number in range(POINTS)]
    row = b"0 " + b" ".join(b"%.6f %.6f" % point for point in points) + b"\n"
    files = {"data.yaml": CONFIG, "labels/train/a.txt": row * ROWS, "labels/train/b.txt": ROW}
    files |= {f"images/train/{stem}.jpg": jpeg_bytes(40, 30) + noise(1_000_000) for stem in "ab"}
    limits = LimitSettings(max_image_points=ROWS * POINTS)
    async with yard_of(mongo_url, tmp_path, ROADS[FIRST], limits=limits) as yard:
        status = await yard.imported(write(tmp_path / "a.zip", "zip", files), **ROADS[FIRST].options)
        large, small = await yard.all_images(status["dataset_id"])

        assert status["progress"]["annotations"] == ROWS + 1
        assert (large["annotation_count"], large["annotations"]) == (ROWS, [])
        assert (small["annotation_count"], len(small["annotations"])) == (1, 1)
        whole = (await yard.api.get(f"/datasets/{status['dataset_id']}/images/{large['id']}")).json()
        assert len(whole["annotations"]) == ROWS
        for annotation in whole["annotations"]:
            assert annotation["points"] == [[float(f"{x:.6f}"), float(f"{y:.6f}")] for x, y in points]
        assert (await yard.api.get(large["urls"]["labels"])).content == row * ROWS
