"""Paths as YOLO descriptions write them, and the members of an archive they may mean.

Such paths were written for some machine's disk, so every one is a hint: tried from the description's directory, from
its parents and from the archive's root, and at last by its longest end that names something.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeAlias

from shared.formats.annotations.member_names import directory_of

MAX_CHARACTERS = 4_096
"""Of a path; longer ones mean nothing."""

_MAX_BASES = 8
_MAX_PARTS = 32
_DRIVE = re.compile(r"[A-Za-z]:(?=/|$)")


def label_path(image: str) -> str:
    """Where trainers look for an image's label: the last `/images/` becomes `/labels/`, the ending `.txt`.

    The archive's root stands for a directory, so a name may begin with `images/`.
    """
    path = "/" + image
    at = path.rfind("/images/")
    if at >= 0:
        path = f"{path[:at]}/labels/{path[at + 8 :]}"
    return path[1 : path.rfind(".")] + ".txt"


def beside(image: str) -> str:
    """The label path of Darknet's layout: in the same directory, whatever that is called."""
    return image[: image.rfind(".")] + ".txt"


LabelPaths: TypeAlias = Callable[[str], Sequence[str]]
"""The paths at which the label of an image may lie, the first one that is there being it."""


def label_paths(*, anywhere: bool) -> LabelPaths:
    """As trainers pair them; `anywhere`, also beside an image that lies below `images/`."""
    if not anywhere:
        return lambda image: (label_path(image),)
    return lambda image: tuple(dict.fromkeys((label_path(image), beside(image))))


def bases_of(directory: str) -> tuple[str, ...]:
    """The directory, its nearest parents, and the archive's root, each with its closing `/`, the root being empty."""
    bases = [directory]
    while bases[-1] and len(bases) < _MAX_BASES:
        bases.append(directory_of(bases[-1][:-1]))
    return tuple(dict.fromkeys([*bases, ""]))


def is_absolute(path: str) -> bool:
    """Whether a path as written starts at the root of a disk, or of a Windows drive."""
    path = path.replace("\\", "/")
    return path.startswith("/") or _DRIVE.match(path) is not None


def candidates(path: str, bases: Iterable[str], *, fewest_parts: int = 1) -> Iterator[str]:
    """Names the path may mean, the likeliest first; none ends in `/`, and the archive's root is "".

    Ends of the path are tried down to `fewest_parts` parts. What is too long to be a path means nothing.
    """
    if len(path) > MAX_CHARACTERS:
        return
    bases = tuple(bases)
    parts = _parts(path)
    if not is_absolute(path):
        literal = (_normalise(base, parts) for base in bases)
        yield from (name for name in literal if name is not None)
    kept = [part for part in parts if part != ".."][-_MAX_PARTS:]
    for cut in range(max(len(kept) - fewest_parts + 1, 1)):
        end = "/".join(kept[cut:])
        yield from ((base + end).rstrip("/") for base in bases)


def _parts(path: str) -> list[str]:
    path = _DRIVE.sub("", path.strip().replace("\\", "/"), count=1)
    return [part for part in path.split("/") if part not in ("", ".")]


def _normalise(base: str, parts: list[str]) -> str | None:
    """The base and the parts with `..` applied; None where that leaves the archive."""
    result = base.split("/")[:-1]
    for part in parts:
        if part != "..":
            result.append(part)
        elif result:
            result.pop()
        else:
            return None
    return "/".join(result)
