"""Poses and oriented boxes, as they are imported and shown."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.factories.archives import jpeg_bytes, zip_of
from tests.factories.yard import Yard

POSE = b"0 .5 .5 .2 .4 .1 .2 2 .3 .4 1\n"
CORNERS = b"0 .1 .2 .5 .2 .5 .6 .1 .6\n"
YAML = b"train: images/train\nval: images/train\nnames: [person]\n"


def dataset(folder: Path, label: bytes, yaml: bytes = YAML) -> Path:
    """An archive of one image with this label."""
    path = folder / "labels.zip"
    files = {"data.yaml": yaml, "images/train/a.jpg": jpeg_bytes(40, 30, seed=1), "labels/train/a.txt": label}
    zip_of(path, files)
    return path


async def one_image(yard: Yard, status: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The dataset and its only image."""
    found = (await yard.api.get(f"/datasets/{status['dataset_id']}")).json()
    (image,) = await yard.all_images(status["dataset_id"])
    return found, image


@pytest.mark.parametrize("task", ["auto", "pose"])
@pytest.mark.parametrize("storage", ["objects", "packed"])
async def test_poses(yard: Yard, tmp_path: Path, task: str, storage: str) -> None:
    path = dataset(tmp_path, POSE, YAML + b"kpt_shape: [2, 3]\n")
    found, image = await one_image(yard, await yard.imported(path, task=task, storage=storage))

    assert found["task"] == "pose"
    (pose,) = image["annotations"]
    assert (pose["type"], pose["bbox"], pose["points"]) == ("pose", [0.5, 0.5, 0.2, 0.4], [])
    assert pose["keypoints"] == [[0.1, 0.2, 2.0], [0.3, 0.4, 1.0]]


async def test_oriented_boxes_are_asked_for(yard: Yard, tmp_path: Path) -> None:
    path = dataset(tmp_path, CORNERS)
    found, image = await one_image(yard, await yard.imported(path, task="obb"))

    assert found["task"] == "obb"
    (corners,) = image["annotations"]
    assert (corners["type"], corners["keypoints"]) == ("obb", [])
    assert corners["points"] == [[0.1, 0.2], [0.5, 0.2], [0.5, 0.6], [0.1, 0.6]]

    found, image = await one_image(yard, await yard.imported(path))
    assert (found["task"], image["annotations"][0]["type"]) == ("segment", "polygon")


async def test_poses_without_the_number_of_keypoints_are_refused(yard: Yard, tmp_path: Path) -> None:
    status = await yard.imported(dataset(tmp_path, POSE), task="pose")

    assert status["state"] == "failed"
    assert status["error"]["type"] == "/problems/bad-configuration"
    assert "kpt_shape" in status["error"]["detail"]


@pytest.mark.parametrize("shape", [b"17", b"[17]", b"[17, 4]", b"[0, 3]", b"[a, 3]", b"[[17], 3]", b"[2, 3, 4]"])
async def test_a_keypoint_shape_that_is_none_is_named(yard: Yard, tmp_path: Path, shape: bytes) -> None:
    path = dataset(tmp_path, b"0 .5 .5 .2 .4\n", YAML + b"kpt_shape: " + shape + b"\n")
    status = await yard.imported(path)
    findings = await yard.report(status["job_id"], rule="YAML_TYPE")

    assert status["state"] == "succeeded"
    assert [(finding["file"], finding["line"]) for finding in findings] == [("data.yaml", 4)]


@pytest.mark.parametrize(("name", "task"), [("yolo_pose_ap10k", "pose"), ("yolo_obb_coco_mini", "obb")])
async def test_samples(yard: Yard, samples: Path, name: str, task: str) -> None:
    archives = json.loads((samples / "MANIFEST.json").read_text())["archives"]
    expected = next(one["expected"] for one in archives if one["file"] == f"{name}.zip")
    status = await yard.imported(samples / f"{name}.zip", task=task)
    base = f"/datasets/{status['dataset_id']}"
    statistics = (await yard.api.get(f"{base}/statistics")).json()
    categories = (await yard.api.get(f"{base}/categories")).json()["items"]

    assert (await yard.api.get(base)).json()["task"] == task
    assert (statistics["images"], statistics["annotations"]) == (expected["images"], expected["annotations"])
    assert {one["name"]: one["annotations"] for one in categories if one["annotations"]} == expected["classes"]
    assert {image["annotations"][0]["type"] for image in await yard.all_images(status["dataset_id"])} == {task}
