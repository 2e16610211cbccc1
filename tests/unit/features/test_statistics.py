"""Exact statistics: the sum over any parts is the count of the whole."""

import random
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.features.datasets.image_counter import ImageCounter
from shared.features.datasets.models import Category, Rollup
from shared.features.datasets.statistics import (
    ASPECT_EDGES,
    BOX_AREA_EDGES,
    BOXES_EDGES,
    HEAT_CELLS,
    PIXEL_EDGES,
    CountedImage,
    Counts,
    Statistics,
    add_rollup,
    bin_labels,
    category_rows,
    from_rollup,
    to_rollup,
)
from shared.formats.annotations.model import Annotation

SHARES = st.floats(0, 1, allow_nan=False)
BOXES = st.builds(
    Annotation,
    category_id=st.integers(0, 4),
    type=st.sampled_from(["box", "polygon"]),
    bbox=st.tuples(SHARES, SHARES, SHARES, SHARES),
)
SIDES = st.none() | st.integers(1, 10_000)
IMAGES = st.builds(
    CountedImage,
    split=st.sampled_from([None, "train", "val", "held out"]),
    size_bytes=st.integers(0, 1 << 40),
    width=SIDES,
    height=SIDES,
    format=st.sampled_from([None, "jpeg", "png"]),
    boxes=st.lists(BOXES, max_size=4),
    findings=st.integers(0, 2),
)


def image(
    *boxes: Annotation, split: str | None = "train", width: int | None = 100, height: int | None = 100
) -> CountedImage:
    return CountedImage(split, 1000, width, height, "jpeg", boxes, findings=0)


def box(category_id: int = 0, *, x: float = 0.5, y: float = 0.5, width: float = 0.1, height: float = 0.1) -> Annotation:
    return Annotation(category_id, "box", (x, y, width, height))


def counted(*images: CountedImage) -> Rollup:
    counts: Counts = Counter()
    counter = ImageCounter(counts)
    for one in images:
        counter.add(one)
    counter.close()
    return to_rollup(counts)


@given(st.lists(IMAGES, max_size=12), st.integers(1, 5), st.randoms(use_true_random=False))
def test_any_partition_in_any_order_adds_up_to_the_whole(
    images: list[CountedImage], parts: int, dice: random.Random
) -> None:
    shuffled = dice.sample(images, len(images))
    shards = [counted(*shuffled[number::parts]) for number in range(parts)]
    total: Counts = Counter()
    for shard in shards:
        add_rollup(total, shard)
    assert to_rollup(total) == counted(*images)


@given(st.lists(IMAGES, max_size=8))
def test_a_rollup_gives_its_counters_back(images: list[CountedImage]) -> None:
    rollup = counted(*images)
    assert to_rollup(from_rollup(rollup)) == rollup
    assert Rollup.model_validate_json(rollup.model_dump_json()) == rollup
    assert all(row[-1] for row in rollup.rows), "a row that counts nothing"


@given(st.lists(IMAGES, max_size=12))
def test_figures_are_those_of_the_images(images: list[CountedImage]) -> None:
    figures = Statistics(counted(*images))
    boxes = [one for each in images for one in each.boxes]
    assert figures.images() == len(images)
    assert figures.total("bytes") == sum(one.size_bytes for one in images)
    assert figures.total("annotations") == len(boxes)
    assert figures.by_name("type") == dict(Counter(one.type for one in boxes))
    assert figures.total("images_with_findings") == sum(one.findings > 0 for one in images)
    for split in ("", "train", "val"):
        assert figures.images(split=split) == sum((one.split or "") == split for one in images)
        shown = [one for one in images if (one.split or "") == split and any(b.category_id == 1 for b in one.boxes)]
        assert figures.images(split=split, category_id=1) == len(shown)
    assert figures.images(category_id=1) == sum(any(b.category_id == 1 for b in one.boxes) for one in images)
    assert sum(map(sum, figures.heat_map())) == len(boxes)
    assert sum(figures.histogram("box_area", BOX_AREA_EDGES)) == len(boxes)
    assert sum(figures.histogram("boxes_per_image", BOXES_EDGES)) == len(images)


@pytest.mark.parametrize(
    ("side", "index"),
    [(1, 0), (63, 0), (64, 1), (65, 1), (639, 4), (640, 5), (7679, 10), (7680, 11), (100_000, 11)],
)
def test_a_side_on_an_edge_is_in_the_bin_that_begins_there(side: int, index: int) -> None:
    figures = Statistics(counted(image(width=side, height=side)))
    expected = [int(number == index) for number in range(len(PIXEL_EDGES))]
    assert figures.histogram("image_width", PIXEL_EDGES) == expected
    assert figures.histogram("image_height", PIXEL_EDGES) == expected


@pytest.mark.parametrize(("count", "index"), [(0, 0), (1, 1), (2, 2), (3, 3), (5, 3), (6, 4), (500, 8), (501, 9)])
def test_boxes_per_image_are_binned_by_their_edges(count: int, index: int) -> None:
    figures = Statistics(counted(image(*[box()] * count)))
    assert figures.histogram("boxes_per_image", BOXES_EDGES).index(1) == index


@pytest.mark.parametrize(
    ("width", "height", "area", "ratio"),
    [
        (1.0, 1.0, 11, 5),
        (0.5, 0.5, 9, 5),
        (0.5, 0.25, 8, 7),
        (0.25, 0.5, 8, 3),
        (0.0, 0.5, 0, 0),
        (0.5, 0.0, 0, None),
        (1.2, 1.2, 11, 5),
    ],
)
def test_areas_and_aspect_ratios_have_their_bins(width: float, height: float, area: int, ratio: int | None) -> None:
    figures = Statistics(counted(image(box(width=width, height=height))))
    assert figures.histogram("box_area", BOX_AREA_EDGES).index(1) == area
    ratios = figures.histogram("aspect_ratio", ASPECT_EDGES)
    assert (ratios.index(1) if sum(ratios) else None) == ratio


def test_an_aspect_ratio_is_that_of_the_pixels() -> None:
    figures = Statistics(counted(image(box(width=0.5, height=0.5), width=800, height=200)))
    assert figures.histogram("aspect_ratio", ASPECT_EDGES).index(1) == ASPECT_EDGES.index(4.0)


def test_without_a_size_there_is_no_aspect_ratio_and_no_side() -> None:
    figures = Statistics(counted(image(box(), width=None, height=None)))
    assert figures.total("aspect_ratio") == figures.total("image_width") == 0
    assert figures.total("box_area") == 1


@pytest.mark.parametrize(
    ("x", "y", "cell"),
    [(0.0, 0.0, (0, 0)), (1.0, 1.0, (31, 31)), (0.999, 0.0, (0, 31)), (0.5, 0.25, (8, 16)), (-0.01, 1.01, (31, 0))],
)
def test_centres_fall_into_cells_row_first(x: float, y: float, cell: tuple[int, int]) -> None:
    heat = Statistics(counted(image(box(x=x, y=y)))).heat_map()
    assert len(heat) == len(heat[0]) == HEAT_CELLS
    assert heat[cell[0]][cell[1]] == 1


def test_an_image_counts_once_for_a_category_however_often_it_shows_it() -> None:
    figures = Statistics(counted(image(box(1), box(1), box(2)), image(box(1), split=None), image()))
    assert figures.category("category_images", 1) == {"": 1, "train": 1}
    assert figures.category("category_annotations", 1) == {"": 1, "train": 2}
    assert category_rows(figures, [Category(id=1, name="car"), Category(id=9, name="bus")]) == [
        {
            "id": 1,
            "name": "car",
            "images": 2,
            "annotations": 3,
            "splits": {"": {"images": 1, "annotations": 1}, "train": {"images": 1, "annotations": 2}},
        },
        {"id": 9, "name": "bus", "images": 0, "annotations": 0, "splits": {}},
    ]


@pytest.mark.parametrize("edges", [BOX_AREA_EDGES, ASPECT_EDGES, BOXES_EDGES, PIXEL_EDGES])
def test_edges_ascend_and_each_bin_has_its_own_label(edges: tuple[float, ...]) -> None:
    assert list(edges) == sorted(set(edges))
    labels = bin_labels(edges)
    assert len(labels) == len(set(labels)) == len(edges)


def test_labels_read_as_ranges() -> None:
    assert bin_labels((0.0, 0.1, 1.0)) == ["0-0.1", "0.1-1", "1+"]
