"""Values that no database takes, in files about many images: the import goes on, and what can be kept is kept."""

import csv
import io
from pathlib import Path

from tests.factories.archives import jpeg_bytes, zip_of
from tests.factories.exports import exported
from tests.factories.yard import Yard

HALF = r"\ud800"


async def test_a_coco_file_full_of_them(yard: Yard, tmp_path: Path) -> None:
    sound = f'"image_id": 1, "category_id": 7, "bbox": [1, 2, 3, 4], "said": {{"{HALF}": "{HALF}", "n": {"9" * 300}}}'
    coco = f"""{{"images": [{{"id": 1, "file_name": "a.jpg", "width": {"9" * 400}, "height": true, "by": "{HALF}"}}],
        "annotations": [{{{sound}}}, {{"image_id": 1, "category_id": "{HALF}", "bbox": [1, 2, 3, 4]}},
                        {{"image_id": 1, "category_id": 7, "bbox": [{"9" * 5_000}, 2, 3, 4]}}],
        "categories": [{{"id": 7, "name": "cat{HALF}", "supercategory": "{HALF}"}}]}}"""
    source = zip_of(tmp_path / "odd.zip", {"a.jpg": jpeg_bytes(20, 10), "instances_val.json": coco.encode()})
    planned = await yard.api.post("/datasets/import/plan", json={"source": str(source)}, timeout=60)
    assert planned.status_code == 200, planned.text
    status = await yard.imported(source)
    assert status["state"] == "succeeded", status["error"]
    (image,) = await yard.all_images("odd")
    (annotation,) = image["annotations"]
    assert (annotation["category"], annotation["bbox"]) == ("cat\ufffd", [0.125, 0.4, 0.15, 0.4])
    assert annotation["attributes"]["said"] == {"\ufffd": "\ufffd", "n": "9" * 300}
    found = [finding["rule"] for finding in await yard.report(status["job_id"])]
    assert {"ROW_CLASS_RANGE", "ROW_NAN"} <= set(found)
    assert (await exported(yard, "odd", format="coco"))["images"] == 1


async def test_a_table_full_of_them(yard: Yard, tmp_path: Path) -> None:
    sides = {"x_center": 0.5, "y_center": 0.5, "box_width": 0.1, "box_height": 0.1}
    first = {"filename": "a.jpg", "split": "names", "class": "cat", "class_id": 0, "type": "box", **sides}
    said = f'{{"a": 1e999, "b": {"9" * 30}, "c\\u0000": "{HALF}"}}'
    out = io.StringIO()
    writer = csv.DictWriter(out, [*first, "attributes", "image_attributes"], restval="")
    writer.writeheader()
    writer.writerows([{**first, "attributes": said, "image_attributes": said}, {**first, "attributes": "[" * 9_000}])
    source = zip_of(tmp_path / "odd.zip", {"a.jpg": jpeg_bytes(20, 10), "labels.csv": out.getvalue().encode()})
    status = await yard.imported(source)
    assert status["state"] == "succeeded", status["error"]
    (image,) = await yard.all_images("odd")
    kept = {"a": "inf", "b": "9" * 30, "c": "\ufffd"}
    assert (image["attributes"], [one["attributes"] for one in image["annotations"]]) == (kept, [kept])
    assert (await exported(yard, "odd", format="yolo"))["images"] == 1


async def test_a_request_full_of_them(yard: Yard) -> None:
    for body in (
        rf'{{"source": "file:///{HALF}"}}',
        rf'{{"source": "/x", "name": "{HALF}"}}',
        '{"source": "/x\\u0000"}',
    ):
        for path in ("/datasets/import", "/datasets/import/plan"):
            answer = await yard.api.post(path, content=body, headers={"Content-Type": "application/json"}, timeout=60)
            assert 400 <= answer.status_code < 500 or answer.status_code == 202, (body, answer.text)
