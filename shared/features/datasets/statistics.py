"""Exact statistics by counting: each shard counts what it writes, the counts add up, nothing is sampled.

A counter's key is a tuple that begins with the name of the figure. Only whole numbers are counted, so the sum does
not depend on the order in which shards end.
"""

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol, TypeAlias

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


@dataclass(frozen=True, slots=True)
class CountedImage:
    """What the statistics want to know of an image. Sides are in pixels, None when they could not be read."""

    split: str | None
    size_bytes: int
    width: int | None
    height: int | None
    format: str | None
    boxes: Sequence[CountedBox]
    findings: int


def count_image(counts: Counts, image: CountedImage) -> None:
    """Add one image and its annotations to the counters."""
    split = image.split or ""
    boxes = image.boxes
    counts["bytes", split] += image.size_bytes
    counts["annotations", split] += len(boxes)
    counts["images_with_findings",] += image.findings > 0
    keys: list[Key] = [
        ("images", split),
        ("boxes_per_image", bisect_right(BOXES_EDGES, len(boxes)) - 1),
        ("format", image.format or "unreadable"),
    ]
    if image.width and image.height:
        keys.append(("image_width", bisect_right(PIXEL_EDGES, image.width) - 1))
        keys.append(("image_height", bisect_right(PIXEL_EDGES, image.height) - 1))
    if boxes and boxes[0].type != "label":
        keys.append(("same_box", _same_box(boxes)))
    keys += [("category_images", split, category_id) for category_id in {box.category_id for box in boxes}]
    for box in boxes:
        keys += _box_keys(box, split, image)
    counts.update(keys)  # at once, as that runs in C: there are five keys for every box


def count_hints(counts: Counts, hints: Mapping[str, int]) -> None:
    """Add what was noted of label rows, given by what it hints at, to the counters."""
    for hint, count in hints.items():
        counts["hints", hint] += count


def count_findings(counts: Counts, by_rule: Mapping[str, int]) -> None:
    """Add findings, given by rule, to the counters."""
    for rule, count in by_rule.items():
        counts["findings", rule] += count


def _box_keys(box: CountedBox, split: str, image: CountedImage) -> Iterator[Key]:
    x, y, width, height = box.bbox
    yield "category_annotations", split, box.category_id
    yield "type", box.type
    if box.type == "label":  # of the whole image: it has no place and no size
        return
    area = width * height
    yield "box_area", _bin(BOX_AREA_EDGES, area)
    if area >= WHOLE_IMAGE_AREA:
        yield ("whole_image",)
    if height > 0 and image.width and image.height:
        yield "aspect_ratio", _bin(ASPECT_EDGES, (width * image.width) / (height * image.height))
    yield "centre", _cell(y), _cell(x)


def _same_box(boxes: Sequence[CountedBox]) -> int:
    """The kind of the only box that the image shows, once or more often; -1 where boxes differ.

    Two kinds are two boxes; one kind of many images is one box, but for a chance of 1 in `SAME_BOXES` for each image.
    """
    first = boxes[0].bbox
    if any(box.bbox != first for box in boxes):
        return -1
    return hash(first) % SAME_BOXES  # of numbers: the same in every process


def _bin(edges: Sequence[float], value: float) -> int:
    return max(0, bisect_right(edges, value) - 1)


def _cell(coordinate: float) -> int:
    return min(HEAT_CELLS - 1, max(0, int(coordinate * HEAT_CELLS)))


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
