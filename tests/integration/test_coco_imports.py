"""Whole imports of COCO datasets: every way of storing them gives the same documents."""

import json
from pathlib import Path

import pytest

from tests.factories.archives import jpeg_bytes, zip_of
from tests.factories.yard import Yard

IMAGES = 30


def archive(path: Path) -> Path:
    """Two splits; the annotations of an image lie scattered, and before the images."""
    files: dict[str, bytes] = {}
    for place, split in enumerate(("train2017", "val2017")):
        images = [{"id": 3 * n, "file_name": f"{n:03d}.jpg", "width": 40, "height": 30} for n in range(IMAGES)]
        annotations = [
            {"id": 1000 * k + n, "image_id": 3 * n, "category_id": 1 + k, "bbox": [n, 1, 5 + k, 6], "iscrowd": 0}
            for k in range(3)
            for n in range(IMAGES)
        ]
        categories = [{"id": 1 + k, "name": f"kind {k}", "supercategory": "kind"} for k in range(3)]
        document = {"annotations": annotations, "images": images, "categories": categories}
        files[f"annotations/instances_{split}.json"] = json.dumps(document).encode()
        files |= {f"{split}/{n:03d}.jpg": jpeg_bytes(40, 30, seed=100 * place + n) for n in range(IMAGES)}
    return zip_of(path, files)


@pytest.mark.parametrize("way", [{}, {"storage": "packed"}, {"storage": "packed", "in_place": True}], ids=str)
async def test_every_way_gives_the_same(yard: Yard, tmp_path: Path, way: dict) -> None:
    status = await yard.imported(archive(tmp_path / "coco.zip"), **way)
    assert status["state"] == "succeeded", status
    base = f"/datasets/{status['dataset_id']}"
    found = (await yard.api.get(base)).json()
    statistics = (await yard.api.get(f"{base}/statistics")).json()
    images = await yard.all_images(status["dataset_id"])

    assert (found["format"], found["task"]) == ("coco", "detect")
    assert (statistics["images"], statistics["annotations"]) == (2 * IMAGES, 6 * IMAGES)
    assert {image["split"] for image in images} == {"train", "val"}
    for image in images:
        number = int(image["file_name"][:3])
        assert [one["category"] for one in image["annotations"]] == ["kind 0", "kind 1", "kind 2"]
        assert image["annotations"][0]["bbox"] == [(number + 2.5) / 40, 4 / 30, 5 / 40, 6 / 30]
        assert image["annotations"][0]["attributes"] == {"iscrowd": 0}
        assert (image["findings"], image["urls"]["labels"]) == (0, None)
    assert await yard.report(status["job_id"]) == []


async def test_what_is_found_in_the_file_is_reported_once(yard: Yard, tmp_path: Path) -> None:
    document = {
        "images": [
            {"id": 1, "file_name": "a.jpg", "width": 40, "height": 30},
            {"id": 2, "file_name": "gone.jpg", "width": 40, "height": 30},
        ],
        "annotations": [
            {"id": 1, "image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 4]},
            {"id": 2, "image_id": 1, "category_id": 9, "bbox": [1, 2, 3, 4]},
        ],
        "categories": [{"id": 1, "name": "kind"}],
    }
    files = {"a.json": json.dumps(document).encode(), "a.jpg": jpeg_bytes(40, 30, seed=1)}
    status = await yard.imported(zip_of(tmp_path / "coco.zip", files))
    findings = await yard.report(status["job_id"])

    assert status["state"] == "succeeded"
    assert sorted((one["rule"], one["file"], one["line"]) for one in findings) == [
        ("PAIR_MISSING_IMAGE", "a.json", 1),
        ("ROW_CLASS_RANGE", "a.json", 1),
    ]
    statistics = (await yard.api.get(f"/datasets/{status['dataset_id']}/statistics")).json()
    assert (statistics["images"], statistics["annotations"]) == (1, 1)


@pytest.mark.parametrize("name", ["coco_instances_mini", "coco_keypoints_ap10k"])
async def test_samples(yard: Yard, samples: Path, name: str) -> None:
    archives = json.loads((samples / "MANIFEST.json").read_text())["archives"]
    expected = next(one["expected"] for one in archives if one["file"] == f"{name}.zip")
    status = await yard.imported(samples / f"{name}.zip")
    base = f"/datasets/{status['dataset_id']}"
    statistics = (await yard.api.get(f"{base}/statistics")).json()
    categories = (await yard.api.get(f"{base}/categories")).json()["items"]
    split = "train" if "train2017" in expected["splits"] else None

    assert (statistics["images"], statistics["annotations"]) == (expected["images"], expected["annotations"])
    assert len(categories) == expected["categories"]
    assert {one["name"]: one["annotations"] for one in categories if one["annotations"]} == expected["classes"]
    assert {image["split"] for image in await yard.all_images(status["dataset_id"])} == {split}
    assert await yard.report(status["job_id"], severity="error") == []
