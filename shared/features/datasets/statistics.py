"""Exact statistics by counting: each shard counts what it writes, the counts add up, nothing is sampled.

A counter's key is a tuple that begins with the name of the figure. Only whole numbers are counted, so the sum does
not depend on the order in which shards end.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple, Protocol, TypeAlias

from shared.features.datasets.models import Category, Rollup

Key: TypeAlias = tuple[str | int, ...]
Counts: TypeAlias = Counter[Key]

BOX_AREA_EDGES = (0.0, 0.00001, 0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.25, 0.5, 1.0)
ASPECT_EDGES = (0.0, 0.125, 0.25, 0.5, 0.667, 1.0, 1.5, 2.0, 4.0, 8.0)
BOXES_EDGES = (0, 1, 2, 3, 6, 11, 21, 51, 101, 501)
PIXEL_EDGES = (0, 64, 128, 256, 512, 640, 1024, 1280, 1920, 2560, 3840, 7680)
HEAT_CELLS = 32
WHOLE_IMAGE_AREA = 0.98
"""Share of the image from which on a box is taken for one around all of it."""
SAME_BOXES = 64
"""Images whose boxes are all the same are sorted into so many kinds by that box; those of others are of kind -1."""


class CountedBox(Protocol):
    """What the statistics want to know of an annotation."""

    @property
    def category_id(self) -> int:
        """Its category."""

    @property
    def type(self) -> str:
        """`box`, `polygon` or another."""

    @property
    def bbox(self) -> tuple[float, float, float, float]:
        """Centre, width and height."""


class CountedImage(NamedTuple):
    """What the statistics want to know of an image. Sides are in pixels, None when they could not be read."""

    split: str | None
    size_bytes: int
    width: int | None
    height: int | None
    format: str | None
    boxes: Sequence[CountedBox]
    findings: int


def count_hints(counts: Counts, hints: Mapping[str, int]) -> None:
    """Add what was noted of label rows, given by what it hints at, to the counters."""
    for hint, count in hints.items():
        counts["hints", hint] += count


def count_findings(counts: Counts, by_rule: Mapping[str, int]) -> None:
    """Add findings, given by rule, to the counters."""
    for rule, count in by_rule.items():
        counts["findings", rule] += count


def to_rollup(counts: Counts) -> Rollup:
    """The counters as rows in a fixed order: equal counts give equal documents."""
    rows = sorted(
        ((*key, count) for key, count in counts.items() if count), key=lambda row: [str(part) for part in row]
    )
    return Rollup(rows=[list(row) for row in rows])


def from_rollup(rollup: Rollup) -> Counts:
    """The counters behind the rows."""
    counts: Counts = Counter()
    add_rollup(counts, rollup)
    return counts


def add_rollup(counts: Counts, rollup: Rollup) -> None:
    """Add the counters behind the rows to `counts`."""
    for row in rollup.rows:
        counts[tuple(row[:-1])] += int(row[-1])


class Statistics:
    """Reads figures out of the counters."""

    def __init__(self, rollup: Rollup) -> None:
        self._counts = from_rollup(rollup)

    def total(self, figure: str) -> int:
        """The sum over everything below `figure`."""
        return sum(count for key, count in self._counts.items() if key[0] == figure)

    def by_name(self, figure: str) -> dict[str, int]:
        """Counts by the first part of the key below `figure`."""
        named: Counter[str] = Counter()
        for key, count in self._counts.items():
            if key[0] == figure:
                named[str(key[1])] += count
        return dict(sorted(named.items()))

    def below(self, figure: str) -> list[tuple[tuple[str, ...], int]]:
        """All counters of `figure`: the rest of the key, and the count."""
        return [(tuple(map(str, key[1:])), count) for key, count in self._counts.items() if key[0] == figure]

    def images(self, *, split: str | None = None, category_id: int | None = None) -> int:
        """How many images are in a split (None: any) and show a category (None: whatever they show)."""
        if category_id is None:
            return self.total("images") if split is None else self._counts["images", split]
        if split is not None:
            return self._counts["category_images", split, category_id]
        return sum(self.category("category_images", category_id).values())

    def category(self, figure: str, category_id: int) -> dict[str, int]:
        """Counts of one category by split."""
        return {
            str(key[1]): count
            for key, count in sorted(self._counts.items(), key=lambda item: str(item[0]))
            if key[0] == figure and key[2] == category_id
        }

    def histogram(self, figure: str, edges: Sequence[float]) -> list[int]:
        """Counts per bin; bin i holds values from edges[i] up to but without edges[i + 1], the last all beyond."""
        return [self._counts[figure, index] for index in range(len(edges))]

    def heat_map(self) -> list[list[int]]:
        """Annotation centres on a grid of HEAT_CELLS x HEAT_CELLS, row 0 at the top."""
        return [[self._counts["centre", y, x] for x in range(HEAT_CELLS)] for y in range(HEAT_CELLS)]


def bin_labels(edges: Sequence[float]) -> list[str]:
    """Bins in words: `0.1-0.25`, the last one `1+`."""
    return [f"{low:g}-{high:g}" for low, high in pairwise(edges)] + [f"{edges[-1]:g}+"]


def category_rows(statistics: Statistics, categories: Sequence[Category]) -> list[dict[str, object]]:
    """Per category: images and annotations in all and by split."""
    return [_category_row(statistics, category) for category in categories]


def _category_row(statistics: Statistics, category: Category) -> dict[str, object]:
    images = statistics.category("category_images", category.id)
    annotations = statistics.category("category_annotations", category.id)
    return {
        "id": category.id,
        "name": category.name,
        "images": sum(images.values()),
        "annotations": sum(annotations.values()),
        "splits": {split: {"images": images[split], "annotations": annotations[split]} for split in images},
    }
