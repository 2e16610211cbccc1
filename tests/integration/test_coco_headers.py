"""What a COCO file says of its dataset as a whole, and of keypoints: kept, told, and given back by an export."""

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from tests.factories.archives import jpeg_bytes, zip_of
from tests.factories.exports import downloaded, exported, reimported
from tests.factories.yard import Yard

INFO = {"description": "Antelopes", "year": 2021, "url": "https://example.org", "$odd.key": {"$x": [1.5, None, True]}}
LICENSES = [{"id": 1, "name": "The MIT License", "url": "https://example.org/MIT"}]
NAMES = ["left_eye", "right_eye", "nose"]
SKELETON = [[1, 2], [2, 3]]
CATEGORIES = [
    {"id": 1, "name": "antelope", "supercategory": "Bovidae", "keypoints": NAMES, "skeleton": SKELETON},
    {"id": 5, "name": "rock"},
]
IMAGE = {"id": 3, "file_name": "3.jpg", "width": 40, "height": 30, "license": 1, "date_captured": "2021-07-01"}
ANNOTATION = {
    "id": 9, "image_id": 3, "category_id": 1, "bbox": [5, 5, 10, 10], "area": 100, "iscrowd": 0,
    "keypoints": [6, 7, 2, 8.3, 9.9, 1, 0, 0, 0], "num_keypoints": 2, "segmentation": [],
}  # fmt: skip


def coco(split: str = "train", **changed: object) -> dict[str, bytes]:
    """A dataset of one image with a pose."""
    said = {"info": INFO, "licenses": LICENSES, "images": [IMAGE], "annotations": [ANNOTATION]}
    text = json.dumps({**said, "categories": CATEGORIES, **changed}).encode()
    return {f"annotations/instances_{split}.json": text, f"{split}/3.jpg": jpeg_bytes(40, 30)}


def instances(data: bytes, split: str = "train") -> dict[str, Any]:
    """The instances of an export."""
    return dict(json.loads(zipfile.ZipFile(io.BytesIO(data)).read(f"annotations/instances_{split}.json")))


async def test_all_of_it_comes_back(yard: Yard, tmp_path: Path) -> None:
    dataset = (await yard.imported(zip_of(tmp_path / "coco.zip", coco())))["dataset_id"]
    told = (await yard.api.get(f"/datasets/{dataset}")).json()
    assert (told["license"], told["metadata"]["licenses"]) == ("The MIT License", LICENSES)
    assert told["metadata"]["info"]["$odd.key"] == {"$x": [1.5, None, True]}
    (listed,) = (await yard.api.get("/datasets")).json()["items"]
    assert (listed["license"], listed["metadata"]) == ("The MIT License", {})
    antelope, rock = (await yard.api.get(f"/datasets/{dataset}/categories")).json()["items"]
    assert (antelope["keypoints"], antelope["skeleton"]) == (NAMES, SKELETON)
    assert (antelope["supercategory"], antelope["source_id"]) == ("Bovidae", "1")
    assert (rock["keypoints"], rock["skeleton"], rock["supercategory"]) == ([], [], None)

    data = await downloaded(yard, await exported(yard, dataset, format="coco"))
    found = instances(data)
    assert (found["info"], found["licenses"], found["categories"]) == (INFO, LICENSES, CATEGORIES)
    assert (found["images"][0]["license"], found["images"][0]["date_captured"]) == (1, "2021-07-01")
    again = (await reimported(yard, tmp_path / "again.zip", data))["dataset_id"]
    documents = [await yard.database["datasets"].find_one({"_id": one}) for one in (dataset, again)]
    for key in ("notes", "license", "categories", "keypoint_shape"):
        assert documents[0][key] == documents[1][key]


async def test_keypoints_without_names_stay_without(yard: Yard, tmp_path: Path) -> None:
    unnamed = [{"id": 1, "name": "antelope"}]
    dataset = (await yard.imported(zip_of(tmp_path / "coco.zip", coco(categories=unnamed))))["dataset_id"]
    data = await downloaded(yard, await exported(yard, dataset, format="coco"))
    assert instances(data)["categories"][0]["keypoints"] == ["keypoint_0", "keypoint_1", "keypoint_2"]
    again = (await reimported(yard, tmp_path / "again.zip", data))["dataset_id"]
    (category,) = (await yard.api.get(f"/datasets/{again}/categories")).json()["items"]
    assert (category["keypoints"], category["skeleton"]) == ([], [])


async def test_text_that_is_no_text(yard: Yard, tmp_path: Path) -> None:
    """Half of a surrogate pair can be written in JSON, but nowhere else: it is replaced."""
    odd = "a\ud800b"
    category = {"id": 1, "name": odd, "supercategory": odd, "keypoints": [odd] * 3}
    said = {"info": {odd: odd}, "licenses": [{"name": odd}], "categories": [category]}
    caption = {"id": 10, "image_id": 3, "caption": odd}
    said |= {"annotations": [{**ANNOTATION, odd: [odd], "huge": 10**30}, caption]}
    said |= {"images": [{**IMAGE, odd: odd}, {"id": odd, "file_name": f"{odd}.jpg"}]}
    status = await yard.imported(zip_of(tmp_path / "coco.zip", coco(**said)))
    assert status["state"] == "succeeded", status
    told = (await yard.api.get(f"/datasets/{status['dataset_id']}")).json()
    assert (told["license"], told["metadata"]["info"]) == ("a\ufffdb", {"a\ufffdb": "a\ufffdb"})
    report = (await yard.api.get(f"/datasets/import/{status['job_id']}/report?rule=PAIR_MISSING_IMAGE")).json()
    assert report["items"][0]["message"] == "names no image here: a\ufffdb.jpg"


@pytest.mark.parametrize("odd", [None, 3, "x", [], {}, [[]], {"a": "b" * 300_000}, [{"name": "n" * 200_000}]])
async def test_odd_headers_cost_nothing_else(yard: Yard, tmp_path: Path, odd: object) -> None:
    category = {**CATEGORIES[0], "keypoints": odd, "skeleton": odd}
    files = coco(info=odd, licenses=odd, categories=[category])
    status = await yard.imported(zip_of(tmp_path / "coco.zip", files))
    assert status["state"] == "succeeded", status
    told = (await yard.api.get(f"/datasets/{status['dataset_id']}")).json()
    assert len(json.dumps(told)) < 10_000
    assert told["statistics"]["annotations"] == 1
