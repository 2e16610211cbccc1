"""What is said of a dataset as a whole, from its counts alone."""

from collections import Counter

import pytest

from shared.features.datasets.image_counter import ImageCounter
from shared.features.datasets.models import Category
from shared.features.datasets.statistics import (
    CountedImage,
    Counts,
    Statistics,
    count_hints,
    to_rollup,
)
from shared.features.imports.findings.whole_dataset import FEWEST_IMAGES, IMBALANCE, dataset_findings
from shared.formats.annotations.model import WHOLE_IMAGE, Annotation, LabelTask
from shared.formats.findings import WHOLE_DATASET, Finding
from shared.formats.rules import RULES

NAMES = tuple(Category(id=number, name=name) for number, name in enumerate(("cat", "dog", "bird")))
BOX = (0.5, 0.5, 0.25, 0.25)


def image(*ids: int, bbox: tuple[float, float, float, float] | None = None, kind: str = "box") -> CountedImage:
    """An image with one annotation for each id; without `bbox` each lies elsewhere."""
    boxes = [Annotation(one, kind, bbox or (0.1 + 0.01 * at, 0.5, 0.1, 0.1)) for at, one in enumerate(ids)]
    return CountedImage("train", 1_000, 100, 100, "jpeg", boxes, findings=0)


def said(
    *images: CountedImage,
    splits: tuple[str, ...] = ("train", "val"),
    hints: dict[str, int] | None = None,
    task: LabelTask = "auto",
    categories: tuple[Category, ...] = NAMES,
) -> list[Finding]:
    counts: Counts = Counter()
    counter = ImageCounter(counts)
    for one in images:
        counter.add(one)
    counter.close()
    count_hints(counts, hints or {})
    found = dataset_findings(Statistics(to_rollup(counts)), categories, splits, task=task)
    assert all(one.file == WHOLE_DATASET and one.rule in RULES and one.line is None for one in found)
    return found


def rules(*images: CountedImage, **options: object) -> list[str]:
    return [one.rule for one in said(*images, **options)]  # type: ignore[arg-type]


ALL = image(0, 1, 2)


def test_a_usual_dataset_needs_no_word() -> None:
    assert said(ALL, image(), image(0)) == []


def test_a_dataset_without_images_is_not_looked_at() -> None:
    assert said(splits=()) == []


@pytest.mark.parametrize(
    ("splits", "expected"), [(("train",), ["SET_NO_VAL"]), (("train", "test"), ["SET_NO_VAL"]), ((), [])]
)
def test_a_dataset_of_splits_wants_validation(splits: tuple[str, ...], expected: list[str]) -> None:
    assert rules(ALL, splits=splits) == expected


def test_no_labels_at_all_is_said_and_not_that_categories_are_unused() -> None:
    (one,) = said(image(), image())
    assert (one.rule, one.message) == ("SET_NO_LABELS", "none of 2 images has an annotation")


def test_unused_categories_are_named() -> None:
    (one,) = said(image(0))
    assert (one.rule, one.message) == ("SET_CLASS_UNUSED", "2 of 3 categories have no annotation: dog, bird")


def test_many_unused_categories_are_named_in_part() -> None:
    many = tuple(Category(id=number, name=f"c{number}") for number in range(1_000))
    (one,) = said(image(0), categories=many)
    assert one.message.endswith("c10 and 989 more")


def test_imbalance_says_its_ratio() -> None:
    few = [image(1, 2)]
    assert rules(*few, image(*[0] * (IMBALANCE - 1))) == []
    (one,) = said(*few, image(*[0] * IMBALANCE), image(2))
    assert one.rule == "SET_CLASS_IMBALANCE"
    assert one.message.startswith(f"cat has {IMBALANCE} annotations, dog 1: {IMBALANCE} to 1; 1 of 3 categories")


@pytest.mark.parametrize(
    ("ids", "hints", "expected"),
    [
        ((1, 2), {"id_after_last": 4}, ["SET_CLASS_UNUSED", "SET_ONE_BASED"]),
        ((0, 1, 2), {"id_after_last": 4}, []),
        ((1, 2), {"id_after_last": 4, "id_beyond": 1}, ["SET_CLASS_UNUSED"]),
        ((1, 2), {}, ["SET_CLASS_UNUSED"]),
    ],
)
def test_ids_that_count_from_one(ids: tuple[int, ...], hints: dict[str, int], expected: list[str]) -> None:
    assert rules(image(*ids), hints=hints) == expected


@pytest.mark.parametrize(
    ("hints", "words"),
    [
        ({"polygons": 10, "right_angled": 9}, "say task obb"),
        ({"polygons": 10, "poses_of_two": 10}, "say `kpt_shape: [n, 2]`"),
        ({"polygons": 10, "poses_of_three": 10, "poses_of_two": 10}, "say `kpt_shape: [n, 3]`"),
        ({"pose_rows": 3}, "3 rows that were left out look like poses"),
    ],
)
def test_rows_that_may_be_of_another_task(hints: dict[str, int], words: str) -> None:
    (one,) = said(ALL, hints=hints)
    assert one.rule == "SET_TASK_AMBIGUOUS"
    assert words in one.message
    assert said(ALL, hints=hints, task="segment") == []


@pytest.mark.parametrize("hints", [{"polygons": 10, "right_angled": 8}, {"polygons": 4, "right_angled": 4}])
def test_some_rectangles_among_polygons_are_none_the_worse(hints: dict[str, int]) -> None:
    assert said(ALL, hints=hints) == []


def test_one_box_for_all_images() -> None:
    same = [image(0, 1, 2, bbox=BOX)] * FEWEST_IMAGES
    assert rules(*same) == ["SET_BOXES_IDENTICAL"]
    assert rules(*same[1:]) == []
    assert rules(*same, ALL) == []
    assert rules(*same, image(0, bbox=(0.4, 0.5, 0.25, 0.25))) == []


def test_boxes_around_everything_are_said_with_their_share() -> None:
    whole = [image(0, 1, 2, bbox=(0.5, 0.5, 1.0, 0.99))] * FEWEST_IMAGES
    (one,) = said(*whole, image(*[0, 1, 2] * 10))
    assert one.message == "30 of 60 boxes cover the whole image: 50%"
    assert rules(*whole) == ["SET_FULL_IMAGE_BOXES"]
    assert rules(whole[0], image(*[0, 1, 2] * 30)) == []


def test_labels_of_whole_images_are_no_boxes() -> None:
    assert said(*[image(0, 1, 2, bbox=WHOLE_IMAGE, kind="label")] * FEWEST_IMAGES) == []
