"""The values of a `data.yaml` as trainers see them: numbers, texts, lists and maps, of the keys that they look at."""

from collections.abc import Mapping

import yaml
from yaml.constructor import SafeConstructor

from shared.formats.annotations.model import BrokenConfig
from shared.formats.annotations.yolo.description.yaml_nodes import read_map

_KEYS = frozenset(("path", "train", "val", "validation", "test", "minival", "names", "nc", "kpt_shape", "flip_idx"))


def data_values(data: bytes, *, file: str) -> Mapping[object, object]:
    """The values by their keys; nothing for what is no map. Never raises."""
    try:
        root = read_map(data, file=file)
    except BrokenConfig:
        return {}
    return {
        key.value: _value(node) for key, node in root.value if isinstance(key, yaml.ScalarNode) and key.value in _KEYS
    }


def _value(node: yaml.Node) -> object:
    """What YAML makes of a node; its text where it can make nothing of it."""
    try:
        return SafeConstructor().construct_object(node, deep=True)
    except (yaml.YAMLError, ValueError, TypeError, RecursionError):
        return str(node.value)[:200]
