"""`data.yaml`, the description of a YOLO dataset: its categories and the paths of its splits. No path is opened."""

import re
from dataclasses import dataclass, field, replace

import yaml

from shared.formats.annotations.model import NO_ATTRIBUTES, Attributes, BrokenConfig, Category, PoseNames, Report
from shared.formats.annotations.naming_limits import MAX_CATEGORIES, MAX_NAME_CHARACTERS
from shared.formats.annotations.splits import CANONICAL, names_a_split, normalise_split
from shared.formats.annotations.yolo.description.yaml_keys import (
    Entries,
    check_channels,
    check_flip_idx,
    read_keypoint_shape,
    read_path,
)
from shared.formats.annotations.yolo.description.yaml_nodes import (
    as_python_prints,
    is_null,
    is_text,
    line_of,
    read_map,
    written,
)
from shared.formats.annotations.yolo.description.yaml_notes import keypoint_names, notes_of
from shared.formats.findings import Finding

MAX_SPLITS = 100
MAX_PATHS = 10_000
MAX_SPLIT_CHARACTERS = 200

_WHOLE_NUMBER = re.compile(r"\+?[0-9]{1,18}(\.0*)?", re.ASCII)
_WHOLE_ID = re.compile(r"[0-9]{1,18}", re.ASCII)
_NAMES_FILE = (".txt", ".names")
_ALIASES = {"valid": "val", "validation": "val"}


@dataclass(frozen=True, slots=True)
class YoloConfig:
    """What a `data.yaml` says. `splits` pairs each normalised name with its paths as written.

    `split_lines` is parallel to `splits`. `keypoint_shape` is `kpt_shape`: keypoints, and values of each. A YAML file
    about something else has neither categories nor splits. `names_path` is a file of names, as old descriptions
    have one; then the categories are those of `nc` alone. `notes` are the other keys.
    """

    categories: tuple[Category, ...]
    splits: tuple[tuple[str, tuple[str, ...]], ...]
    path: str | None
    split_lines: tuple[int, ...] = ()
    keypoint_shape: tuple[int, int] | None = None
    names_path: str | None = None
    notes: Attributes = field(default_factory=lambda: NO_ATTRIBUTES)


def read_data_yaml(data: bytes, *, file: str, report: Report) -> YoloConfig:
    """Read a dataset description; what was tolerated is reported. Raises `BrokenConfig`, and nothing else."""
    entries = _entries(read_map(data, file=file))
    splits, lines = _read_splits(entries, file, report)
    if "download" in entries and not is_null(entries["download"][1]):
        message = "`download` is kept as text and never run"
        report(Finding("YAML_DOWNLOAD_SCRIPT", file, message, entries["download"][0]))
    names_path = _read_names_path(entries, file, report)
    categories = _read_categories(entries, file, report, named=names_path is None)
    path = read_path(entries, file, report)
    keypoint_shape = read_keypoint_shape(entries, file, report)
    check_flip_idx(entries, keypoint_shape, file, report)
    check_channels(entries, file, report)
    notes = _read_notes(entries, file, report)
    categories = _with_keypoint_names(categories, notes, keypoint_shape)
    return YoloConfig(categories, splits, path, lines, keypoint_shape, names_path, notes)


def complete_names(names: dict[int, str], count: int) -> tuple[Category, ...]:
    """The categories 0 to count - 1, or to the last id named if that is more; unnamed ones are called `class_{id}`."""
    last = max(count, max(names, default=-1) + 1)
    return tuple(Category(number, names.get(number, f"class_{number}")) for number in range(last))


def check_name(name: str, number: int, file: str, line: int) -> None:
    """Raise `BrokenConfig` for a name so long that aliases of it would fill a database's document."""
    if len(name) > MAX_NAME_CHARACTERS:
        reason = f"the name of category {number} has more than {MAX_NAME_CHARACTERS} characters"
        raise BrokenConfig(file, reason, rule="YAML_LIMIT", line=line)


def report_duplicates(categories: tuple[Category, ...], *, file: str, line: int | None, report: Report) -> None:
    """One finding for each category whose name an earlier one has, ignoring case and surrounding space."""
    seen: dict[str, int] = {}
    for category in categories:
        first = seen.setdefault(category.name.strip().casefold(), category.id)
        if first != category.id:
            message = f"categories {first} and {category.id} are both called '{category.name[:80]}'"
            report(Finding("NAME_DUPLICATE", file, message, line))


def _entries(root: yaml.MappingNode) -> Entries:
    """The keys of the top map with their line and value; of a key given twice the last value counts, as in YAML."""
    return {key.value: (line_of(key), value) for key, value in root.value if isinstance(key, yaml.ScalarNode)}


# what else it says


def _read_notes(entries: Entries, file: str, report: Report) -> Attributes:
    notes = notes_of(entries)
    if notes is None:
        report(
            Finding("YAML_NOTES_LIMIT", file, "what the description says beside splits and names is more than is kept")
        )
    return notes or NO_ATTRIBUTES


def _with_keypoint_names(
    categories: tuple[Category, ...], notes: Attributes, keypoint_shape: tuple[int, int] | None
) -> tuple[Category, ...]:
    names = keypoint_names(notes, keypoint_shape[0]) if keypoint_shape else {}
    if not names:
        return categories
    return tuple(replace(one, pose=PoseNames(names[one.id])) if one.id in names else one for one in categories)


# splits


def _read_splits(
    entries: Entries, file: str, report: Report
) -> tuple[tuple[tuple[str, tuple[str, ...]], ...], tuple[int, ...]]:
    paths: dict[str, list[str]] = {}
    lines: dict[str, int] = {}
    for key, (line, node) in entries.items():
        if names_a_split(key) and (found := _paths(key, node, file)):
            if len(key) > MAX_SPLIT_CHARACTERS:
                reason = f"a split's name has more than {MAX_SPLIT_CHARACTERS} characters"
                raise BrokenConfig(file, reason, rule="YAML_LIMIT", line=line)
            _report_alias(key, line, file, report)
            split = normalise_split(key)
            paths.setdefault(split, []).extend(found)
            lines.setdefault(split, line)
    if len(paths) > MAX_SPLITS or sum(map(len, paths.values())) > MAX_PATHS:
        raise BrokenConfig(file, f"names more than {MAX_SPLITS} splits or {MAX_PATHS} paths", rule="YAML_LIMIT")
    return tuple((split, tuple(dict.fromkeys(found))) for split, found in paths.items()), tuple(lines.values())


def _report_alias(key: str, line: int, file: str, report: Report) -> None:
    if (usual := _ALIASES.get(key.strip().lower())) is not None:
        report(Finding("YAML_KEY_ALIAS", file, f"`{key}` is read as `{usual}`", line))


def _paths(key: str, node: yaml.Node, file: str) -> list[str]:
    """The paths of one split; none for an empty value. A key that only resembles a split may hold anything."""
    values: list[yaml.Node] = node.value if isinstance(node, yaml.SequenceNode) else [node]
    texts = [written(value).strip() for value in values if isinstance(value, yaml.ScalarNode) and is_text(value)]
    if len(texts) == len(values):
        return [text for text in texts if text]
    if is_null(node) or normalise_split(key) not in CANONICAL:
        return []
    raise BrokenConfig(file, f"`{key[:80]}` must be a path or a list of paths", line=line_of(node))


# categories


@dataclass(slots=True)
class _Names:
    """Collects names by id. `line` is where they begin."""

    file: str
    line: int
    report: Report
    by_id: dict[int, str] = field(default_factory=dict)

    def add(self, number: int, node: yaml.Node) -> None:
        """Take one name, telling what YAML made of it."""
        line = line_of(node)
        if not isinstance(node, yaml.ScalarNode):
            raise BrokenConfig(self.file, f"the name of category {number} is not text", line=line)
        name = as_python_prints(node)
        check_name(name, number, self.file, line)
        if not is_text(node):
            message = f"category {number}: YAML reads {written(node)[:80] or 'nothing'} as {name[:80]}, not as text"
            self.report(Finding("NAME_YAML_COERCED", self.file, message, line))
        if not name.strip():
            self.report(Finding("NAME_EMPTY", self.file, f"category {number} is called class_{number}", line))
        if number in self.by_id:
            self.report(Finding("NAME_DUPLICATE", self.file, f"id {number} is named twice; the last counts", line))
        self.by_id[number] = name if name.strip() else f"class_{number}"


def _read_names_path(entries: Entries, file: str, report: Report) -> str | None:
    """The file that `names` is the path of; None where it is none."""
    line, node = entries.get("names", (1, None))
    if not (isinstance(node, yaml.ScalarNode) and is_text(node)):
        return None
    path = written(node).strip()
    if not path.lower().endswith(_NAMES_FILE):
        return None
    report(Finding("YAML_NAMES_FILE", file, f"`names` is the file {path[:200]}; trainers want the names here", line))
    return path


def _read_categories(entries: Entries, file: str, report: Report, *, named: bool) -> tuple[Category, ...]:
    line, node = entries.get("names", (1, None)) if named else (1, None)
    names = _Names(file, line, report)
    if isinstance(node, yaml.SequenceNode | yaml.MappingNode):
        _collect(node, names)
    elif node is not None and not is_null(node):
        raise BrokenConfig(file, "`names` must be a list or a map of names", line=line)
    count = _read_count(entries, names)
    if names.by_id and len(names.by_id) <= max(names.by_id):
        missing = max(names.by_id) + 1 - len(names.by_id)
        report(Finding("YAML_NAMES_GAP", file, f"{missing} ids below {max(names.by_id)} have no name", line))
    categories = complete_names(names.by_id, count)
    report_duplicates(categories, file=file, line=line, report=report)
    if names.by_id.get(0, "").startswith("n0"):
        message = f"trainers take {names.by_id[0][:80]} for a category of ImageNet, and rename all; kept as written"
        report(Finding("NAME_REPLACED", file, message, line))
    return categories


def _collect(node: yaml.SequenceNode | yaml.MappingNode, names: _Names) -> None:
    if len(node.value) > MAX_CATEGORIES:
        raise BrokenConfig(names.file, f"more than {MAX_CATEGORIES} names", rule="YAML_LIMIT", line=names.line)
    if isinstance(node, yaml.SequenceNode):
        for number, value in enumerate(node.value):
            names.add(number, value)
        return
    pairs = node.value
    if pairs and not any(_is_id(key) for key, _ in pairs) and all(_is_id(value) for _, value in pairs):
        pairs = [(value, key) for key, value in pairs]
        message = f"`names` maps names to ids; read as {_inverted(pairs)}"
        names.report(Finding("YAML_NAMES_INVERTED", names.file, message, names.line))
    for key, value in pairs:
        names.add(_read_id(key, names.file), value)


def _is_id(node: yaml.Node) -> bool:
    return isinstance(node, yaml.ScalarNode) and _WHOLE_ID.fullmatch(as_python_prints(node).strip()) is not None


def _inverted(pairs: list[tuple[yaml.ScalarNode, yaml.ScalarNode]]) -> str:
    """The first of the pairs as they should be written."""
    shown = ", ".join(f"{written(key)}: {written(value)[:40]}" for key, value in pairs[:3])
    return f"{{{shown}{', …' if len(pairs) > 3 else ''}}}"


def _read_id(key: yaml.Node, file: str) -> int:
    text = as_python_prints(key).strip() if isinstance(key, yaml.ScalarNode) else ""
    if not (text.isascii() and text.isdigit()):
        hint = f"'{text[:40]}' is not a category id; `names` maps ids to names"
        raise BrokenConfig(file, hint, line=line_of(key))
    if len(text) > len(str(MAX_CATEGORIES)) or int(text) >= MAX_CATEGORIES:
        reason = f"category ids go up to {MAX_CATEGORIES - 1}"
        raise BrokenConfig(file, reason, rule="YAML_LIMIT", line=line_of(key))
    return int(text)


def _read_count(entries: Entries, names: _Names) -> int:
    """`nc`, or 0 where it is absent or contradicted by the names in a way that cannot be used."""
    line, node = entries.get("nc", (1, None))
    if node is None or is_null(node):
        return 0
    text = written(node).strip() if isinstance(node, yaml.ScalarNode) else ""
    whole = _WHOLE_NUMBER.fullmatch(text) is not None
    if (whole or _is_huge(text)) and float(text) > MAX_CATEGORIES:
        raise BrokenConfig(names.file, f"`nc` is more than {MAX_CATEGORIES}", rule="YAML_LIMIT", line=line)
    if not whole and not names.by_id:
        raise BrokenConfig(names.file, "`nc` is not a whole number", line=line)
    count = int(float(text)) if whole else 0
    if names.by_id and count != len(names.by_id):
        message = f"`nc` is {text[:40] or 'a collection'}, but there are {len(names.by_id)} names"
        names.report(Finding("YAML_NC_MISMATCH", names.file, message, line))
    return count


def _is_huge(text: str) -> bool:
    try:
        return float(text) > MAX_CATEGORIES
    except ValueError:
        return False
