"""What a text file beside images is taken for, by its first lines."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.formats.annotations.yolo.rows.kinds import RowKind, first_line, row_kind


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"0 .5 .5 .2 .2", RowKind.YOLO),
        (b"\xef\xbb\xbf12 0.5 1e-3 +1. -0.1\r\n", RowKind.YOLO),
        (b"0 nan inf -inf 1", RowKind.YOLO),
        (b"0.0 120 45 200 300\n", RowKind.YOLO),
        (b"0, 0.5, 0.5, 0.2, 0.2", RowKind.YOLO),
        (b"0 .1 .1 .5 .1 .5 .5 .1 .5", RowKind.YOLO),
        (b"# made by hand\n\n0 .5 .5 .2 .2\nand so on\n", RowKind.YOLO),
        (b"1 2 3 4 5 6 7 8 plane 0", RowKind.DOTA),
        (b"1.5 2 3 4 5 6 7 8 storage tank", RowKind.DOTA),
        (b"imagesource:GoogleEarth\ngsd:0.1\n", RowKind.DOTA),
        (b"", RowKind.EMPTY),
        (b"\xef\xbb\xbf\r\n \t\n", RowKind.EMPTY),
        (b"0 .5 .5 .2", RowKind.OTHER),
        (b"0.5 .5 .5 .2 .2", RowKind.OTHER),
        (b"-1 .5 .5 .2 .2", RowKind.OTHER),
        (b"A photo of 1 2 3 4 5 cats", RowKind.OTHER),
        (b"Car 0.0 0 1.5 1 2 3 4 5 6 7 8 9 10 11", RowKind.OTHER),
        (b"\x00\xff\xfe", RowKind.OTHER),
    ],
)
def test_what_rows_there_are(data: bytes, kind: RowKind) -> None:
    assert row_kind(data) is kind


def test_only_the_beginning_is_looked_at() -> None:
    assert row_kind(b"0 .5 .5 .2 .2\n" * 20_000) is RowKind.YOLO
    assert row_kind(b"x\n" * 200 + b"0 .5 .5 .2 .2\n") is RowKind.OTHER
    assert first_line(b"\n  \n" + b"ab " * 100) == "ab " * 13 + "a"


@pytest.mark.parametrize(
    "line",
    [
        b"1" * 60_000 + b"x",
        b"0 " + b"123 " * 15_000 + b"x",
        b"0" + b" " * 60_000 + b"x",
        b"1." * 30_000,
        b"0 1,;" * 12_000,
    ],
)
def test_no_line_takes_long(line: bytes) -> None:
    start = time.perf_counter()
    row_kind(line)
    assert time.perf_counter() - start < 2


@given(st.binary(max_size=200))
def test_any_bytes_are_judged(data: bytes) -> None:
    assert row_kind(data) in RowKind
