"""An import from request to readable dataset: what comes out is what an independent count says went in."""

import hashlib
from pathlib import Path

import pytest

from tests.factories.archives import yolo_zip
from tests.factories.yard import Yard


@pytest.mark.parametrize("task", ["detect", "segment"])
@pytest.mark.parametrize("layout", ["ultralytics", "roboflow", "darknet"])
async def test_every_layout_is_imported_exactly(yard: Yard, tmp_path: Path, layout: str, task: str) -> None:
    truth = yolo_zip(tmp_path / "shapes.zip", images=40, layout=layout, task=task)

    status = await yard.imported(tmp_path / "shapes.zip")

    assert (status["state"], status["error"]) == ("succeeded", None)
    assert status["progress"]["images_done"] == truth.images
    dataset = (await yard.api.get(f"/datasets/{status['dataset_id']}")).json()
    assert (dataset["slug"], dataset["state"], dataset["layout"]) == ("shapes", "ready", layout)
    assert dataset["task"] == task
    assert dataset["statistics"]["annotations"] == truth.annotations
    assert {one["split"]: one["images"] for one in dataset["splits"]} == dict(truth.images_by_split)
    assert {one["split"]: one["annotations"] for one in dataset["splits"]} == dict(truth.annotations_by_split)
    categories = (await yard.api.get("/datasets/shapes/categories")).json()["items"]
    assert {one["name"]: one["annotations"] for one in categories} == dict(truth.annotations_by_category)
    images = await yard.all_images("shapes")
    assert {image["path"]: image["sha256"] for image in images} == {
        path: truth.sha256[path] for path in truth.image_sizes
    }
    assert {image["path"]: (image["width"], image["height"]) for image in images} == truth.image_sizes


async def test_files_and_labels_come_back_byte_for_byte(yard: Yard, tmp_path: Path) -> None:
    truth = yolo_zip(tmp_path / "shapes.zip", images=12)
    await yard.imported(tmp_path / "shapes.zip")

    for image in await yard.all_images("shapes"):
        file = (await yard.api.get(image["urls"]["file"])).content
        assert hashlib.sha256(file).hexdigest() == truth.sha256[image["path"]]
        if image["urls"]["labels"]:
            label = (await yard.api.get(image["urls"]["labels"])).content
            assert hashlib.sha256(label).hexdigest() == truth.sha256[truth.label_of[image["path"]]]
