"""Which members of an archive may describe a YOLO dataset, and whether one that was read does."""

import re
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from enum import IntEnum

from shared.formats.annotations.member_names import directory_of
from shared.formats.annotations.model import (
    NO_ATTRIBUTES,
    Attributes,
    BrokenConfig,
    Category,
    Choice,
    NameTable,
    Report,
)
from shared.formats.annotations.roots import is_below
from shared.formats.annotations.yolo.description.config import read_data_yaml
from shared.formats.annotations.yolo.description.darknet import read_obj_data
from shared.formats.findings import Finding

MAX_CANDIDATES = 50

_USUAL_YAML = frozenset(("data.yaml", "data.yml", "dataset.yaml", "dataset.yml"))
_MANY = 1_000
_SHOWN = 5
_SPLIT_OF_ROBOFLOW = re.compile(r"(^|/)(train|valid|val|test)/images$")


class Kind(IntEnum):
    """How likely a member of this name is the description; the lowest is tried first."""

    DATA_YAML = 0
    OTHER_YAML = 1
    OBJ_DATA = 2
    OTHER_DATA = 3


@dataclass(frozen=True, slots=True)
class Candidate:
    """A member that may describe the dataset."""

    index: int
    name: str
    kind: Kind


@dataclass(frozen=True, slots=True)
class ConfigCandidates:
    """The members worth reading, by kind, nearest the root, then by name; at most `MAX_CANDIDATES` of a kind."""

    members: tuple[Candidate, ...]

    def ambiguity(self, chosen: Candidate, described: Collection[Candidate]) -> Finding | None:
        """What to say where there are other descriptions than the chosen one; None otherwise.

        Those are the `described`, which were found to be some, and whatever is called so.
        """
        usual = chosen.kind is Kind.DATA_YAML
        others = [c for c in self.members if c != chosen and (c in described or (usual and c.kind is chosen.kind))]
        if not others:
            return None
        more = f" and {len(others) - _SHOWN} more" if len(others) > _SHOWN else ""
        found = ", ".join(other.name for other in others[:_SHOWN])
        root = root_of(others[0], [chosen])
        advice = f"; to import such a one, give its folder, or the file itself, as `root`, here `{root}`"
        return Finding("YAML_AMBIGUOUS", chosen.name, f"also found, not read: {found}{more}{advice}")


@dataclass(frozen=True, slots=True)
class SplitPaths:
    """The paths one split was given, and the line that names it."""

    split: str
    paths: tuple[str, ...]
    line: int | None


@dataclass(frozen=True, slots=True)
class Description:
    """What a description says, whichever its format. `names_path` and `classes` are Darknet's, and of old YAMLs."""

    source: Candidate
    splits: tuple[SplitPaths, ...]
    categories: tuple[Category, ...] = ()
    path: str | None = None
    names_path: str | None = None
    classes: int | None = None
    keypoint_shape: tuple[int, int] | None = None
    notes: Attributes = field(default_factory=lambda: NO_ATTRIBUTES)

    @property
    def is_darknet(self) -> bool:
        """Whether it came from an `obj.data`."""
        return self.source.kind >= Kind.OBJ_DATA


def find_configs(names: NameTable, root: str = "") -> ConfigCandidates:
    """The members at or below the root that may describe the dataset, from one pass over the names, in bounded memory.

    Only those that `find` knows: a table may go over the names of members that it has dropped.
    """
    found: dict[Kind, list[Candidate]] = {kind: [] for kind in Kind}
    for index, name in enumerate(names.each_name()):
        if not name[-5:].lower().endswith((".yaml", ".yml", ".data")):
            continue
        if (kind := _kind(name)) is not None and is_below(name, root) and names.find(name) == index:
            found[kind].append(Candidate(index, name, kind))
            if len(found[kind]) > _MANY:
                found[kind] = _nearest(found[kind])
    return ConfigCandidates(tuple(candidate for kind in Kind for candidate in _nearest(found[kind])))


def describe(candidate: Candidate, data: bytes | None, report: Report) -> Description | None:
    """The description in a candidate's bytes; None where the file is about something else. Raises `BrokenConfig`."""
    if data is None:
        raise BrokenConfig(candidate.name, "cannot be read")
    return _READERS[candidate.kind](candidate, data, report)


def root_of(candidate: Candidate, before: Iterable[Candidate]) -> str:
    """What to give as `root` to have this description read: its folder, or itself where one of `before` is there."""
    folder = directory_of(candidate.name)
    return candidate.name if any(directory_of(other.name) == folder for other in before) else folder.rstrip("/")


def choices_among(described: Sequence[Description]) -> tuple[Choice, ...]:
    """The datasets that these descriptions are of, in that order."""
    sources = [description.source for description in described]
    return tuple(
        Choice(root_of(one.source, sources[:at]), "yolo", _layout_of(one), one.source.name, _summary(one))
        for at, one in enumerate(described)
    )


def _layout_of(description: Description) -> str:
    """What the layout is by the paths that are named."""
    if description.is_darknet:
        return "darknet"
    paths = [path.strip().replace("\\", "/").rstrip("/") for split in description.splits for path in split.paths]
    return "roboflow" if paths and all(_SPLIT_OF_ROBOFLOW.search(path) for path in paths) else "ultralytics"


def _summary(description: Description) -> str:
    count = len(description.categories) or description.classes
    named = f"{count} {'category' if count == 1 else 'categories'}" if count else "categories in a file of their own"
    splits = ", ".join(split.split for split in description.splits[:_SHOWN])
    return f"names {named} and the splits {splits}"


def _kind(name: str) -> Kind | None:
    if name.startswith(".") or "/." in name or "__MACOSX/" in name:
        return None
    base = name[name.rfind("/") + 1 :].lower()
    if base.endswith(".data"):
        return Kind.OBJ_DATA if base == "obj.data" else Kind.OTHER_DATA
    return Kind.DATA_YAML if base in _USUAL_YAML else Kind.OTHER_YAML


def _nearest(found: list[Candidate]) -> list[Candidate]:
    return sorted(found, key=lambda candidate: (candidate.name.count("/"), candidate.name))[:MAX_CANDIDATES]


def _describe_yaml(candidate: Candidate, data: bytes, report: Report) -> Description | None:
    config = read_data_yaml(data, file=candidate.name, report=report)
    if not config.splits:
        return None
    if not config.categories and config.names_path is None:
        if candidate.kind is Kind.OTHER_YAML:
            return None
        raise BrokenConfig(candidate.name, "neither `names` nor `nc` says what the categories are", line=1)
    splits = zip(config.splits, config.split_lines, strict=True)
    found = tuple(SplitPaths(split, paths, line) for (split, paths), line in splits)
    described = Description(candidate, found, config.categories, config.path, keypoint_shape=config.keypoint_shape)
    described = replace(described, notes=config.notes)
    if config.names_path is None:
        return described
    return replace(described, categories=(), names_path=config.names_path, classes=len(config.categories) or None)


def _describe_darknet(candidate: Candidate, data: bytes, _report: Report) -> Description | None:
    config = read_obj_data(data, file=candidate.name)
    if not config.splits or (config.names_path is None and config.classes is None):
        return None
    splits = zip(config.splits, config.split_lines, strict=True)
    found = tuple(SplitPaths(split, (path,), line) for (split, path), line in splits)
    return Description(candidate, found, names_path=config.names_path, classes=config.classes)


_READERS: dict[Kind, Callable[[Candidate, bytes, Report], Description | None]] = {
    Kind.DATA_YAML: _describe_yaml,
    Kind.OTHER_YAML: _describe_yaml,
    Kind.OBJ_DATA: _describe_darknet,
    Kind.OTHER_DATA: _describe_darknet,
}
