"""From what was asked to what is done: the fixes that are meant, checked against the dataset, and what they change."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

from shared.features.datasets.models import Category, Dataset, Rollup, Version, VersionCounts
from shared.features.datasets.statistics import Counts, Key, Statistics, count_findings, from_rollup, to_rollup
from shared.features.imports.findings.whole_dataset import dataset_findings
from shared.features.imports.models import FixesChoice, ImportPlan, VersionPlan
from shared.features.imports.versions.models import FixesDoNotFit, NothingToFix, VersionOrder
from shared.formats.annotations.fixes.categories import CategoryChange, change_categories
from shared.formats.annotations.fixes.label_rows import LabelReading, RowMender
from shared.formats.annotations.fixes.mender import Mender
from shared.formats.annotations.fixes.remarks import Judging
from shared.formats.annotations.fixes.table import BadFixes, ChosenFixes, choose, suggested

_JUDGING: Mapping[str, Judging] = MappingProxyType({"yolo": "rows", "coco": "coco"})
_OF_THE_DATASET = frozenset({"YAML_NAMES_GAP", "NAME_DUPLICATE", "SET_ONE_BASED"})
_CARRIED_OVER = frozenset({"findings", "hints", "rows_read", "rows_left_out"})
_OF_CONTENTS = frozenset({"SET_SPLIT_LEAK"})
_OF_IDS = frozenset({"id_after_last", "id_beyond"})
_COUNTS = ("images_changed", "annotations_changed", "annotations_dropped", "annotations_added")


@dataclass(frozen=True, slots=True)
class Imported:
    """How a dataset was imported, as far as fixes need to know.

    `takes_rows_in`: the label file of each image is kept, and can be read again by itself.
    """

    reading: LabelReading
    takes_rows_in: bool
    splits: tuple[str, ...]


def imported(plan: ImportPlan | None, dataset: Dataset) -> Imported:
    """The same, from the plan of the import; if nobody remembers it, only documents can be fixed."""
    if plan is None:
        return Imported(LabelReading(len(dataset.categories)), takes_rows_in=False, splits=())
    return Imported(reading_of(plan), plan.format == "yolo" and not plan.rows, plan.splits)


def judging_of(dataset: Dataset) -> Judging:
    """How the dataset's boxes are judged."""
    return _JUDGING.get(dataset.format or "", "pixels")


def chosen_fixes(fixes: FixesChoice, category_map: dict[int, int], rollup: Rollup) -> ChosenFixes:
    """The fixes that are meant; `suggested` are those about what the counters say was found. Raises NothingToFix."""
    if isinstance(fixes, dict):
        return choose(fixes, category_map)
    found = suggested(Statistics(rollup).by_name("findings"))
    if not found.by_rule:
        raise NothingToFix("No rule was met about which a fix is suggested.")
    return found


def ordered_fixes(order: VersionOrder) -> ChosenFixes:
    """The fixes of a job."""
    return choose(order.fixes, order.category_map)


def change_of(dataset: Dataset, parent: Version, chosen: ChosenFixes, reading: LabelReading) -> CategoryChange:
    """What the fixes do to the dataset's categories. Raises FixesDoNotFit."""
    used = {int(key[1]) for key, _ in Statistics(dataset.rollup).below("category_annotations")}
    labels = {number: number for number in range(reading.category_count)}
    if parent.label_ids is not None:
        labels = dict(parent.label_ids)
    try:
        return change_categories(dataset.category_names, used, labels, chosen)
    except BadFixes as error:
        raise FixesDoNotFit(f"{str(error)[:1].upper()}{str(error)[1:]}.") from error


def plan_of(dataset: Dataset, number: int, change: CategoryChange, *, takes_rows_in: bool) -> VersionPlan:
    """The plan of a version with these fixes."""
    return VersionPlan(
        number=number,
        base=dataset.version,
        moved=tuple(change.moved.items()),
        kept=tuple(change.kept.items()),
        label_ids=tuple(change.label_ids.items()),
        takes_rows_in=takes_rows_in,
    )


def mender_of(plan: VersionPlan, chosen: ChosenFixes, reading: LabelReading) -> Mender:
    """What applies the fixes of a plan."""
    rows = RowMender(reading, chosen, dict(plan.label_ids or ())) if plan.takes_rows_in else None
    return Mender(chosen, dict(plan.moved), rows)


def reading_of(plan: ImportPlan) -> LabelReading:
    """How label files were read, by the plan of the import, or of a version."""
    return LabelReading(plan.category_count, plan.task, plan.keypoint_shape)


def categories_of(dataset: Dataset, plan: VersionPlan) -> tuple[Category, ...]:
    """The categories that stay, under their new ids."""
    by_id = {category.id: category for category in dataset.categories}
    return tuple(replace(by_id[old], id=new) for old, new in plan.kept)


# -- counters


def rollup_to_begin_with(dataset: Dataset, chosen: ChosenFixes) -> Rollup:
    """What goes over from the version before, as images do not tell it; what is mended of the dataset is taken off."""
    counts: Counts = Counts()
    for key, count in from_rollup(dataset.rollup).items():
        if key[0] in _CARRIED_OVER:
            counts[key] += count
    for rule in _OF_THE_DATASET & chosen.by_rule.keys():
        counts["mended", rule] += counts.pop(("findings", rule), 0)
    if chosen.has("shift"):
        for hint in _OF_IDS:
            counts.pop(("hints", hint), None)
    return to_rollup(counts)


def concluded(rollup: Rollup, categories: Sequence[Category], imported: Imported) -> Rollup:
    """The counters of a version with what only the whole tells of it, said anew."""
    counts = Counts({key: count for key, count in from_rollup(rollup).items() if not _is_of_the_whole(key)})
    statistics = Statistics(to_rollup(counts))
    found = dataset_findings(statistics, categories, imported.splits, task=imported.reading.task)
    count_findings(counts, Counter(finding.rule for finding in found))
    return to_rollup(counts)


def _is_of_the_whole(key: Key) -> bool:
    """Whether it is a finding that counters tell, so not one of contents: those stay the same."""
    return key[0] == "findings" and str(key[1]).startswith("SET_") and key[1] not in _OF_CONTENTS


def published_rollup(rollup: Rollup) -> Rollup:
    """The counters of a version without those of the job; none is below zero."""
    found = from_rollup(rollup)
    kept = {key: max(0, count) for key, count in found.items() if key[0] not in {"mended", "version"}}
    return to_rollup(Counts(kept))


def version_counts(rollup: Rollup, published: Rollup, chosen: ChosenFixes) -> VersionCounts:
    """What the job's counters say that it changed, and what is still found of what it was to mend."""
    statistics = Statistics(rollup)
    changed = statistics.by_name("version")
    found = Statistics(published).by_name("findings")
    return VersionCounts(
        **{name: changed.get(name, 0) for name in _COUNTS},
        mended=statistics.by_name("mended"),
        remaining={rule: found[rule] for rule in sorted(chosen.by_rule) if found.get(rule)},
    )
