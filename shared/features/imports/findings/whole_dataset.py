"""What only the whole dataset tells, said from the counts that its parts add up to: the data is not looked at again."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from shared.features.datasets.models import Category
from shared.features.datasets.statistics import Statistics
from shared.formats.annotations.model import LabelTask
from shared.formats.findings import WHOLE_DATASET, Finding

IMBALANCE = 50
"""How many times rarer than the most frequent category one may be without a word."""
IMBALANCE_OF_CLASSES = 5
"""The same of classes of whole images: there they are chosen, and not what happens to be in sight."""
FEWEST_IMAGES = 10
"""Images below which likeness is taken for chance."""

_SHOWN = 10
_DONT_CARE = "DontCare"  # of KITTI
_WHOLE_SHARE = 0.05
_NEARLY_ALL = 0.9
_FEWEST_ROWS = 5


def dataset_findings(
    statistics: Statistics, categories: Sequence[Category], splits: Sequence[str], *, task: LabelTask = "auto"
) -> list[Finding]:
    """What there is to say about a dataset by its counts; in a fixed order, so the same counts say the same.

    `splits` are those that the dataset names, `task` the one that was asked for.
    """
    if statistics.images() == 0:
        return []
    annotations: Counter[int] = Counter()
    for (_, category_id), count in statistics.below("category_annotations"):
        annotations[int(category_id)] += count
    about = _About(statistics, categories, splits, task, annotations)
    rules = (about.validation, about.labels, about.unused, about.imbalance, about.one_based, about.ambiguous_task)
    more = (about.identical, about.whole_images, about.gray, about.not_to_care)
    said = [(rule, message) for check in (*rules, *more) for rule, message in check()]
    return [Finding(rule, WHOLE_DATASET, message) for rule, message in said]


_Said = Iterator[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class _About:
    """One dataset, by its counts."""

    statistics: Statistics
    categories: Sequence[Category]
    splits: Sequence[str]
    task: LabelTask
    by_category: Counter[int]

    def validation(self) -> _Said:
        if self.splits and "val" not in self.splits:
            yield "SET_NO_VAL", f"there is no split `val` among {', '.join(self.splits[:_SHOWN])}"

    def labels(self) -> _Said:
        if self.categories and not self._annotations:
            images, left_out = self.statistics.images(), self.statistics.total("rows_left_out")
            more = f"; all {left_out} rows were left out" if left_out else ""
            yield "SET_NO_LABELS", f"none of {images} images has an annotation{more}"

    def unused(self) -> _Said:
        unused = [category for category in self.categories if not self._of(category)]
        if self._annotations and unused:
            yield (
                "SET_CLASS_UNUSED",
                f"{len(unused)} of {len(self.categories)} categories have no annotation: {_named(unused)}",
            )

    def imbalance(self) -> _Said:
        used = sorted((count, category.id, category) for category in self.categories if (count := self._of(category)))
        limit = IMBALANCE_OF_CLASSES if self._is_classification else IMBALANCE
        if len(used) < 2 or used[-1][0] < limit * used[0][0]:
            return
        rare = [category for count, _, category in used if count * limit <= used[-1][0]]
        (fewest, _, rarest), (most, _, usual) = used[0], used[-1]
        yield (
            "SET_CLASS_IMBALANCE",
            (
                f"{usual.name[:80]} has {most} annotations, {rarest.name[:80]} {fewest}: {most / fewest:.0f} to 1;"
                f" {len(rare)} of {len(used)} categories are at least {limit} times rarer"
            ),
        )

    def gray(self) -> _Said:
        hints = self.statistics.by_name("hints")
        gray, coloured = hints.get("gray_images", 0), hints.get("coloured_images", 0)
        if gray and coloured:
            yield "SET_CHANNELS_MIXED", f"{gray} of {gray + coloured} images are gray, the others have colours"

    def not_to_care(self) -> _Said:
        regions = sum(self._of(category) for category in self.categories if category.name == _DONT_CARE)
        if regions:
            yield "SET_DONT_CARE", f"{regions} annotations are of {_DONT_CARE}: regions in which nobody labelled"

    def one_based(self) -> _Said:
        """The lowest id is 1, the highest the number of categories: rows of that id were left out."""
        hints = self.statistics.by_name("hints")
        after_last, beyond = hints.get("id_after_last", 0), hints.get("id_beyond", 0)
        if after_last and not beyond and self.categories and not self._of(self.categories[0]):
            yield (
                "SET_ONE_BASED",
                (
                    f"ids go from 1 to {len(self.categories)} and not from 0 to {len(self.categories) - 1}:"
                    f" {after_last} rows have the id after the last"
                ),
            )

    def ambiguous_task(self) -> _Said:
        if self.task != "auto":
            return
        hints = self.statistics.by_name("hints")
        polygons = hints.get("polygons", 0)
        if rows := hints.get("pose_rows", 0):
            yield "SET_TASK_AMBIGUOUS", f"{rows} rows that were left out look like poses; `kpt_shape` is missing"
        for hint, words in _OTHER_TASKS.items():
            count = hints.get(hint, 0)
            if polygons >= _FEWEST_ROWS and count >= _NEARLY_ALL * polygons:
                yield "SET_TASK_AMBIGUOUS", f"{count} of {polygons} polygons {words}"
                return

    def identical(self) -> _Said:
        kinds = dict(self.statistics.below("same_box"))
        images = sum(kinds.values())
        if images >= FEWEST_IMAGES and len(kinds) == 1 and ("-1",) not in kinds and not self._all_whole:
            yield "SET_BOXES_IDENTICAL", f"each of {images} images with annotations has the same box, and no other"

    def whole_images(self) -> _Said:
        whole = self.statistics.total("whole_image")
        if whole and whole >= _WHOLE_SHARE * self._annotations:
            share = whole / self._annotations
            yield "SET_FULL_IMAGE_BOXES", f"{whole} of {self._annotations} boxes cover the whole image: {share:.0%}"

    @property
    def _is_classification(self) -> bool:
        return set(self.statistics.by_name("type")) == {"label"}

    @property
    def _annotations(self) -> int:
        return self.statistics.total("annotations")

    @property
    def _all_whole(self) -> bool:
        return self.statistics.total("whole_image") == self._annotations

    def _of(self, category: Category) -> int:
        return self.by_category[category.id]


_OTHER_TASKS = {
    "poses_of_three": "could be poses with visibility: say `kpt_shape: [n, 3]`",
    "right_angled": "are rectangles of four corners, as oriented boxes are: say task obb",
    "poses_of_two": "could be boxes with keypoints inside: say `kpt_shape: [n, 2]`",
}


def _named(categories: Sequence[Category]) -> str:
    more = f" and {len(categories) - _SHOWN} more" if len(categories) > _SHOWN else ""
    return ", ".join(category.name[:80] for category in categories[:_SHOWN]) + more
