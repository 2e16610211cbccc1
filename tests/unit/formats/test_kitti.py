"""KITTI object labels: layouts, columns, and exactly what is found in odd rows."""

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as some

from shared.formats.annotations.kitti.labels import KittiLabels, looks_like_labels, names_in
from shared.formats.annotations.model import LabelContext, RowLimits, UnrecognisedDataset
from tests.factories.pure_imports import SIZE, Imported, pure_import

CAR = "Car 0.50 1 -1.57 10 5 30.00 25 1.67 1.87 3.69 -16.53 2.39 58.49 1.57"
NOTHING = "DontCare -1 -1 -10 0.00 0.00 100.00 50.00 -1 -1 -1 -1000 -1000 -1000 -10"
BOX = ("Car", 0.2, 0.3, 0.2, 0.4)


def one(text: str | bytes, **options: object) -> Imported:
    """A dataset of one image with these labels; another, sound one says what kind of dataset it is."""
    data = text.encode() if isinstance(text, str) else text
    files = {"training/image_2/a.png": b"", "training/label_2/a.txt": data}
    return pure_import({**files, "training/image_2/b.png": b"", "training/label_2/b.txt": CAR}, **options)  # type: ignore[arg-type]


def test_the_benchmark() -> None:
    found = pure_import(
        {
            "kitti/training/image_2/000000.png": b"",
            "kitti/training/image_3/000000.png": b"",
            "kitti/training/label_2/000000.txt": f"{NOTHING}\n{CAR}\nZebra {CAR[4:]}\n",
            "kitti/training/label_2/000009.txt": CAR,
            "kitti/training/calib/000000.txt": b"P0: 1",
            "kitti/testing/image_2/000001.png": b"",
            "kitti/testing/calib/000001.txt": b"P0: 1",
        }
    )
    image = "kitti/training/image_2/000000.png"

    assert (found.layout.format, found.names) == ("kitti", ["Car", "DontCare", "Zebra"])
    assert found.splits == {image: "train", "kitti/testing/image_2/000001.png": "test"}
    assert found.boxes[image] == [("DontCare", 0.5, 0.5, 1.0, 1.0), BOX, ("Zebra", *BOX[1:])]
    assert found.rows[image].attributes == {"calib": "kitti/training/calib/000000.txt"}
    assert found.found() == [
        ("PAIR_MISSING_LABEL", "kitti/testing/image_2/000001.png", None, None),
        ("PAIR_ORPHAN_LABEL", "kitti/training/label_2/000009.txt", None, None),
        ("PAIR_UNLISTED_IMAGE", "kitti/training/image_3/", None, None),
    ]


def test_all_columns_are_kept() -> None:
    car, nothing = one(f"{CAR}\n{NOTHING}").rows["training/image_2/a.png"].annotations

    assert car.attributes == {
        "truncated": 0.5,
        "occluded": 1,
        "alpha": -1.57,
        "dimensions": [1.67, 1.87, 3.69],
        "location": [-16.53, 2.39, 58.49],
        "rotation_y": 1.57,
    }
    assert nothing.attributes == {
        "truncated": -1,
        "occluded": -1,
        "alpha": -10,
        "dimensions": [-1, -1, -1],
        "location": [-1000, -1000, -1000],
        "rotation_y": -10,
    }


def test_what_a_detector_found_keeps_its_score() -> None:
    found = one(f"{CAR} 0.75\n{CAR[:-1]} .5\n")
    rows = found.rows["training/image_2/a.png"]

    assert [row.attributes["score"] for row in rows.annotations] == [0.75, 0.5]
    assert found.found() == [("ROW_SCORE", "training/label_2/a.txt", 1, len(CAR) + 2)]


@pytest.mark.parametrize(
    ("image", "label", "split"),
    [
        ("image_2/a.png", "label_2/a.txt", None),
        ("kitti/val/image_2/a.png", "kitti/val/label_2/a.txt", "val"),
        ("data/images/a.jpg", "data/labels/a.txt", None),
        ("images/train/a.jpg", "labels/train/a.txt", "train"),
    ],
)
def test_trees_made_in_its_image(image: str, label: str, split: str | None) -> None:
    found = pure_import({image: b"", label: CAR})

    assert found.boxes == {image: [BOX]}
    assert found.splits == {image: split}
    assert found.found() == []


def test_several_trees_are_splits_of_their_names() -> None:
    files = {f"{fold}/{kind}": CAR for fold in ("fold_1", "fold_2") for kind in ("image_2/a.png", "label_2/a.txt")}
    assert pure_import(files).splits == {"fold_1/image_2/a.png": "fold_1", "fold_2/image_2/a.png": "fold_2"}


def test_testing_alone_is_known_by_its_calibration() -> None:
    files = {"testing/image_2/1.png": b"", "testing/calib/1.txt": b"P0: 1"}
    found = pure_import(files)

    assert (found.layout.format, found.splits) == ("kitti", {"testing/image_2/1.png": "test"})


@pytest.mark.parametrize(
    ("members", "reason"),
    [
        ({"a.jpg": b""}, "no folder image_2"),
        ({"images/a.jpg": b"", "labels/a.txt": "0 .5 .5 .1 .1"}, "none has rows of 15 or 16 columns"),
        ({"image_2/a.jpg": b"", "label_2/a.txt": "Car 1 2 3 4"}, "none has rows of 15 or 16 columns"),
        ({"image_2/a.jpg": b""}, "none has rows of 15 or 16 columns"),
    ],
)
def test_refusals_say_what_was_looked_for(members: Mapping[str, bytes], reason: str) -> None:
    with pytest.raises(UnrecognisedDataset) as caught:
        pure_import(members, format_name="kitti")
    assert reason in caught.value.reason


def row(**changes: str) -> str:
    """A sound row with other values."""
    names = ("type", "truncated", "occluded", "alpha", "left", "top", "right", "bottom")
    values = dict(zip(names, CAR.split(), strict=False)) | changes
    return " ".join([*values.values(), *CAR.split()[8:]])


@pytest.mark.parametrize(
    ("text", "kept", "findings"),
    [
        (f"\n\n  {CAR}\n", 1, []),
        (CAR.replace(" ", "\t") + "\r\n", 1, []),
        (f"{CAR}\n{CAR}", 2, [("ROW_DUPLICATE", 2, None)]),
        (CAR[:-5], 0, [("ROW_COLUMNS", 1, None)]),
        (CAR + " 1 2", 0, [("ROW_COLUMNS", 1, None)]),
        (row(left="x"), 0, [("ROW_NOT_NUMERIC", 1, 18)]),
        (row(alpha="nan"), 0, [("ROW_NAN", 1, 12)]),
        (row(alpha="1e999"), 0, [("ROW_NAN", 1, 12)]),
        (row(alpha="9" * 400), 0, [("ROW_NAN", 1, 12)]),
        (row(left="40"), 0, [("ROW_CORNER_ORDER", 1, 23)]),
        (row(left="30"), 1, [("ROW_ZERO_AREA", 1, None)]),
        (row(right="100.9"), 1, [("ROW_COORD_TOLERANCE", 1, 23)]),
        (row(right="200"), 0, [("ROW_COORD_RANGE", 1, 23)]),
        ("\n" + CAR.replace("Car", "C\udcffr"), 0, [("ROW_ENCODING", 2, None)]),
        ("", 0, [("PAIR_EMPTY_LABEL", None, None)]),
        ("0 .5 .5 .1 .1\n" + CAR, 1, [("ROW_COLUMNS", 1, None)]),
    ],
)
def test_odd_rows(text: str, kept: int, findings: list[tuple[str, int | None, int | None]]) -> None:
    found = one(text.encode(errors="surrogateescape"))

    assert len(found.rows["training/image_2/a.png"].annotations) == kept
    assert found.found() == [(rule, "training/label_2/a.txt", line, column) for rule, line, column in findings]


def test_without_the_size_of_the_image_nothing_is_placed() -> None:
    found = one(CAR, size=None)
    rows = found.rows["training/image_2/a.png"]

    assert (rows.annotations, rows.rows_read, rows.rows_left_out) == ([], 1, 1)
    assert [rule for rule, *_ in found.found()] == ["ROW_NO_SIZE"] * 2


def test_limits() -> None:
    found = one(f"{CAR}\n" * 9, limits=RowLimits(max_rows=4))

    assert len(found.rows["training/image_2/a.png"].annotations) == 4
    assert [finding.line for finding in found.findings if finding.rule == "ROW_LIMIT"] == [5, 6, 7, 8, 9]


@given(some.one_of(some.binary(), some.text().map(str.encode), some.text().map(lambda text: f"{CAR}\n{text}".encode())))
def test_never_raises(data: bytes) -> None:
    context = LabelContext(1, RowLimits(), category_ids={"Car": 0})
    rows = KittiLabels(context).read(data, file="a.txt", size=SIZE, report=lambda _: None)
    assert rows.rows_read == len(rows.annotations) + rows.rows_left_out
    list(names_in(data))
    looks_like_labels(data)
