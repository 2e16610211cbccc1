"""Counting images one after the other: figures are noted in lists, and counted when these have grown long.

A counter's key costs more to make than its figure to find, so keys are made once for each figure and not for each box.
"""

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import repeat

from shared.features.datasets.statistics import (
    ASPECT_EDGES,
    BOX_AREA_EDGES,
    BOXES_EDGES,
    HEAT_CELLS,
    PIXEL_EDGES,
    SAME_BOXES,
    WHOLE_IMAGE_AREA,
    CountedBox,
    CountedImage,
    Counts,
)

_NOTED = 1 << 16
_LAST_CELL = HEAT_CELLS - 1


@dataclass(slots=True)
class _OfSplit:
    """Figures of the images of one split."""

    images: int = 0
    size_bytes: int = 0
    annotations: int = 0
    categories: list[int] = field(default_factory=list)
    shown: list[int] = field(default_factory=list)
    """The categories of each image, each once."""


@dataclass(slots=True)
class ImageCounter:
    """Adds images and their annotations to `counts`; what was added last is in them after `close`."""

    counts: Counts
    _splits: dict[str, _OfSplit] = field(default_factory=dict)
    _boxes: list[int] = field(default_factory=list)
    _formats: list[str] = field(default_factory=list)
    _widths: list[int] = field(default_factory=list)
    _heights: list[int] = field(default_factory=list)
    _same: list[int] = field(default_factory=list)
    _types: list[str] = field(default_factory=list)
    _areas: list[float] = field(default_factory=list)
    _ratios: list[float] = field(default_factory=list)
    _cells: list[int] = field(default_factory=list)
    _with_findings: int = 0

    def add(self, image: CountedImage) -> None:
        """Note one image."""
        split, size_bytes, width, height, image_format, boxes, findings = image
        ids = [box.category_id for box in boxes]
        of_split = self._splits.get(split or "") or self._splits.setdefault(split or "", _OfSplit())
        of_split.images += 1
        of_split.size_bytes += size_bytes
        of_split.annotations += len(ids)
        of_split.categories += ids
        of_split.shown += set(ids)
        self._boxes.append(len(ids))
        self._formats.append(image_format or "unreadable")
        self._with_findings += findings > 0
        if width and height:
            self._widths.append(width)
            self._heights.append(height)
        if ids:
            self._add_boxes(boxes, width or 0, height or 0)
        if len(self._boxes) + len(self._areas) > _NOTED:
            self.close()

    def _add_boxes(self, boxes: Sequence[CountedBox], width: int, height: int) -> None:
        types = [box.type for box in boxes]
        self._types += types
        if types[0] != "label":
            self._same.append(_same_box(boxes))
        if "label" in types:  # of the whole image: it has no place and no size
            boxes = [box for box in boxes if box.type != "label"]
        areas, ratios, cells = self._areas, self._ratios, self._cells
        for box in boxes:
            x, y, across, down = box.bbox
            areas.append(across * down)
            if down > 0 and width and height:
                ratios.append((across * width) / (down * height))
            column, row = int(x * HEAT_CELLS), int(y * HEAT_CELLS)
            if not (0 <= column < HEAT_CELLS and 0 <= row < HEAT_CELLS):
                column, row = min(_LAST_CELL, max(0, column)), min(_LAST_CELL, max(0, row))
            cells.append(row * HEAT_CELLS + column)

    # -- from notes to counts

    def close(self) -> None:
        """Count what is noted."""
        self._count_splits()
        self._count_bins("boxes_per_image", BOXES_EDGES, self._boxes)
        self._count_bins("image_width", PIXEL_EDGES, self._widths)
        self._count_bins("image_height", PIXEL_EDGES, self._heights)
        self._count_bins("box_area", BOX_AREA_EDGES, self._areas)
        self._count_bins("aspect_ratio", ASPECT_EDGES, self._ratios)
        self._count("format", self._formats)
        self._count("type", self._types)
        self._count("same_box", self._same)
        for cell, count in Counter(self._cells).items():
            self.counts["centre", *divmod(cell, HEAT_CELLS)] += count
        self.counts["whole_image",] += sum(map(WHOLE_IMAGE_AREA.__le__, self._areas))
        self.counts["images_with_findings",] += self._with_findings
        self._forget()

    def _count_splits(self) -> None:
        for split, found in self._splits.items():
            self.counts["images", split] += found.images
            self.counts["bytes", split] += found.size_bytes
            self.counts["annotations", split] += found.annotations
            for category_id, count in Counter(found.categories).items():
                self.counts["category_annotations", split, category_id] += count
            for category_id, count in Counter(found.shown).items():
                self.counts["category_images", split, category_id] += count

    def _count(self, figure: str, values: Iterable[str | int]) -> None:
        for value, count in Counter(values).items():
            self.counts[figure, value] += count

    def _count_bins(self, figure: str, edges: Sequence[float], values: Sequence[float]) -> None:
        """Bin i holds values from edges[i] up to but without edges[i + 1], the first also those before, if any."""
        for place, count in Counter(map(bisect_right, repeat(edges), values)).items():
            self.counts[figure, max(0, place - 1)] += count

    def _forget(self) -> None:
        self._with_findings = 0
        self._splits.clear()
        for noted in (self._boxes, self._widths, self._heights, self._same, self._cells):
            noted.clear()
        for words in (self._formats, self._types):
            words.clear()
        for shares in (self._areas, self._ratios):
            shares.clear()


def _same_box(boxes: Sequence[CountedBox]) -> int:
    """The kind of the only box that the image shows, once or more often; -1 where boxes differ.

    Two kinds are two boxes; one kind of many images is one box, but for a chance of 1 in `SAME_BOXES` for each image.
    """
    first = boxes[0].bbox
    for box in boxes:
        if box.bbox != first:
            return -1
    return hash(first) % SAME_BOXES  # of numbers: the same in every process
