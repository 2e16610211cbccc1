"""NDJSON of Ultralytics' platform: a line about the dataset, then one for each image."""

import json
from array import array

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.formats.annotations.model import BrokenConfig, LabelContext, LabelRows, RowLimits, UnrecognisedDataset
from shared.formats.annotations.registry import label_reader
from shared.formats.annotations.yolo.ndjson.lines import LineSplitter
from shared.formats.findings import Finding
from shared.formats.rules import RULES
from tests.factories.yolo_listings import names_of, pairs, recognised, said

HEADER = {"type": "dataset", "task": "detect", "class_names": {"0": "cat", "1": "dog"}}
BOX = {"boxes": [[1, 0.5, 0.5, 0.2, 0.2]]}


def ndjson(*entries: object, end: str = "\n") -> bytes:
    """Lines of JSON, or of the text that is given."""
    return "".join((one if isinstance(one, str) else json.dumps(one)) + end for one in entries).encode()


def image(file: str, split: str | None = "train", **more: object) -> dict[str, object]:
    """A line about an image."""
    return {"type": "image", "file": file, "split": split, "url": f"https://host/{file}", "annotations": BOX, **more}


def second_reading(members: dict[str, bytes | None], piece: int = 1 << 20) -> tuple[dict[str, object], list[Finding]]:
    """What the file says of each image, and what is reported while it is read."""
    reader, layout, _ = recognised(members)
    (index,) = layout.record_members
    data = members[list(members)[index]] or b""
    findings: list[Finding] = []
    records = reader.records(index, findings.append)
    found = [one for at in range(0, len(data), piece) for one in records.feed(data[at : at + piece])]
    names = list(members)
    said_of = [
        (names[layout.image_indexes[position]], json.loads(line)) for position, line in [*found, *records.close()]
    ]
    assert len(said_of) == len(dict(said_of))
    assert all(finding.rule in RULES for finding in findings)
    return dict(said_of), findings


# layouts


@pytest.mark.parametrize("top", ["", "ds/"])
@pytest.mark.parametrize(
    ("file", "split", "member"),
    [
        ("a.jpg", "train", "a.jpg"),
        ("a.jpg", "train", "images/a.jpg"),
        ("a.jpg", "train", "images/train/a.jpg"),
        ("a.jpg", "val", "images/valid/a.jpg"),
        ("a.jpg", "train", "train/images/a.jpg"),
        ("a.jpg", "val", "valid/images/a.jpg"),
        ("a.jpg", "test", "test/a.jpg"),
        ("images/train/a.jpg", "train", "images/train/a.jpg"),
        ("./images/a.jpg", "train", "images/a.jpg"),
        ("other/disk/a.jpg", "train", "images/a.jpg"),
        ("x\\a.jpg", "train", "x/a.jpg"),
    ],
)
def test_where_images_lie(top: str, file: str, split: str, member: str) -> None:
    members = {f"{top}set.ndjson": ndjson(HEADER, image(file, split)), f"{top}{member}": b""}
    _, layout, findings = recognised(members)
    assert (layout.format, layout.name, layout.rows, layout.splits) == ("yolo", "ndjson", "ndjson", (split,))
    assert pairs(members, layout) == {f"{top}{member}": (split, None)}
    assert (names_of(layout), layout.record_members) == (["cat", "dog"], (0,))
    assert not layout.has_label_files
    assert "set.ndjson is an NDJSON dataset for detect" in layout.reason
    assert findings == []


def test_splits_and_images_that_are_not_named() -> None:
    lines = (HEADER, image("b.jpg", "val"), image("a.jpg"), image("c.jpg", None), image("d.jpg", "holdout"))
    members = {"x.ndjson": ndjson(*lines)} | dict.fromkeys([f"{stem}.jpg" for stem in "abcde"], b"")
    _, layout, findings = recognised(members)
    assert layout.splits == ("train", "val", "holdout")
    assert {name: split for name, (split, _) in pairs(members, layout).items()} == {
        "a.jpg": "train",
        "b.jpg": "val",
        "c.jpg": None,
        "d.jpg": "holdout",
    }
    assert layout.split_ids == array("b", [0, 1, -1, 2])
    assert said(findings) == [("PAIR_UNLISTED_IMAGE", ".", None)] or len(findings) == 1


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["x", "y"], ["x", "y"]),
        ({"1": "y", "0": "x"}, ["x", "y"]),
        ({"2": "z"}, ["class_0", "class_1", "z"]),
        (None, ["class_0", "class_1"]),
        ({"0": " "}, ["class_0"]),
    ],
)
def test_categories(names: object, expected: list[str]) -> None:
    members = {"x.ndjson": ndjson({**HEADER, "class_names": names}, image("a.jpg")), "a.jpg": b""}
    assert names_of(recognised(members)[1]) == expected


@pytest.mark.parametrize(
    "names", [{"a": "b"}, {"-1": "a"}, {"0": 1}, {"99999999999": "a"}, {"100000": "a"}, [1], ["x" * 1001]]
)
def test_categories_that_are_none(names: object) -> None:
    members = {"x.ndjson": ndjson({**HEADER, "class_names": names}, image("a.jpg")), "a.jpg": b""}
    with pytest.raises(BrokenConfig) as caught:
        recognised(members)
    assert (caught.value.file, caught.value.reason.startswith("line 1: ")) == ("x.ndjson", True)


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ([17, 3], (17, 3)),
        ([5, 2], (5, 2)),
        ([17, 4], None),
        ([0, 3], None),
        ([True, 3], None),
        ("17", None),
        (None, None),
    ],
)
def test_keypoints(shape: object, expected: tuple[int, int] | None) -> None:
    members = {"x.ndjson": ndjson({**HEADER, "kpt_shape": shape}, image("a.jpg")), "a.jpg": b""}
    assert recognised(members)[1].keypoint_shape == expected


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "x.ndjson: is empty"),
        (None, "x.ndjson: cannot be read"),
        (b"{}\n", "its first line does not describe a dataset"),
        (b"[1]\n", "its first line does not describe a dataset"),
        (b"\n{", "its first line does not describe a dataset"),
        (ndjson(image("a.jpg")), "its first line does not describe a dataset"),
        (ndjson(HEADER), "x.ndjson names 0 images, none of which is here"),
        (
            ndjson(HEADER, image("z.jpg"), image("y.jpg")),
            "x.ndjson names 2 images, none of which is here; those given by",
        ),
    ],
)
def test_what_is_no_dataset_is_explained(data: bytes | None, words: str) -> None:
    with pytest.raises(UnrecognisedDataset) as caught:
        recognised({"x.ndjson": data, "a.jpg": b""})
    assert words in caught.value.reason


def test_of_several_files_the_first_that_describes_a_dataset_is_read() -> None:
    members = {"b.ndjson": ndjson(HEADER, image("a.jpg")), "a.ndjson": b"{}\n", "0.ndjson": None, "a.jpg": b""}
    assert recognised(members)[1].config_files == ("b.ndjson",)


# the second reading


@pytest.mark.parametrize("piece", [1, 7, 1 << 20])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\n\n"])
def test_what_is_said_of_each_image(piece: int, end: str) -> None:
    bare = {"type": "image", "file": "b.jpg"}
    lines = (HEADER, image("a.jpg"), bare, image("c.jpg", annotations={"boxes": []}))
    members = {"x.ndjson": b"\xef\xbb\xbf" + ndjson(*lines, end=end)[: -len(end)]} | dict.fromkeys(
        ["a.jpg", "b.jpg", "c.jpg"], b""
    )
    found, findings = second_reading(members, piece)
    step = end.count("\n")
    assert found == {
        "a.jpg": {"line": 1 + step, "annotations": BOX},
        "c.jpg": {"line": 1 + 3 * step, "annotations": {"boxes": []}},
    }
    assert findings == []


def test_lines_that_say_nothing_are_reported() -> None:
    lines = (HEADER, "{", "[1]", '{"type": "video"}', image("a.jpg"), image("a.jpg"), image("z.jpg"), {"file": 7})
    found, findings = second_reading({"x.ndjson": ndjson(*lines, "[" * 100_000, "9" * 5000), "a.jpg": b""})
    assert list(found) == ["a.jpg"]
    assert said(findings) == [
        ("NDJSON_LINE", "x.ndjson", 2),
        ("NDJSON_LINE", "x.ndjson", 3),
        ("NDJSON_LINE", "x.ndjson", 4),
        ("NDJSON_LINE", "x.ndjson", 6),
        ("PAIR_MISSING_IMAGE", "x.ndjson", 7),
        ("PAIR_MISSING_IMAGE", "x.ndjson", 8),
        ("NDJSON_LINE", "x.ndjson", 9),
        ("NDJSON_LINE", "x.ndjson", 10),
    ]
    assert "given by `url` alone" in findings[4].message
    assert "https" not in findings[4].message


def test_a_line_that_is_too_long_is_not_held() -> None:
    splitter = LineSplitter(longest=10)
    pieces = [b"1234", b"567890", b"1", b"2345\nshort\n", b"0123456789\n01234567890"]
    lines = [line for piece in pieces for line in splitter.feed(piece)]
    assert [*lines, *splitter.close()] == [(1, None), (2, b"short"), (3, b"0123456789"), (4, None)]


# rows


def read(annotations: object, shape: tuple[int, int] | None = None) -> tuple[LabelRows, list[Finding]]:
    """What a record says."""
    context = LabelContext(2, RowLimits(), keypoint_shape=shape, files=("x.ndjson",), rows="ndjson")
    findings: list[Finding] = []
    data = json.dumps({"line": 5, "annotations": annotations}).encode()
    rows = label_reader("yolo", context).read(data, file="a.jpg", size=None, report=findings.append)
    assert rows.rows_read == len(rows.annotations) + rows.rows_left_out
    assert all(one.rule in RULES and (one.file, one.line) == ("x.ndjson", 5) for one in findings)
    return rows, findings


def test_rows_of_every_task() -> None:
    rows, findings = read(
        {
            "boxes": [[0, 0.5, 0.5, 0.2, 0.2], [1, 0.1, 0.1, 0.1, 0.1]],
            "segments": [[0, 0.1, 0.1, 0.5, 0.1, 0.5, 0.5]],
            "obb": [[1, 0.1, 0.2, 0.5, 0.2, 0.5, 0.6, 0.1, 0.6]],
            "pose": [[0, 0.5, 0.5, 0.2, 0.2, 0.4, 0.4, 2, 0, 0, 0]],
            "classification": [1],
        }
    )
    assert [(one.type, one.category_id) for one in rows.annotations] == [
        ("box", 0),
        ("box", 1),
        ("polygon", 0),
        ("obb", 1),
        ("pose", 0),
        ("label", 1),
    ]
    assert rows.annotations[0].bbox == (0.5, 0.5, 0.2, 0.2)
    assert rows.annotations[2].points == ((0.1, 0.1), (0.5, 0.1), (0.5, 0.5))
    assert rows.annotations[4].keypoints == ((0.4, 0.4, 2.0), (0.0, 0.0, 0.0))
    assert (rows.rows_read, findings) == (6, [])


def test_keypoints_have_the_shape_that_the_header_says() -> None:
    row = [0, 0.5, 0.5, 0.2, 0.2, 0.4, 0.4, 0.6, 0.6, 0.7, 0.7]
    assert len(read({"pose": [row]}, (3, 2))[0].annotations[0].keypoints) == 3
    assert len(read({"pose": [row]})[0].annotations[0].keypoints) == 2
    assert len(read({"pose": [row[:9]]})[0].annotations[0].keypoints) == 2
    assert [finding.rule for finding in read({"pose": [row]}, (17, 3))[1]] == ["ROW_COLUMNS"]


@pytest.mark.parametrize(
    ("annotations", "rule", "words"),
    [
        ({"boxes": [[0, 0.5, 0.5, 0.2, 0.2], [2, 0.5, 0.5, 0.2, 0.2]]}, "ROW_CLASS_RANGE", "boxes[1]: category 2"),
        ({"boxes": [[0.5, 0.5, 0.5, 0.2, 0.2]]}, "ROW_CLASS_FLOAT", "boxes[0]: "),
        ({"boxes": [[0, 1.5, 0.5, 0.2, 0.2]]}, "ROW_COORD_RANGE", "boxes[0]: 1.5 lies outside"),
        ({"boxes": [[0, float("nan"), 0.5, 0.2, 0.2]]}, "ROW_NAN", "boxes[0]: "),
        ({"boxes": [[0, None, 0.5, 0.2, 0.2]]}, "ROW_NOT_NUMERIC", "boxes[0]: 'null'"),
        ({"boxes": [[0, "a b", 0.5, 0.2, 0.2]]}, "ROW_NOT_NUMERIC", "boxes[0]: "),
        ({"boxes": [[0, True, 0.5, 0.2, 0.2]]}, "ROW_NOT_NUMERIC", "boxes[0]: 'true'"),
        ({"boxes": [[0, 0.5], [0, 0.5, 0.5, 0.2, 0.2]]}, "ROW_COLUMNS", "boxes[0]: is 2 values"),
        ({"boxes": ["x"]}, "ROW_COLUMNS", "boxes[0]: is no list"),
        ({"segments": [[0, 0.1, 0.1, 0.5, 0.1]]}, "ROW_COLUMNS", "segments[0]: is 5 values"),
        ({"obb": [[0, 0.1, 0.1, 0.5, 0.1, 0.3, 0.3]]}, "ROW_COLUMNS", "obb[0]: is 7 values"),
        ({"classification": [7]}, "ROW_CLASS_RANGE", "classification[0]: "),
        ({"classification": [True]}, "ROW_CLASS_RANGE", "classification[0]: "),
        ({"boxes": 7}, "NDJSON_LINE", "`boxes` is no list"),
        ({"masks": [1]}, "NDJSON_LINE", "`masks` is not read"),
        ([1], "NDJSON_LINE", "`annotations` is no map of rows"),
    ],
)
def test_what_is_wrong_with_a_row_is_said_by_its_place(annotations: object, rule: str, words: str) -> None:
    _, (finding,) = read(annotations)
    assert finding.rule == rule
    assert words in finding.message


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=10) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=20,
)


@given(st.dictionaries(st.sampled_from(["boxes", "segments", "pose", "obb", "classification", "x"]), _JSON) | _JSON)
def test_any_annotations_are_read(annotations: object) -> None:
    read(annotations)


@given(st.lists(_JSON, max_size=5), st.binary(max_size=30))
def test_any_lines_are_read(entries: list[object], rest: bytes) -> None:
    lines = [image("a.jpg") | (one if isinstance(one, dict) else {"annotations": one}) for one in entries]
    second_reading({"x.ndjson": ndjson(HEADER, image("b.jpg"), *lines, *entries) + rest, "a.jpg": b"", "b.jpg": b""})
