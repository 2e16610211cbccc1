"""COCO datasets: which files are used, what belongs to which image and split, and what is wrong with it."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.formats.annotations.coco.labels import CocoLabels
from shared.formats.annotations.model import BrokenConfig, LabelContext, RowLimits, UnrecognisedDataset
from shared.formats.findings import Finding
from tests.factories.recognised import read_archive

CATEGORIES = [{"id": 7, "name": "cat", "supercategory": "pet"}, {"id": 3, "name": "dog"}]


def image(identity: object = 1, name: str = "a.jpg", **other: object) -> dict[str, Any]:
    return {"id": identity, "file_name": name, "width": 100, "height": 80, **other}


def box(image_id: object = 1, category: object = 7, **other: object) -> dict[str, Any]:
    return {"id": 5, "image_id": image_id, "category_id": category, "bbox": [10, 20, 30, 40], **other}


def coco(images: list | None = None, annotations: list | None = None, categories: list | None = None) -> bytes:
    parts = {
        "annotations": [box()] if annotations is None else annotations,
        "images": [image()] if images is None else images,
        "categories": CATEGORIES if categories is None else categories,
    }
    return json.dumps(parts).encode()


def one(*annotations: dict[str, Any], **other: object) -> tuple[Any, list[Finding]]:
    found = read_archive({"a.json": coco([image(**other)], list(annotations)), "a.jpg": b""})
    return found.images["a.jpg"], found.findings


def test_a_box_with_what_is_said_of_it() -> None:
    found = read_archive({"annotations/instances_train2017.json": coco(), "train2017/a.jpg": b""})
    (annotation,) = found.images["train2017/a.jpg"].annotations

    assert (found.layout.format, found.categories) == ("coco", ["dog", "cat"])
    assert [(one.source_id, one.supercategory) for one in found.layout.categories] == [("3", None), ("7", "pet")]
    assert found.splits == {"train2017/a.jpg": "train"}
    assert (annotation.category_id, annotation.type, annotation.bbox) == (1, "box", (0.25, 0.5, 0.3, 0.5))
    assert not found.findings


def test_polygons_parts_and_masks() -> None:
    triangle, square = [0, 0, 50, 0, 50, 40], [10, 10, 20, 10, 20, 20, 10, 20]
    rle = {"counts": [3, 4, 5], "size": [80, 100]}
    rows, findings = one(
        box(segmentation=[triangle, square], iscrowd=0, area=12.5),
        box(segmentation=rle, iscrowd=1),
        box(segmentation=triangle),
        box(segmentation=[]),
    )
    first, mask, flat, empty = rows.annotations

    assert (first.type, first.points) == ("polygon", ((0, 0), (0.5, 0), (0.5, 0.5)))
    assert first.attributes["parts"] == [[[0.1, 0.125], [0.2, 0.125], [0.2, 0.25], [0.1, 0.25]]]
    assert (first.attributes["area"], first.attributes["iscrowd"]) == (12.5, 0)
    assert (mask.type, mask.attributes) == ("box", {"rle": rle, "iscrowd": 1})
    assert flat.points == first.points
    assert (empty.type, empty.points) == ("box", ())
    assert not findings


def test_keypoints_are_added_to_the_annotation_of_another_file() -> None:
    points = [10, 20, 2, 0, 0, 0]
    members = {
        "annotations/captions_val2017.json": coco(annotations=[{"id": 9, "image_id": 1, "caption": "a cat"}]),
        "annotations/instances_val2017.json": coco(annotations=[box(area=7)]),
        "annotations/person_keypoints_val2017.json": coco(
            annotations=[box(keypoints=points, num_keypoints=1)],
            categories=[{"id": 7, "name": "cat", "keypoints": ["nose", "tail"]}],
        ),
        "val2017/a.jpg": b"",
    }
    found = read_archive(members)
    rows = found.images["val2017/a.jpg"]
    (annotation,) = rows.annotations

    assert annotation.type == "pose"
    assert annotation.keypoints == ((0.1, 0.25, 2), (0, 0, 0))
    assert annotation.attributes == {"area": 7, "num_keypoints": 1}
    assert rows.attributes["captions"] == ["a cat"]
    assert found.layout.keypoint_shape == (2, 3)
    assert found.splits == {"val2017/a.jpg": "val"}
    assert not found.findings


@pytest.mark.parametrize(
    ("file", "images", "split"),
    [
        ("train/_annotations.coco.json", "train/a.jpg", "train"),
        ("valid/_annotations.coco.json", "valid/a.jpg", "val"),
        ("test.json", "images/a.jpg", "test"),
        ("annotations/instances_minival2017.json", "val2017/a.jpg", "minival2017"),
        ("annotations/image_info_test-dev2017.json", "test2017/a.jpg", "test-dev2017"),
        ("annotations/train_annotations.json", "data/a.jpg", "train"),
        ("annotations/test_ap10k.json", "data/a.jpg", None),
        ("result.json", "a.jpg", None),
    ],
)
def test_the_split_is_told_by_the_file_or_its_folder(file: str, images: str, split: str | None) -> None:
    assert read_archive({file: coco(), images: b""}).splits == {images: split}


@pytest.mark.parametrize("name", ["a.jpg", "train2017/a.jpg", "/home/me/coco/train2017/a.jpg", "..\\train2017\\a.jpg"])
def test_images_are_found_by_the_end_of_their_path(name: str) -> None:
    members = {"coco/annotations/instances_train2017.json": coco([image(name=name)]), "coco/train2017/a.jpg": b""}
    assert list(read_archive(members).images) == ["coco/train2017/a.jpg"]


def test_splits_with_the_same_ids_and_names() -> None:
    members = {}
    for split, category in (("train", 3), ("valid", 7)):
        members[f"{split}/_annotations.coco.json"] = coco(annotations=[box(category=category)])
        members[f"{split}/a.jpg"] = b""
    found = read_archive(members)

    assert found.splits == {"train/a.jpg": "train", "valid/a.jpg": "val"}
    assert {name: rows.annotations[0].category_id for name, rows in found.images.items()} == {
        "train/a.jpg": 0,
        "valid/a.jpg": 1,
    }


def test_what_has_no_partner_is_placed() -> None:
    text = json.dumps(
        {
            "images": [image(), image(2, "gone.jpg"), {"id": 3}],
            "annotations": [box(), box(image_id=99), box(image_id=2), "what"],
            "categories": [*CATEGORIES, {"id": 1}],
        },
        indent=1,
    )
    lines = text.split("\n")
    found = read_archive({"a.json": text.encode(), "a.jpg": b"", "b/left.jpg": b""})
    assert list(found.images) == ["a.jpg"]
    assert [(rule, file) for rule, file, _, _ in found.said] == [
        ("PAIR_UNLISTED_IMAGE", "b"),
        ("PAIR_MISSING_IMAGE", "a.json"),
        ("JSON_TYPE", "a.json"),
        ("PAIR_ORPHAN_LABEL", "a.json"),
        ("PAIR_ORPHAN_LABEL", "a.json"),
        ("JSON_TYPE", "a.json"),
    ]
    _, missing, nameless, orphan, _, _ = found.findings
    for finding, key in ((missing, '"id": 2'), (nameless, '"id": 3'), (orphan, '"image_id": 99')):
        assert finding.line is not None
        assert lines[finding.line - 1].strip() == "{"
        assert key in "\n".join(lines[finding.line : finding.line + 4])


@pytest.mark.parametrize(
    ("changed", "rule"),
    [
        ({"category_id": 1}, "ROW_CLASS_RANGE"),
        ({"category_id": None}, "ROW_CLASS_RANGE"),
        ({"bbox": [1, 2, 3]}, "ROW_COLUMNS"),
        ({"bbox": None}, "ROW_COLUMNS"),
        ({"bbox": [1, 2, "3", 4]}, "ROW_NOT_NUMERIC"),
        ({"bbox": [1, 2, True, 4]}, "ROW_NOT_NUMERIC"),
        ({"bbox": [1, 2, float("nan"), 4]}, "ROW_NAN"),
        ({"bbox": [1, 2, 1e30, 4]}, "ROW_NAN"),
        ({"bbox": [1, 2, -3, 4]}, "ROW_COORD_RANGE"),
        ({"segmentation": [[1, 2, 3, 4]]}, "ROW_COLUMNS"),
        ({"segmentation": [[1, 2, 3, 4, 5, 6, 7]]}, "ROW_COLUMNS"),
        ({"segmentation": [[1, 2, 3, 4, 5, "6"]]}, "ROW_NOT_NUMERIC"),
        ({"keypoints": [1, 2]}, "ROW_COLUMNS"),
    ],
)
def test_a_bad_annotation_costs_its_neighbours_nothing(changed: dict, rule: str) -> None:
    rows, findings = one({**box(), **changed}, box())
    assert (len(rows.annotations), rows.rows_left_out) == (1, 1)
    assert [finding.rule for finding in findings] == [rule]
    assert (findings[0].file, findings[0].line) == ("a.json", 1)


@pytest.mark.parametrize(
    ("changed", "rule"),
    [
        ({"bbox": [1, 2, 0, 4]}, "ROW_ZERO_AREA"),
        ({"bbox": [90, 2, 20, 4]}, "ROW_CORNER_OUTSIDE"),
        ({"bbox": [-1.5, 0, 102.5, 80.5]}, None),
    ],
)
def test_an_odd_annotation_is_kept(changed: dict, rule: str | None) -> None:
    rows, findings = one({**box(), **changed})
    assert len(rows.annotations) == 1
    assert [finding.rule for finding in findings] == ([rule] if rule else [])


def test_the_declared_size_is_the_one_boxes_are_read_in() -> None:
    rows, findings = one(box(), width=200, height=160)
    assert rows.annotations[0].bbox == (0.125, 0.25, 0.15, 0.25)
    assert [finding.rule for finding in findings] == ["LABEL_SIZE_MISMATCH"]
    rows, findings = one(box(), width=None)
    assert rows.annotations[0].bbox == (0.25, 0.5, 0.3, 0.5)
    assert not findings
    _, findings = one(box(), width=80, height=100)
    assert "swapped" in findings[0].message


def test_what_is_no_coco() -> None:
    for members, reason in (
        ({"a.jpg": b""}, "no .json file"),
        ({"a.jpg": b"", "a.json": b"{nonsense"}, "none of 1 .json files lists `images`"),
        ({"b.jpg": b"", "a.json": coco()}, "a.json lists 1 images, none of which is here"),
    ):
        with pytest.raises(UnrecognisedDataset, match=reason):
            read_archive(members, format_name="coco")
    begun = b'{"images": [{"id": 1, "file_name": "a.jpg"}], "annotations": [nope]}'
    for early in (begun, b'{"images": [' + b"[" * 100_000):
        with pytest.raises(BrokenConfig, match="is no JSON"):
            read_archive({"a.jpg": b"", "a.json": early}, piece=1 << 20)
    with pytest.raises(BrokenConfig, match="line 1, column 61"):
        read_archive({"a.jpg": b"", "a.json": b'{"images": [{"id": 1, "file_name": "a.jpg"}], "annotations":'})


def test_strings_as_ids_and_categories_that_differ_between_files() -> None:
    members = {
        "train.json": coco([image("x1")], [box("x1", "k")], [{"id": "k", "name": "kite"}]),
        "val.json": coco([image(1, "b.jpg")], [box(1, 3)], CATEGORIES),
        "a.jpg": b"",
        "b.jpg": b"",
    }
    found = read_archive(members)
    assert found.categories == ["dog", "cat", "kite"]
    assert found.images["a.jpg"].annotations[0].category_id == 2
    assert found.images["b.jpg"].annotations[0].category_id == 0


@pytest.mark.parametrize(
    "odd",
    ["NaN", "Infinity", "-Infinity", "1e999", "9" * 400, "9" * 5_000, r'"\ud800"', '"1"', "true", "null", "[]", "{}"],
)
def test_odd_values_anywhere(odd: str) -> None:
    """Whatever stands in one element costs its neighbours nothing, and all that is kept can be stored and said."""
    shape = f'"bbox": [{odd}, 1, 2, 2], "segmentation": [[{odd}, 1, 2, 2, 3, {odd}]], "keypoints": [{odd}, 1, {odd}]'
    sound = (
        f'"image_id": 1, "category_id": 7, "bbox": [10, 20, 30, 40], "id": {odd}, "iscrowd": {odd}, "x": {{"a": {odd}}}'
    )
    data = f"""{{
        "images": [{{"id": 1, "file_name": "a.jpg", "width": {odd}, "height": {odd}, "flickr": {odd}}}, {odd},
                   {{"id": {odd}, "file_name": {odd}}}],
        "annotations": [{{"image_id": 1, "category_id": 7, {shape}}}, {{{sound}}}, {odd},
                        {{"image_id": {odd}, "category_id": {odd}, "bbox": {odd}}}],
        "categories": [{{"id": {odd}, "name": {odd}, "supercategory": {odd}}}, {{"id": 7, "name": "cat"}}]}}"""
    found = read_archive({"a.jpg": b"", "a.json": data.encode()}, piece=1 << 20)
    rows = found.images["a.jpg"]
    assert (0.25, 0.5, 0.3, 0.5) in [annotation.bbox for annotation in rows.annotations]
    attributes = [rows.attributes, *(annotation.attributes for annotation in rows.annotations)]
    said = [json.dumps(attributes, allow_nan=False, ensure_ascii=False), *found.categories]
    assert "".join([*said, *(finding.message for finding in found.findings)]).encode()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=6) | st.dictionaries(st.sampled_from(["counts", "size", "x"]), inner),
    max_leaves=12,
)
KEYS = st.sampled_from(["bbox", "segmentation", "keypoints", "area", "iscrowd", "id", "caption", "attributes", "$x"])
NUMBERS = st.lists(st.floats(-1e3, 1e3) | st.integers(-5, 500), min_size=3, max_size=9)


@given(st.lists(st.dictionaries(KEYS, JSON | NUMBERS | st.lists(NUMBERS, max_size=3)), max_size=4), st.booleans())
def test_labels_never_raise(values: list[dict[str, Any]], known: bool) -> None:
    lines = [[0, 1, 1, "image", None, {"width": 10, "height": 10}]] if known else []
    lines += [[0, 1, 1, "annotation", 0, {**value, "bbox": value.get("bbox", [1, 1, 2, 2])}] for value in values]
    data = b"\n".join(json.dumps(line).encode() for line in lines)
    findings: list[Finding] = []
    labels = CocoLabels(LabelContext(1, RowLimits(), files=["a.json"]))
    rows = labels.read(data, file="a.jpg", size=None, report=findings.append)
    assert rows.rows_read == len(rows.annotations) + rows.rows_left_out
    json.dumps([annotation.attributes for annotation in rows.annotations], allow_nan=False)
