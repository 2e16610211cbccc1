"""The quick look at clean label files agrees with the reader that goes rule by rule, and takes nearly all of them."""

from collections.abc import Sequence

from hypothesis import example, given
from hypothesis import strategies as st

from shared.formats.annotations.model import RowLimits
from shared.formats.annotations.yolo.rows.clean import clean_boxes
from shared.formats.annotations.yolo.rows.reader import read_label
from shared.formats.findings import Finding
from tests.bench.bench_check import labels

CATEGORIES = 3
SIZES = st.sampled_from([None, (640, 480), (1, 1), (0, 9), (10_000, 30)])
SHARES = st.one_of(
    st.sampled_from(
        ["0", "1", "-0.0", "1.0000001", "1.01", "1.011", "-0.01", "-.011", "1e-9", "0.002", "nan", "inf", "1e999", "x"]
    ),
    st.floats(0, 1).map(str),
    st.sampled_from(["0.5", "0.25", "0.1", ".50", "5e-1", "0_5", "0,5", "\u0660.5"]),
)
NAMES = st.sampled_from(["0", "1", "2", "0", "1", "3", "-1", "00", "1.0", "1.5", "#", "nan"])
BOXES = st.tuples(NAMES, st.tuples(SHARES, SHARES, SHARES, SHARES)).map(lambda found: [found[0], *found[1]])
FINE = st.tuples(st.integers(0, 2), st.floats(0.3, 0.7), st.floats(0.3, 0.7), st.floats(0.01, 0.5)).map(
    lambda found: [str(found[0]), f"{found[1]:.6f}", f"{found[2]}", f"{found[3]:.4f}", ".2"]
)
ROWS = st.lists(st.one_of(FINE, FINE, BOXES, st.lists(SHARES, max_size=8)), max_size=5)
BETWEEN = st.sampled_from([" ", " ", "\t", "  ", "\x1f"])
ENDS = st.sampled_from(["\n", "\n", "\r\n", "\r", "\v", "\x1e", "\n\n", " \n"])


def agree(data: bytes, size: tuple[int, int] | None, *, most_rows: int = 50_000) -> bool:
    """Whether the file is taken for clean; then the reader says the same of it, and finds nothing."""
    limits, findings = RowLimits(max_rows=most_rows), list[Finding]()
    clean = clean_boxes(data, category_count=CATEGORIES, limits=limits, size=size)
    if clean is None:
        return False
    full = read_label(data, file="a.txt", category_count=CATEGORIES, limits=limits, report=findings.append, size=size)
    assert not findings
    assert clean == full
    assert clean.plain_rows == len(clean.annotations) == full.plain_rows
    return True


@given(rows=ROWS, between=BETWEEN, end=ENDS, last=st.booleans(), size=SIZES, most_rows=st.sampled_from([2, 50_000]))
@example([["0", ".5", ".5", ".2", ".2"]] * 2, " ", "\n", True, None, 50_000)
@example([["0", ".5", ".5", ".2", ".2"], []], " ", "\n", True, None, 50_000)
@example([], " ", "\n", True, None, 50_000)
def test_whatever_is_taken_for_clean_is_clean(
    rows: Sequence[Sequence[str]],
    between: str,
    end: str,
    last: bool,
    size: tuple[int, int] | None,
    most_rows: int,
) -> None:
    text = end.join(between.join(row) for row in rows) + (end if last else "")
    agree(text.encode(), size, most_rows=most_rows)


@given(st.binary(max_size=60), SIZES)
def test_no_bytes_are_too_much(data: bytes, size: tuple[int, int] | None) -> None:
    agree(data, size)


def test_usual_files_are_taken() -> None:
    texts = labels(200, odd=0)
    assert all(clean_boxes(text, category_count=80, limits=RowLimits(), size=(640, 480)) for text in texts)
    assert not any(
        clean_boxes(text, category_count=80, limits=RowLimits(), size=(640, 480)) for text in labels(5, odd=1)
    )


def test_what_is_taken() -> None:
    assert agree(b"0 .5 .5 .2 .2", None)
    assert agree(b"2\t0.5  .5 2e-1 +.2\r\n0 .1 .1 .1 .1\r\n", (640, 480))
    assert not agree(b"0 .5 .5 .2 .2\n0 .5 .5 .2 .2\n", None)
    assert not agree(b"0 .5 .5 .001 .2", (640, 480))
    assert not agree(b"3 .5 .5 .2 .2", None)
    assert not agree(b"", None)
