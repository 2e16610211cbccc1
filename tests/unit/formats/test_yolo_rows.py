"""Rows of YOLO label files: what is kept, what is left out, and what is said about it."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.formats.annotations.model import Annotation, LabelRows, RowLimits
from shared.formats.annotations.yolo.rows import reader as yolo_rows
from shared.formats.annotations.yolo.rows.reader import MOST_LEFT_OUT, read_label
from shared.formats.findings import Finding
from shared.formats.rules import RULES

FILE = "labels/a.txt"
BOX = Annotation(0, "box", (0.5, 0.5, 0.2, 0.2))
LARGER = Annotation(0, "box", (0.5, 0.5, 0.3, 0.3))
OTHER_TRIANGLE = "1 .6 .6 .9 .6 .7 .8"
TRIANGLE = "1 0.1 0.2 0.5 0.2 0.3 0.8"


def read(data: bytes | str, *, count: int = 3, limits: RowLimits | None = None) -> tuple[LabelRows, list[Finding]]:
    findings: list[Finding] = []
    raw = data.encode() if isinstance(data, str) else data
    rows = read_label(raw, file=FILE, category_count=count, limits=limits or RowLimits(), report=findings.append)
    assert rows.rows_read == len(rows.annotations) + rows.rows_left_out
    assert all(finding.file == FILE and finding.rule in RULES for finding in findings)
    return rows, findings


@pytest.mark.parametrize(
    "text",
    [
        "0 0.5 0.5 0.2 0.2",
        "0 0.5 0.5 0.2 0.2\r\n",
        "\ufeff0 .5 .5 2e-1 +0.2",
        "\n  \n\t0\t0.5  0.5\u00a00.2 0.2 \n\n",
        "0.0 0.5 0.5 0.2 0.2",
        "-0 0.5 0.5 0.2 0.2",
    ],
)
def test_a_good_box_is_kept_without_a_word(text: str) -> None:
    rows, findings = read(text)
    assert rows.annotations == [BOX]
    assert findings == []


@pytest.mark.parametrize("end", ["\n", "\r", "\r\n", "\u2028", "\x0b", "\x1e"])
def test_lines_end_as_in_splitlines(end: str) -> None:
    rows, _ = read(end.join(["0 .5 .5 .2 .2"] * 3))
    assert len(rows.annotations) == 3


def test_a_polygon_keeps_its_points_and_derives_its_box() -> None:
    rows, findings = read(TRIANGLE)
    (polygon,) = rows.annotations
    assert polygon.type == "polygon"
    assert polygon.category_id == 1
    assert polygon.points == ((0.1, 0.2), (0.5, 0.2), (0.3, 0.8))
    assert polygon.bbox == pytest.approx((0.3, 0.5, 0.4, 0.6))
    assert findings == []


LEFT_OUT = [
    ("0,.5,.5,.2,.2", "ROW_SEPARATOR", 1, "separated by spaces, not by commas or semicolons: '0 .5 .5 .2 .2'"),
    ("0; .5; .5; .2; .2", "ROW_SEPARATOR", 1, "'0 .5 .5 .2 .2'"),
    ("0 .5 .5, .2 .2", "ROW_SEPARATOR", 6, "'0 .5 .5 .2 .2'"),
    ("0 0,5 .5 .2 .2", "ROW_SEPARATOR", 3, "a decimal point, not a comma: '0 0.5 .5 .2 .2'"),
    ("0;0,5;0,5;0,2;0,2", "ROW_SEPARATOR", 1, "'0 0.5 0.5 0.2 0.2'"),
    ("0 a,b .5 .2 .2", "ROW_NOT_NUMERIC", 3, "'a,b' is not a number"),
    ("# class x y w h", "ROW_NOT_NUMERIC", 1, "no comments"),
    ("0 .5 .5 .2 abc", "ROW_NOT_NUMERIC", 12, "'abc'"),
    ("  dog .5 .5 .2 .2", "ROW_NOT_NUMERIC", 3, "'dog'"),
    ("0 .5 .5 .2 " + "x" * 99, "ROW_NOT_NUMERIC", 12, "'" + "x" * 40 + "'"),
    ("1_0 .5 .5 .2 .2", "ROW_NOT_NUMERIC", 1, "'1_0'"),
    ("0 .5 .5 .2 0_1.0", "ROW_NOT_NUMERIC", 12, "'0_1.0'"),
    ("0 0x1 .5 .2 .2", "ROW_NOT_NUMERIC", 3, "'0x1'"),
    ("0 nan .5 .2 .2", "ROW_NAN", 3, "'nan'"),
    ("nan .5 .5 .2 .2", "ROW_NAN", 1, "'nan'"),
    ("0 .5 .5 .2 -Infinity", "ROW_NAN", 12, "'-Infinity'"),
    ("0 .5 .5 .2 1e999", "ROW_NAN", 12, "'1e999'"),
    ("0 .1 .1 .9 nan .5 .9", "ROW_NAN", 12, "'nan'"),
    ("0 .1 .1 inf -inf .5 .9", "ROW_NAN", 9, "'inf'"),
    ("1.5 .5 .5 .2 .2", "ROW_CLASS_FLOAT", 1, "1.5"),
    ("-1 .5 .5 .2 .2", "ROW_CLASS_NEGATIVE", 1, "-1"),
    ("3 .5 .5 .2 .2", "ROW_CLASS_RANGE", 1, "ids go from 0 to 2"),
    ("3 .1 .2 .5 .2 .3 .8", "ROW_CLASS_RANGE", 1, "category 3"),
    ("0 1.0101 .5 .2 .2", "ROW_COORD_RANGE", 3, "1.0101"),
    ("0 .5 -.0101 .2 .2", "ROW_COORD_RANGE", 6, "-0.0101"),
    ("0 .5 .5 -.001 .2", "ROW_COORD_RANGE", 9, "-0.001"),
    ("0 .5 .5 .2 -.001", "ROW_COORD_RANGE", 12, "-0.001"),
    ("0 320 240 100 50", "ROW_COORD_RANGE", 3, "looks like pixels: divide by the image size"),
    ("0 .1 .2 .5 .2 .3 1.8", "ROW_COORD_RANGE", 18, "1.8"),
]


@pytest.mark.parametrize(("line", "rule", "column", "words"), LEFT_OUT)
def test_a_bad_row_is_left_out_and_explained_and_costs_no_neighbour(
    line: str, rule: str, column: int | None, words: str
) -> None:
    rows, findings = read(f"0 .5 .5 .2 .2\n\n{line}\n0 .5 .5 .3 .3\n")
    assert rows.annotations == [BOX, LARGER]
    assert (rows.rows_read, rows.rows_left_out) == (3, 1)
    (finding,) = findings
    assert (finding.rule, finding.line, finding.column) == (rule, 3, column)
    assert words in finding.message


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("0 .5 .5 .2", "4 columns"),
        ("0", "1 columns"),
        ("0 .5 .5 .2 .2 .9", "6 columns are neither a box (5) nor a polygon"),
        ("0 .5 .5 .2 .2 17", "the number of a track (17)"),
        ("0 .5 .5 .2 .2 -3.5", "neither a confidence nor"),
        ("0 .1 .1 .2 .2 .3 .3 .4", "8 columns"),
        ("0 .5 .5 .2 .2 .5 .5 2 .4 .4 1 0 0 0", "`kpt_shape: [3, 3]` is missing"),
    ],
)  # fmt: skip
def test_a_row_of_another_length_is_left_out_and_makes_the_file_ragged(line: str, words: str) -> None:
    rows, findings = read(f"0 .5 .5 .2 .2\n\n{line}\n0 .5 .5 .3 .3\n")
    assert rows.annotations == [BOX, LARGER]
    assert [(one.rule, one.line, one.column) for one in findings] == [
        ("ROW_COLUMNS", 3, None), ("ROW_RAGGED", 3, None),
    ]  # fmt: skip
    assert words in findings[0].message


def test_only_pixels_look_like_pixels() -> None:
    _, (finding,) = read("0 1.5 .5 .2 .2")
    assert "pixels" not in finding.message


@pytest.mark.parametrize(
    ("line", "column", "value"),
    [
        ("0 1.01 1.001 0 .01", 3, 1.01),
        ("0 .5 -.01 .2 .01", 6, -0.01),
        ("0 .5 .5 1.003 .2", 9, 1.003),
        ("0 -.005 .1 .9 .1 .9 1.01", 3, -0.005),
    ],
)
def test_a_coordinate_just_outside_is_kept_as_written(line: str, column: int, value: float) -> None:
    rows, findings = read(line)
    (kept,) = rows.annotations
    assert value in (*kept.bbox, *(number for point in kept.points for number in point))
    findings = [one for one in findings if one.rule not in ("ROW_ZERO_AREA", "ROW_CORNER_OUTSIDE")]
    assert [(f.rule, f.line, f.column) for f in findings] == [("ROW_COORD_TOLERANCE", 1, column)]


@pytest.mark.parametrize("line", ["0 .5 .5 0 .2", "0 .5 .5 .2 0.0", "0 .1 .1 .1 .5 .1 .9"])
def test_no_area_is_kept_with_a_warning(line: str) -> None:
    rows, findings = read(line)
    assert len(rows.annotations) == 1
    assert [finding.rule for finding in findings] == ["ROW_ZERO_AREA"]


def test_mixed_rows_are_all_kept_and_said_once() -> None:
    rows, findings = read("\n".join(["9 9 9", "0 .5 .5 .2 .2", TRIANGLE, "0 .5 .5 .3 .3", OTHER_TRIANGLE]))
    assert [found.type for found in rows.annotations] == ["box", "polygon", "box", "polygon"]
    assert [(f.rule, f.line) for f in findings] == [("ROW_COLUMNS", 1), ("ROW_MIXED_TASK", 3), ("ROW_RAGGED", 2)]


@pytest.mark.parametrize("data", [b"", b"\n \r\n\t\n", b"\xef\xbb\xbf"])
def test_a_file_without_rows_is_worth_knowing(data: bytes) -> None:
    rows, findings = read(data)
    assert (rows.annotations, rows.rows_read) == ([], 0)
    assert [(f.rule, f.line) for f in findings] == [("PAIR_EMPTY_LABEL", None)]


def test_bytes_that_are_not_utf8_cost_their_line_alone() -> None:
    rows, findings = read(b"\xef\xbb\xbf0 .5 .5 .2 .2\n0 .5 \xff .2 .2\n0 .5 .5 .3 .3")
    assert rows.annotations == [BOX, LARGER]
    (finding,) = findings
    assert (finding.rule, finding.line) == ("ROW_ENCODING", 2)
    assert "0xff at character 6" in finding.message


def test_underscores_elsewhere_do_not_cost_good_rows() -> None:
    rows, findings = read("0 .5 .5 .2 .2\n1_0 .5 .5 .2 .2\n" + TRIANGLE)
    assert [found.type for found in rows.annotations] == ["box", "polygon"]
    assert [f.rule for f in findings] == ["ROW_NOT_NUMERIC", "ROW_MIXED_TASK"]


def test_without_names_any_id_is_accepted_that_can_be_stored() -> None:
    rows, findings = read("4000 .5 .5 .2 .2\n1e300 .5 .5 .2 .2", count=0)
    assert [found.category_id for found in rows.annotations] == [4000]
    assert [f.rule for f in findings] == ["ROW_CLASS_RANGE"]


def test_a_row_with_too_many_columns_is_named_with_its_count_and_soon() -> None:
    started = time.monotonic()
    rows, findings = read(b"0 .5 .5 .2 .2\n0" + b" 0.123456" * 100_000)
    assert time.monotonic() - started < 1.5
    assert rows.annotations == [BOX]
    assert findings[0].rule == "ROW_COLUMNS"
    assert "100001 columns" in findings[0].message


@pytest.mark.parametrize("end", [b"\n", b"\r", b"\x0b", b"\xe2\x80\xa8"])
def test_a_row_too_long_to_be_looked_at_costs_only_itself(end: bytes) -> None:
    rows, findings = read(b"0 .5 .5 .2 .2" + end + b"0" + b" .5" * 500_000 + end + b"0 .5 .5 .3 .3")
    assert rows.annotations == [BOX, LARGER]
    assert [(found.rule, found.line) for found in findings] == [("ROW_COLUMNS", 2)]


def test_a_blank_line_of_any_length_is_no_row() -> None:
    assert [found.rule for found in read(b" " * 3_000_000)[1]] == ["PAIR_EMPTY_LABEL"]


def test_a_file_that_is_all_wrong_is_given_up_and_counted() -> None:
    rows, findings = read(b"x\n\n" * (3 * MOST_LEFT_OUT))
    assert rows.rows_read == rows.rows_left_out == 3 * MOST_LEFT_OUT
    assert MOST_LEFT_OUT < len(findings) < 2 * MOST_LEFT_OUT
    assert findings[-1].message.startswith(f"{3 * MOST_LEFT_OUT - len(findings) + 1} more rows were not read")


def test_points_are_limited_over_the_whole_file() -> None:
    rows, findings = read("\n".join([TRIANGLE, *[OTHER_TRIANGLE] * 2, "0 .5 .5 .2 .2"]), limits=RowLimits(max_points=6))
    assert [found.type for found in rows.annotations] == ["polygon", "polygon", "box"]
    assert [(f.rule, f.line) for f in findings] == [("ROW_LIMIT", 3), ("ROW_MIXED_TASK", 4)]


def test_every_bad_row_is_reported() -> None:
    rows, findings = read("x\n" * 5_000)
    assert rows.rows_left_out == len(findings) == 5_000


def test_a_number_of_a_million_digits_is_read_soon() -> None:
    started = time.monotonic()
    read(b"0 0." + b"1" * 1_000_000 + b" .5 .2 .2\n" + b"9" * 1_000_000 + b" .5 .5 .2 .2")
    assert time.monotonic() - started < 1.5


LINES = [b"0 .5 .5 .2 .2", TRIANGLE.encode(), b"x", b"", b"  ", b"1_0 .5 .5 .5 .5", b"0 .5 .5 .2 \xff", b"\xe2\x80"]
ENDS = [b"\n", b"\r", b"\r\n", b"\n\r", b"\x0b", b"\x1e", b"\x1f", b"\xc2\x85", b"\xe2\x80\xa8", b"\xe2\x80", b"\xc2"]


@given(st.lists(st.tuples(st.sampled_from(LINES), st.sampled_from(ENDS)), max_size=12), st.integers(4, 60))
def test_how_much_is_read_at_once_makes_no_difference(lines: list[tuple[bytes, bytes]], at_once: int) -> None:
    data = b"".join(line + end for line, end in lines)
    whole = read(data)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(yolo_rows, "_AT_ONCE", at_once)
        assert read(data) == whole


number = st.one_of(
    st.floats(allow_nan=True, allow_infinity=True).map(repr),
    st.floats(-0.02, 1.02).map(repr),
    st.integers(-2, 5).map(str),
    st.text(max_size=6),
)
line = st.lists(number, max_size=12).map(" ".join)


@given(st.one_of(st.binary(max_size=200), st.lists(line, max_size=8).map("\n".join).map(lambda t: t.encode("utf-8"))))
def test_no_bytes_raise_and_the_counts_add_up(data: bytes) -> None:
    rows, findings = read(data)
    errors = [finding for finding in findings if RULES[finding.rule].severity == "error"]
    assert len(errors) == rows.rows_left_out


@given(st.lists(st.floats(0, 1, exclude_min=True), min_size=4, max_size=4), st.integers(0, 2))
def test_the_quick_way_and_the_long_way_agree(values: list[float], category: int) -> None:
    row = f"{category} {' '.join(map(repr, values))}"
    quick, nothing = read(row)
    careful, _ = read(f"{row}\n_")
    assert {finding.rule for finding in nothing} <= {"ROW_CORNER_OUTSIDE", "ROW_XYXY_SUSPECT"}
    assert quick.annotations == careful.annotations == [Annotation(category, "box", tuple(values))]  # type: ignore[arg-type]
