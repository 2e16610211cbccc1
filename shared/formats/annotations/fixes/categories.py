"""What fixes do to the categories of a dataset: which id becomes which, and what the ids of label files mean then."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from shared.formats.annotations.fixes.table import BadFixes, ChosenFixes


@dataclass(frozen=True, slots=True)
class CategoryChange:
    """`moved` are the annotations' ids that become others. `kept` are the categories that stay, with their new ids.

    `label_ids` are all ids of label files that mean a category, and which.
    """

    moved: Mapping[int, int]
    kept: Mapping[int, int]
    label_ids: Mapping[int, int]


def change_categories(
    names: Mapping[int, str], used: Collection[int], label_ids: Mapping[int, int], chosen: ChosenFixes
) -> CategoryChange:
    """What the chosen fixes make of categories. `used` are the ids that have annotations.

    Raises BadFixes where ids do not count from 1, and for a map that leads to no category.
    """
    moved = {number: number for number in names}
    labels = dict(label_ids)
    if chosen.has("shift"):
        moved, labels = _shift(moved, labels, used)
    if "NAME_DUPLICATE" in chosen.rules("remap"):
        first = _firsts(names)
        moved = {number: first.get(to, to) for number, to in moved.items()}
        labels = {number: first.get(to, to) for number, to in labels.items()}
        names = {number: name for number, name in names.items() if first[number] == number}
    labels |= _mapped(names, labels, chosen)
    kept = {number: number for number in names}
    if chosen.has("densify"):
        kept = _without_gaps(names, {moved[number] for number in used if number in moved})
    return CategoryChange(
        moved={number: kept[to] for number, to in moved.items() if to in kept and kept[to] != number},
        kept=kept,
        label_ids={number: kept[to] for number, to in labels.items() if to in kept},
    )


def _shift(
    moved: Mapping[int, int], labels: Mapping[int, int], used: Collection[int]
) -> tuple[dict[int, int], dict[int, int]]:
    if 0 in used:
        raise BadFixes("shift does not fit: category 0 has annotations, so ids do not count from 1")
    return {number: max(0, to - 1) for number, to in moved.items()}, {number + 1: to for number, to in labels.items()}


def _firsts(names: Mapping[int, str]) -> dict[int, int]:
    """For each category the first that has its name, ignoring case and surrounding space."""
    seen: dict[str, int] = {}
    return {number: seen.setdefault(names[number].strip().casefold(), number) for number in sorted(names)}


def _mapped(names: Mapping[int, str], labels: Mapping[int, int], chosen: ChosenFixes) -> dict[int, int]:
    if not chosen.rules("remap") - {"NAME_DUPLICATE"}:
        return {}
    for number, to in chosen.category_map.items():
        if to not in names:
            raise BadFixes(f"the map leads from {number} to {to}, which is no category")
        if number in labels:
            raise BadFixes(f"the map leads from {number}, which has a name: only ids without one are mapped")
    return dict(chosen.category_map)


def _without_gaps(names: Mapping[int, str], used: Collection[int]) -> dict[int, int]:
    """New ids in the old order. A category that is called after its id and has no annotation was made for a gap."""
    staying = [number for number in sorted(names) if number in used or names[number] != f"class_{number}"]
    return {number: place for place, number in enumerate(staying)}
