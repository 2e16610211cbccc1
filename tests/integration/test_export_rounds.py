"""Round trips: what is exported and imported again says the same, and label files are the same bytes."""

import asyncio
import json
import random
from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.formats.annotations.registry import FORMATS as READ
from tests.factories.archives import jpeg_bytes, zip_of
from tests.factories.exports import FORMATS, categories, content, downloaded, exported, members_of, reimported
from tests.factories.yard import Yard

YOLO = ("ultralytics", "roboflow", "darknet")
TASKS = ("detect", "segment", "pose", "obb")
# What comes with a format that the dataset did not say before: areas, and what is not known in space.
ADDED = {
    "coco": {"area", "iscrowd", "num_keypoints"},
    "kitti": {"truncated", "occluded", "alpha", "dimensions", "location", "rotation_y"},
}
# What a format cannot say, or is not read of it: of tables that is all but boxes and labels.
CANNOT = {
    "voc": {"pose", "obb"}, "kitti": {"segment", "pose", "obb"}, "coco": {"obb"}, "csv": set(),
}  # fmt: skip


def row(dice: random.Random, task: str) -> str:
    """A label row of a task, with numbers as people write them."""
    numbers = [f"{dice.uniform(0.05, 0.95):.{dice.choice((1, 3, 6, 16))}f}" for _ in range(12)]
    box = [
        f"{dice.uniform(*ends):.{dice.choice((1, 3, 6, 16))}f}"
        for ends in ((0.3, 0.7), (0.3, 0.7), (0.1, 0.5), (0.1, 0.5))
    ]
    values = {"detect": box, "segment": numbers[: 2 * dice.randint(3, 6)], "obb": numbers[:8]}
    seen = [str(dice.randrange(3)) for _ in range(2)]
    values["pose"] = [*box, *numbers[4:6], seen[0], *numbers[6:8], seen[1]]
    return f"{dice.randrange(3)} {' '.join(values[task])}\n"


def archive(folder: Path, task: str, seed: int) -> tuple[Path, dict[str, bytes]]:
    """A YOLO dataset of a task, and what is in it."""
    dice = random.Random(seed)
    shape = "kpt_shape: [2, 3]\n" if task == "pose" else ""
    yaml = f"train: images/train\nval: images/val\n{shape}names: [zebra, 'no', 'traffic light: é']\n"
    members = {"data.yaml": yaml.encode()}
    for number in range(8):
        place = f"{dice.choice(('train', 'val'))}/im {number}"
        members[f"images/{place}.jpg"] = jpeg_bytes(dice.randint(10, 99), dice.randint(10, 99), seed=number)
        if number < 7:
            members[f"labels/{place}.txt"] = "".join(row(dice, task) for _ in range(dice.randrange(4))).encode()
    return zip_of(folder / f"{task}-{seed}.zip", members), members


async def made(yard: Yard, folder: Path, task: str, seed: int = 1) -> tuple[str, dict[str, bytes]]:
    """The id of an imported dataset of a task."""
    path, members = archive(folder, task, seed)
    status = await yard.imported(path, task="obb" if task == "obb" else "auto")
    assert status["state"] == "succeeded", status
    return status["dataset_id"], members


CARRIED = [(tree, task) for tree in YOLO for task in TASKS if (tree, task) != ("darknet", "pose")]


@pytest.mark.parametrize(("tree", "task"), CARRIED)
async def test_yolo_label_files_and_images_come_back_byte_for_byte(
    yard: Yard, tmp_path: Path, tree: str, task: str
) -> None:
    dataset, members = await made(yard, tmp_path, task)
    data = await downloaded(yard, await exported(yard, dataset, **FORMATS[tree]))
    again = members_of(data)

    for ending in (".jpg", ".txt"):
        kept = {name.rpartition("/")[2]: data for name, data in members.items() if name.endswith(ending)}
        found = {name.rpartition("/")[2]: data for name, data in again.items() if name.endswith(ending) and "/" in name}
        assert found == kept
    status = await reimported(yard, tmp_path / "again.zip", data, task="obb" if task == "obb" else "auto")
    assert await content(yard, status["dataset_id"]) == await content(yard, dataset)
    assert await categories(yard, status["dataset_id"]) == await categories(yard, dataset)


async def test_label_files_with_findings_are_copied_too(yard: Yard, tmp_path: Path) -> None:
    odd = b"0 .5 .5 .1 .1 \r\n\n9 .5 .5 .1 .1\n1 300 20 10 10\nnonsense \xff\n0 .5 .5 .1 .1"
    files = {
        "data.yaml": b"train: images/train\nval: images/val\nnames: [a, b]\n",
        "images/train/a.jpg": jpeg_bytes(40, 30),
        "labels/train/a.txt": odd,
        "images/val/b.jpg": jpeg_bytes(40, 30, seed=2),
        "labels/val/b.txt": b"",
    }
    zip_of(tmp_path / "odd.zip", files)
    await yard.imported(tmp_path / "odd.zip")
    members = members_of(await downloaded(yard, await exported(yard, "odd")))
    assert {name: data for name, data in members.items() if name != "data.yaml"} == {
        name: data for name, data in files.items() if name != "data.yaml"
    }


@pytest.mark.parametrize(("tree", "task"), CARRIED)
async def test_rows_are_written_from_documents_where_labels_were_edited(
    yard: Yard, tmp_path: Path, tree: str, task: str
) -> None:
    """As after an edit: every number comes back as the very float that it was."""
    dataset, _ = await made(yard, tmp_path, task)
    before = await content(yard, dataset)
    await yard.database["images"].update_many({}, {"$set": {"valid_from": 2}})
    await yard.database["datasets"].update_many({}, {"$set": {"version": 2}})
    data = await downloaded(yard, await exported(yard, dataset, **FORMATS[tree]))
    status = await reimported(yard, tmp_path / "again.zip", data, task="obb" if task == "obb" else "auto")
    assert await content(yard, status["dataset_id"]) == before
    assert await categories(yard, status["dataset_id"]) == await categories(yard, dataset)


def pairs() -> Iterator[tuple[str, str]]:
    """Formats that are read and written, with the tasks that they carry whole."""
    for name in ("coco", "voc", "kitti", "csv"):
        if name in READ:
            yield from ((name, task) for task in TASKS if task not in CANNOT[name])


@pytest.mark.parametrize(("name", "task"), list(pairs()))
async def test_yolo_to_another_format_and_back_in(yard: Yard, tmp_path: Path, name: str, task: str) -> None:
    dataset, _ = await made(yard, tmp_path, task)
    export = await exported(yard, dataset, **FORMATS[name])
    status = await reimported(yard, tmp_path / "again.zip", await downloaded(yard, export))
    renamed = {one for loss in export["findings"] if loss["rule"] == "EXPORT_NAME" for one in loss["examples"]}
    assert _plain(await content(yard, status["dataset_id"]), name, renamed) == _plain(
        await content(yard, dataset), name, renamed
    )


def _plain(images: list[dict[str, Any]], name: str, renamed: set[str]) -> list[dict[str, Any]]:
    """Categories by name, for ids depend on the format; and without what the format adds."""
    for image in images:
        for one in image["annotations"]:
            one.pop("category_id")
            one["category"] = "?" if name == "kitti" and renamed else one["category"]
            one["attributes"] = {
                key: value for key, value in one["attributes"].items() if key not in ADDED.get(name, ())
            }
    return images


# -- any dataset


coordinates = st.one_of(
    st.floats(0.0, 1.0, allow_nan=False), st.sampled_from((0.0, 1.0, 0.5, 1 / 3, 5e-324, 0.1 + 0.2)),
)  # fmt: skip
lengths = st.floats(0.0, 1.0, exclude_min=True)
names_of_categories = st.lists(
    st.text(st.characters(blacklist_categories=("Cs", "Cc")), min_size=1, max_size=12),
    min_size=1,
    max_size=4,
    unique=True,
)


@st.composite
def datasets(draw: st.DrawFn) -> tuple[str, list[str], list[tuple[str, list[str]]]]:
    """A task, names of categories, and images: the split and the rows of each."""
    task = draw(st.sampled_from(TASKS))
    categories = draw(names_of_categories)

    def one() -> str:
        category = draw(st.integers(0, len(categories) - 1))
        return f"{category} {' '.join(map(repr, _values(draw, task)))}"

    images = [
        (draw(st.sampled_from(("train", "val", "test"))), [one() for _ in range(draw(st.integers(0, 3)))])
        for _ in range(draw(st.integers(1, 4)))
    ]
    return task, categories, images


def _values(draw: Callable[[st.SearchStrategy[float]], float], task: str) -> list[float]:
    box = [draw(coordinates), draw(coordinates), draw(lengths), draw(lengths)]
    if task == "detect":
        return box
    if task == "pose":
        points = [[draw(coordinates), draw(coordinates), float(draw(st.integers(0, 2)))] for _ in range(2)]
        return [*box, *(value for point in points for value in point)]
    count = 4 if task == "obb" else draw(st.integers(3, 5))
    return [draw(coordinates) for _ in range(2 * count)]


@pytest.mark.parametrize(("tree", "examples"), [("ultralytics", 12), ("roboflow", 6), ("darknet", 6)])
async def test_any_dataset_comes_back(yard: Yard, tmp_path: Path, tree: str, examples: int) -> None:
    """The trees write the same rows: what may be said in a row is tried with one of them."""
    found: list[Any] = []

    @settings(
        max_examples=examples, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
    )
    @given(datasets())
    def collect(one: Any) -> None:
        found.append(one)

    await asyncio.to_thread(collect)
    for number, (task, names, images) in enumerate(found):
        await _comes_back(yard, tmp_path / str(number), tree, (task, names, images))


async def _comes_back(yard: Yard, folder: Path, tree: str, one: tuple[str, list[str], list[Any]]) -> None:
    task, names, images = one
    tree = "ultralytics" if task == "pose" else tree  # Darknet's description does not know keypoints
    await asyncio.to_thread(folder.mkdir)
    head = {"train": "images/train", "val": "images/val", "test": "images/test", "names": names}
    head |= {"kpt_shape": [2, 3]} if task == "pose" else {}
    members = {"data.yaml": yaml.safe_dump(head, allow_unicode=True).encode()}
    for number, (split, rows) in enumerate(images):
        members[f"images/{split}/{number}.jpg"] = jpeg_bytes(20 + number, 30, seed=number)
        members[f"labels/{split}/{number}.txt"] = "".join(f"{row}\n" for row in rows).encode()
    options = {"task": "obb"} if task == "obb" else {}
    status = await yard.imported(zip_of(folder / "any.zip", members), name=folder.name, **options)
    assert status["state"] == "succeeded", status
    dataset = status["dataset_id"]
    for version in (1, 2):
        before = await content(yard, dataset)
        export = await exported(yard, dataset, **FORMATS[tree])
        again = await reimported(yard, folder / f"{version}.zip", await downloaded(yard, export), **options)
        changed = any(loss["rule"] == "EXPORT_NAME" for loss in export["findings"])
        after = await content(yard, again["dataset_id"])
        assert (_without_names(after) == _without_names(before)) if changed else after == before
        assert changed or await categories(yard, again["dataset_id"]) == await categories(yard, dataset)
        await yard.database["images"].update_many({"dataset_id": dataset}, {"$set": {"valid_from": 2}})
        await yard.database["datasets"].update_one({"_id": dataset}, {"$set": {"version": 2}})


def _without_names(images: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The same, where a list of names in lines could not hold a name as it is."""
    return [{**image, "annotations": [{**one, "category": ""} for one in image["annotations"]]} for image in images]


async def test_coco_says_all_of_what_it_said(yard: Yard, tmp_path: Path) -> None:
    """Masks, parts, crowds, keypoints, captions, ids of categories and whatever else, from COCO to COCO."""
    annotations = [
        {"id": 7, "image_id": 3, "category_id": 18, "bbox": [1.5, 2, 10.25, 7], "area": 33.5, "iscrowd": 0,
         "segmentation": [[1.5, 2, 11.75, 2, 11.75, 9.1], [3, 3, 4, 3, 4, 4.7]], "by": "somebody"},
        {"id": 8, "image_id": 3, "category_id": 2, "bbox": [0, 0, 40, 30], "area": 1200, "iscrowd": 1,
         "segmentation": {"size": [30, 40], "counts": [0, 1200]}},
        {"id": 9, "image_id": 4, "category_id": 18, "bbox": [5, 5, 10, 10], "area": 100, "iscrowd": 0,
         "keypoints": [6, 7, 2, 8.3, 9.9, 1, 0, 0, 0], "num_keypoints": 2, "segmentation": []},
    ]  # fmt: skip
    head = {
        "images": [
            {
                "id": number,
                "file_name": f"{number}.jpg",
                "width": 40,
                "height": 30,
                "license": 3,
                "coco_url": "http://c",
            }
            for number in (3, 4)
        ],
        "categories": [{"id": 2, "name": "crowd", "supercategory": "none"}, {"id": 18, "name": "dog"}],
    }
    captions = [{"id": 1, "image_id": 3, "caption": "A dog."}, {"id": 2, "image_id": 3, "caption": "And a crowd."}]
    files = {
        "annotations/instances_train2017.json": {**head, "annotations": annotations},
        "annotations/captions_train2017.json": {"images": head["images"], "annotations": captions},
    }
    members = {name: json.dumps(content).encode() for name, content in files.items()}
    images = {f"train2017/{number}.jpg": jpeg_bytes(40, 30, seed=number) for number in (3, 4)}
    status = await yard.imported(zip_of(tmp_path / "coco.zip", {**members, **images}))
    assert status["state"] == "succeeded", status
    before = await content(yard, status["dataset_id"])
    assert [len(image["annotations"]) for image in sorted(before, key=lambda image: image["name"])] == [2, 1]
    export = await exported(yard, status["dataset_id"], format="coco")
    assert export["findings"] == []
    again = await reimported(yard, tmp_path / "again.zip", await downloaded(yard, export))
    assert await content(yard, again["dataset_id"]) == before
    described = [(await yard.api.get(f"/datasets/{one['dataset_id']}")).json() for one in (status, again)]
    assert described[0]["categories"] == described[1]["categories"]
    documents = [await yard.database["datasets"].find_one({"_id": one["dataset_id"]}) for one in (status, again)]
    assert documents[0]["categories"] == documents[1]["categories"]


FOLDERS = {
    f"{split}/{label}/{number}.jpg": jpeg_bytes(30 + at, 20 + number, seed=at)
    for at, (split, label) in enumerate(product(("train", "val", "test"), ("cat", "dog", "a zebra")))
    for number in range(2)
}


@pytest.mark.parametrize("name", ["classify", "csv"])
async def test_images_by_label_come_back(yard: Yard, tmp_path: Path, name: str) -> None:
    status = await yard.imported(zip_of(tmp_path / "folders.zip", FOLDERS))
    dataset = status["dataset_id"]
    assert (await yard.api.get(f"/datasets/{dataset}")).json()["task"] == "classify"
    export = await exported(yard, dataset, **({"format": "csv"} if name == "csv" else {}))
    assert export["task"] == "classify"
    data = await downloaded(yard, export)
    if name == "classify":
        assert members_of(data) == FOLDERS
    again = await reimported(yard, tmp_path / "again.zip", data)
    before, after = await content(yard, dataset), await content(yard, again["dataset_id"])
    for image in (*before, *after):
        image["name"] = image["name"][:1]  # in one folder, many of them would have one name
    assert after == before
    assert await categories(yard, again["dataset_id"]) == await categories(yard, dataset)
    some = await exported(yard, dataset, categories=["dog"], splits=["val"])
    assert set(members_of(await downloaded(yard, some))) == {"val/dog/0.jpg", "val/dog/1.jpg"}


@pytest.mark.parametrize("name", ["coco", "voc", "kitti"])
async def test_labels_of_whole_images_are_refused_where_they_cannot_be_said(
    yard: Yard, tmp_path: Path, name: str
) -> None:
    status = await yard.imported(zip_of(tmp_path / "folders.zip", FOLDERS))
    answer = await yard.api.post(f"/datasets/{status['dataset_id']}/exports", json={"format": name})
    assert (answer.status_code, answer.json()["type"]) == (422, "/problems/export-not-possible")
    assert "yolo, csv, webdataset can" in answer.json()["detail"]


KITTI_ROW = (
    b"Car 0.50 1 -1.57 5.50 4.25 25.75 19 1.5 1.6 4.2 2.5 1.4 30.1 -1.6\n"
    b"DontCare -1 -1 -10 1 2 3 4 -1 -1 -1 -1000 -1000 -1000 -10\n"
)
VOC_FILE = b"""<annotation><filename>a.jpg</filename><size><width>40</width><height>30</height><depth>3</depth></size>
<object><name>person</name><pose>Left</pose><truncated>1</truncated><difficult>0</difficult>
<bndbox><xmin>3</xmin><ymin>4.5</ymin><xmax>20</xmax><ymax>29</ymax></bndbox>
<part><name>head</name><bndbox><xmin>5</xmin><ymin>6</ymin><xmax>9</xmax><ymax>9.5</ymax></bndbox></part></object>
<object><name>cat</name><bndbox><xmin>1</xmin><ymin>1</ymin><xmax>9</xmax><ymax>8</ymax></bndbox></object></annotation>
"""
OWN = {
    "kitti": {"training/image_2/000000.jpg": jpeg_bytes(40, 30), "training/label_2/000000.txt": KITTI_ROW},
    "voc": {
        "JPEGImages/a.jpg": jpeg_bytes(40, 30), "Annotations/a.xml": VOC_FILE, "ImageSets/Main/train.txt": b"a\n",
    },
}  # fmt: skip


@pytest.mark.parametrize("name", OWN)
async def test_a_format_says_again_what_it_said(yard: Yard, tmp_path: Path, name: str) -> None:
    status = await yard.imported(zip_of(tmp_path / "own.zip", OWN[name]))
    assert status["state"] == "succeeded", status
    before = await content(yard, status["dataset_id"])
    assert before[0]["annotations"]
    export = await exported(yard, status["dataset_id"], format=name)
    again = await reimported(yard, tmp_path / "again.zip", await downloaded(yard, export))
    assert await content(yard, again["dataset_id"]) == before
    assert await categories(yard, again["dataset_id"]) == await categories(yard, status["dataset_id"])
