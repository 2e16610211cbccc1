"""Which fixes a rule allows, as one table. docs/fixes.md lists the same; a test compares them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal, TypeAlias, get_args

FixName: TypeAlias = Literal[
    "clip",
    "drop_row",
    "deduplicate",
    "remap",
    "shift",
    "densify",
    "divide_by_size",
    "separators",
    "sixth_column",
    "rotate",
]

MEANINGS: Mapping[FixName, str] = MappingProxyType(
    {
        "clip": "Cut the box or outline at the image's edges; what lies wholly outside is dropped.",
        "drop_row": "Leave the annotation out.",
        "deduplicate": "Leave out the annotation that says again what an earlier one says.",
        "remap": "Take rows in whose id has no name, as the map says; or merge categories that have one name.",
        "shift": "Count category ids from 0 instead of 1; rows are taken in whose id was one too large.",
        "densify": "Remove categories that have neither a name nor annotations, and number the others without gaps.",
        "divide_by_size": "Take rows in that are in pixels, divided by the image's width and height.",
        "separators": "Take rows in whose values are separated by commas or semicolons, or have decimal commas.",
        "sixth_column": "Take rows in whose sixth column is a confidence or a track; it becomes an attribute.",
        "rotate": "Turn the annotations as EXIF turns the image.",
    }
)


@dataclass(frozen=True, slots=True)
class RuleFixes:
    """What can be done about a rule; `suggested` is what is done when nobody says, None where somebody has to."""

    allowed: tuple[FixName, ...]
    suggested: FixName | None = None


def _of(*allowed: FixName) -> RuleFixes:
    return RuleFixes(allowed, allowed[0])


def _only_if_asked(*allowed: FixName) -> RuleFixes:
    return RuleFixes(allowed)


_FIXES = {
    "YAML_NAMES_GAP": _of("densify"),
    "NAME_DUPLICATE": _only_if_asked("remap"),
    "IMG_EXIF_ROTATED": _only_if_asked("rotate"),
    "ROW_COLUMNS": _only_if_asked("sixth_column"),
    "ROW_NOT_NUMERIC": _only_if_asked("separators"),
    "ROW_SEPARATOR": _of("separators"),
    "ROW_CLASS_NEGATIVE": _only_if_asked("remap"),
    "ROW_CLASS_RANGE": _only_if_asked("remap"),
    "ROW_COORD_RANGE": _of("divide_by_size"),
    "ROW_PIXEL_COORDS": _of("divide_by_size"),
    "ROW_COORD_TOLERANCE": _of("clip", "drop_row"),
    "ROW_CORNER_OUTSIDE": _of("clip", "drop_row"),
    "ROW_ZERO_AREA": _of("drop_row"),
    "ROW_TINY": _only_if_asked("drop_row"),
    "ROW_DUPLICATE": _of("deduplicate"),
    "ROW_NEAR_DUPLICATE": _of("deduplicate"),
    "ROW_POLY_POINTS": _of("drop_row"),
    "ROW_POLY_SELF_INTERSECT": _only_if_asked("drop_row"),
    "ROW_KPT_VISIBILITY": _only_if_asked("drop_row"),
    "SET_ONE_BASED": _of("shift"),
}

FIXES: Mapping[str, RuleFixes] = MappingProxyType(_FIXES)

_NEEDS_A_MAP = frozenset({"ROW_CLASS_RANGE", "ROW_CLASS_NEGATIVE"})
_ON_LABEL_TEXT: Mapping[FixName, frozenset[str]] = MappingProxyType(
    {
        "remap": _NEEDS_A_MAP,
        "divide_by_size": frozenset({"ROW_COORD_RANGE", "ROW_PIXEL_COORDS"}),
        "separators": frozenset({"ROW_SEPARATOR", "ROW_NOT_NUMERIC"}),
        "sixth_column": frozenset({"ROW_COLUMNS"}),
    }
)


class BadFixes(ValueError):
    """What was chosen cannot be done; the text says why."""


@dataclass(frozen=True, slots=True)
class ChosenFixes:
    """What to do about which rule. `category_map` gives ids without a name a category."""

    by_rule: Mapping[str, FixName]
    category_map: Mapping[int, int] = field(default_factory=dict)

    def rules(self, fix: FixName) -> frozenset[str]:
        """The rules about which this is done."""
        return frozenset(rule for rule, chosen in self.by_rule.items() if chosen == fix)

    def has(self, fix: FixName) -> bool:
        """Whether this is done about any rule."""
        return fix in self.by_rule.values()

    @property
    def rules_of_rows_left_out(self) -> frozenset[str]:
        """The rules whose rows are to be taken in: the import left them out, so they are only in label files."""
        found = {rule for fix, rules in _ON_LABEL_TEXT.items() for rule in rules & self.rules(fix)}
        return frozenset(found | {"ROW_CLASS_RANGE"} if self.has("shift") else found)


def choose(by_rule: Mapping[str, str], category_map: Mapping[int, int]) -> ChosenFixes:
    """What was asked for, checked. Raises BadFixes."""
    chosen: dict[str, FixName] = {}
    for rule, fix in by_rule.items():
        if rule not in FIXES:
            raise BadFixes(f"nothing can be done about {rule[:64]!r}; there are fixes of {', '.join(FIXES)}")
        known = next((name for name in FIXES[rule].allowed if name == fix), None)
        if known is None:
            raise BadFixes(f"{fix[:64]!r} is no fix of {rule}; it has {', '.join(FIXES[rule].allowed)}")
        chosen[rule] = known
    if _NEEDS_A_MAP & chosen.keys() and not category_map:
        raise BadFixes("remap needs a map: which category each id without a name is")
    return ChosenFixes(chosen, category_map)


def suggested(found: Iterable[str]) -> ChosenFixes:
    """What is suggested about the rules that were found."""
    by_rule = {rule: FIXES[rule].suggested for rule in found if rule in FIXES}
    return ChosenFixes({rule: fix for rule, fix in sorted(by_rule.items()) if fix is not None})


FIX_NAMES: tuple[FixName, ...] = get_args(FixName)
