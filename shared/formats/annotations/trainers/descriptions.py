"""What ultralytics makes of a dataset's `data.yaml`, from 8.0.0 on, and what FiftyOne asks of its paths.

What its releases do was observed by running them. They look for a relative `path` below the folder of datasets of their
settings, or below the one they are started in: the archive is taken to be unpacked there.
"""

from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from posixpath import normpath
from types import MappingProxyType

from shared.formats.annotations.trainers import fiftyone
from shared.formats.annotations.trainers.ultralytics import RELEASES

NO_DATA_YAML = "it reads a data.yaml, and there is none"
NO_IMAGES_FOLDER = "the path of an image has no folder `images`"
_SPLITS = ("train", "val", "test", "minival")
_CHECKED = ("val", "train")  # `train` only when its images are read, which ends a training as well


@dataclass(frozen=True, slots=True)
class DataYaml:
    """A description as YAML reads it, and the folder of the archive it is in: with a closing `/`, or empty."""

    values: Mapping[object, object]
    folder: str = ""


@dataclass(frozen=True, slots=True)
class _Behaviour:
    """How releases differ."""

    needs_names: bool = True
    """`nc` does not do, and is not compared with them; their numbers are not looked at."""
    renames_validation: bool = False
    converts_nc: bool = False
    """`nc` may be text, or a number with a point."""
    checks_types: bool = False


_CHANGES: Mapping[str, Mapping[str, bool]] = MappingProxyType(
    {
        "8.1.0": {"needs_names": False, "renames_validation": True},
        "8.4.120": {"converts_nc": True},
        "8.4.190": {"checks_types": True},
    }
)


def refusals(described: DataYaml | None, existing: AbstractSet[str]) -> dict[str, str]:
    """Why releases do not begin with the dataset, by `trainer@release`; those that do are left out.

    `existing` are those of `paths_asked` that are there. None stands for a dataset without a data.yaml.
    """
    found: dict[str, str] = {}
    behaviour = _Behaviour()
    for release in RELEASES:
        behaviour = replace(behaviour, **_CHANGES.get(release, {}))
        if why := _refusal(described, existing, behaviour):
            found[f"ultralytics@{release}"] = why
    return found


def refused_by_fiftyone(image_names: Sequence[str]) -> dict[str, str]:
    """The same for FiftyOne, which tells labels from images by the folder `images` alone."""
    without = any("/images/" not in f"/{name}" for name in image_names)
    return {fiftyone.TRAINER: NO_IMAGES_FOLDER} if without else {}


def paths_asked(described: DataYaml) -> set[str]:
    """The paths, from the archive's root, that a trainer looks for; "" is the root itself."""
    root = _root(described)
    if root is None:
        return set()
    found = {_below(root, path) for key in (*_SPLITS, "validation") for path in _paths(described.values.get(key))}
    found |= {_below(root, path[3:]) for key in _SPLITS for path in _paths(described.values.get(key))}
    return {path for path in found if path is not None}


def _refusal(described: DataYaml | None, existing: AbstractSet[str], behaviour: _Behaviour) -> str | None:
    if described is None:
        return NO_DATA_YAML
    values = dict(described.values)
    if behaviour.renames_validation and "val" not in values and "validation" in values:
        values["val"] = values["validation"]
    checks: tuple[Callable[[], str | None], ...] = (
        lambda: next((f"`{key}` is missing" for key in ("train", "val") if key not in values), None),
        lambda: _wrong_type(values) if behaviour.checks_types else None,
        lambda: _names_alone(values) if behaviour.needs_names else _names_and_count(values, behaviour),
        lambda: _lost(replace(described, values=values), existing),
    )
    return next((why for check in checks if (why := check())), None)


def _wrong_type(values: Mapping[object, object]) -> str | None:
    wanted: Mapping[str, tuple[type, ...]] = {
        "path": (str,), **dict.fromkeys(("train", "val", "test", "minival"), (str, list)), "names": (list, dict),
        "kpt_shape": (list,), "flip_idx": (list,),
    }  # fmt: skip
    wrong = (key for key, kinds in wanted.items() if values.get(key) is not None and not isinstance(values[key], kinds))
    return next((f"`{key}` is of a wrong kind" for key in wrong), None)


def _names_alone(values: Mapping[object, object]) -> str | None:
    names = values.get("names")
    if "names" not in values:
        return "`names` is missing"
    return None if isinstance(names, list | dict | str) else "`names` is empty"


def _names_and_count(values: Mapping[object, object], behaviour: _Behaviour) -> str | None:
    has_names = values.get("names") is not None if behaviour.converts_nc else "names" in values
    if not has_names and "nc" not in values:
        return "`names` and `nc` are missing"
    count = values.get("nc")
    if behaviour.converts_nc and "nc" in values and (count := _whole(count)) is None:
        return "`nc` is not a whole number"
    if not has_names:
        return None if isinstance(count, int) and count > 0 else "`nc` is not a number of categories"
    names = values["names"]
    if not isinstance(names, list | dict | str):
        return "`names` is empty"
    if "nc" in values and count != len(names):
        return f"`nc` is not the number of names, which is {len(names)}"
    return _wrong_numbers(names)


def _whole(value: object) -> int | None:
    if isinstance(value, str | float | int):
        try:
            number = float(value)
        except ValueError:
            return None
        return int(number) if number.is_integer() else None
    return None


def _wrong_numbers(names: Mapping[object, object] | Sequence[object]) -> str | None:
    if not names:
        return "there is no category"
    if not isinstance(names, Mapping):
        return None
    numbers = [_number(key) for key in names]
    if any(number is None for number in numbers):
        return "a key of `names` is no number"
    known = {number for number in numbers if number is not None}
    return None if max(known) < len(known) else f"the ids of `names` are not 0 to {len(names) - 1}"


def _number(key: object) -> int | None:
    try:
        return int(key) if isinstance(key, str | int | float) else None
    except (ValueError, OverflowError):
        return None


# paths


def _lost(described: DataYaml, existing: AbstractSet[str]) -> str | None:
    root = _root(described)
    if root is None:
        return "`path` leads out of the archive"
    for key in _CHECKED:
        for path in _paths(described.values.get(key)):
            if not _leads(root, path, existing, retried=isinstance(described.values[key], str)):
                return f"`{key}` leads to nothing: {path[:80]}{_below_path(described)}"
        if described.values.get(key) is not None and not isinstance(described.values[key], str | list):
            return f"`{key}` is no path"
    return None


def _below_path(described: DataYaml) -> str:
    """What is asked for most often when it is not there: `path: .` is the folder that the trainer is started in."""
    path = described.values.get("path")
    return f", below `path: {path[:80]}`" if isinstance(path, str) and path else ""


def _leads(root: str, path: str, existing: AbstractSet[str], *, retried: bool) -> bool:
    tried = (path, path[3:]) if retried and path.startswith("../") else (path,)
    return any((place := _below(root, one)) is not None and place in existing for one in tried)


def _root(described: DataYaml) -> str | None:
    """Where the paths of splits start, from the archive's root; None where that is outside of it."""
    path = described.values.get("path")
    if path is None or path == "":
        return described.folder
    return _below("", path) if isinstance(path, str) else None


def _paths(value: object) -> list[str]:
    listed = value if isinstance(value, list) else [value]
    return [path for path in listed if isinstance(path, str)]


def _below(root: str, path: str) -> str | None:
    """The path below the root; None where it leads out of the archive."""
    if path.startswith("/"):
        return None
    place = normpath(f"/archive/{root}/{path}")
    if place == "/archive":
        return ""
    return place.removeprefix("/archive/") if place.startswith("/archive/") else None
