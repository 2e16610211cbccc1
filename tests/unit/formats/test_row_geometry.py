"""Geometry of rows: the quick ways find what comparing everything with everything finds, and end in time."""

import random
import time
from itertools import combinations, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.formats.annotations.model import Annotation
from shared.formats.annotations.yolo.rows.geometry import (
    SAME_IOU,
    Bbox,
    Outlines,
    Point,
    box_leaves_image,
    is_right_angled,
    may_repeat,
    nearly_repeated,
    repeated,
    tiny_sides,
)

shares = st.sampled_from([0.0, 0.1, 0.1004, 0.104, 0.11, 0.3, 0.5, 0.500000001, 0.51, 0.525, 1.0]) | st.floats(0, 1)
boxes = st.builds(
    lambda x, y, w, h, c: Annotation(c, "box", (x, y, w, h)), shares, shares, shares, shares, st.integers(0, 1)
)


def shared(one: Bbox, two: Bbox) -> float:
    sides = []
    for axis in (0, 1):
        low = max(box[axis] - box[axis + 2] / 2 for box in (one, two))
        high = min(box[axis] + box[axis + 2] / 2 for box in (one, two))
        sides.append(max(0.0, high - low))
    common = sides[0] * sides[1]
    return common / (one[2] * one[3] + two[2] * two[3] - common) if common else 0.0


def expected(found: list[Annotation], *, margin: float) -> set[int]:
    """The later of each two that are nearly the same, by comparing each with each."""
    return {
        second
        for first, second in combinations(range(len(found)), 2)
        if shared(found[first].bbox, found[second].bbox) > SAME_IOU + margin
        and (found[first].category_id == found[second].category_id or found[first].bbox == found[second].bbox)
    }


@given(st.lists(boxes, max_size=12))
def test_near_repeats_are_those_that_comparing_all_finds(found: list[Annotation]) -> None:
    near = set(nearly_repeated(found))
    assert expected(found, margin=1e-9) <= near <= expected(found, margin=-1e-9)
    if near or repeated(found):
        assert may_repeat(found)


def test_near_repeats_among_many() -> None:
    dice = random.Random(3)
    found = [
        Annotation(0, "box", (dice.random(), dice.random(), dice.random() / 9, dice.random() / 9)) for _ in range(270)
    ]
    for at in range(0, 270, 9):
        x, y, width, height = found[at].bbox
        close = (x + width * dice.uniform(-0.02, 0.02), y + height * dice.uniform(-0.02, 0.02), width, height)
        found.append(Annotation(0, "box", close))
    near = set(nearly_repeated(found))
    assert expected(found, margin=1e-9) <= near <= expected(found, margin=-1e-9)
    assert len(near) > 10


@pytest.mark.parametrize("kind", ["one place", "one column", "nested", "anywhere"])
def test_many_rows_take_little_time(kind: str) -> None:
    dice = random.Random(5)
    makers = {
        "one place": lambda at: (0.5, 0.5, 0.1, 0.1),
        "one column": lambda at: (0.5, dice.random(), 0.1, 0.1),
        "nested": lambda at: (0.5, 0.5, at / 15_000, at / 15_000),
        "anywhere": lambda at: (dice.random(), dice.random(), dice.random(), dice.random()),
    }
    found = [Annotation(0, "box", makers[kind](at)) for at in range(15_000)]
    began = time.process_time()
    same = repeated(found)
    nearly_repeated(found, but=same)
    assert time.process_time() - began < 6
    assert len(same) == (14_999 if kind == "one place" else len(same))


def test_repeats_are_equal_as_trainers_keep_numbers() -> None:
    base = Annotation(0, "box", (0.5, 0.5, 0.2, 0.2))
    rows = [base, Annotation(0, "box", (0.500000001, 0.5, 0.2, 0.2)), Annotation(1, "box", base.bbox)]
    rows.append(Annotation(0, "box", (0.50001, 0.5, 0.2, 0.2)))
    assert repeated(rows) == {1: 0}


points = st.lists(st.tuples(st.integers(0, 8), st.integers(0, 8)), min_size=3, max_size=9)


def crosses(outline: list[Point]) -> bool:
    """Whether two edges that do not follow each other cross, each compared with each."""
    corners = [one for one, following in pairwise([*outline, outline[0]]) if one != following]
    edges = list(pairwise([*corners, corners[0]])) if len(corners) > 3 else []

    def side(a: Point, b: Point, c: Point) -> float:
        return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])

    return any(
        side(*one, two[0]) * side(*one, two[1]) < 0 and side(*two, one[0]) * side(*two, one[1]) < 0
        for one, two in combinations(edges, 2)
    )


@given(points)
def test_crossings_are_those_that_comparing_all_finds(outline: list[Point]) -> None:
    assert Outlines().crosses_itself(outline) == crosses(outline)


def test_outlines_take_bounded_time() -> None:
    comb = [(at % 2 * 0.9, at / 10_000) for at in range(10_000)] + [(2.0, 1.5), (2.0, -1.0), (0.0, -0.5)]
    outlines, began = Outlines(), time.process_time()
    assert not outlines.crosses_itself(comb)
    assert outlines.left < 0
    assert time.process_time() - began < 3


def test_what_is_tiny_depends_on_the_image() -> None:
    assert tiny_sides((640, 320)).width == 2 / 640
    assert tiny_sides((640, 320)).height == 2 / 320
    assert tiny_sides((6_400, 3_200)).width == 10 / 6_400
    assert tiny_sides(None).width == tiny_sides((0, 5)).width > 0


@pytest.mark.parametrize(
    ("bbox", "leaves"),
    [
        ((0.5, 0.5, 1.0, 1.0), False),
        ((0.95, 0.5, 0.1, 0.1), False),
        ((0.95, 0.5, 0.12, 0.1), False),
        ((0.95, 0.5, 0.13, 0.1), True),
        ((0.5, 0.02, 0.1, 0.1), True),
    ],
)
def test_boxes_that_leave_the_image(bbox: Bbox, leaves: bool) -> None:
    assert box_leaves_image(bbox) is leaves


@pytest.mark.parametrize(
    ("corners", "is_one"),
    [
        ([(0.1, 0.1), (0.5, 0.1), (0.5, 0.4), (0.1, 0.4)], True),
        ([(0.5, 0.1), (0.7, 0.5), (0.5, 0.9), (0.3, 0.5)], False),
        ([(0.1, 0.1), (0.5, 0.1), (0.6, 0.4), (0.1, 0.4)], False),
        ([(0.1, 0.1), (0.1, 0.1), (0.1, 0.1), (0.1, 0.1)], False),
    ],
)
def test_right_angles_are_those_of_pixels(corners: list[Point], is_one: bool) -> None:
    assert is_right_angled(corners, (640, 480)) is is_one


def test_a_turned_rectangle_is_one_on_an_image_that_is_no_square() -> None:
    corners = [(320, 100), (420, 200), (370, 250), (270, 150)]
    assert is_right_angled([(x / 640, y / 480) for x, y in corners], (640, 480))
