"""Every YOLO layout, imported whole: images, splits, categories and annotations are exactly those that are there."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.factories.archives import jpeg_bytes, zip_of
from tests.factories.source_kinds import LABELS_FIRST, STORAGES, linked_pair
from tests.factories.yard import Yard, open_yard

Shape = tuple[str, str, tuple[float, ...]]
"""The type of an annotation, its category, and its box or points."""

WIDTH, HEIGHT = 40, 20
JPEG = [jpeg_bytes(WIDTH, HEIGHT, seed=number) for number in range(3)]
BOX, BOXES = b"1 .5 .5 .2 .4\n", b"0 .25 .5 .5 1\n1 .5 .5 .2 .4\n"
DOG: Shape = ("box", "dog", (0.5, 0.5, 0.2, 0.4))
CAT: Shape = ("box", "cat", (0.25, 0.5, 0.5, 1.0))
CLASSES = b"cat\ndog\n"


@dataclass(frozen=True)
class Case:
    """An archive, and what an import of it has to give: of each image its split and annotations."""

    layout: str
    files: dict[str, bytes]
    images: dict[str, tuple[str | None, list[Shape]]]
    categories: tuple[str, ...] = ("cat", "dog")
    rules: tuple[str, ...] = ()


def tree(layout: str, image: str, label: str, *, split: tuple[str, str] | None, **more: bytes) -> Case:
    """Two labelled images, by the names that theirs and their labels' have; with `split`, one in each."""
    names = [(image.format(split=one), label.format(split=one)) for one in split or ("a", "b")]
    files = {names[0][0]: JPEG[0], names[0][1]: BOXES, names[1][0]: JPEG[1], names[1][1]: BOX, **more}
    known = {"train": "train", "val": "val", "valid": "val"}
    splits = [known[one] for one in split] if split else [None, None]
    images = {names[0][0]: (splits[0], [CAT, DOG]), names[1][0]: (splits[1], [DOG])}
    return Case(layout, files, images, rules=("PAIR_STEM_SPLITS",) if split else ())


TRAIN_VAL = ("train", "val")
FLAT = tree("flat", "images/{split}.jpg", "labels/{split}.txt", split=None, **{"classes.txt": CLASSES})
NOTES = json.dumps({"categories": [{"id": 0, "name": "cat"}, {"id": 1, "name": "dog"}], "info": {}}).encode()
DOTA_ROW = b"imagesource:GoogleEarth\ngsd:0.5\n4 2 20 2 20 10 4 10 dog 1\n"
NDJSON = "\n".join(
    json.dumps(one)
    for one in (
        {"type": "dataset", "task": "segment", "class_names": {"0": "cat", "1": "dog"}},
        {
            "type": "image",
            "file": "a.jpg",
            "split": "train",
            "annotations": {"boxes": [[1, 0.5, 0.5, 0.2, 0.4]], "segments": [[0, 0, 0, 0.5, 0, 0.5, 1]]},
        },
        {
            "type": "image",
            "file": "b.jpg",
            "split": "val",
            "annotations": {"classification": [1], "boxes": [[7, 0, 0, 1, 1]]},
        },
        {"type": "image", "file": "gone.jpg", "split": "val", "url": "https://host/gone.jpg"},
        {"type": "image", "file": "c.jpg"},
    )
).encode()

CASES = {
    "flat": FLAT,
    "flat without names": Case(
        "flat",
        {name: data for name, data in FLAT.files.items() if name != "classes.txt"},
        {
            name: (split, [(kind, {"cat": "class_0", "dog": "class_1"}[one], box) for kind, one, box in said])
            for name, (split, said) in FLAT.images.items()
        },
        ("class_0", "class_1"),
        ("NAME_UNKNOWN",),
    ),
    "splits below images": tree(
        "ultralytics",
        "d/images/{split}/x/1.jpg",
        "d/labels/{split}/x/1.txt",
        split=TRAIN_VAL,
        **{"d/obj.names": CLASSES},
    ),
    "roboflow": tree(
        "roboflow", "{split}/images/1.jpg", "{split}/labels/1.txt", split=("train", "valid"), **{"classes.txt": CLASSES}
    ),
    "loose": tree("loose", "{split}.jpg", "{split}.txt", split=None, **{"classes.txt": CLASSES}),
    "loose with splits": tree(
        "loose", "{split}/1.jpg", "{split}/1.txt", split=("train", "valid"), **{"train/_darknet.labels": CLASSES}
    ),
    "label studio": tree(
        "label-studio",
        "images/0a1b2c3d-{split}.jpg",
        "labels/0a1b2c3d-{split}.txt",
        split=None,
        **{"classes.txt": CLASSES, "notes.json": NOTES},
    ),
    "fiftyone": tree(
        "ultralytics",
        "images/{split}/1.jpg",
        "labels/{split}/1.txt",
        split=TRAIN_VAL,
        **{"dataset.yaml": b"path: .\ntrain: ./images/train/\nval: ./images/val/\nnames:\n  0: cat\n  1: dog\n"},
    ),
    "cvat": Case(
        "ultralytics",
        {
            "data.yaml": b"names:\n  0: cat\n  1: dog\npath: .\ntrain: train.txt\n",
            "train.txt": b"data/images/train/a.jpg\ndata/images/train/b.jpg\n",
            "images/train/a.jpg": JPEG[0],
            "images/train/b.jpg": JPEG[1],
            "labels/train/a.txt": BOXES,
        },
        {"images/train/a.jpg": ("train", [CAT, DOG]), "images/train/b.jpg": ("train", [])},
        rules=("PAIR_MISSING_LABEL",),
    ),
    "cvat with the subset first": tree(
        "roboflow",
        "{split}/images/1.jpg",
        "{split}/labels/1.txt",
        split=TRAIN_VAL,
        **{"data.yaml": b"names: [cat, dog]\ntrain: train/images\nval: val/images\n"},
    ),
    "dota": Case(
        "dota",
        {
            "train/images/P1.jpg": JPEG[0],
            "train/labelTxt/P1.txt": DOTA_ROW,
            "val/images/P2.jpg": JPEG[1],
            "val/labelTxt/P2.txt": b"0 0 40 0 40 20 0 20 cat 0\n1 2 3\n",
            "test/images/P3.jpg": JPEG[2],
        },
        {
            "train/images/P1.jpg": ("train", [("obb", "dog", (0.1, 0.1, 0.5, 0.1, 0.5, 0.5, 0.1, 0.5))]),
            "val/images/P2.jpg": ("val", [("obb", "cat", (0.0, 0.0, 1.0, 0.0, 1.0, 1.0, 0.0, 1.0))]),
            "test/images/P3.jpg": ("test", []),
        },
        rules=("PAIR_MISSING_LABEL", "ROW_COLUMNS"),
    ),
    "ndjson": Case(
        "ndjson",
        {"set.ndjson": NDJSON, "images/train/a.jpg": JPEG[0], "images/val/b.jpg": JPEG[1], "c.jpg": JPEG[2]},
        {
            "images/train/a.jpg": ("train", [DOG, ("polygon", "cat", (0.0, 0.0, 0.5, 0.0, 0.5, 1.0))]),
            "images/val/b.jpg": ("val", [("label", "dog", (0.5, 0.5, 1.0, 1.0))]),
            "c.jpg": (None, []),
        },
        rules=("PAIR_MISSING_IMAGE", "ROW_CLASS_RANGE"),
    ),
}


def shapes(image: dict[str, Any]) -> list[Shape]:
    """The annotations of an image as it is shown."""
    return [
        (one["type"], one["category"], tuple(value for point in one["points"] for value in point) or tuple(one["bbox"]))
        for one in image["annotations"]
    ]


async def check(yard: Yard, status: dict[str, Any], case: Case) -> None:
    """The dataset is the case's, whole."""
    assert (status["state"], status["error"]) == ("succeeded", None)
    base = f"/datasets/{status['dataset_id']}"
    images = {image["path"]: image for image in await yard.all_images(status["dataset_id"])}
    assert {path: (image["split"], shapes(image)) for path, image in images.items()} == case.images
    for path, image in images.items():
        assert (await yard.api.get(f"{base}/images/{image['id']}/file")).content == case.files[path]
        assert (image["width"], image["height"], "dimensions" in image["pending"]) == (WIDTH, HEIGHT, False)
    found = (await yard.api.get(f"{base}/categories")).json()["items"]
    every = [name for _, said in case.images.values() for _, name, _ in said]
    assert [(one["id"], one["name"], one["annotations"]) for one in found] == [
        (number, name, every.count(name)) for number, name in enumerate(case.categories)
    ]
    statistics = (await yard.api.get(f"{base}/statistics")).json()
    assert (statistics["images"], statistics["annotations"]) == (len(case.images), len(every))
    assert (await yard.database["datasets"].find_one({"_id": status["dataset_id"]}))["layout"] == case.layout
    rules = {one["rule"] for one in await yard.report(status["job_id"])}
    assert {rule for rule in rules if not rule.startswith("SET_")} == set(case.rules)


@pytest.mark.parametrize("storage", STORAGES)
@pytest.mark.parametrize("name", CASES)
async def test_a_layout(yard: Yard, tmp_path: Path, name: str, storage: str) -> None:
    zip_of(tmp_path / "a.zip", CASES[name].files)
    await check(yard, await yard.imported(tmp_path / "a.zip", storage=storage), CASES[name])


@pytest.mark.parametrize("name", ["flat without names", "dota", "ndjson"])
async def test_a_layout_whose_labels_are_read_first(mongo_url: str, tmp_path: Path, name: str) -> None:
    zip_of(tmp_path / "a.zip", CASES[name].files)
    async with open_yard(mongo_url, tmp_path / "yard", engine=LABELS_FIRST) as yard:
        for options in ({}, {"storage": "packed", "in_place": True}):
            await check(yard, await yard.imported(tmp_path / "a.zip", **options), CASES[name])


async def test_what_dota_says_beside_the_boxes_is_kept(yard: Yard, tmp_path: Path) -> None:
    zip_of(tmp_path / "a.zip", CASES["dota"].files)
    status = await yard.imported(tmp_path / "a.zip")
    images = {image["path"]: image for image in await yard.all_images(status["dataset_id"])}
    image = images["train/images/P1.jpg"]
    assert image["attributes"] == {"imagesource": "GoogleEarth", "gsd": 0.5}
    assert image["annotations"][0]["attributes"] == {"difficult": 1}
    findings = await yard.report(status["job_id"], rule="ROW_COLUMNS")
    assert [(one["file"], one["line"]) for one in findings] == [("val/labelTxt/P2.txt", 2)]
    report = (await yard.api.get(f"/datasets/import/{status['job_id']}/report")).json()
    assert (report["rows_read"], report["rows_left_out"], report["trainers"]) == (3, 1, {})


async def test_findings_of_ndjson_name_its_lines(yard: Yard, tmp_path: Path) -> None:
    zip_of(tmp_path / "a.zip", CASES["ndjson"].files)
    status = await yard.imported(tmp_path / "a.zip")
    findings = await yard.report(status["job_id"])
    assert {(one["rule"], one["file"], one["line"]) for one in findings if one["line"]} == {
        ("ROW_CLASS_RANGE", "set.ndjson", 3),
        ("PAIR_MISSING_IMAGE", "set.ndjson", 4),
    }


# several datasets in one archive

TWO = {
    f"{top}/{name}": data
    for top, label in (("detect", BOX), ("segment", b"0 0 0 .5 0 .5 1\n"))
    for name, data in {
        "data.yaml": b"names: [cat, dog]\ntrain: images\n",
        "images/a.jpg": JPEG[top == "segment"],
        "labels/a.txt": label,
    }.items()
}
CHOSEN = {
    None: {"detect/images/a.jpg": ("train", [DOG])},
    "detect": {"detect/images/a.jpg": ("train", [DOG])},
    "segment/": {"segment/images/a.jpg": ("train", [("polygon", "cat", (0.0, 0.0, 0.5, 0.0, 0.5, 1.0))])},
    "segment/data.yaml": {"segment/images/a.jpg": ("train", [("polygon", "cat", (0.0, 0.0, 0.5, 0.0, 0.5, 1.0))])},
}


@pytest.mark.parametrize("root", CHOSEN)
async def test_one_of_several_datasets(yard: Yard, tmp_path: Path, root: str | None) -> None:
    zip_of(tmp_path / "a.zip", TWO)
    options = {} if root is None else {"root": root}
    rules = ("YAML_AMBIGUOUS", "PAIR_UNLISTED_IMAGE") if root is None else ()
    case = Case("ultralytics", TWO, CHOSEN[root], rules=rules)
    await check(yard, await yard.imported(tmp_path / "a.zip", **options), case)


async def test_a_tree_over_a_pool_of_images_by_links(yard: Yard, tmp_path: Path) -> None:
    """Both trees show the same images; the one that is asked for has its own labels."""
    source, files = linked_pair(tmp_path / "a.tar", JPEG[0], {"detect": BOX, "segment": b"0 0 0 .5 0 .5 1\n"})
    for root, said in (("detect", DOG), ("segment", ("polygon", "cat", (0.0, 0.0, 0.5, 0.0, 0.5, 1.0)))):
        images = {f"{root}/images/a.jpg": ("train", [said])}
        await check(yard, await yard.imported(source, root=root), Case("ultralytics", files, images))


async def test_a_root_where_nothing_lies(yard: Yard, tmp_path: Path) -> None:
    zip_of(tmp_path / "a.zip", TWO)
    status = await yard.imported(tmp_path / "a.zip", root="classify")
    assert (status["state"], status["error"]["type"]) == ("failed", "/problems/dataset-not-recognised")
    assert "nothing lies at the root `classify`" in status["error"]["detail"]


@pytest.mark.parametrize("root", ["", "x" * 1025, 7])
async def test_a_root_that_is_none(yard: Yard, root: object) -> None:
    answer = await yard.api.post("/datasets/import", json={"source": "file:///a.zip", "root": root})
    assert answer.status_code == 422


# labels without images


@pytest.mark.parametrize("notes", [True, False])
async def test_labels_alone_are_told_to_need_images(yard: Yard, tmp_path: Path, notes: bool) -> None:
    files = {"labels/a.txt": BOX, "classes.txt": CLASSES} | ({"notes.json": NOTES} if notes else {})
    zip_of(tmp_path / "a.zip", files)
    status = await yard.imported(tmp_path / "a.zip")
    assert (status["state"], status["error"]["type"]) == ("failed", "/problems/dataset-not-recognised")
    assert '{"images": …, "labels": …}' in status["error"]["detail"]
    assert ("Label Studio" in status["error"]["detail"]) is notes


async def test_labels_of_cvat_with_images_from_elsewhere(yard: Yard, tmp_path: Path) -> None:
    """Its lists name images that are not where they say; the names of files pair them."""
    described = {"obj.data": b"classes = 2\ntrain = data/train.txt\nnames = data/obj.names\n", "obj.names": CLASSES}
    labels = {"train.txt": b"data/obj_train_data/a.jpg\n", "obj_train_data/a.txt": BOXES}
    zip_of(tmp_path / "labels.zip", described | labels)
    zip_of(tmp_path / "images.zip", {"a.jpg": JPEG[0]})
    source = {name: str(tmp_path / f"{name}.zip") for name in ("images", "labels")}
    status = await yard.ended(
        (await yard.api.post("/datasets/import", json={"source": source, "name": "x"})).json()["job_id"]
    )
    await check(yard, status, Case("apart", {"images/a.jpg": JPEG[0]}, {"images/a.jpg": (None, [CAT, DOG])}))


async def test_labels_of_label_studio_with_images_from_elsewhere(yard: Yard, tmp_path: Path) -> None:
    zip_of(tmp_path / "labels.zip", {"labels/a.txt": BOXES, "classes.txt": CLASSES, "notes.json": NOTES})
    zip_of(tmp_path / "images.zip", {"a.jpg": JPEG[0]})
    source = {name: str(tmp_path / f"{name}.zip") for name in ("images", "labels")}
    status = await yard.ended(
        (await yard.api.post("/datasets/import", json={"source": source, "name": "x"})).json()["job_id"]
    )
    case = Case("label-studio", {"images/a.jpg": JPEG[0]}, {"images/a.jpg": (None, [CAT, DOG])})
    await check(yard, status, case)
