"""Real datasets of every format: images, annotations, classes and splits are those that were counted by hand."""

import json
from pathlib import Path
from typing import Any

import pytest

from shared.formats.annotations.splits import normalise_split
from tests.factories.yard import Yard

ARCHIVES = {
    "voc_raccoon.zip": "voc",
    "voc_fridge.zip": "voc",
    "kitti_3frames.zip": "kitti",
    "imagefolder_chest_xray_28px.zip": "imagefolder",
    "tiny_imagenet_layout_digits.tar.gz": "tiny-imagenet",
    "coco_instances_mini.zip": "coco",
    "coco_keypoints_ap10k.zip": "coco",
    "yolo_detect_raccoon.zip": "yolo",
    "yolo_darknet_fridge.zip": "yolo",
    "yolo_segment_coco_mini.zip": "yolo",
    "yolo_pose_ap10k.zip": "yolo",
    "yolo_obb_coco_mini.zip": "yolo",
}
TASKS = {"yolo_obb_coco_mini.zip": "obb"}
STORAGES = {"objects": {}, "packed": {"storage": "packed"}, "in place": {"storage": "packed", "in_place": True}}


def counted(samples: Path, file: str) -> dict[str, Any]:
    """What the collector counted, with the splits as they are called here."""
    archives = json.loads((samples / "MANIFEST.json").read_text())["archives"]
    expected = next(one["expected"] for one in archives if one["file"] == file)
    splits = {
        "" if name == "(none)" else normalise_split(name): (split["images"], split["annotations"])
        for name, split in expected["splits"].items()
    }
    return {
        "images": expected["images"],
        "annotations": expected["annotations"],
        "classes": expected["classes"],
        "splits": splits,
    }


async def imported(yard: Yard, dataset: str) -> dict[str, Any]:
    """The same, as the API tells it."""
    statistics = (await yard.api.get(f"/datasets/{dataset}/statistics")).json()
    categories = (await yard.api.get(f"/datasets/{dataset}/categories")).json()["items"]
    return {
        "images": statistics["images"],
        "annotations": statistics["annotations"],
        "classes": {one["name"]: one["annotations"] for one in categories if one["annotations"]},
        "splits": {one["split"] or "": (one["images"], one["annotations"]) for one in statistics["splits"]},
    }


def ways() -> list[tuple[str, str]]:
    """Each archive in each way it can be stored; only a zip can be left in place, and big ones are moved once."""
    return [
        (file, storage)
        for file in ARCHIVES
        for storage in STORAGES
        if not (storage == "in place" and not file.endswith(".zip")) and not (storage == "packed" and "chest" in file)
    ]


@pytest.mark.parametrize(("file", "storage"), ways())
async def test_what_is_imported_is_what_was_counted(yard: Yard, samples: Path, file: str, storage: str) -> None:
    options = {**STORAGES[storage], "task": TASKS.get(file, "auto")}
    status = await yard.imported(samples / file, **options)

    assert (status["state"], status["error"]) == ("succeeded", None)
    dataset = (await yard.api.get(f"/datasets/{status['dataset_id']}")).json()
    assert dataset["format"] == ARCHIVES[file]
    assert await imported(yard, status["dataset_id"]) == counted(samples, file)


PROBLEMS = {
    "byte_identical_images": "IMG_DUP_CONTENT",
    "grayscale_jpeg": "SET_CHANNELS_MIXED",
    "class_imbalance": "SET_CLASS_IMBALANCE",
    "unlabelled_test_split": "SET_UNLABELLED",
    "DontCare_regions": "SET_DONT_CARE",
}


@pytest.mark.parametrize("file", ARCHIVES)
async def test_known_problems_are_found(yard: Yard, samples: Path, file: str) -> None:
    """One finding for each content that images share; the other problems are of the dataset, with how many it is."""
    archives = json.loads((samples / "MANIFEST.json").read_text())["archives"]
    known = next(one["expected"]["known_problems"] for one in archives if one["file"] == file)
    status = await yard.imported(samples / file, task=TASKS.get(file, "auto"))
    for problem in known:
        found = await yard.report(status["job_id"], rule=PROBLEMS[problem["kind"]])
        if problem["kind"] == "byte_identical_images":
            assert len(found) == problem["count"]
        else:
            (finding,) = found
            assert problem["kind"] == "class_imbalance" or str(problem["count"]) in finding["message"]


async def test_tiny_imagenet_is_called_by_its_words(yard: Yard, samples: Path) -> None:
    file = "tiny_imagenet_layout_digits.tar.gz"
    archives = json.loads((samples / "MANIFEST.json").read_text())["archives"]
    wnids = next(one["expected"]["wnids"] for one in archives if one["file"] == file)
    status = await yard.imported(samples / file)
    document = await yard.database["datasets"].find_one({"_id": status["dataset_id"]})
    assert document is not None
    categories = document["categories"]

    assert {one["name"]: one["source_id"] for one in categories} == wnids
    assert [one["source_id"] for one in categories] == sorted(wnids.values())
    findings = await yard.report(status["job_id"])
    assert [(one["rule"], one["file"]) for one in findings] == [("SET_UNLABELLED", "test")]
