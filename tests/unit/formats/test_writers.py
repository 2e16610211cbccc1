"""What each writer makes of an image, byte for byte."""

import csv
import io
import json
from collections.abc import Mapping, Sequence

import pytest

from shared.formats.annotations.model import Annotation, Category
from shared.formats.annotations.writers.losses import LossLog
from shared.formats.annotations.writers.model import ImageToWrite, Tree, WriteOptions, WriteTask
from shared.formats.annotations.writers.naming import NameBook, Naming
from shared.formats.annotations.writers.registry import WRITE_FORMATS
from shared.formats.annotations.writers.yolo import yaml_text

CATEGORIES = (Category(0, "zebra"), Category(1, "traffic light"))
BOX = Annotation(1, "box", (0.5, 0.5, 0.25, 0.5))
POLYGON = Annotation(0, "polygon", (0.3, 0.4, 0.4, 0.4), ((0.1, 0.2), (0.5, 0.2), (0.5, 0.6)))
CORNERS = Annotation(0, "obb", (0.3, 0.4, 0.4, 0.4), ((0.1, 0.2), (0.5, 0.2), (0.5, 0.6), (0.1, 0.6)))
POSE = Annotation(0, "pose", (0.5, 0.5, 0.2, 0.4), keypoints=((0.1, 0.2, 2.0), (0.3, 0.4, 1.0)))
LABEL = Annotation(1, "label", (0.5, 0.5, 1.0, 1.0))


def written(
    name: str,
    annotations: Sequence[Annotation],
    *,
    task: WriteTask = "detect",
    tree: Tree = "ultralytics",
    split: str | None = "train",
    categories: Sequence[Category] = CATEGORIES,
    shape: tuple[int, int] | None = None,
    **fields: object,
) -> tuple[dict[str, bytes], dict[str, int]]:
    """The small and the large files of an export of one image `a.jpg` of 200 x 100 pixels, and what is lost."""
    options = WriteOptions(task, tree, categories, [split], shape)
    made, losses = WRITE_FORMATS[name], LossLog()
    book = NameBook(made.naming(options))
    first = min((one.category_id for one in annotations), default=None)
    book.reserve("in/a.jpg", split, first)
    book.close()
    writer = made.writer(options, losses)
    values: dict[str, object] = {"size": (200, 100), "attributes": {}, "label": None} | fields
    image = ImageToWrite(
        number=1, path="in/a.jpg", name=book.name("in/a.jpg", split, first), split=split, size_bytes=5,
        annotations=annotations, **values,  # type: ignore[arg-type]
    )  # fmt: skip
    found = writer.write(image)
    files = {image.name: b"image"} if found else {}
    streams: dict[str, bytes] = {}
    for stream, data in found.added if found else ():
        streams[stream] = streams.get(stream, b"") + data
    files |= dict(found.files) if found else {}
    for file in writer.finish():
        files[file.name] = b"".join(part if isinstance(part, bytes) else streams[part] for part in file.parts)
    return files, losses.counts


# -- YOLO


@pytest.mark.parametrize(
    ("task", "annotation", "row", "lost"),
    [
        ("detect", BOX, "1 0.5 0.5 0.25 0.5", {}),
        ("detect", POLYGON, "0 0.3 0.4 0.4 0.4", {"EXPORT_OUTLINE": 1}),
        ("detect", POSE, "0 0.5 0.5 0.2 0.4", {"EXPORT_KEYPOINTS": 1}),
        ("segment", POLYGON, "0 0.1 0.2 0.5 0.2 0.5 0.6", {}),
        ("segment", BOX, "1 0.5 0.5 0.25 0.5", {}),
        ("segment", CORNERS, "0 0.1 0.2 0.5 0.2 0.5 0.6 0.1 0.6", {"EXPORT_TYPE": 1}),
        ("pose", POSE, "0 0.5 0.5 0.2 0.4 0.1 0.2 2.0 0.3 0.4 1.0 0.0 0.0 0.0", {}),
        ("pose", BOX, "1 0.5 0.5 0.25 0.5", {}),
        ("obb", CORNERS, "0 0.1 0.2 0.5 0.2 0.5 0.6 0.1 0.6", {}),
        ("obb", BOX, "1 0.375 0.25 0.625 0.25 0.625 0.75 0.375 0.75", {"EXPORT_TYPE": 1}),
    ],
)
def test_yolo_rows(task: WriteTask, annotation: Annotation, row: str, lost: dict[str, int]) -> None:
    files, losses = written("yolo", [annotation], task=task, shape=(3, 3) if task == "pose" else None)
    assert files["labels/train/a.txt"] == f"{row}\n".encode()
    assert {loss: count for loss, count in losses.items() if loss != "EXPORT_NO_VAL"} == lost


def test_keypoints_of_two_values_and_too_many_of_them() -> None:
    files, losses = written("yolo", [POSE], task="pose", shape=(1, 2))
    assert files["labels/train/a.txt"] == b"0 0.5 0.5 0.2 0.4 0.1 0.2\n"
    assert losses["EXPORT_KEYPOINTS"] == 1
    assert b"kpt_shape: [1, 2]\n" in files["data.yaml"]


def test_the_original_label_file_is_written_as_it_is() -> None:
    files, _ = written("yolo", [BOX], label=b"nonsense\r\n")
    assert files["labels/train/a.txt"] == b"nonsense\r\n"
    assert "labels/train/a.txt" not in written("yolo", [])[0]
    assert written("yolo", [], label=b"")[0]["labels/train/a.txt"] == b""


def test_the_trees_of_yolo() -> None:
    plain, losses = written("yolo", [BOX])
    assert plain == {
        "images/train/a.jpg": b"image",
        "labels/train/a.txt": b"1 0.5 0.5 0.25 0.5\n",
        "data.yaml": b"train: images/train\nval: images/train\nnames:\n  0: zebra\n  1: traffic light\n".replace(
            b"images/train", b'"images/train"'
        ),
    }
    assert losses == {"EXPORT_NO_VAL": 1}
    roboflow, _ = written("yolo", [BOX], tree="roboflow", split="val")
    assert roboflow == {
        "valid/images/a.jpg": b"image",
        "valid/labels/a.txt": b"1 0.5 0.5 0.25 0.5\n",
        "data.yaml": b'val: "../valid/images"\nnc: 2\nnames:\n- zebra\n- traffic light\n',
    }
    darknet, _ = written("yolo", [BOX], tree="darknet")
    assert darknet == {
        "obj_train_data/a.jpg": b"image",
        "obj_train_data/a.txt": b"1 0.5 0.5 0.25 0.5\n",
        "obj.data": b"classes = 2\ntrain = data/train.txt\nnames = data/obj.names\nbackup = backup/\n",
        "obj.names": b"zebra\ntraffic light\n",
        "train.txt": b"data/obj_train_data/a.jpg\n",
    }


def test_categories_are_numbered_as_they_are_written() -> None:
    files, _ = written("yolo", [BOX], categories=CATEGORIES[1:])
    assert files["labels/train/a.txt"].startswith(b"0 ")


def test_splits_that_trainers_do_not_know_or_miss() -> None:
    assert written("yolo", [BOX], split=None)[1] == {"EXPORT_NO_SPLIT": 1, "EXPORT_NO_VAL": 1}
    assert written("yolo", [BOX], split="dusk")[1] == {"EXPORT_SPLIT_NAME": 1, "EXPORT_NO_TRAIN": 1}


def test_images_in_folders_by_their_label() -> None:
    files, losses = written("yolo", [LABEL], task="classify")
    assert files == {"train/traffic light/a.jpg": b"image"}
    assert losses == {"EXPORT_UNUSED_CATEGORY": 1, "EXPORT_CATEGORY_ORDER": 1}
    assert written("yolo", [], task="classify")[0] == {}
    assert written("yolo", [], task="classify")[1]["EXPORT_UNLABELLED"] == 1
    odd = (Category(0, "a/b"), Category(1, "a_b"))
    files, losses = written("yolo", [LABEL], task="classify", categories=odd)
    assert files == {"train/a_b-1/a.jpg": b"image"}
    assert losses["EXPORT_NAME"] == 2


@pytest.mark.parametrize(
    "text", ["no", "8", "1e3", "", " a", "a ", "a: b", "~", "é", "\x7f", "a\nb", "\U0001f600", "#x", "'", '"', "\u2028"]
)
def test_names_come_back_from_yaml_as_they_were(text: str) -> None:
    import yaml  # noqa: PLC0415

    assert yaml.safe_load(f"- {yaml_text(text)}\n") == [text]


# -- COCO


def test_coco() -> None:
    files, losses = written("coco", [BOX, POLYGON])
    assert set(files) == {"images/train/a.jpg", "annotations/instances_train.json"}
    assert files["annotations/instances_train.json"].decode() == (
        '{"images": [\n{"id": 1, "file_name": "a.jpg", "width": 200, "height": 100}\n],\n"annotations": [\n'
        '{"id": 1, "image_id": 1, "category_id": 2, "bbox": [75, 25, 50, 50], "segmentation": [], '
        '"area": 2500.0, "iscrowd": 0},\n'
        '{"id": 2, "image_id": 1, "category_id": 1, "bbox": [20, 20, 80, 40], '
        '"segmentation": [[20, 20, 100, 20, 100, 60]], "area": 3200.0, "iscrowd": 0}\n'
        '],\n"categories": [{"id": 1, "name": "zebra"}, {"id": 2, "name": "traffic light"}]}\n'
    )
    assert losses == {}


def test_coco_keeps_what_its_reader_has_kept() -> None:
    said = {"iscrowd": 1, "area": 12.5, "rle": {"size": [100, 200], "counts": "abc"}, "by": "me"}
    crowd = Annotation(0, "box", (0.5, 0.5, 0.25, 0.5), attributes=said)
    parts = Annotation(0, "polygon", (0.5, 0.5, 1, 1), POLYGON.points, attributes={"parts": [[[0, 0], [1, 0], [1, 1]]]})
    categories = (Category(0, "zebra", "24", "animal"), Category(1, "car", "3"))
    attributes = {"captions": ["A zebra.", "Stripes"], "license": 4}
    files, losses = written("coco", [crowd, parts, POSE], categories=categories, split=None, attributes=attributes)
    found = json.loads(files["annotations/instances_default.json"])
    assert found["images"] == [{"id": 1, "file_name": "a.jpg", "width": 200, "height": 100, "license": 4}]
    assert found["categories"] == [
        {"id": 24, "name": "zebra", "supercategory": "animal"}, {"id": 3, "name": "car"},
    ]  # fmt: skip
    first, second, third = found["annotations"]
    assert (first["category_id"], first["iscrowd"], first["area"], first["by"]) == (24, 1, 12.5, "me")
    assert first["segmentation"] == {"size": [100, 200], "counts": "abc"}
    assert second["segmentation"] == [[20, 20, 100, 20, 100, 60], [0, 0, 200, 0, 200, 100]]
    assert (third["keypoints"], third["num_keypoints"]) == ([20, 20, 2, 60, 40, 1], 2)
    captions = json.loads(files["annotations/captions_default.json"])
    assert [one["caption"] for one in captions["annotations"]] == ["A zebra.", "Stripes"]
    assert losses == {}


def test_coco_without_a_size_or_with_labels() -> None:
    files, losses = written("coco", [BOX, LABEL], size=None)
    found = json.loads(files["annotations/instances_train.json"])
    assert (found["images"], found["annotations"]) == ([{"id": 1, "file_name": "a.jpg"}], [])
    assert losses == {"EXPORT_LABEL": 1, "EXPORT_NO_SIZE": 1}
    assert written("coco", [CORNERS])[1] == {"EXPORT_TYPE": 1}


# -- VOC, KITTI


def test_voc() -> None:
    said = {"pose": "Left", "difficult": 1, "two words": "<x>", "parts": [{"name": "head", "bbox": [0.5, 0.5, 0.5, 1]}]}
    files, losses = written("voc", [Annotation(1, "box", BOX.bbox, attributes=said), POLYGON])
    assert files == {
        "JPEGImages/a.jpg": b"image",
        "labelmap.txt": b"# label:color_rgb:parts:actions\nzebra:::\ntraffic light::head:\n",
        "ImageSets/Main/train.txt": b"a\n",
        "Annotations/a.xml": b"""<annotation>
  <folder>JPEGImages</folder>
  <filename>a.jpg</filename>
  <size><width>200</width><height>100</height><depth>3</depth></size>
  <object>
    <name>traffic light</name>
    <pose>Left</pose>
    <difficult>1</difficult>
    <attributes><attribute><name>two words</name><value>&lt;x&gt;</value></attribute></attributes>
    <part><name>head</name><bndbox><xmin>50</xmin><ymin>0</ymin><xmax>150</xmax><ymax>100</ymax></bndbox></part>
    <bndbox><xmin>75</xmin><ymin>25</ymin><xmax>125</xmax><ymax>75</ymax></bndbox>
  </object>
  <object>
    <name>zebra</name>
    <bndbox><xmin>20</xmin><ymin>20</ymin><xmax>100</xmax><ymax>60</ymax></bndbox>
    <polygon><x1>20</x1><y1>20</y1><x2>100</x2><y2>20</y2><x3>100</x3><y3>60</y3></polygon>
  </object>
</annotation>
""",
    }
    assert losses == {}


def test_voc_says_flags_as_flags_and_names_lists() -> None:
    said = {"truncated": 0.27, "occluded": 2, "difficult": 0.0}
    odd = (*CATEGORIES, Category(2, "a:b"))
    files, losses = written("voc", [Annotation(1, "box", BOX.bbox, attributes=said)], split=None, categories=odd)
    text = files["Annotations/a.xml"].decode()
    assert "    <difficult>0</difficult>\n" in text
    assert "<attribute><name>truncated</name><value>0.27</value></attribute>" in text
    assert "<truncated>" not in text
    assert "<occluded>" not in text
    assert files["ImageSets/Main/default.txt"] == b"a\n"
    assert files["labelmap.txt"].endswith(b"\nzebra:::\ntraffic light:::\n")
    assert losses == {"EXPORT_NAME": 1}


def test_voc_loses_keypoints_and_masks() -> None:
    mask = Annotation(0, "polygon", POLYGON.bbox, POLYGON.points, attributes={"parts": [[[0, 0], [1, 0], [1, 1]]]})
    _, losses = written("voc", [POSE, mask, CORNERS], categories=CATEGORIES[:1])
    assert losses == {"EXPORT_KEYPOINTS": 1, "EXPORT_PARTS": 1, "EXPORT_TYPE": 1}
    _, losses = written("voc", [BOX], categories=(CATEGORIES[0], Category(1, " a\x01")), size=None)
    assert losses == {"EXPORT_NO_SIZE": 1, "EXPORT_NAME": 1}


def test_kitti() -> None:
    said = {
        "truncated": 0.5, "occluded": 2, "alpha": -1.5, "dimensions": [1.5, 1.75, 4.0], "location": [2.0, 1.5, 30.25],
        "rotation_y": 1.25, "score": 0.875,
    }  # fmt: skip
    files, losses = written("kitti", [Annotation(1, "box", BOX.bbox, attributes=said), BOX], split="val")
    assert files == {
        "validation/image_2/a.jpg": b"image",
        "validation/label_2/a.txt": (
            b"traffic_light 0.5 2 -1.5 75 25 125 75 1.5 1.75 4.0 2.0 1.5 30.25 1.25 0.875\n"
            b"traffic_light -1 -1 -10 75 25 125 75 -1 -1 -1 -1000 -1000 -1000 -10\n"
        ),
    }
    assert losses == {"EXPORT_NAME": 1, "EXPORT_UNUSED_CATEGORY": 1}
    assert written("kitti", [], split=None)[0] == {"image_2/a.jpg": b"image", "label_2/a.txt": b""}
    assert written("kitti", [POLYGON], categories=CATEGORIES[:1])[1] == {"EXPORT_OUTLINE": 1}


# -- CSV, WebDataset


def rows(files: Mapping[str, bytes]) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(files["annotations.csv"].decode(), newline="")))


def test_csv() -> None:
    categories = (Category(0, 'a "b", c'), CATEGORIES[1])
    files, losses = written("csv", [POSE, LABEL], categories=categories, attributes={"captions": ["é"]})
    pose, label = rows(files)
    assert pose == {
        "filename": "images/train/a.jpg", "split": "train", "width": "200", "height": "100", "class": 'a "b", c',
        "class_id": "0", "type": "pose", "xmin": "80", "ymin": "30", "xmax": "120", "ymax": "70", "x_center": "0.5",
        "y_center": "0.5", "box_width": "0.2", "box_height": "0.4", "points": "",
        "keypoints": "[[0.1,0.2,2.0],[0.3,0.4,1.0]]", "attributes": "", "image_attributes": '{"captions":["é"]}',
    }  # fmt: skip
    assert (label["type"], label["class"], label["xmax"], label["x_center"]) == ("label", "traffic light", "", "")
    assert losses == {}


def test_csv_has_a_row_for_what_is_without_annotations() -> None:
    files, losses = written("csv", [], split=None, size=None)
    image, *categories = [{key: value for key, value in row.items() if value} for row in rows(files)]
    assert image == {"filename": "images/a.jpg"}
    assert categories == [{"class": one.name, "class_id": str(one.id)} for one in CATEGORIES]
    assert losses == {}


def test_webdataset() -> None:
    files, losses = written("webdataset", [LABEL, POLYGON])
    assert files.pop("train/a.jpg") == b"image"
    assert files.pop("train/a.cls") == b"1"
    sample = json.loads(files.pop("train/a.json"))
    assert (sample["path"], sample["split"], sample["width"], sample["height"]) == ("in/a.jpg", "train", 200, 100)
    assert sample["annotations"][1] == {
        "category_id": 0, "category": "zebra", "type": "polygon", "bbox": [0.3, 0.4, 0.4, 0.4],
        "points": [[0.1, 0.2], [0.5, 0.2], [0.5, 0.6]], "keypoints": [], "attributes": {},
    }  # fmt: skip
    assert (files, losses) == ({}, {})


# -- names


def named(paths: Sequence[str], **naming: object) -> list[str]:
    """What images of one split are called."""
    book = NameBook(Naming(lambda split, _category: f"{split}/", **naming))  # type: ignore[arg-type]
    for path in paths:
        book.reserve(path, "s")
    book.close()
    return [book.name(path, "s") for path in paths]


def test_the_first_of_several_images_has_the_name() -> None:
    found = named(["a/1.jpg", "a/1.png", "b/1.jpg", "b/2.jpg"])
    assert (found[0], found[3]) == ("s/1.jpg", "s/2.jpg")
    assert len({name.rpartition(".")[0] for name in found}) == 4
    assert [name[-4:] for name in found] == [".jpg", ".png", ".jpg", ".jpg"]
    assert named(["a/1.jpg", "a/1.png", "b/1.jpg", "b/2.jpg"]) == found
    assert named(["a/1.jpg", "a/1.png"], by_stem=False) == ["s/1.jpg", "s/1.png"]


@pytest.mark.parametrize(
    ("one", "other"), [("A.jpg", "a.jpg"), ("É.jpg", "e\u0301.jpg"), ("straße.jpg", "STRASSE.JPG")]
)
def test_names_that_are_one_file_elsewhere(one: str, other: str) -> None:
    for by_stem in (True, False):
        first, second = named([f"x/{one}", f"y/{other}"], by_stem=by_stem)
        assert first == f"s/{one}"
        assert second.startswith(f"s/{other[:-4]}-")
        assert second.endswith(other[-4:])


def test_names_that_no_file_system_takes() -> None:
    long = "кот" * 100
    found = named([f"a/{long}.jpg", f"b/{long}.jpg", f"a/{long}2.jpg", "x." + "y" * 300])
    assert len(set(found)) == len(found)
    assert all(len(name[2:].encode()) <= 240 for name in found)
    assert [name[-4:] for name in found[:3]] == [".jpg"] * 3
    assert found == named([f"a/{long}.jpg", f"b/{long}.jpg", f"a/{long}2.jpg", "x." + "y" * 300])


@pytest.mark.parametrize("split", ["names", "nc", "path", "kpt_shape", "download"])
@pytest.mark.parametrize("tree", ["ultralytics", "roboflow", "darknet"])
def test_a_split_whose_name_means_something_else_in_a_description(tree: Tree, split: str) -> None:
    files, losses = written("yolo", [BOX], tree=tree, split=split)
    description = files["obj.data" if tree == "darknet" else "data.yaml"].decode()
    keys = [line.partition("=" if tree == "darknet" else ":")[0].strip() for line in description.splitlines()]
    tops = [key for key, line in zip(keys, description.splitlines(), strict=True) if line[:1] not in " -"]
    assert f"split_{split}" in tops
    assert len(tops) == len(set(tops))
    assert losses["EXPORT_SPLIT_NAME"] == 1


def test_a_mark_never_takes_the_name_of_another() -> None:
    first, second = named(["a/1.jpg", "b/1.jpg"])
    assert first == "s/1.jpg"
    third = named(["a/1.jpg", "b/1.jpg", f"c/{second[2:]}"])
    assert (third[0], third[2]) == (first, second)
    assert third[1] not in (first, second)


def test_names_that_break_lists_are_mended() -> None:
    assert named(["a\nb.jpg", " c.jpg"]) == ["s/a_b.jpg", "s/_c.jpg"]
