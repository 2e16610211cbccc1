"""`obj.data` and `obj.names`, the description of a Darknet dataset (also CVAT's "YOLO 1.1"). No path is opened."""

import re
from dataclasses import dataclass

from shared.formats.annotations.model import BrokenConfig, Category
from shared.formats.annotations.naming_limits import MAX_CATEGORIES
from shared.formats.annotations.splits import CANONICAL, normalise_split
from shared.formats.annotations.yolo.description.config import check_name, complete_names

MAX_BYTES = 5 * 1024 * 1024

_SETTING = re.compile(r"\s*(\w+)\s*=\s*(\S.*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class DarknetConfig:
    """What an `obj.data` says: the list file of each split (normalised name), the names file, and `classes`.

    `split_lines` is parallel to `splits`. A file about something else has no splits.
    """

    splits: tuple[tuple[str, str], ...]
    names_path: str | None
    classes: int | None
    split_lines: tuple[int, ...] = ()


def read_obj_data(data: bytes, *, file: str) -> DarknetConfig:
    """Read `key = value` lines; others are ignored, as Darknet does. Raises `BrokenConfig`, and nothing else."""
    settings: dict[str, tuple[str, int]] = {}
    for number, line in enumerate(_text(data, file).splitlines(), 1):
        if found := _SETTING.match(line):
            settings[found[1].lower()] = (found[2].strip(), number)
    splits = {normalise_split(key): entry for key, entry in settings.items() if normalise_split(key) in CANONICAL}
    return DarknetConfig(
        splits=tuple((split, path) for split, (path, _) in splits.items()),
        names_path=settings["names"][0] if "names" in settings else None,
        classes=_classes(settings["classes"][0], file) if "classes" in settings else None,
        split_lines=tuple(line for _, line in splits.values()),
    )


def read_names(data: bytes, *, file: str) -> tuple[Category, ...]:
    """One name per line, its number being the id; blank lines at the end are none, others are called `class_{id}`.

    Raises `BrokenConfig`, and nothing else.
    """
    lines = [line.strip() for line in _text(data, file).rstrip().splitlines()]
    if len(lines) > MAX_CATEGORIES:
        raise BrokenConfig(file, f"more than {MAX_CATEGORIES} names", rule="YAML_LIMIT")
    for number, name in enumerate(lines):
        check_name(name, number, file, number + 1)
    named = {number: name for number, name in enumerate(lines) if name}
    return complete_names(named, len(lines))


def _text(data: bytes, file: str) -> str:
    if len(data) > MAX_BYTES:
        raise BrokenConfig(file, f"is larger than {MAX_BYTES} bytes", rule="YAML_LIMIT")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        reason = f"is not UTF-8 text: byte {error.start} cannot be decoded"
        raise BrokenConfig(file, reason, rule="YAML_ENCODING", line=line) from None


def _classes(text: str, file: str) -> int | None:
    """The number, or None where it is no number."""
    if not (text.isascii() and text.isdigit()):
        return None
    if len(text) > len(str(MAX_CATEGORIES)) or int(text) > MAX_CATEGORIES:
        raise BrokenConfig(file, f"`classes` is more than {MAX_CATEGORIES}", rule="YAML_LIMIT")
    return int(text)
