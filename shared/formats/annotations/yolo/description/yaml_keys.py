"""The keys of a `data.yaml` beside splits and categories: of the right type, or said not to be, and not used then."""

import re

import yaml

from shared.formats.annotations.model import Report
from shared.formats.annotations.yolo.description.yaml_nodes import is_null, is_text, written
from shared.formats.findings import Finding

_NUMBER = re.compile(r"[0-9]{1,4}", re.ASCII)
_KEYPOINT_DIMS = (2, 3)

Entries = dict[str, tuple[int, yaml.Node]]
"""The keys of a description, each with its line and its value."""


def read_path(entries: Entries, file: str, report: Report) -> str | None:
    """`path`, the folder that other paths are relative to; None where there is none that can be used."""
    line, node = entries.get("path", (1, None))
    if node is None or is_null(node):
        return None
    if isinstance(node, yaml.ScalarNode) and is_text(node):
        return written(node).strip() or None
    report(Finding("YAML_TYPE", file, "`path` must be text; it is not used", line))
    return None


def read_keypoint_shape(entries: Entries, file: str, report: Report) -> tuple[int, int] | None:
    """`kpt_shape`: how many keypoints a pose has, and values of each."""
    line, node = entries.get("kpt_shape", (1, None))
    if node is None or is_null(node):
        return None
    numbers = _numbers(node)
    if numbers is not None and len(numbers) == 2 and numbers[0] and numbers[1] in _KEYPOINT_DIMS:
        return numbers[0], numbers[1]
    message = "`kpt_shape` is a list of two numbers: keypoints, and 2 or 3 values of each; it is not used"
    report(Finding("YAML_TYPE", file, message, line))
    return None


def check_flip_idx(entries: Entries, keypoint_shape: tuple[int, int] | None, file: str, report: Report) -> None:
    """`flip_idx` names for each keypoint the one it becomes in a mirror: a mirror of the mirror changes nothing."""
    line, node = entries.get("flip_idx", (1, None))
    if node is None or is_null(node):
        return
    numbers = _numbers(node)
    if numbers is None:
        report(Finding("YAML_TYPE", file, "`flip_idx` is a list of numbers of keypoints; it is not used", line))
    elif fault := _flip_fault(numbers, keypoint_shape):
        report(Finding("YAML_FLIP_IDX", file, f"`flip_idx` {fault}", line))


def _flip_fault(numbers: list[int], keypoint_shape: tuple[int, int] | None) -> str | None:
    if keypoint_shape is not None and len(numbers) != keypoint_shape[0]:
        return f"has {len(numbers)} numbers for {keypoint_shape[0]} keypoints"
    if sorted(numbers) != list(range(len(numbers))):
        return f"does not name each of 0 to {len(numbers) - 1} once"
    odd = next((at for at, number in enumerate(numbers) if numbers[number] != at), None)
    return None if odd is None else f"mirrors {odd} to {numbers[odd]}, but {numbers[odd]} to {numbers[numbers[odd]]}"


def check_channels(entries: Entries, file: str, report: Report) -> None:
    """`channels` is how many values a pixel has."""
    line, node = entries.get("channels", (1, None))
    if node is None or is_null(node):
        return
    text = written(node).strip() if isinstance(node, yaml.ScalarNode) else ""
    if not (_NUMBER.fullmatch(text) and int(text)):
        report(Finding("YAML_TYPE", file, "`channels` is a whole number from 1 on; it is not used", line))


def _numbers(node: yaml.Node) -> list[int] | None:
    """The whole numbers of a list; None for anything else."""
    if not isinstance(node, yaml.SequenceNode):
        return None
    texts = [written(value).strip() for value in node.value if isinstance(value, yaml.ScalarNode)]
    numbers = [int(text) for text in texts if _NUMBER.fullmatch(text)]
    return numbers if len(numbers) == len(node.value) else None
