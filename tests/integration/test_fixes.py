"""Each fix on data that needs it, through the API: what changes, what is counted, and that originals stay."""

import json
from pathlib import Path

import pytest

from tests.factories.archives import jpeg_bytes, zip_of
from tests.factories.versions import GOOD, everything, found, history, labelled, rows, versioned
from tests.factories.yard import Yard


async def test_a_tolerated_value_is_clipped(yard: Yard, tmp_path: Path) -> None:
    path = labelled(tmp_path, {"a": f"{GOOD}1 0.9 0.5 0.2 1.005\n", "b": GOOD})
    job = await yard.imported(path)
    before = await everything(yard, "shapes")

    version = await versioned(yard, "shapes", {"fixes": {"ROW_COORD_TOLERANCE": "clip"}, "note": "first"})

    assert (version["version"], version["kind"], version["parent"], version["note"]) == (2, "fixes", 1, "first")
    assert version["fixes"] == {"ROW_COORD_TOLERANCE": "clip"}
    assert version["counts"] == {
        "images_changed": 1, "annotations_changed": 1, "annotations_dropped": 0, "annotations_added": 0,
        "mended": {"ROW_COORD_TOLERANCE": 1}, "remaining": {},
    }  # fmt: skip
    assert await rows(yard, "shapes") == {
        "a": [(0, [0.5, 0.5, 0.2, 0.4]), (1, [0.9, 0.5, pytest.approx(0.2), 1.0])],
        "b": [(0, [0.5, 0.5, 0.2, 0.4])],
    }
    after = await everything(yard, "shapes")
    assert after["statistics"]["findings"].get("ROW_COORD_TOLERANCE") is None
    assert [image["findings"] for image in after["images"]] == [0, 0]
    assert await everything(yard, "shapes", version=1) == before
    report = (await yard.api.get(f"/datasets/import/{job['job_id']}/report")).json()
    assert report["counts"]["ROW_COORD_TOLERANCE"] == 1
    dataset = (await yard.api.get("/datasets/shapes")).json()
    assert (dataset["version"], dataset["pending_version"]) == (2, None)
    assert [one["version"] for one in await history(yard, "shapes")] == [2, 1]


async def test_rows_that_were_left_out_are_taken_in(yard: Yard, tmp_path: Path) -> None:
    """Pixels and ids without a name are in no document: they are read again from the label file, which stays."""
    labels = {"a": f"{GOOD}1 32 24 16 12\n7 0.5 0.5 0.1 0.1\n", "b": "9 0.5 0.5 0.1 0.1\n", "c": GOOD}
    await yard.imported(labelled(tmp_path, labels))
    stored = _kept(yard)
    assert await found(yard, "shapes") == {"ROW_COORD_RANGE": 1, "ROW_CLASS_RANGE": 2}

    body = {"fixes": {"ROW_COORD_RANGE": "divide_by_size", "ROW_CLASS_RANGE": "remap"}, "category_map": {"7": 2}}
    version = await versioned(yard, "shapes", body)

    assert await rows(yard, "shapes") == {
        "a": [(0, [0.5, 0.5, 0.2, 0.4]), (1, [0.5, 0.5, 0.25, 0.25]), (2, [0.5, 0.5, 0.1, 0.1])],
        "b": [],
        "c": [(0, [0.5, 0.5, 0.2, 0.4])],
    }
    assert version["counts"]["annotations_added"] == 2
    assert version["counts"]["mended"] == {"ROW_COORD_RANGE": 1, "ROW_CLASS_RANGE": 1}
    assert version["counts"]["remaining"] == {"ROW_CLASS_RANGE": 1}
    assert version["category_map"] == {"7": 2}
    statistics = (await yard.api.get("/datasets/shapes/statistics")).json()
    assert statistics["annotations"] == 4
    assert await found(yard, "shapes") == {"ROW_CLASS_RANGE": 1}
    assert _kept(yard) == stored
    for image in await yard.all_images("shapes"):
        assert (await yard.api.get(image["urls"]["labels"])).text == labels[Path(image["path"]).stem]

    again = await versioned(yard, "shapes", {"fixes": {"ROW_CLASS_RANGE": "remap"}, "category_map": {"9": 0}})
    assert again["counts"]["annotations_added"] == 1
    assert (await rows(yard, "shapes"))["b"] == [(0, [0.5, 0.5, 0.1, 0.1])]
    assert len((await rows(yard, "shapes"))["a"]) == 3


def _kept(yard: Yard) -> dict[str, bytes]:
    """The dataset's objects."""
    return {name: (yard.objects / name).read_bytes() for name in yard.stored() if name.startswith("datasets/")}


async def test_rows_with_commas_are_taken_in(yard: Yard, tmp_path: Path) -> None:
    await yard.imported(labelled(tmp_path, {"a": f"{GOOD}1, 0.5, 0.5, 0.1, 0.1\n2 0,5 0,25 0,1 0,1\nx y\n"}))
    version = await versioned(yard, "shapes", {"fixes": {"ROW_SEPARATOR": "separators"}})

    assert version["counts"]["mended"] == {"ROW_SEPARATOR": 2}
    assert (await rows(yard, "shapes"))["a"][1:] == [(1, [0.5, 0.5, 0.1, 0.1]), (2, [0.5, 0.25, 0.1, 0.1])]


async def test_results_of_a_detector_are_taken_in(yard: Yard, tmp_path: Path) -> None:
    await yard.imported(labelled(tmp_path, {"a": f"{GOOD}1 0.5 0.5 0.1 0.1 0.91\n2 0.5 0.25 0.1 0.1 17\n"}))
    version = await versioned(yard, "shapes", {"fixes": {"ROW_COLUMNS": "sixth_column"}})

    assert version["counts"]["mended"] == {"ROW_COLUMNS": 2}
    assert (await rows(yard, "shapes"))["a"][1:] == [(1, [0.5, 0.5, 0.1, 0.1]), (2, [0.5, 0.25, 0.1, 0.1])]
    found = {image["file_name"]: image for image in await yard.all_images("shapes")}["a.jpg"]
    assert [one["attributes"] for one in found["annotations"]] == [{}, {"confidence": 0.91}, {"track_id": 17}]


async def test_rows_are_dropped(yard: Yard, tmp_path: Path) -> None:
    await yard.imported(labelled(tmp_path, {"a": f"{GOOD}1 0.5 0.5 0 0.1\n", "b": "2 0.5 0.5 0.1 0\n"}))

    version = await versioned(yard, "shapes", {"fixes": "suggested"})

    assert version["fixes"] == {"ROW_ZERO_AREA": "drop_row"}
    assert version["counts"]["annotations_dropped"] == 2
    assert await rows(yard, "shapes") == {"a": [(0, [0.5, 0.5, 0.2, 0.4])], "b": []}
    statistics = (await yard.api.get("/datasets/shapes/statistics")).json()
    assert (statistics["annotations"], statistics["images_with_findings"]) == (1, 0)
    categories = (await yard.api.get("/datasets/shapes/categories")).json()["items"]
    assert [one["annotations"] for one in categories] == [1, 0, 0]
    page = (await yard.api.get("/datasets/shapes/images", params={"category": "triangle"})).json()
    assert (page["items"], page["total"]) == ([], 0)
    page = (await yard.api.get("/datasets/shapes/images", params={"category": "triangle", "version": 1})).json()
    assert ([Path(one["path"]).stem for one in page["items"]], page["total"]) == (["b"], 1)


async def test_gaps_between_ids_are_closed(yard: Yard, tmp_path: Path) -> None:
    names = "names: {0: circle, 3: square, 5: triangle}\n"
    text = f"{GOOD}3 0.5 0.5 0.1 0.1\n5 0.3 0.3 0.1 0.1\n1 0.2 0.2 0.1 0.1\n"
    await yard.imported(labelled(tmp_path, {"a": text}, names=names))

    version = await versioned(yard, "shapes", {"fixes": "suggested"})

    names_by_id = {one["id"]: one["name"] for one in version["categories"]}
    assert names_by_id == {0: "circle", 1: "class_1", 2: "square", 3: "triangle"}
    assert [category for category, _ in (await rows(yard, "shapes"))["a"]] == [0, 2, 3, 1]
    (image,) = await yard.all_images("shapes")
    assert [one["category"] for one in image["annotations"]] == ["circle", "square", "triangle", "class_1"]
    (image,) = await yard.all_images("shapes", version=1)
    assert [one["category"] for one in image["annotations"]] == ["circle", "square", "triangle", "class_1"]
    assert await found(yard, "shapes") == {}


async def test_categories_of_one_name_become_one(yard: Yard, tmp_path: Path) -> None:
    names = "names: [circle, square, Circle]\n"
    await yard.imported(
        labelled(tmp_path, {"a": f"{GOOD}2 0.3 0.3 0.1 0.1\n", "b": "1 0.5 0.5 0.1 0.1\n"}, names=names)
    )

    version = await versioned(yard, "shapes", {"fixes": {"NAME_DUPLICATE": "remap"}})

    assert version["categories"] == [{"id": 0, "name": "circle"}, {"id": 1, "name": "square"}]
    assert version["counts"]["mended"] == {"NAME_DUPLICATE": 1}
    assert [category for category, _ in (await rows(yard, "shapes"))["a"]] == [0, 0]


def turned_jpeg(orientation: int) -> bytes:
    """64 x 48 pixels that EXIF turns."""
    data = jpeg_bytes(64, 48)
    tiff = b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0" + bytes((orientation, 0, 0, 0)) + b"\0\0\0\0"
    block = b"Exif\0\0" + tiff
    return data[:2] + b"\xff\xe1" + (len(block) + 2).to_bytes(2, "big") + block + data[2:]


async def test_boxes_are_turned_with_their_image_and_only_once(yard: Yard, tmp_path: Path) -> None:
    images = {"a": turned_jpeg(6)}
    await yard.imported(labelled(tmp_path, {"a": "0 0.25 0.5 0.1 0.2\n", "b": GOOD}, images=images))

    version = await versioned(yard, "shapes", {"fixes": {"IMG_EXIF_ROTATED": "rotate"}})

    assert version["counts"]["images_changed"] == 1
    turned = {"a": [(0, [0.5, 0.25, 0.2, 0.1])], "b": [(0, [0.5, 0.5, 0.2, 0.4])]}
    assert await rows(yard, "shapes") == turned
    assert await found(yard, "shapes") == {}
    again = await versioned(yard, "shapes", {"fixes": {"IMG_EXIF_ROTATED": "rotate"}})
    assert again["counts"]["images_changed"] == 0
    assert await rows(yard, "shapes") == turned


async def test_a_preview_tells_the_same_and_writes_nothing(yard: Yard, tmp_path: Path) -> None:
    await yard.imported(labelled(tmp_path, {"a": f"{GOOD}1 0.9 0.5 0.2 1.005\n7 0.5 0.5 0.1 0.1\n", "b": GOOD}))
    body = {"fixes": {"ROW_COORD_TOLERANCE": "clip", "ROW_CLASS_RANGE": "remap"}, "category_map": {"7": 2}}
    before = [one async for one in yard.database["images"].find().sort("_id")]

    answer = await yard.api.post("/datasets/shapes/versions", json=body, params={"dry_run": True})

    assert answer.status_code == 200
    assert {name: answer.json()[name] for name in ("images_looked_at", "images", "complete")} == {
        "images_looked_at": 2, "images": 2, "complete": True,
    }  # fmt: skip
    assert [one async for one in yard.database["images"].find().sort("_id")] == before
    assert (await yard.api.get("/jobs", params={"kind": "version"})).json()["total"] == 0
    assert answer.json()["counts"] == (await versioned(yard, "shapes", body))["counts"]


async def test_an_import_is_followed_by_the_fixes_it_was_asked_for(yard: Yard, tmp_path: Path) -> None:
    path = labelled(tmp_path, {"a": f"{GOOD}1 0.9 0.5 0.2 1.005\n", "b": GOOD})
    await yard.imported(path, fixes="suggested")
    jobs = (await yard.api.get("/jobs", params={"kind": "version"})).json()["items"]
    assert (await yard.ended(jobs[0]["job_id"]))["state"] == "succeeded"

    assert [one["kind"] for one in await history(yard, "shapes")] == ["fixes", "import"]
    assert await found(yard, "shapes") == {}
    assert await found(yard, "shapes", version=1) == {"ROW_COORD_TOLERANCE": 1}

    clean = await yard.imported(labelled(tmp_path, {"a": GOOD}), name="clean", fixes="suggested")
    assert clean["state"] == "succeeded"
    assert len(await history(yard, "clean")) == 1


@pytest.mark.parametrize(
    ("body", "status", "kind"),
    [
        ({"fixes": {"ROW_CORNER_INSIDE": "clip"}}, 422, "invalid-request"),
        ({"fixes": {"ROW_ZERO_AREA": "clip"}}, 422, "invalid-request"),
        ({"fixes": {"ROW_CLASS_RANGE": "remap"}}, 422, "invalid-request"),
        ({"fixes": {}}, 422, "invalid-request"),
        ({}, 422, "invalid-request"),
        ({"fixes": {"ROW_CLASS_RANGE": "remap"}, "category_map": {"7": 9}}, 422, "fixes-do-not-fit"),
        ({"fixes": {"ROW_CLASS_RANGE": "remap"}, "category_map": {"1": 0}}, 422, "fixes-do-not-fit"),
        ({"fixes": "suggested"}, 409, "nothing-to-fix"),
    ],
)
async def test_what_cannot_be_done_is_refused(yard: Yard, tmp_path: Path, body: dict, status: int, kind: str) -> None:
    await yard.imported(labelled(tmp_path, {"a": GOOD}))
    for query in ({}, {"dry_run": True}):
        answer = await yard.api.post("/datasets/shapes/versions", json=body, params=query)
        assert (answer.status_code, answer.json()["type"]) == (status, f"/problems/{kind}")
    assert (await yard.api.get("/datasets/shapes")).json()["pending_version"] is None


async def test_ids_that_count_from_1_are_shifted(yard: Yard, tmp_path: Path) -> None:
    text = "1 0.5 0.5 0.1 0.1\n2 0.2 0.2 0.1 0.1\n3 0.8 0.8 0.1 0.1\n"
    await yard.imported(labelled(tmp_path, {"a": text, "b": text}))
    findings = (await yard.api.get("/datasets/shapes/statistics")).json()["findings"]
    assert (findings["SET_ONE_BASED"], findings["ROW_CLASS_RANGE"]) == (1, 2)

    version = await versioned(yard, "shapes", {"fixes": "suggested"})

    assert version["fixes"] == {"SET_ONE_BASED": "shift"}
    assert version["counts"]["mended"] == {"ROW_CLASS_RANGE": 2, "SET_ONE_BASED": 1}
    assert version["counts"]["remaining"] == {}
    assert [category for category, _ in (await rows(yard, "shapes"))["a"]] == [0, 1, 2]
    findings = (await yard.api.get("/datasets/shapes/statistics")).json()["findings"]
    assert not {"SET_ONE_BASED", "ROW_CLASS_RANGE", "SET_CLASS_UNUSED"} & findings.keys()
    again = await yard.api.post("/datasets/shapes/versions", json={"fixes": {"SET_ONE_BASED": "shift"}})
    assert (again.status_code, again.json()["type"]) == (422, "/problems/fixes-do-not-fit")


async def test_what_is_there_twice_is_kept_once(yard: Yard, tmp_path: Path) -> None:
    near = "0 0.5005 0.5 0.2 0.4\n"
    await yard.imported(labelled(tmp_path, {"a": f"{GOOD}{GOOD}{near}1 0.2 0.2 0.1 0.1\n", "b": GOOD}))
    assert (await found(yard, "shapes")).keys() == {"ROW_DUPLICATE", "ROW_NEAR_DUPLICATE"}

    version = await versioned(yard, "shapes", {"fixes": {"ROW_DUPLICATE": "deduplicate"}})
    assert version["counts"]["annotations_dropped"] == 1
    assert [category for category, _ in (await rows(yard, "shapes"))["a"]] == [0, 0, 1]
    version = await versioned(yard, "shapes", {"fixes": "suggested"})
    assert version["fixes"] == {"ROW_NEAR_DUPLICATE": "deduplicate"}
    assert await rows(yard, "shapes") == {
        "a": [(0, [0.5, 0.5, 0.2, 0.4]), (1, [0.2, 0.2, 0.1, 0.1])],
        "b": [(0, [0.5, 0.5, 0.2, 0.4])],
    }
    assert await found(yard, "shapes") == {}


async def test_boxes_and_outlines_that_leave_the_image_are_cut(yard: Yard, tmp_path: Path) -> None:
    text = f"{GOOD}{GOOD.replace('0 ', '1 ', 1)}1 0.9 0.5 0.4 0.2\n2 0.5 0.5 0.995 0.5 1.008 0.9 0.5 0.9\n"
    await yard.imported(labelled(tmp_path, {"a": text}))
    assert (await found(yard, "shapes"))["ROW_CORNER_OUTSIDE"] == 1
    before = {name: value for name, value in (await found(yard, "shapes")).items() if name != "ROW_CORNER_OUTSIDE"}

    await versioned(yard, "shapes", {"fixes": {"ROW_CORNER_OUTSIDE": "clip"}})

    assert (await rows(yard, "shapes"))["a"][2] == (1, pytest.approx([0.85, 0.5, 0.3, 0.2]))
    assert await found(yard, "shapes") == before
    await versioned(yard, "shapes", {"fixes": {"ROW_COORD_TOLERANCE": "clip"}})
    (image,) = await yard.all_images("shapes")
    assert max(x for x, _ in image["annotations"][3]["points"]) == 1
    assert "ROW_COORD_TOLERANCE" not in await found(yard, "shapes")


async def test_of_coco_what_is_in_the_documents_is_fixed(yard: Yard, tmp_path: Path) -> None:
    ring, inside = [50, 10, 80, 10, 80, 20, 50, 20], [10, 10, 20, 10, 20, 20]
    annotations = [
        {"id": 1, "image_id": 1, "category_id": 1, "bbox": [30, 1, 50, 6]},
        {"id": 2, "image_id": 1, "category_id": 1, "bbox": [10, 10, 70, 10], "segmentation": [inside, ring]},
        {"id": 3, "image_id": 1, "category_id": 1, "bbox": [1, 1, 0, 6]},
        {"id": 4, "image_id": 1, "category_id": 9, "bbox": [1, 1, 2, 2]},
    ]
    images = [{"id": 1, "file_name": "a.jpg", "width": 64, "height": 48}]
    document = {"images": images, "annotations": annotations, "categories": [{"id": 1, "name": "thing"}]}
    members = {"annotations/instances_train.json": json.dumps(document).encode(), "train/a.jpg": jpeg_bytes(64, 48)}
    await yard.imported(zip_of(tmp_path / "shapes.zip", members))
    assert await found(yard, "shapes") == {"ROW_CORNER_OUTSIDE": 2, "ROW_ZERO_AREA": 1, "ROW_CLASS_RANGE": 1}

    fixes = {"ROW_CORNER_OUTSIDE": "clip", "ROW_ZERO_AREA": "drop_row", "ROW_CLASS_RANGE": "remap"}
    version = await versioned(yard, "shapes", {"fixes": fixes, "category_map": {"9": 0}})

    assert version["counts"]["mended"] == {"ROW_CORNER_OUTSIDE": 2, "ROW_ZERO_AREA": 1}
    assert version["counts"]["remaining"] == {"ROW_CLASS_RANGE": 1}
    (image,) = await yard.all_images("shapes")
    box, outline = image["annotations"]
    assert box["bbox"] == pytest.approx([47 / 64, 4 / 48, 34 / 64, 6 / 48])
    assert outline["bbox"] == pytest.approx([37 / 64, 15 / 48, 54 / 64, 10 / 48])
    assert max(x for x, _ in outline["attributes"]["parts"][0]) == 1
    assert image["findings"] == 1


async def test_fixes_of_an_import_that_do_not_fit_leave_it_as_it_was_found(yard: Yard, tmp_path: Path) -> None:
    path = labelled(tmp_path, {"a": f"{GOOD}7 0.5 0.5 0.1 0.1\n"})
    status = await yard.imported(path, fixes={"ROW_CLASS_RANGE": "remap"}, category_map={"7": 99})
    assert status["state"] == "succeeded"
    (job,) = (await yard.api.get("/jobs", params={"kind": "version"})).json()["items"]

    failed = await yard.ended(job["job_id"])

    assert (failed["state"], failed["error"]["type"]) == ("failed", "/problems/fixes-do-not-fit")
    await yard.cleaned(job["job_id"])
    dataset = (await yard.api.get("/datasets/shapes")).json()
    assert (dataset["version"], dataset["pending_version"]) == (1, None)
    assert len(await history(yard, "shapes")) == 1
    assert (await versioned(yard, "shapes", {"fixes": {"ROW_CLASS_RANGE": "remap"}, "category_map": {"7": 1}}))[
        "version"
    ] == 3
