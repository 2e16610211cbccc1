"""Which label file belongs to which image of a YOLO dataset, and what is left over on either side."""

import re
from array import array
from collections import Counter
from itertools import islice

from shared.formats.annotations.member_names import directory_of
from shared.formats.annotations.model import NameTable, Report
from shared.formats.annotations.yolo.layouts.paths import LabelPaths
from shared.formats.annotations.yolo.layouts.splits import NO_SPLIT
from shared.formats.archives.name_encoding import other_spellings
from shared.formats.archives.verdict import shortened
from shared.formats.findings import Finding

NO_LABEL = -1

_MOST_LOOKED_FOR = 10_000
_UNUSED, _USED_BY_UNLISTED, _USED = range(3)
_NO_LABEL_NAMES = re.compile(
    r"(classes|labels|class_names|names|predefined_classes|notes.*|readme.*|licen[cs]e.*|requirements|"
    r"(train|val|valid|validation|test|trainval|minival)([_-].*)?)\.txt",
    re.IGNORECASE,
)


class LabelPairing:
    """Pairs images with labels in name-table order. The three arrays are parallel: members, labels, splits.

    `keep_all`: images without a split are kept as well.
    """

    def __init__(self, names: NameTable, *, paths: LabelPaths, report: Report, keep_all: bool = False) -> None:
        self.images, self.labels, self.splits = array("i"), array("i"), array("b")
        self._names = names
        self._paths = paths
        self._keep_all = keep_all
        self._report = report
        self._used = bytearray(len(names))
        self._directories: set[str] = set()

    def add(self, index: int, image: str, split: int) -> None:
        """Take the next image, by its name. One that is not kept has a label that is no orphan."""
        kept = self._keep_all or split != NO_SPLIT
        label = self._find_label(image, listed=kept)
        if not kept:
            if label != NO_LABEL:
                self._used[label] = self._used[label] or _USED_BY_UNLISTED
            return
        self.images.append(index)
        self.labels.append(label)
        self.splits.append(split)
        self._note(image, label)

    def report_orphans(self, described_by: frozenset[int]) -> None:
        """Report text files that lie where this dataset's labels do and pair with no image.

        `described_by` are the members that describe the dataset, which are no labels.
        """
        unlabelled = self._unlabelled()
        for index, name in enumerate(self._names.each_name()):
            left_over = not self._used[index] and name[-4:].lower() == ".txt" and index not in described_by
            if not left_over or not self._may_be_label(name):
                continue
            if (image := unlabelled.get(name.casefold())) is not None:
                message = f"differs only in case from the label of {self._names.name(image)}; it is not read"
                self._report(Finding("PAIR_CASE", name, message))
            else:
                self._report(Finding("PAIR_ORPHAN_LABEL", name, "no image of the dataset goes with this label"))

    def _unlabelled(self) -> dict[str, int]:
        """The first `_MOST_LOOKED_FOR` images without a label, by where it would be, whatever its case."""
        without = (image for image, label in zip(self.images, self.labels, strict=True) if label == NO_LABEL)
        some = islice(without, _MOST_LOOKED_FOR)
        return {path.casefold(): image for image in some for path in self._paths(self._names.name(image))}

    def _find_label(self, image: str, *, listed: bool) -> int:
        paths = self._paths(image)
        for path in paths:
            if listed:
                self._directories.add(directory_of(path))
            if (found := self._names.find(path)) is not None:
                return found
        spellings = (other for path in paths for other in other_spellings(path))
        found_otherwise = (self._names.find(other) for other in spellings)
        label = next((found for found in found_otherwise if found is not None), NO_LABEL)
        if label != NO_LABEL:
            message = f"goes with {shortened(image)}, which spells the same name in another Unicode form"
            self._report(Finding("PAIR_NAME_FORM", self._names.name(label), message))
        return label

    def _note(self, image: str, label: int) -> None:
        if label == NO_LABEL:
            self._report(Finding("PAIR_MISSING_LABEL", image, f"no label at {shortened(self._paths(image)[0])}"))
            return
        if self._used[label] == _USED:
            message = f"shares {shortened(self._names.name(label))} with an image before it"
            self._report(Finding("PAIR_STEM_COLLISION", image, message))
        self._used[label] = _USED

    def _may_be_label(self, name: str) -> bool:
        directory = directory_of(name)
        base = name[len(directory) :]
        return directory in self._directories and base[0] != "." and _NO_LABEL_NAMES.fullmatch(base) is None


def report_unlisted(unlisted: "Counter[str]", report: Report) -> None:
    """One finding for each top directory with images that no split names."""
    for directory, count in sorted(unlisted.items()):
        plural = "image is" if count == 1 else "images are"
        report(Finding("PAIR_UNLISTED_IMAGE", directory or ".", f"{count} {plural} in no split and left out"))


def top_directory(name: str, root: str) -> str:
    """The directory just below the dataset's root that holds the member; the root itself for members right in it."""
    start = len(root) if name.startswith(root) else 0
    end = name.find("/", start)
    return name[:end] if end >= 0 else name[:start].rstrip("/")
