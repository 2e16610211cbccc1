"""A YOLO dataset without a description, by the names of its files: which labels go with images, and which splits.

An image's label lies where trainers look for it, or in a folder `labelTxt` in place of `labels`, or beside the image.
Where none does, folders of labels that lie anywhere are searched by the image's name alone.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import takewhile
from typing import TypeAlias

from shared.formats.annotations.member_names import directory_of
from shared.formats.annotations.splits import CANONICAL, normalise_split
from shared.formats.annotations.survey import NameSurvey
from shared.formats.annotations.yolo.layouts.paths import LabelPaths
from shared.formats.annotations.yolo.layouts.splits import named
from shared.formats.archives.name_encoding import other_spellings

MOST_SAMPLES = 64
MOST_APART = 16
"""Folders with texts that are searched for labels by name alone."""
SAMPLES_OF_A_FOLDER = 8

_PlacesOf: TypeAlias = Callable[[str], list[tuple[str, str]]]

_IMAGES = "/images/"
_BESIDE = ""
_LABELS = "labels"
_MOST_FOLDERS = 4
_LABEL_TXT = re.compile(r"(?:^|/)(labeltxt[^/]*(?:/[^/]*labeltxt[^/]*)?)(?=/)", re.IGNORECASE)


@dataclass(slots=True)
class FolderTree:
    """The pairs that names tell of. `samples` are labels to look into, from every folder.

    `folders` are where labels were found: what stands for `images` in their path, "" for beside the image.
    `pairs` counts them by the images' directory. `apart` are the directories of labels that only their names pair.
    """

    survey: NameSurvey
    samples: list[int] = field(default_factory=list)
    folders: "Counter[str]" = field(default_factory=Counter)
    pairs: "Counter[str]" = field(default_factory=Counter)
    texts: int = 0
    apart: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        texts = self.survey.ending_in("txt")
        self.texts = len(texts)
        if not texts or not self.survey.images:
            return
        directories = {directory_of(name) for _, name in named(self.survey.names, texts)}
        folders = (_LABELS, *_label_txt_folders(directories), _BESIDE)
        self._pair(
            lambda one: [(folder, _label_directory(one, folder)) for folder in _fitting(one, folders)], directories
        )
        if not self.pairs and len(directories) <= MOST_APART:
            self.apart = tuple(sorted(directories))
            self._pair(lambda one: [(place, place) for place in _by_likeness(one, self.apart)], directories)

    @property
    def label_paths(self) -> LabelPaths:
        """Where the label of an image may lie, in the folders in which labels were found."""
        if self.apart:
            return lambda image: _paths_apart(image, self.apart)
        folders = tuple(self.folders) or (_LABELS,)
        return lambda image: _label_paths(image, folders)

    def kept_directories(self) -> dict[str, str | None]:
        """The directories whose images are of the dataset, each with its split.

        Those with labels, and those that lie as one of them does: images that nobody labelled, often a test split.
        """
        groups = {_group_of(directory) for directory in self.pairs}
        kept = sorted(one for one in self.survey.image_directories if one in self.pairs or _group_of(one) in groups)
        common = _parts_in_common(kept[0], kept[-1])
        return {directory: _split_of(directory, common) for directory in kept}

    def groups(self) -> "Counter[str]":
        """How many images have labels by the folder of the dataset they seem to be of."""
        found = Counter[str]()
        for directory, count in self.pairs.items():
            found["/".join(_group_of(directory)[1:])] += count
        return found

    def _pair(self, places_of: _PlacesOf, directories: set[str]) -> None:
        """Pair the images with labels in the places for their directory: what to call the place, and its directory."""
        places: dict[str, list[tuple[str, str]]] = {}
        for _, name in named(self.survey.names, self.survey.images):
            directory = directory_of(name)
            if directory not in places:
                places[directory] = [one for one in places_of(directory) if one[1] in directories]
            if places[directory]:
                self._find(directory, name[len(directory) : name.rfind(".")], places[directory])

    def _find(self, directory: str, stem: str, places: list[tuple[str, str]]) -> None:
        """Look for the label of an image, and count what is found."""
        for folder, place in places:
            label = self._member(f"{place}{stem}.txt")
            if label is not None:
                self.folders[folder] += 1
                self.pairs[directory] += 1
                if self.pairs[directory] <= SAMPLES_OF_A_FOLDER and len(self.samples) < MOST_SAMPLES:
                    self.samples.append(label)
                return

    def _member(self, path: str) -> int | None:
        found = (self.survey.names.find(one) for one in (path, *other_spellings(path)))
        return next((index for index in found if index is not None), None)


def layout_name(directories: Iterable[str], folders: Iterable[str]) -> str:
    """What people call a tree whose images lie so and whose labels lie in such folders."""
    if set(folders) == {_BESIDE}:
        return "loose"
    parts = [directory.split("/")[:-1] for directory in directories]
    if any(len(one) > 1 and one[-1] == "images" and _is_split(one[-2]) for one in parts):
        return "roboflow"
    return "ultralytics" if any(map(_is_split, (part for one in parts for part in one))) else "flat"


def _label_txt_folders(directories: Iterable[str]) -> list[str]:
    found = Counter(match[1] for directory in directories for match in _LABEL_TXT.finditer(directory))
    return sorted(found)[:_MOST_FOLDERS]


def _fitting(directory: str, folders: Sequence[str]) -> Sequence[str]:
    """The folders in which labels may lie: beside the images, where these are not below `images`."""
    return folders if _IMAGES in f"/{directory}" else (_BESIDE,)


def _by_likeness(directory: str, places: Sequence[str]) -> list[str]:
    """The places in their order, but first those whose own folder is called like that of the images."""
    own = directory.split("/")[-2:-1]
    return sorted(places, key=lambda place: place.split("/")[-2:-1] != own)


def _paths_apart(image: str, places: Sequence[str]) -> tuple[str, ...]:
    directory = directory_of(image)
    file = f"{image[len(directory) : image.rfind('.')]}.txt"
    return tuple(place + file for place in _by_likeness(directory, places))


def _label_paths(image: str, folders: Iterable[str]) -> tuple[str, ...]:
    directory = directory_of(image)
    file = f"{image[len(directory) : image.rfind('.')]}.txt"
    return tuple(dict.fromkeys(f"{_label_directory(directory, folder)}{file}" for folder in folders))


def _label_directory(directory: str, folder: str) -> str:
    """Where labels of a directory's images lie, if in a folder of that name instead of `images`; else beside them."""
    at = f"/{directory}".rfind(_IMAGES)
    if folder == _BESIDE or at < 0:
        return directory
    return f"{directory[:at]}{folder}/{directory[at + len(_IMAGES) - 1 :]}"


def _group_of(directory: str) -> tuple[str, ...]:
    """What directories of one dataset have in common: what is left without what only tells a split or a sub-folder."""
    at = f"/{directory}".rfind(_IMAGES)
    if at < 0:
        above = directory.split("/")[:-1]
        return ("beside", *(above[:-1] if above and _is_split(above[-1]) else above))
    above = [part for part in directory[:at].split("/") if part]
    return ("images", *(above[:-1] if above and _is_split(above[-1]) else above))


def _split_of(directory: str, common: int) -> str | None:
    """The split that a part of the path names: below what all directories have in common, else at its end."""
    parts = directory.split("/")[:-1]
    candidates: Iterator[str] = (normalise_split(part) for part in (*parts[common:], *parts[:common][:-3:-1]))
    return next((split for split in candidates if split in CANONICAL), None)


def _parts_in_common(first: str, last: str) -> int:
    """How many parts the first and the last of sorted directories have in common, and so all between them."""
    pairs = zip(first.split("/")[:-1], last.split("/")[:-1], strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))


def _is_split(part: str) -> bool:
    return normalise_split(part) in CANONICAL
