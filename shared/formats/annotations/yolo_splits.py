"""Which split each image of a YOLO dataset is in, from the directories and list files its description names."""

import io
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from shared.formats.annotations.model import NameTable, Report
from shared.formats.annotations.yolo_paths import bases_of, candidates, directory_of, is_image
from shared.formats.findings import Finding

NO_SPLIT = -1

_PATIENCE = 10_000
_SHOWN_CHARACTERS = 200


class ImageSurvey:
    """The images of an archive: their member indexes in order, and the directories that hold them.

    Takes one pass over the names, eight bytes for each image and a string for each directory.
    """

    def __init__(self, names: NameTable) -> None:
        self.indexes = array("q")
        directories: set[str] = set()
        for index in range(len(names)):
            name = names.name(index)
            if is_image(name):
                self.indexes.append(index)
                directories.add(directory_of(name))
        self._directories = sorted(directories)

    def holds(self, prefix: str) -> bool:
        """Whether any image lies below the directory, given with its closing `/`; the root is ""."""
        at = bisect_left(self._directories, prefix)
        return at < len(self._directories) and self._directories[at].startswith(prefix)


@dataclass(frozen=True, slots=True)
class ListFile:
    """The bytes of a split's list of image paths, and the directories its lines may be relative to."""

    split: int
    name: str
    data: bytes
    bases: tuple[str, ...]


class SplitAssignment:
    """Gives each member at most one split: of several that claim an image, the one with the lowest number.

    `by_member` holds one signed byte for each member of the archive, `NO_SPLIT` where no split claims it.
    """

    def __init__(self, names: NameTable, splits: tuple[str, ...], report: Report) -> None:
        self.by_member = array("b", bytes([NO_SPLIT & 0xFF])) * len(names)
        self._names = names
        self._splits = splits
        self._report = report

    def add_list(self, source: ListFile) -> None:
        """Assign the images a list names; each line that names none is reported."""
        resolve = _LineResolver(self._names, source.bases)
        for number, path in _lines(source.data):
            index = resolve(path)
            if index is not None:
                self._claim(index, source.split)
            else:
                message = f"names no image here: {path[:_SHOWN_CHARACTERS]}"
                self._report(Finding("PAIR_MISSING_IMAGE", source.name, message, number))

    def add_directories(self, prefixes: dict[str, int], images: Iterable[int]) -> None:
        """Assign the images below each prefix to its split. A prefix is a directory with its closing `/`."""
        lengths = sorted({len(prefix) for prefix in prefixes})
        known: dict[str, tuple[int, ...]] = {}
        for index in images:
            directory = directory_of(self._names.name(index))
            splits = known.get(directory)
            if splits is None:
                found = {prefixes.get(directory[:length]) for length in lengths if length <= len(directory)}
                splits = known[directory] = tuple(sorted(split for split in found if split is not None))
            for split in splits:
                self._claim(index, split)

    def _claim(self, index: int, split: int) -> None:
        held = self.by_member[index]
        if held in (NO_SPLIT, split):
            self.by_member[index] = split
            return
        self.by_member[index] = first = min(held, split)
        message = f"is in {self._splits[first]} and in {self._splits[max(held, split)]}; kept in {self._splits[first]}"
        self._report(Finding("PAIR_SPLIT_DUP", self._names.name(index), message))


class _LineResolver:
    """Finds the image a line of a list means. What worked for the last line is tried first, as lists are uniform.

    After `_PATIENCE` lines that name nothing it is all that is tried, so a list of another dataset costs little.
    """

    def __init__(self, names: NameTable, bases: tuple[str, ...]) -> None:
        self._names = names
        self._bases = bases
        self._cut = ""
        self._base = bases[0]
        self._patience = _PATIENCE

    def __call__(self, path: str) -> int | None:
        if path.startswith(self._cut):
            index = self._image(self._base + path[len(self._cut) :])
            if index is not None:
                return index
        if not self._patience:
            return None
        for name in candidates(path, self._bases):
            index = self._image(name)
            if index is not None:
                self._learn(path, name)
                return index
        self._patience -= 1
        return None

    def _image(self, name: str) -> int | None:
        return self._names.find(name) if name and is_image(name) else None

    def _learn(self, path: str, name: str) -> None:
        """Remember what was cut from the path's beginning and put in its place."""
        for base in self._bases:
            end = name[len(base) :]
            if name.startswith(base) and path.endswith(end):
                self._cut, self._base = path[: len(path) - len(end)], base
                return


def list_bases(list_name: str, config_name: str) -> tuple[str, ...]:
    """The directories a list's lines may be relative to: the list's, the description's, and the parents of both."""
    return tuple(dict.fromkeys([*bases_of(directory_of(list_name)), *bases_of(directory_of(config_name))]))


def _lines(data: bytes) -> Iterator[tuple[int, str]]:
    """The lines that are not blank, with their number, decoded one at a time."""
    if b"\n" not in data:
        data = data.replace(b"\r", b"\n")
    for number, line in enumerate(io.BytesIO(data), 1):
        text = line.decode("utf-8-sig" if number == 1 else "utf-8", "replace").strip()
        if text:
            yield number, text
