"""What a `data.yaml` says beside splits, names and shapes: kept as the dataset's notes, under the same keys.

What is to be downloaded or run is none of it, and stays in the file alone.
"""

import yaml
from yaml.constructor import SafeConstructor

from shared.formats.annotations.attributes import TooMuchSaid, kept_attributes
from shared.formats.annotations.model import Attributes
from shared.formats.annotations.splits import names_a_split
from shared.formats.annotations.yolo.description.yaml_keys import Entries
from shared.formats.annotations.yolo.description.yaml_nodes import is_text, written

_READ_ELSEWHERE = frozenset(("path", "names", "nc", "kpt_shape", "download"))
_MOST_NODES, _DEEPEST = 20_000, 8
_LONGEST_NUMBER = 64
_TYPED = frozenset(f"tag:yaml.org,2002:{kind}" for kind in ("null", "bool", "int", "float"))
_MOST_KEYPOINTS, _LONGEST_NAME = 1_000, 200


def notes_of(entries: Entries) -> Attributes | None:
    """The notes; None where there is more than is kept. Aliases may make a small file large: it is given up early."""
    values = _Values()
    try:
        said = {key: values.of(node, 0) for key, (_, node) in entries.items() if is_note(key)}
        return kept_attributes(said)
    except TooMuchSaid:
        return None


def is_note(key: str) -> bool:
    """Whether a key of a description is kept as a note."""
    return key not in _READ_ELSEWHERE and not names_a_split(key)


def keypoint_names(notes: Attributes, count: int) -> dict[int, tuple[str, ...]]:
    """The names of keypoints by category: `kpt_names`, which has a list for each id. Others are none."""
    said = notes.get("kpt_names")
    lists = said.items() if isinstance(said, dict) else ()
    return {
        int(key): tuple(names)
        for key, names in lists
        if key.isascii() and key.isdigit() and isinstance(names, list) and _are_names(names, count)
    }


def flip_order(notes: Attributes, count: int) -> list[int]:
    """`flip_idx`, which keypoint each becomes in a mirror, as far as it fits so many keypoints; else none."""
    said = notes.get("flip_idx")
    if not isinstance(said, list) or not all(type(one) is int for one in said):
        return []
    return said if sorted(said) == list(range(count)) else []


def _are_names(names: list[object], count: int) -> bool:
    return len(names) == count <= _MOST_KEYPOINTS and all(
        isinstance(name, str) and 0 < len(name) <= _LONGEST_NAME for name in names
    )


class _Values:
    """Makes plain values of nodes, a bounded number of them."""

    def __init__(self) -> None:
        self._left = _MOST_NODES

    def of(self, node: yaml.Node, depth: int) -> object:
        """The node's value. Raises TooMuchSaid."""
        self._left -= 1
        if self._left < 0 or depth > _DEEPEST:
            raise TooMuchSaid
        if isinstance(node, yaml.SequenceNode):
            return [self.of(one, depth + 1) for one in node.value]
        if isinstance(node, yaml.MappingNode):
            return {_key(key): self.of(value, depth + 1) for key, value in node.value}
        return _scalar(node)


def _key(node: yaml.Node) -> str:
    return written(node) if isinstance(node, yaml.ScalarNode) else ""


def _scalar(node: yaml.Node) -> object:
    """A number, a truth value or nothing as YAML has it; anything else, dates too, as text."""
    if not isinstance(node, yaml.ScalarNode):
        return None
    if is_text(node) or node.tag not in _TYPED or len(node.value) > _LONGEST_NUMBER:
        return written(node)
    try:
        return SafeConstructor().construct_object(node)
    except (yaml.YAMLError, ValueError, ArithmeticError, LookupError, AttributeError):
        return written(node)
