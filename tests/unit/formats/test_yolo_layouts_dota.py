"""DOTA: its trees, and the rows of its label files."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.formats.annotations.model import LabelContext, LabelRows, RowLimits
from shared.formats.annotations.pixels import in_pixels
from shared.formats.annotations.registry import label_reader
from shared.formats.findings import Finding
from shared.formats.rules import RULES
from tests.factories.yolo_listings import names_of, pairs, recognised, said

HEADER = b"imagesource:GoogleEarth\ngsd:0.146343590398\n"
ROWS = b"10 20 30 20 30 40 10 40 small-vehicle 0\n0.5 0 1 0 1 2 0.5 2 ship 1\n"


def read(
    data: bytes, size: tuple[int, int] | None = (100, 200), limits: RowLimits | None = None
) -> tuple[LabelRows, list[Finding]]:
    """The rows of a label file, and what was found."""
    context = LabelContext(2, limits or RowLimits(), {"ship": 0, "small-vehicle": 1}, rows="dota")
    findings: list[Finding] = []
    rows = label_reader("yolo", context).read(data, file="a.txt", size=size, report=findings.append)
    assert rows.rows_read == len(rows.annotations) + rows.rows_left_out
    assert all(finding.rule in RULES and finding.file == "a.txt" for finding in findings)
    return rows, findings


# layouts


@pytest.mark.parametrize(
    ("image", "label", "split"),
    [
        ("images/P0001.png", "labelTxt/P0001.txt", None),
        ("train/images/P0001.png", "train/labelTxt/P0001.txt", "train"),
        ("images/val/P0001.png", "labelTxt/val/P0001.txt", "val"),
        ("DOTA/train/images/P0001.png", "DOTA/train/labelTxt-v1.5/P0001.txt", "train"),
        ("train/images/P0001.png", "train/labelTxt-v1.0/labelTxt/P0001.txt", "train"),
        ("P0001.png", "P0001.txt", None),
        ("images/P0001.png", "labels/P0001.txt", None),
    ],
)
def test_trees_of_dota(image: str, label: str, split: str | None) -> None:
    members = {image: b"", label: HEADER + ROWS}
    _, layout, findings = recognised(members)
    assert (layout.format, layout.name, layout.rows) == ("yolo", "dota", "dota")
    assert pairs(members, layout) == {image: (split, label)}
    assert names_of(layout) == ["ship", "small-vehicle"]
    assert layout.names_in_labels
    assert findings == []


def test_a_split_without_labels_is_kept() -> None:
    members = {"train/images/a.png": b"", "train/labelTxt/a.txt": ROWS, "test/images/b.png": b""}
    _, layout, findings = recognised(members)
    assert pairs(members, layout) == {
        "train/images/a.png": ("train", "train/labelTxt/a.txt"),
        "test/images/b.png": ("test", None),
    }
    assert said(findings) == [("PAIR_MISSING_LABEL", "test/images/b.png", None)]


def test_names_are_learnt_up_to_a_limit() -> None:
    rows = "".join(f"0 0 9 0 9 9 0 9 name-{number} 0\n" for number in range(10_010))
    long = "0 0 9 0 9 9 0 9 " + "x" * 201 + " 0\n"
    members = {
        "images/a.png": b"",
        "labelTxt/a.txt": (long + rows).encode(),
        "images/b.png": b"",
        "labelTxt/b.txt": ROWS,
    }
    _, layout, _ = recognised(members)
    assert len(layout.categories) == 10_000
    assert not {"ship", "x" * 201} & set(names_of(layout))


# rows


def test_corners_become_shares_of_the_image() -> None:
    rows, findings = read(HEADER + ROWS)
    first, second = rows.annotations
    assert (first.category_id, first.type, dict(first.attributes)) == (1, "obb", {"difficult": 0})
    assert first.points == ((0.1, 0.1), (0.3, 0.1), (0.3, 0.2), (0.1, 0.2))
    assert first.bbox == pytest.approx((0.2, 0.15, 0.2, 0.1), abs=1e-15)
    assert (second.category_id, dict(second.attributes)) == (0, {"difficult": 1})
    assert second.points[0] == (0.005, 0.0)
    assert dict(rows.attributes) == {"imagesource": "GoogleEarth", "gsd": 0.146343590398}
    assert (rows.rows_read, findings) == (2, [])


def test_the_image_itself_may_be_said_to_have_no_resolution() -> None:
    rows, findings = read(b"imagesource:\ngsd:null\n" + ROWS)
    assert dict(rows.attributes) == {"imagesource": None, "gsd": "null"}
    assert findings == []


def test_names_with_spaces_and_rows_without_difficulty() -> None:
    context = LabelContext(2, RowLimits(), {"storage tank": 0, "7": 1}, rows="dota")
    data = b"0 0 9 0 9 9 0 9 storage tank 2\r\n0 0 9 0 9 9 0 9 storage tank\r\n0 0 9 0 9 9 0 9 7\n"
    rows = label_reader("yolo", context).read(data, file="a.txt", size=(10, 10), report=lambda _finding: None)
    found = [(one.category_id, dict(one.attributes)) for one in rows.annotations]
    assert found == [(0, {"difficult": 2}), (0, {}), (1, {})]


@pytest.mark.parametrize(
    ("row", "rule", "column"),
    [
        (b"1 2 3 4 5 6 7 8", "ROW_COLUMNS", None),
        (b"1 2 3 4 5 x 7 8 ship 0", "ROW_NOT_NUMERIC", 11),
        (b"1 2 3 4 5 1_0 7 8 ship 0", "ROW_NOT_NUMERIC", 11),
        (b"nan 2 3 4 5 6 7 8 ship 0", "ROW_NAN", 1),
        (b"1 1e999 3 4 5 6 7 8 ship 0", "ROW_NAN", 3),
        (b"1 1.00000000000000000001e399 3 4 5 6 7 8 ship 0", "ROW_NAN", 3),
        (b"1 2 3 4 5 6 7 8 boat 0", "ROW_CLASS_RANGE", 17),
        (b"1 2 3 4 5 6 7 8 sh\xffp 0", "ROW_ENCODING", 19),
        (b"101 2 103 4 105 6 107 8 ship 0", "ROW_COORD_RANGE", None),
        (b"x" * (2 << 20), "ROW_COLUMNS", None),
    ],
)
def test_a_bad_row_is_left_out_and_said(row: bytes, rule: str, column: int | None) -> None:
    rows, findings = read(HEADER + ROWS + row + b"\n" + ROWS)
    assert (len(rows.annotations), rows.rows_left_out) == (4, 1)
    assert [(one.rule, one.line, one.column) for one in findings] == [(rule, 5, column)]


@pytest.mark.parametrize(
    ("row", "rule"),
    [(b"-9 0 50 0 50 50 -9 50 ship 0", "ROW_CORNER_OUTSIDE"), (b"0 9 50 9 50 9 0 9 ship 0", "ROW_ZERO_AREA")],
)
def test_an_odd_row_is_kept_and_said(row: bytes, rule: str) -> None:
    rows, findings = read(row)
    assert (len(rows.annotations), said(findings)) == (1, [(rule, "a.txt", 1)])


def test_without_a_size_nothing_is_read() -> None:
    rows, findings = read(HEADER + ROWS, size=None)
    assert (rows.annotations, rows.rows_read) == ([], 2)
    assert [finding.rule for finding in findings] == ["ROW_NO_SIZE"] * 2


@pytest.mark.parametrize("data", [b"", b"\xef\xbb\xbf \n\n", HEADER])
def test_a_file_without_rows(data: bytes) -> None:
    assert said(read(data)[1]) == [("PAIR_EMPTY_LABEL", "a.txt", None)]


def test_limits() -> None:
    rows, findings = read(ROWS * 3, limits=RowLimits(max_points=16))
    assert (len(rows.annotations), rows.rows_left_out) == (4, 2)
    assert [(one.rule, one.line) for one in findings] == [("ROW_LIMIT", 5), ("ROW_LIMIT", 6)]

    rows, findings = read(b"x\n" * 100_010)
    assert (rows.rows_read, rows.rows_left_out) == (100_010, 100_010)
    assert [one.rule for one in findings] == ["ROW_COLUMNS"] * 100_000 + ["ROW_LIMIT"]
    assert findings[-1].message.startswith("10 more rows")


@given(st.binary(max_size=300))
def test_any_bytes_are_read(data: bytes) -> None:
    read(data)


@given(st.lists(st.floats(0, 1), min_size=8, max_size=8), st.integers(1, 10_000))
def test_what_is_written_in_pixels_is_read_as_the_same_share(shares: list[float], side: int) -> None:
    row = " ".join(in_pixels(part, side) for part in shares)
    rows, _ = read(f"{row} ship 0".encode(), size=(side, side))
    (found,) = rows.annotations
    assert [value for point in found.points for value in point] == shares
