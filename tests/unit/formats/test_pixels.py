"""Pixels and shares are exact inverses, and what was drawn in whole pixels is written in whole pixels."""

from fractions import Fraction
from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.formats.annotations.pixels import (
    box_of_corner_and_size,
    box_of_corners,
    corner_and_size_in_pixels,
    corners_in_pixels,
    in_pixels,
    read_pixels,
    share,
)

SIDES = st.integers(1, 100_000)
SIZES = st.tuples(SIDES, SIDES)
SHARES = st.one_of(st.floats(-2, 2, allow_subnormal=False), st.floats(0, 1, width=32), st.just(0.0))
BOXES = st.tuples(SHARES, SHARES, SHARES, SHARES)


@given(SHARES, SIDES)
def test_a_share_comes_back(part: float, side: int) -> None:
    assert share(read_pixels(in_pixels(part, side)), side) == part


@given(BOXES, SIZES)
def test_a_box_comes_back(bbox: tuple[float, float, float, float], size: tuple[int, int]) -> None:
    left, top, right, bottom = map(read_pixels, corners_in_pixels(bbox, size))
    assert box_of_corners(left, top, right, bottom, size) == bbox
    left, top, width, height = map(read_pixels, corner_and_size_in_pixels(bbox, size))
    assert box_of_corner_and_size(left, top, width, height, size) == bbox


@given(st.lists(st.integers(0, 10_000), min_size=4, max_size=4), SIZES)
def test_whole_pixels_are_written_as_they_were(corners: list[int], size: tuple[int, int]) -> None:
    texts = tuple(map(str, corners))
    bbox = box_of_corners(*map(read_pixels, texts), size)
    assert corners_in_pixels(bbox, size) == texts
    bbox = box_of_corner_and_size(*map(read_pixels, texts), size)
    assert corner_and_size_in_pixels(bbox, size) == texts


@given(st.lists(st.decimals(0, 9999, places=2), min_size=4, max_size=4), SIZES)
def test_hundredths_are_written_as_they_were(corners: list, size: tuple[int, int]) -> None:
    values = [read_pixels(str(corner)) for corner in corners]
    left, top, right, bottom = corners_in_pixels(box_of_corners(*values, size), size)
    assert [float(text) for text in (left, top, right, bottom)] == [float(value) for value in values]


@given(
    st.lists(st.decimals(0, 1, places=6), min_size=4, max_size=4), st.tuples(st.integers(1, 9999), st.integers(1, 9999))
)
def test_shares_of_six_decimals_are_written_shortly(shares: list, size: tuple[int, int]) -> None:
    bbox = tuple(map(float, shares))
    assert max(map(len, (*corners_in_pixels(bbox, size), *corner_and_size_in_pixels(bbox, size)))) <= 26


def test_a_box_as_yolo_writes_it() -> None:
    assert corners_in_pixels((0.98, 0.5, 0.2, 0.2), (640, 480)) == (
        "563.200000000000000", "192", "691.200000000000000", "288"
    )  # fmt: skip


@pytest.mark.parametrize("text", ["", "x", "1_0", "1_000_000_000_000_000_000", "0x10", "1,5", "--1", "1" * 30 + "x"])
def test_what_is_no_number(text: str) -> None:
    with pytest.raises(ValueError, match=r"number|float"):
        read_pixels(text)


def test_numbers_beyond_reason_are_floats() -> None:
    assert read_pixels("1e999999999999999999") == inf
    assert read_pixels("0." + "1" * 5000) == pytest.approx(1 / 9)
    assert read_pixels("0.1234567890123456789012345") == Fraction("0.1234567890123456789012345")
