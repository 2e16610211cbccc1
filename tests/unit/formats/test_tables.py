"""Tables of labels: headers and shapes of boxes, how images are named, what is odd about rows, and our own exports."""

import csv
import io
import json
from collections.abc import Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from shared.formats.annotations.model import LabelContext, RowLimits, UnrecognisedDataset
from shared.formats.annotations.tables.labels import TableLabels
from shared.formats.annotations.tables.rows import LONGEST_ROW, Row, TableRows
from tests.factories.pure_imports import SIZE, Imported, pure_import

BOX = ("cat", 0.2, 0.3, 0.2, 0.4)
IMAGES = {"images/a.jpg": b"", "images/b.jpg": b""}


def table(text: str | bytes, **options: object) -> Imported:
    """Two images, and a table about them."""
    return pure_import({**IMAGES, "labels.csv": text}, **options)  # type: ignore[arg-type]


# -- labels of images


@pytest.mark.parametrize(
    "text",
    [
        "image,label\na.jpg,cat\nb.jpg,dog\n",
        "id,breed\na,cat\nb,dog",
        "\ufeffFile Name;Class\r\na.jpg;cat\r\nb.jpg;dog\r\n",
        'path\tspecies\n"images/a.jpg"\t"cat"\n./images/b.jpg\tdog\n',
        "filepaths,labels,data set\n/kaggle/input/x/images/a.jpg,cat,\nC:\\x\\images\\b.jpg,dog,\n",
        "id,cat,dog\na,1,0\nb,0,1\n",
        "id,cat,dog,when\na,1.0,0.0,2020\nb,0.0,1.0,2021\n",
        "a.jpg,cat\nb.jpg,dog\n",
        "image,label\ra.jpg,cat\rb.jpg,dog\r",
        "image,label\n\n  \na.jpg,cat\nb.jpg,dog\n",
    ],
)
@pytest.mark.parametrize("piece", [1 << 20, 3])
def test_labels_of_images(text: str, piece: int) -> None:
    found = table(text, piece=piece)

    assert (found.layout.format, found.names) == ("csv", ["cat", "dog"])
    assert found.labels == {"images/a.jpg": ["cat"], "images/b.jpg": ["dog"]}
    assert found.splits == {"images/a.jpg": None, "images/b.jpg": None}
    assert found.found(but=("CSV_COLUMNS",)) == []


def test_utf_16() -> None:
    assert table("image,label\na.jpg,Kätzchen\n".encode("utf-16")).labels["images/a.jpg"] == ["Kätzchen"]


def test_one_image_of_several_classes() -> None:
    found = table("image_id,healthy,rust,scab\na,0,1,1\nb,0,0,0\n")

    assert found.names == ["healthy", "rust", "scab"]
    assert found.labels == {"images/a.jpg": ["rust", "scab"], "images/b.jpg": []}


def test_numbers_as_classes_stand_in_their_order() -> None:
    files = {f"{name}.png": b"" for name in "abc"} | {"t.csv": "id,label\na,10\nb,9\nc,1\n"}
    assert pure_import(files).names == ["1", "9", "10"]


def test_ids_give_the_order_of_names() -> None:
    found = table("image,class_id,class\na.jpg,7,cat\nb.jpg,3,dog\n")
    assert [(one.name, one.source_id) for one in found.layout.categories] == [("dog", "3"), ("cat", "7")]


# -- boxes


@pytest.mark.parametrize(
    "text",
    [
        "image,xmin,ymin,xmax,ymax,label\na,10,5,30,25,cat\n",
        "filename,width,height,class,xmin,ymin,xmax,ymax\na.jpg,100,50,cat,10,5,30,25\n",
        "path,x1,y1,x2,y2,category\nimages/a.jpg,10,5,30,25,cat\n",
        "images/a.jpg,10,5,30,25,cat\n",
        "image_id,x,y,w,h,label\na,10,5,20,20,cat\n",
        "patientId,x,y,width,height,Target\na,10,5,20,20,cat\nb,,,,,\n",
        'image_id,width,height,bbox,label\na,100,50,"[10.0, 5, 20, 20]",cat\n',
        "image_id;bbox;label\na;10 5 20 20;cat\n",
        "image,x_center,y_center,width,height,label\na,20,15,20,20,cat\n",
        "image,x_center,y_center,width,height,label\na,.2,.3,.2,.4,cat\n",
        "image,xmin,ymin,xmax,ymax,label\na,.1,.1,.3,.5,cat\n",
        "image,x,y,w,h,label\na,.1,.1,.2,.4,cat\n",
        "ImageID,Source,LabelName,XMin,XMax,YMin,YMax\na,xclick,cat,0.1,0.3,0.1,0.5\n",
    ],
)
def test_boxes(text: str) -> None:
    found = table(text)

    assert found.names == ["cat"]
    assert found.boxes["images/a.jpg"] == [BOX]
    assert found.boxes["images/b.jpg"] == []
    assert found.found(but=("CSV_COLUMNS",)) == []


def test_units_are_those_of_the_whole_file() -> None:
    found = table("image,xmin,ymin,xmax,ymax,label\na,0,0,1,1,cat\nb,0,0,50,1,cat\n")

    assert found.layout.reason.startswith("a table gives boxes by two corners, in pixels; 2 rows")
    assert found.boxes == {
        "images/a.jpg": [("cat", 0.005, 0.01, 0.01, 0.02)],
        "images/b.jpg": [("cat", 0.25, 0.01, 0.5, 0.02)],
    }


def test_boxes_of_something() -> None:
    assert table("image_id,bbox\na,[10;5;20;20]\n").boxes["images/a.jpg"] == [("object", *BOX[1:])]


@pytest.mark.parametrize(
    ("declared", "size", "kept", "rules"),
    [
        ("100,50", (200, 100), 1, ["LABEL_SIZE_MISMATCH"]),
        ("0,0", (100, 50), 1, []),
        (",", (100, 50), 1, []),
        ("100,50", None, 1, []),
        (",", None, 0, ["ROW_NO_SIZE"]),
    ],
)
def test_sizes(declared: str, size: tuple[int, int] | None, kept: int, rules: list[str]) -> None:
    found = table(f"filename,width,height,class,xmin,ymin,xmax,ymax\na.jpg,{declared},cat,10,5,30,25\n", size=size)

    assert found.boxes["images/a.jpg"] == [BOX] * kept
    assert [rule for rule, *_ in found.found()] == rules


# -- splits


def test_splits_by_a_column_by_folders_and_by_the_names_of_tables() -> None:
    column = table("image,label,split\na,cat,valid\nb,cat,\n")
    assert column.splits == {"images/a.jpg": "val", "images/b.jpg": None}

    folders = pure_import({"train/a.jpg": b"", "test/b.jpg": b"", "x/c.jpg": b"", "train.csv": "id,label\na,cat\n"})
    assert folders.splits == {"train/a.jpg": "train", "test/b.jpg": "test"}
    assert folders.found() == [("PAIR_UNLISTED_IMAGE", "x/", None, None)]

    files = {
        **IMAGES,
        "train_labels.csv": "id,label\na,cat\n",
        "val.csv": "id,label\nb,dog\n",
        "sample_submission.csv": "id,label\na,dog\n",
    }
    tables = pure_import(files)
    assert tables.splits == {"images/a.jpg": "train", "images/b.jpg": "val"}
    assert tables.labels == {"images/a.jpg": ["cat"], "images/b.jpg": ["dog"]}


# -- what is odd

HEAD = "image,xmin,ymin,xmax,ymax,label\n"
SOUND = "b,10,5,30,25,cat\n"


@pytest.mark.parametrize(
    ("row", "kept", "findings"),
    [
        ("c,10,5,30,25,cat", 0, [("PAIR_MISSING_IMAGE", 2, None)]),
        (",10,5,30,25,cat", 0, [("CSV_ROW", 2, 1)]),
        ("a,10,5,30", 0, [("CSV_ROW", 2, None)]),
        ("a,10,5,30,25,cat,more", 0, [("CSV_ROW", 2, None)]),
        ("a,10,5,30,25,c\0t", 0, [("CSV_ROW", 2, None)]),
        ('a,10,5,30,25,"cat\nb,1,1,2,2,cat', 0, [("CSV_ROW", 2, None), ("CSV_ROW", 5, None)]),
        (b"a,10,5,30,25,c\xe4t", 0, [("ROW_ENCODING", 2, None)]),
        ("a,ten,5,30,25,cat", 0, [("ROW_NOT_NUMERIC", 2, None)]),
        ("a,nan,5,30,25,cat", 0, [("ROW_NAN", 2, None)]),
        ("a,40,5,30,25,cat", 0, [("ROW_CORNER_ORDER", 2, None)]),
        ("a,10,5,10,25,cat", 1, [("ROW_ZERO_AREA", 2, None)]),
        ("a,10,5,100.9,25,cat", 1, [("ROW_COORD_TOLERANCE", 2, None)]),
        ("a,10,5,300,25,cat", 0, [("ROW_COORD_RANGE", 2, None)]),
        ("a,10,5,30,25,", 0, [("ROW_CLASS_UNKNOWN", 2, None)]),
        ("a,10,5,30,25,cat\na,10,5,30,25,cat", 2, [("ROW_DUPLICATE", 3, None)]),
        ("a,,,,,cat", 0, []),
        ('"a",10,5,30,25,"cat"', 1, []),
        ('a,10,5,30,25,"c""a, t\n"', 1, []),
    ],
)
def test_odd_rows(row: str | bytes, kept: int, findings: list[tuple[str, int, int | None]]) -> None:
    data = row if isinstance(row, bytes) else row.encode()
    found = table(HEAD.encode() + data + b"\n" + SOUND.encode())

    assert len(found.rows["images/a.jpg"].annotations) == kept
    expected = [(rule, "labels.csv", line, column) for rule, line, column in findings if line < 5]
    assert found.found() == expected


def test_columns_that_are_not_read_are_named() -> None:
    finding = table("image,label,area,iscrowd\na,cat,1,0\n").one("CSV_COLUMNS")
    assert (finding.line, finding.message) == (1, "2 columns are not read: area, iscrowd")


@pytest.mark.parametrize(
    ("members", "reason"),
    [
        ({"a.jpg": b""}, "no .csv or .tsv file"),
        ({"a.jpg": b"", "t.csv": "x,y\n1,2\n"}, "t.csv has no column that names images"),
        ({"a.jpg": b"", "t.csv": "image,when\na,2020\n"}, "t.csv has no column that names images"),
        ({"a.jpg": b"", "t.csv": "image,label\nz,cat\n"}, "names none of the images that are here"),
        ({"a.jpg": b"", "t.csv": ""}, "t.csv has no column that names images"),
    ],
)
def test_refusals(members: Mapping[str, bytes], reason: str) -> None:
    with pytest.raises(UnrecognisedDataset) as caught:
        pure_import(members, format_name="csv")
    assert reason in caught.value.reason


# -- what exports write

PLACE = "x_center,y_center,box_width,box_height,points,keypoints"
COLUMNS = f"path,split,width,height,category,category_id,type,{PLACE},attributes".split(",")


def exported(*rows: Mapping[str, object]) -> str:
    out = io.StringIO()
    writer = csv.DictWriter(out, COLUMNS, restval="", lineterminator="\r\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


shares = some.floats(0, 1, allow_nan=False)
points = some.lists(some.tuples(shares, shares), min_size=3, max_size=5)


@settings(max_examples=40)
@given(
    box=some.tuples(shares, shares, shares, shares),
    outline=points,
    keypoints=some.lists(some.tuples(shares, shares, some.sampled_from([0.0, 1.0, 2.0])), max_size=3),
    attributes=some.dictionaries(
        some.text(some.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=9),
        some.one_of(some.text(max_size=9), some.integers(-9, 9)),
        max_size=3,
    ),
    name=some.text(some.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=9),
)
def test_exports_are_read_exactly(
    box: tuple[float, ...],
    outline: list[tuple[float, float]],
    keypoints: list[tuple[float, float, float]],
    attributes: dict[str, object],
    name: str,
) -> None:
    sides = dict(zip(("x_center", "y_center", "box_width", "box_height"), map(repr, box), strict=True))
    first = {"path": "images/a.jpg", "split": "val", "width": 100, "height": 50}
    said = {**first, "category": name, "category_id": 1, **sides, "attributes": json.dumps(attributes)}
    text = exported(
        {**said, "type": "box"},
        {**said, "type": "polygon", "points": json.dumps(outline)},
        {**said, "type": "pose", "keypoints": json.dumps(keypoints)},
        {**said, "type": "label", **dict.fromkeys(sides, "")},
        {"path": "images/b.jpg", "split": "", "width": 9, "height": 9},
        {"category": "unused" + name, "category_id": 2},
    )
    found = table(text)
    one, polygon, pose, label = found.rows["images/a.jpg"].annotations

    assert found.names == ["class_0", name, "unused" + name]
    assert found.splits == {"images/a.jpg": "val", "images/b.jpg": None}
    assert [row.type for row in (one, polygon, pose, label)] == ["box", "polygon", "pose", "label"]
    assert one.bbox == polygon.bbox == pose.bbox == box
    assert (polygon.points, pose.keypoints) == (tuple(outline), tuple(keypoints))
    assert all(row.attributes == attributes for row in (one, polygon, pose, label))
    assert {row.category_id for row in (one, polygon, pose, label)} == {1}
    assert found.rows["images/b.jpg"].annotations == []
    assert found.found(but=("ROW_ZERO",)) == []


# -- never more than a row is held, and nothing raises


def test_a_line_without_end_is_one_finding() -> None:
    rows = TableRows()
    found = list(rows.feed(b"a,b\n"))
    for _ in range(LONGEST_ROW // (1 << 20) + 2):
        found += rows.feed(b"x" * (1 << 20))
    found += [*rows.feed(b"\n1,2\n"), *rows.close()]

    assert [(row.line, row.rule) for row in found] == [(1, ""), (2, "CSV_ROW"), (3, "")]


@given(some.binary(max_size=200), some.integers(1, 9))
def test_rows_are_the_same_in_whatever_pieces(data: bytes, piece: int) -> None:
    data = b"image,label\n" + data

    def read(size: int) -> list[Row]:
        rows = TableRows()
        parts = [data[at : at + size] for at in range(0, len(data), size)]
        return [row for part in [*map(rows.feed, parts), rows.close()] for row in part]

    assert read(piece + 12) == read(1 << 20)


@settings(max_examples=40)
@given(some.one_of(some.binary(), some.text().map(str.encode)))
def test_never_raises_on_any_table(data: bytes) -> None:
    try:
        pure_import({"a.jpg": b"", "t.csv": b"image,xmin,ymin,xmax,ymax,label\na,1,2,3,4,cat\n" + data})
        pure_import({"a.jpg": b"", "t.csv": data}, format_name="csv")
    except UnrecognisedDataset:
        pass


values = some.recursive(
    some.none() | some.booleans() | some.floats() | some.text(), lambda one: some.lists(one, max_size=9)
)


@settings(max_examples=50)
@given(some.one_of(some.binary(), some.lists(values, max_size=9).map(lambda one: json.dumps(one).encode())))
def test_never_raises_on_any_record(data: bytes) -> None:
    reader = TableLabels(LabelContext(3, RowLimits(), files=["t.csv"]))
    rows = reader.read(data, file="a.jpg", size=SIZE, report=lambda _: None)
    assert rows.rows_read == len(rows.annotations) + rows.rows_left_out


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ('{"a": 1e999, "b": NaN}', {"a": "inf", "b": "nan"}),
        ('{"a": 99999999999999999999}', {"a": "99999999999999999999"}),
        (r'{"a\u0000b": "\ud800"}', {"ab": "\ufffd"}),
        ('{"a": {"b": {}}}', {"a": {"b": {}}}),
        ('{"a": ' + "[" * 50 + "]" * 50 + "}", None),
        ('{"a": "' + "x" * 300_000 + '"}', None),
        ("[" * 100_000, None),
    ],
)
def test_attributes_that_no_database_takes(said: str, kept: dict[str, object] | None) -> None:
    sides = {"x_center": 0.5, "y_center": 0.5, "box_width": 0.1, "box_height": 0.1}
    row = {"path": "images/a.jpg", "category": "cat", "category_id": 0, "type": "box", **sides}
    found = table(exported({**row, "attributes": said}, {**row, "x_center": 0.25}))
    rows = found.rows["images/a.jpg"].annotations
    assert [one.attributes for one in rows] == ([{}] if kept is None else [kept, {}])
