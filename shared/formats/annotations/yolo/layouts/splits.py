"""Which split each image of a YOLO dataset is in, from the directories and list files its description names."""

import re
from array import array
from bisect import bisect_left
from codecs import BOM_UTF8
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from shared.formats.annotations.member_names import directory_of, is_image
from shared.formats.annotations.model import NameTable, Report
from shared.formats.annotations.yolo.layouts.paths import MAX_CHARACTERS, bases_of, candidates
from shared.formats.findings import Finding

NO_SPLIT = -1

MOST_MISSES = 500_000
"""Lines in a row that name no image, after which the rest of a list is not read."""

_PATIENCE = 10_000
_SHOWN_CHARACTERS = 200
_LONGEST_LINE_BYTES = 4 * MAX_CHARACTERS
_NOT_BLANK = re.compile(rb"\S")


class ImageSurvey:
    """The images of an archive: their member indexes in order, and the directories that hold them.

    Takes one pass over the names, four bytes for each image and a string for each directory.
    """

    def __init__(self, names: NameTable) -> None:
        self.indexes = array("i")
        directories: set[str] = set()
        for index, name in enumerate(names.each_name()):
            if is_image(name):
                self.indexes.append(index)
                directories.add(directory_of(name))
        self._directories = sorted(directories)

    def holds(self, prefix: str) -> bool:
        """Whether any image lies below the directory, given with its closing `/`; the root is ""."""
        at = bisect_left(self._directories, prefix)
        return at < len(self._directories) and self._directories[at].startswith(prefix)


def named(names: NameTable, indexes: Iterable[int]) -> Iterator[tuple[int, str]]:
    """Members, given in ascending order, each with its name."""
    wanted = iter(indexes)
    following = next(wanted, None)
    for index, name in enumerate(names.each_name()):
        if index == following:
            yield index, name
            following = next(wanted, None)


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
        """Assign the images a list names; each line that names none is reported, up to `MOST_MISSES` in a row."""
        resolve, misses = _LineResolver(self._names, source.bases), 0
        for number, path in _lines(source.data):
            index = resolve(path)
            if index is not None:
                self._claim(index, source.split)
                misses = 0
                continue
            misses += 1
            message = f"names no image here: {path[:_SHOWN_CHARACTERS]}"
            if misses == MOST_MISSES:
                message = f"the list is not read beyond this line: {misses} in a row name no image here"
            self._report(Finding("PAIR_MISSING_IMAGE", source.name, message, number))
            if misses == MOST_MISSES:
                return

    def add_directories(self, prefixes: dict[str, int], images: Iterable[int]) -> None:
        """Assign the images below each prefix to its split. A prefix is a directory with its closing `/`."""
        lengths = sorted({len(prefix) for prefix in prefixes})
        known: dict[str, tuple[int, ...]] = {}
        for index, name in named(self._names, images):
            directory = directory_of(name)
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
    """The lines that are not blank, with their number, decoded one at a time.

    Of one that is too long for a path, the beginning and a mark that makes it no path.
    """
    end_of_line = b"\n" if b"\n" in data else b"\r"
    at, number = len(BOM_UTF8) if data.startswith(BOM_UTF8) else 0, 1
    while found := _NOT_BLANK.search(data, at):
        start = found.start()
        number += data.count(end_of_line, at, start)
        end = data.find(end_of_line, start)
        end = len(data) if end < 0 else end
        text = data[start : min(end, start + _LONGEST_LINE_BYTES)].decode("utf-8", "replace").strip()
        if text:
            yield number, text if end - start <= _LONGEST_LINE_BYTES else f"{text[:_SHOWN_CHARACTERS]}…"
        at = end
