"""Fixes without a dataset: geometry, categories, rows of label files, and what becomes of one image."""

import random
from collections.abc import Mapping
from math import isclose

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.formats.annotations.fixes.categories import change_categories
from shared.formats.annotations.fixes.geometry import clipped, turned, turned_back
from shared.formats.annotations.fixes.label_rows import LabelReading, RowMender
from shared.formats.annotations.fixes.mender import Labelled, Mender
from shared.formats.annotations.fixes.remarks import remarks_on
from shared.formats.annotations.fixes.table import FIX_NAMES, FIXES, MEANINGS, BadFixes, choose, suggested
from shared.formats.annotations.model import Annotation
from shared.formats.rules import RULES

NUMBERS = st.floats(-0.5, 1.5)
SIDES = st.floats(0, 1.5)
BOXES = st.builds(lambda x, y, w, h: Annotation(0, "box", (x, y, w, h)), NUMBERS, NUMBERS, SIDES, SIDES)
POINTS = st.lists(st.tuples(NUMBERS, NUMBERS), min_size=3, max_size=12).map(tuple)


def outline(points: tuple[tuple[float, float], ...], kind: str = "polygon") -> Annotation:
    """An annotation around these points."""
    across, down = [x for x, _ in points], [y for _, y in points]
    left, right, top, bottom = min(across), max(across), min(down), max(down)
    return Annotation(0, kind, ((left + right) / 2, (top + bottom) / 2, right - left, bottom - top), points)


OUTLINES = POINTS.map(outline)
KEYPOINTS = st.lists(st.tuples(NUMBERS, NUMBERS, st.sampled_from((0.0, 1.0, 2.0))), max_size=5).map(tuple)
POSES = st.builds(lambda box, points: Annotation(0, "pose", box.bbox, keypoints=points), BOXES, KEYPOINTS)


# -- the table


def test_every_rule_with_fixes_is_a_rule() -> None:
    assert set(FIXES) <= set(RULES)
    assert {fix for fixes in FIXES.values() for fix in fixes.allowed} <= set(FIX_NAMES) == set(MEANINGS)
    assert all(fixes.suggested in (None, *fixes.allowed) for fixes in FIXES.values())


def test_what_is_suggested_needs_no_choice() -> None:
    chosen = suggested(RULES)
    assert chosen.by_rule["ROW_ZERO_AREA"] == "drop_row"
    assert "ROW_CLASS_RANGE" not in chosen.by_rule
    assert choose(dict(chosen.by_rule), {}) == chosen
    assert not suggested(["PAIR_EMPTY_LABEL"]).by_rule


# -- clipping


@given(st.one_of(BOXES, OUTLINES, POSES))
def test_what_is_clipped_is_inside_and_stays_as_it_is(annotation: Annotation) -> None:
    found = clipped(annotation)
    if found is None:
        return
    x, y, width, height = found.bbox
    assert x - width / 2 >= 0
    assert y - height / 2 >= 0
    assert x + width / 2 <= 1 or found.points  # that of an outline follows from its points, as readers derive it
    assert all(
        0 <= value <= 1 for point in (*found.points, *((x, y) for x, y, _ in found.keypoints)) for value in point
    )
    assert clipped(found) == found


@given(BOXES)
def test_clipping_loses_nothing_that_is_inside(annotation: Annotation) -> None:
    """A box keeps its corners where they are inside; one beside the image is gone."""
    found, (x, y, width, height) = clipped(annotation), annotation.bbox
    left, right, top, bottom = x - width / 2, x + width / 2, y - height / 2, y + height / 2
    outside = right <= 0 or left >= 1 or bottom <= 0 or top >= 1
    if found is None:
        assert outside
        return
    edges = (max(left, 0), min(right, 1), max(top, 0), min(bottom, 1))
    x, y, width, height = found.bbox
    assert all(
        map(
            lambda a, b: isclose(a, b, abs_tol=1e-9),
            edges,
            (x - width / 2, x + width / 2, y - height / 2, y + height / 2),
        )
    )


def test_a_polygon_is_cut_along_the_edge() -> None:
    found = clipped(outline(((0.5, 0.5), (1.5, 0.5), (1.5, 1.0), (0.5, 1.0))))
    assert found is not None
    assert set(found.points) == {(0.5, 0.5), (1.0, 0.5), (1.0, 1.0), (0.5, 1.0)}
    assert found.bbox == (0.75, 0.75, 0.5, 0.5)
    assert clipped(outline(((1.2, 0.1), (1.4, 0.1), (1.3, 0.4)))) is None


def test_an_oriented_box_keeps_four_corners() -> None:
    found = clipped(outline(((0.9, 0.4), (1.1, 0.5), (1.0, 0.7), (0.8, 0.6)), "obb"))
    assert found is not None
    assert found.points == ((0.9, 0.4), (1.0, 0.5), (1.0, 0.7), (0.8, 0.6))


# -- turning


@pytest.mark.parametrize("orientation", range(1, 9))
@given(annotation=st.one_of(BOXES, OUTLINES, POSES))
def test_turned_and_back_is_the_same(annotation: Annotation, orientation: int) -> None:
    there = turned(annotation, orientation)
    back = turned_back(there, orientation)
    assert back.bbox == pytest.approx(annotation.bbox, abs=1e-9)
    for found, expected in ((back.points, annotation.points), (back.keypoints, annotation.keypoints)):
        assert all(map(_close, found, expected))
    assert there.bbox[2:] == (annotation.bbox[2:] if orientation < 5 else annotation.bbox[:1:-1])


def _close(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    return all(isclose(a, b, abs_tol=1e-9) for a, b in zip(one, other, strict=True))


@pytest.mark.parametrize(
    ("orientation", "place"),
    [(1, (0.1, 0.2)), (2, (0.9, 0.2)), (3, (0.9, 0.8)), (4, (0.1, 0.8)), (5, (0.2, 0.1)), (6, (0.8, 0.1)),
     (7, (0.8, 0.9)), (8, (0.2, 0.9))],
)  # fmt: skip
def test_points_go_where_pillow_shows_them(orientation: int, place: tuple[float, float]) -> None:
    """As exif_transpose of Pillow turns a pixel at 0.1, 0.2."""
    image = pytest.importorskip("PIL.Image")
    picture = image.new("L", (20, 20))
    picture.putpixel((2, 4), 255)
    exif = picture.getexif()
    exif[274] = orientation
    shown = __import__("PIL.ImageOps").ImageOps.exif_transpose(picture)
    at = next((x, y) for x in range(20) for y in range(20) if shown.getpixel((x, y)))
    centre = turned(Annotation(0, "box", (2.5 / 20, 4.5 / 20, 0.1, 0.1)), orientation).bbox[:2]
    assert _close(centre, ((at[0] + 0.5) / 20, (at[1] + 0.5) / 20))
    assert _close(turned(Annotation(0, "box", (0.1, 0.2, 0.1, 0.1)), orientation).bbox[:2], place)


# -- categories


@given(
    st.dictionaries(st.integers(0, 12), st.sampled_from(("dog", "cat", "bird")), min_size=1),
    st.sets(st.integers(0, 12)),
)
def test_closing_gaps_keeps_names_and_whatever_is_used(named: Mapping[int, str], used: set[int]) -> None:
    names = {number: named.get(number, f"class_{number}") for number in range(max(named) + 1)}
    used &= names.keys()
    change = change_categories(
        names, used, {number: number for number in names}, choose({"YAML_NAMES_GAP": "densify"}, {})
    )

    assert sorted(change.kept.values()) == list(range(len(change.kept)))
    assert list(change.kept) == sorted(change.kept)
    assert change.kept.keys() == named.keys() | used
    new_names = {new: names[old] for old, new in change.kept.items()}
    assert all(new_names[change.moved.get(number, number)] == names[number] for number in used)
    assert change.label_ids == change.kept


def test_ids_are_counted_from_0() -> None:
    shift = choose({"SET_ONE_BASED": "shift"}, {})
    change = change_categories({0: "a", 1: "b"}, {1}, {0: 0, 1: 1}, shift)
    assert (change.moved, change.label_ids) == ({1: 0}, {1: 0, 2: 1})
    with pytest.raises(BadFixes, match="category 0"):
        change_categories({0: "a", 1: "b"}, {0, 1}, {0: 0, 1: 1}, shift)


# -- rows of label files


def mended(text: str, fixes: Mapping[str, str], *, count: int = 3, **reading: object) -> list[tuple[int, Annotation]]:
    """Lines that can be kept now, and what they say, of an image of 64 x 48 pixels."""
    chosen = choose(fixes, {7: 1, -1: 0})
    change = change_categories(
        {number: f"n{number}" for number in range(count)}, set(), {n: n for n in range(count)}, chosen
    )
    rows = RowMender(LabelReading(count, **reading), chosen, change.label_ids)  # type: ignore[arg-type]
    return [(row.line, row.annotation) for row in rows.mend(text.encode(), (64, 48), without=())]


def test_pixels_are_divided_by_the_images_sides() -> None:
    text = "1 32 24 16 12\n0 6.4 4.8 32 4.8 32 24\n2 640 24 16 12\n"
    found = mended(text, {"ROW_PIXEL_COORDS": "divide_by_size"})
    assert [line for line, _ in found] == [1, 2]
    assert found[0][1].bbox == (0.5, 0.5, 0.25, 0.25)
    assert all(map(_close, found[1][1].points, ((0.1, 0.1), (0.5, 0.1), (0.5, 0.5))))


def test_ids_without_a_name_are_mapped_and_others_stay_out() -> None:
    found = mended("7 .5 .5 .1 .1\n8 .5 .5 .1 .1\n-1 .5 .5 .1 .1\n", {"ROW_CLASS_RANGE": "remap"})
    assert [(line, one.category_id) for line, one in found] == [(1, 1)]
    found = mended("7 .5 .5 .1 .1\n-1 .5 .5 .1 .1\n", {"ROW_CLASS_NEGATIVE": "remap"})
    assert [(line, one.category_id) for line, one in found] == [(2, 0)]


def test_a_sixth_column_becomes_an_attribute() -> None:
    text = "0 .5 .5 .1 .1 .91\n1 .5 .5 .1 .1 17\n2 .5 .5 .1 .1 -3\n1 .5 .5 .1 .1 0\n9 .5 .5 .1 .1 .5\n0 .5 .5 .1 .1 x\n"
    text += "0 .5 .5 .1\n0 .5 .5 .1 .1 1 2\n2 .5 .5 .2 .2\n0 .5 .5 .1 .1 nan\n"
    found = mended(text, {"ROW_COLUMNS": "sixth_column"})
    said = [(line, one.category_id, one.attributes) for line, one in found]
    assert said == [(1, 0, {"confidence": 0.91}), (2, 1, {"track_id": 17}), (4, 1, {"confidence": 0.0})]
    assert {one.bbox for _, one in found} == {(0.5, 0.5, 0.1, 0.1)}
    assert mended(text, {"ROW_COLUMNS": "sixth_column"}, task="pose", keypoint_shape=(2, 3)) == []


@given(st.binary(max_size=200))
def test_no_bytes_are_too_odd(data: bytes) -> None:
    fixes = {rule: fixes.allowed[0] for rule, fixes in FIXES.items() if rule.startswith("ROW_")}
    mended(data.decode("latin-1"), fixes)


# -- one image


def test_nothing_changes_where_no_chosen_rule_was_met() -> None:
    image = Labelled(
        [Annotation(0, "box", (0.99, 0.5, 0.2, 0.1)), Annotation(1, "box", (0.5, 0.5, 0, 0.1))], (64, 48), 1
    )
    assert Mender(choose({"ROW_COORD_TOLERANCE": "clip"}, {}), {}).mend(image, None) is None
    found = Mender(choose({"ROW_ZERO_AREA": "drop_row"}, {}), {}).mend(image, None)
    assert found is not None
    assert found.annotations == image.annotations[:1]
    assert found.by_rule == {"ROW_ZERO_AREA": 1}
    assert +found.counts == {"dropped": 1}


def test_mending_again_changes_nothing() -> None:
    dice = random.Random(3)
    boxes = [Annotation(dice.randrange(3), "box", tuple(dice.uniform(0, 1.005) for _ in range(4))) for _ in range(200)]  # type: ignore[arg-type]
    image = Labelled([*boxes, *boxes[:9]], (64, 48), 1)
    mender = Mender(suggested(RULES), {})
    found = mender.mend(image, None)
    assert found is not None
    assert mender.mend(Labelled(found.annotations, (64, 48), 1), None) is None
    left = remarks_on(found.annotations, (64, 48)).counts
    assert not [rule for rule in left if rule in mender.chosen.by_rule]


def test_findings_are_what_rules_say_before_and_after() -> None:
    image = Labelled(
        [Annotation(0, "box", (0.9, 0.5, 0.2, 1.005)), Annotation(1, "box", (0.5, 0.5, 0.1, 0))], (64, 48), 1
    )
    found = Mender(choose({"ROW_COORD_TOLERANCE": "clip"}, {}), {}).mend(image, None)
    assert found is not None
    before, after = (remarks_on(one, (64, 48)).counts for one in (image.annotations, found.annotations))
    assert {rule: count for rule, count in found.findings.items() if count} == {
        rule: after[rule] - before[rule] for rule in before | after if after[rule] != before[rule]
    }
