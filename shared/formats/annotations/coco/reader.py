"""COCO datasets, recognised by a JSON file that lists images which are here.

The format is that of https://cocodataset.org/#format-data, as Roboflow, mmdetection and others write it too.
"""

import re
from array import array
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

from shared.formats.annotations.coco.header import notes_of
from shared.formats.annotations.coco.listing import Identity, ListedCategory, Listing, ListingScan
from shared.formats.annotations.coco.members import ImageMembers
from shared.formats.annotations.coco.records import CocoRecords
from shared.formats.annotations.member_names import directory_of
from shared.formats.annotations.model import (
    AnnotationReader,
    Attributes,
    Category,
    DatasetLayout,
    Records,
    Report,
    Scan,
    UnrecognisedDataset,
)
from shared.formats.annotations.splits import CANONICAL, in_order_of_precedence, normalise_split
from shared.formats.annotations.survey import NameSurvey
from shared.formats.annotations.yolo.layouts.pairing import report_unlisted, top_directory
from shared.formats.findings import Finding

MAX_FILES = 50
"""JSON files that are looked at; those named as COCO's are come first."""

_COCO_NAMES = re.compile(r"instances|keypoints|captions|coco|annotation|image_info|train|val|test", re.IGNORECASE)
_OTHER_SPLIT = re.compile(r"(test-?dev|minival)(20[0-9]{2})?", re.IGNORECASE)
_SEPARATOR = re.compile(r"[_.-]")
_SPLIT_FIRST = re.compile(r"([a-z]+)[_.-](?:annotations?|coco|labels?|instances|keypoints)$", re.IGNORECASE)
_SURE, _FAIRLY_SURE = 0.95, 0.8
_NO_SPLIT = -1


class CocoReader(AnnotationReader):
    """Reads the layout of a COCO dataset; its files are read twice, in pieces, and never held."""

    def __init__(self, survey: NameSurvey) -> None:
        self._survey = survey
        self._candidates = _candidates(survey)
        self._at = 0
        self._listings: list[Listing] = []
        self._categories: dict[tuple[Identity, str], int] = {}
        self._images = array("i")

    def config_members(self) -> tuple[int, ...]:
        """The next file to look at."""
        return tuple(self._candidates[self._at : self._at + 1])

    def scan(self, index: int) -> Scan:
        """What lists the file."""
        listing = Listing(index, self._survey.names.name(index))
        self._listings.append(listing)
        self._at += 1
        return ListingScan(listing, ImageMembers(self._survey, listing.file, _split_of(listing.file)).find)

    def provide(self, index: int, data: bytes | None) -> None:
        """Note that a file cannot be read to its end."""
        del data
        self._listings = [listing for listing in self._listings if listing.index != index]

    def layout(self, report: Report) -> DatasetLayout:
        """The images that the files list and that are here. Raises `UnrecognisedDataset`."""
        used = [listing for listing in self._listings if listing.is_coco]
        found = {listing.index: listing.images.members() for listing in used}
        self._images = array("i", sorted({member for members in found.values() for member in members}))
        if not self._images:
            raise UnrecognisedDataset(self._why_not(used))
        self._listings = used
        categories = self._merged_categories()
        names = {listing.index: _split_of(listing.file) for listing in used}
        splits = in_order_of_precedence(list(dict.fromkeys(name for name in names.values() if name is not None)))
        split_ids = array("b", [_NO_SPLIT]) * len(self._images)
        for listing in sorted(used, key=lambda one: _rank(splits, names[one.index])):
            if (name := names[listing.index]) is not None:
                self._assign(found[listing.index], splits.index(name), splits, split_ids, report)
        self._report_unlisted(report)
        return replace(self._layout(categories, splits, split_ids), notes=self._notes(report))

    def records(self, index: int, report: Report) -> Records:
        """What sorts a file's elements by the images they are about."""
        number = next(at for at, listing in enumerate(self._listings) if listing.index == index)
        listing = self._listings[number]
        categories = {category.id: self._categories[category.id, category.name] for category in listing.categories}
        return CocoRecords(listing, number, categories, self._position, report)

    # -- the layout's parts

    def _layout(
        self, categories: tuple[Category, ...], splits: tuple[str, ...], split_ids: "array[int]"
    ) -> DatasetLayout:
        listed = sum(len(listing.images) for listing in self._listings)
        files = [listing.file for listing in self._listings]
        points = max((category.keypoints for listing in self._listings for category in listing.categories), default=0)
        missing = "" if listed <= len(self._images) * len(files) else ", and others that are not"
        return DatasetLayout(
            name="coco",
            reason=f"{files[0]} lists images that are here{missing}, and {_count(len(categories))}",
            confidence=_SURE if categories else _FAIRLY_SURE,
            config_files=tuple(files),
            categories=categories,
            splits=splits,
            image_indexes=self._images,
            label_indexes=array("i", [-1]) * len(self._images),
            split_ids=split_ids,
            keypoint_shape=(points, 3) if points else None,
            format="coco",
            record_members=tuple(listing.index for listing in self._listings),
        )

    def _notes(self, report: Report) -> Attributes:
        """What the files say of the dataset as a whole."""
        notes, is_cut = notes_of([listing.header for listing in self._listings])
        if is_cut:
            message = "what is said of the dataset as a whole, or of keypoints, is more than is kept"
            report(Finding("ROW_LIMIT", self._listings[0].file, message))
        return notes

    def _merged_categories(self) -> tuple[Category, ...]:
        """The categories of all files, by their ids; the same id and name in several files is one category."""
        first: dict[tuple[Identity, str], ListedCategory] = {}
        for listing in self._listings:
            for category in listing.categories:
                known = first.setdefault((category.id, category.name), category)
                if known.pose is None and category.pose is not None:
                    first[category.id, category.name] = replace(known, pose=category.pose)
        ordered = sorted(first.values(), key=lambda one: (isinstance(one.id, str), one.id, one.name))
        self._categories = {(one.id, one.name): number for number, one in enumerate(ordered)}
        return tuple(
            Category(number, one.name, None if str(one.id) == str(number) else str(one.id), one.supercategory, one.pose)
            for number, one in enumerate(ordered)
        )

    def _assign(
        self, members: "array[int]", split: int, splits: tuple[str, ...], split_ids: "array[int]", report: Report
    ) -> None:
        for member in members:
            position = bisect_left(self._images, member)
            held = split_ids[position]
            if held == _NO_SPLIT:
                split_ids[position] = split
            elif held != split:
                message = f"is in {splits[held]} and in {splits[split]}; kept in {splits[held]}"
                report(Finding("PAIR_SPLIT_DUP", self._survey.names.name(member), message))

    def _report_unlisted(self, report: Report) -> None:
        unlisted: Counter[str] = Counter()
        root = directory_of(self._listings[0].file)
        for member in self._survey.images:
            if self._position(member) is None:
                unlisted[top_directory(self._survey.names.name(member), root)] += 1
        report_unlisted(unlisted, report)

    def _position(self, member: int) -> int | None:
        at = bisect_left(self._images, member)
        return at if at < len(self._images) and self._images[at] == member else None

    def _why_not(self, used: list[Listing]) -> str:
        if not self._candidates:
            return "there is no .json file"
        if not used:
            return f"none of {len(self._candidates)} .json files lists `images`"
        listed = sum(len(listing.images) for listing in used)
        return f"{used[0].file} lists {listed} images, none of which is here"


def _candidates(survey: NameSurvey) -> list[int]:
    named = [(index, survey.names.name(index)) for index in _bounded(survey.ending_in("json"), survey)]
    named.sort(key=lambda one: (_COCO_NAMES.search(one[1]) is None, one[1].count("/"), one[1]))
    return [index for index, _ in named[:MAX_FILES]]


def _bounded(found: "array[int]", survey: NameSurvey) -> Iterator[int]:
    """The members that `find` knows; of very many, those in folders that have few."""
    counts = Counter(directory_of(survey.names.name(index)) for index in found)
    for index in found:
        name = survey.names.name(index)
        if counts[directory_of(name)] <= MAX_FILES and survey.names.find(name) == index:
            yield index


def _split_of(file: str) -> str | None:
    """The split a file is of, by its own name (`instances_train2017`, `val`, `train_annotations`) or its folder's."""
    folder, _, name = file.rpartition("/")
    stem = name.rpartition(".")[0]
    ends = [stem, *(stem[found.end() :] for found in _SEPARATOR.finditer(stem))]
    first = _SPLIT_FIRST.match(stem)
    for guess in (*ends, first[1] if first else "", folder.rpartition("/")[2]):
        split = normalise_split(guess)
        if split in CANONICAL or _OTHER_SPLIT.fullmatch(guess):
            return split
    return None


def _rank(splits: tuple[str, ...], name: str | None) -> int:
    return splits.index(name) if name is not None else len(splits)


def _count(categories: int) -> str:
    return f"{categories} {'category' if categories == 1 else 'categories'}"
