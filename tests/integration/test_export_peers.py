"""Exports as the loaders of others read them: they find every image, annotation and category."""

import asyncio
import io
import json
import zipfile
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import webdataset
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from tests.factories.archives import NAMES, yolo_zip
from tests.factories.exports import downloaded, exported
from tests.factories.yard import Yard


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("task", ["detect", "segment"])
async def test_pycocotools_reads_and_evaluates_coco(yard: Yard, tmp_path: Path, task: Any) -> None:
    truth = yolo_zip(tmp_path / "shapes.zip", images=30, task=task)
    await yard.imported(tmp_path / "shapes.zip")
    data = await downloaded(yard, await exported(yard, "shapes", format="coco"))
    await asyncio.to_thread(zipfile.ZipFile(io.BytesIO(data)).extractall, tmp_path / "coco")
    for split, images in truth.images_by_split.items():
        read = await asyncio.to_thread(COCO, str(tmp_path / f"coco/annotations/instances_{split}.json"))
        found = read.loadAnns(read.getAnnIds())
        assert (len(read.getImgIds()), len(found)) == (images, truth.annotations_by_split[split])
        assert [one["name"] for one in read.loadCats(read.getCatIds())] == list(NAMES)
        files = {tmp_path / f"coco/images/{split}" / image["file_name"] for image in read.dataset["images"]}
        assert files == set((tmp_path / f"coco/images/{split}").iterdir())
        if task == "segment":
            assert all(read.annToMask(one).any() for one in found)
        wanted = ("image_id", "category_id", "bbox")
        sure = [{**{key: one[key] for key in wanted}, "score": 1.0} for one in found]
        assert await asyncio.to_thread(_mean_average_precision, read, sure) == 1.0


def _mean_average_precision(read: COCO, detections: list[dict[str, Any]]) -> float:
    evaluation = COCOeval(read, read.loadRes(detections), "bbox")
    evaluation.evaluate()
    evaluation.accumulate()
    evaluation.summarize()
    return float(evaluation.stats[0])


async def test_webdataset_reads_shards(yard: Yard, tmp_path: Path) -> None:
    truth = yolo_zip(tmp_path / "shapes.zip", images=30)
    await yard.imported(tmp_path / "shapes.zip")
    export = await exported(yard, "shapes", format="webdataset")
    for number, file in enumerate(export["files"]):
        (tmp_path / file["name"]).write_bytes(await downloaded(yard, export, number))
    shards = [str(tmp_path / file["name"]) for file in export["files"]]
    samples = await asyncio.to_thread(lambda: list(webdataset.WebDataset(shards, shardshuffle=False)))
    said = [json.loads(sample["json"]) for sample in samples]
    assert Counter(one["split"] for one in said) == truth.images_by_split
    assert sum(len(one["annotations"]) for one in said) == truth.annotations
    assert all(sample["jpg"].startswith(b"\xff\xd8") for sample in samples)
