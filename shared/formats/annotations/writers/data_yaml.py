"""The text of a `data.yaml`: names that are read as they are, the keys of poses, and what the source's own one said."""

import re

import yaml

from shared.formats.annotations.coco.header import HEADER_KEYS
from shared.formats.annotations.model import Attributes
from shared.formats.annotations.writers.model import WriteOptions
from shared.formats.annotations.yolo.description.yaml_notes import flip_order, is_note

_PLAIN_TEXT = re.compile(r"[A-Za-z]([\w -]*\w)?", re.ASCII)
_NO_TEXT = frozenset(("y", "n", "yes", "no", "true", "false", "on", "off", "null", "nan", "inf"))
_OF_POSES = frozenset(("flip_idx", "kpt_names"))
_NUMBER = re.compile(r"0|[1-9][0-9]{0,8}", re.ASCII)


def pose_keys(options: WriteOptions) -> str:
    """`kpt_shape`; `flip_idx` as the source has it; `kpt_names` where each category has as many."""
    shape = options.keypoint_shape if options.task == "pose" else None
    if shape is None:
        return ""
    order = flip_order(options.notes, shape[0])
    flips = f"flip_idx: [{', '.join(map(str, order))}]\n" if order else ""
    named = [one.pose.keypoints if one.pose is not None else () for one in options.categories]
    are_named = bool(named) and all(len(names) == shape[0] for names in named)
    lines = ["kpt_names:\n", *(_names(at, names) for at, names in enumerate(named))] if are_named else []
    return f"kpt_shape: [{shape[0]}, {shape[1]}]\n{flips}{''.join(lines)}"


def kept_notes(notes: Attributes) -> str:
    """The other keys that the source's description had, in its order; those of a COCO file have no place here.

    >>> kept_notes({"roboflow": {"license": "MIT"}, "flip_idx": [0], "licenses": [], "train": "x"})
    'roboflow:\\n  license: MIT\\n'
    """
    kept = {key: value for key, value in notes.items() if is_note(key) and key not in (*HEADER_KEYS, *_OF_POSES)}
    return yaml.safe_dump(_numbered(kept), sort_keys=False, allow_unicode=True) if kept else ""


def yaml_text(text: str) -> str:
    """The text as a YAML scalar that is read as text, and as this text.

    >>> yaml_text("traffic light"), yaml_text("no"), yaml_text("8")
    ('traffic light', '"no"', '"8"')
    """
    if _PLAIN_TEXT.fullmatch(text) and text.lower() not in _NO_TEXT:
        return text
    return yaml.safe_dump(text, default_style='"', allow_unicode=True, width=float("inf")).rstrip("\n")


def _names(at: int, names: tuple[str, ...]) -> str:
    return f"  {at}: [{', '.join(yaml_text(name) for name in names)}]\n"


def _numbered(value: object) -> object:
    """Plain lists and maps, with the keys that are numbers as such again."""
    if isinstance(value, dict):
        return {int(key) if _NUMBER.fullmatch(key) else key: _numbered(one) for key, one in value.items()}
    return [_numbered(one) for one in value] if isinstance(value, list) else value
