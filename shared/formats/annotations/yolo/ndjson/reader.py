"""NDJSON as Ultralytics' platform exports it: a line about the dataset, then one for each image with its labels.

The file may be larger than memory and is read twice, in pieces: for the images it names, and for what it says of them.
"""

import json
from array import array
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias, cast

from shared.formats.annotations.json_text import read_json
from shared.formats.annotations.model import (
    AnnotationReader,
    BrokenConfig,
    Category,
    DatasetLayout,
    Record,
    Records,
    Report,
    Scan,
    UnrecognisedDataset,
)
from shared.formats.annotations.naming_limits import MAX_CATEGORIES
from shared.formats.annotations.splits import in_order_of_precedence, normalise_split
from shared.formats.annotations.survey import NameSurvey
from shared.formats.annotations.yolo.description.config import MAX_SPLITS, check_name, complete_names
from shared.formats.annotations.yolo.layouts.learnt_names import LARGEST_LEARNT_ID
from shared.formats.annotations.yolo.layouts.pairing import NO_LABEL, report_unlisted, top_directory
from shared.formats.annotations.yolo.layouts.splits import NO_SPLIT, named
from shared.formats.annotations.yolo.ndjson.images import ImageFinder
from shared.formats.annotations.yolo.ndjson.lines import LineSplitter
from shared.formats.findings import Finding

Json: TypeAlias = Mapping[str, object]

MOST_FILES = 5
_SURE = 0.99
_NOT_NAMED = -2
_SHOWN_CHARACTERS = 200
_KEYPOINT_DIMS = (2, 3)


@dataclass(slots=True)
class _Found:
    """What a file says of the dataset and of its images; one byte for each member of the archive."""

    splits_of: "array[int]"
    header: Json | None = None
    problem: str = "is empty"
    splits: list[str] = field(default_factory=list)
    lines: int = 0
    images: int = 0
    largest_id: int = -1

    def split_number(self, split: object) -> int:
        """The number of a split by the name it has in the file; `NO_SPLIT` for no name."""
        name = normalise_split(split) if isinstance(split, str) and split.strip() else None
        if name is None or (name not in self.splits and len(self.splits) >= MAX_SPLITS):
            return NO_SPLIT
        if name not in self.splits:
            self.splits.append(name)
        return self.splits.index(name)


class NdjsonReader(AnnotationReader):
    """Reads the layout of a dataset that an `.ndjson` describes; does no I/O."""

    def __init__(self, survey: NameSurvey) -> None:
        self._survey = survey
        found = ((name.count("/"), name, index) for index, name in survey.named(survey.ending_in("ndjson")))
        self._files = [(index, name) for _, name, index in sorted(found) if survey.names.find(name) == index]
        self._files = self._files[:MOST_FILES]
        self._problems: list[str] = []
        self._found: _Found | None = None
        self._positions = array("i")

    def config_members(self) -> tuple[int, ...]:
        """The next file to look into, until one describes a dataset."""
        if self._found is not None and self._found.header is None:
            self._pass_over(self._found.problem)
        return () if self._found is not None or not self._files else (self._files[0][0],)

    def provide(self, index: int, data: bytes | None) -> None:
        """Note that the file cannot be read."""
        del data
        if not self._files or index != self._files[0][0]:
            raise KeyError(index)
        self._pass_over("cannot be read")

    def scan(self, index: int) -> Scan | None:
        """What takes the file."""
        if index != self._files[0][0]:
            raise KeyError(index)
        splits_of = array("b", bytes([_NOT_NAMED & 0xFF])) * len(self._survey.names)
        self._found = _Found(splits_of)
        return _FirstReading(self._found, self._finder())

    def layout(self, report: Report) -> DatasetLayout:
        """Where images lie. Raises `UnrecognisedDataset` where no file is such a one, and `BrokenConfig`."""
        found = self._found
        if found is None or found.header is None:
            problems = "; ".join(self._problems)
            raise UnrecognisedDataset(problems or "no .ndjson file")
        index, file = self._files[0]
        if not found.images:
            message = f"{file} names {found.lines} images, none of which is here; those given by `url` are not fetched"
            raise UnrecognisedDataset(message)
        categories = _categories(found, file)
        splits = in_order_of_precedence(found.splits)
        numbers = {number: splits.index(split) for number, split in enumerate(found.splits)}
        images, split_ids = self._images(found, numbers, report)
        task = found.header.get("task")
        return DatasetLayout(
            name="ndjson",
            reason=f"{file} is an NDJSON dataset{f' for {task}' if isinstance(task, str) else ''}"[:_SHOWN_CHARACTERS],
            confidence=_SURE,
            config_files=(file,),
            categories=categories,
            splits=splits,
            image_indexes=images,
            label_indexes=array("i", [NO_LABEL]) * len(images),
            split_ids=split_ids,
            keypoint_shape=_keypoint_shape(found.header),
            record_members=(index,),
            rows="ndjson",
        )

    def records(self, index: int, report: Report) -> Records:
        """What takes the file again, and reports what cannot be read of it."""
        if self._found is None or index != self._files[0][0]:
            raise KeyError(index)
        return _SecondReading(self._files[0][1], self._finder(), self._positions, report)

    def _images(self, found: _Found, numbers: Mapping[int, int], report: Report) -> tuple["array[int]", "array[int]"]:
        """The images that are named, with their splits; their positions are noted by member."""
        images, splits, unlisted = array("i"), array("b"), Counter[str]()
        self._positions = array("i", [-1]) * len(self._survey.names)
        for index, name in named(self._survey.names, self._survey.images):
            if found.splits_of[index] == _NOT_NAMED:
                unlisted[top_directory(name, "")] += 1
                continue
            self._positions[index] = len(images)
            images.append(index)
            splits.append(numbers.get(found.splits_of[index], NO_SPLIT))
        report_unlisted(unlisted, report)
        return images, splits

    def _finder(self) -> ImageFinder:
        return ImageFinder(self._survey.names, self._files[0][1])

    def _pass_over(self, problem: str) -> None:
        _, file = self._files.pop(0)
        self._problems.append(f"{file}: {problem}")
        self._found = None


@dataclass(slots=True)
class _FirstReading:
    """Notes the header, and which images are named."""

    found: _Found
    finder: ImageFinder
    lines: LineSplitter = field(default_factory=LineSplitter)
    _begun: bool = False

    def feed(self, data: bytes) -> None:
        """Take the next piece."""
        for _, line in self.lines.feed(data):
            self._take(line)

    def close(self) -> None:
        """Take what is left."""
        for _, line in self.lines.close():
            self._take(line)

    def _take(self, line: bytes | None) -> None:
        found = self.found
        if found.header is None and self._begun:
            return
        entry = parsed(line)
        if not self._begun:
            self._begun = True
            is_header = entry is not None and entry.get("type") == "dataset"
            found.header = entry if is_header else None
            found.problem = "its first line does not describe a dataset"
            return
        if entry is None or entry.get("type", "image") != "image":
            return
        found.lines += 1
        index = self.finder.find(entry)
        if index is None or found.splits_of[index] != _NOT_NAMED:
            return
        found.splits_of[index] = found.split_number(entry.get("split"))
        found.images += 1
        found.largest_id = max([found.largest_id, *_ids(entry.get("annotations"))])


@dataclass(slots=True)
class _SecondReading:
    """Gives what is said of each image, once."""

    file: str
    finder: ImageFinder
    positions: "array[int]"
    report: Report
    lines: LineSplitter = field(default_factory=LineSplitter)
    _begun: bool = False
    _seen: bytearray = field(init=False)

    def __post_init__(self) -> None:
        self._seen = bytearray(len(self.positions))

    def feed(self, data: bytes) -> list[Record]:
        """Take the next piece."""
        return [record for number, line in self.lines.feed(data) for record in self._records(number, line)]

    def close(self) -> list[Record]:
        """Take what is left."""
        return [record for number, line in self.lines.close() for record in self._records(number, line)]

    def _records(self, number: int, line: bytes | None) -> Iterator[Record]:
        if not self._begun:
            self._begun = True
            return
        entry = parsed(line)
        if entry is None or entry.get("type", "image") != "image":
            what = "is longer than is read" if line is None else "is not JSON about an image"
            self.report(Finding("NDJSON_LINE", self.file, f"the line {what}", number))
            return
        index = self.finder.find(entry)
        if index is None:
            self.report(Finding("PAIR_MISSING_IMAGE", self.file, _missing(entry), number))
        elif self._seen[index]:
            message = f"names {_shown(entry.get('file'))} again; what was said first is kept"
            self.report(Finding("NDJSON_LINE", self.file, message, number))
        else:
            self._seen[index] = 1
            said = entry.get("annotations")
            if said is not None and self.positions[index] >= 0:
                yield self.positions[index], json.dumps({"line": number, "annotations": said}).encode()


def parsed(line: bytes | None) -> Json | None:
    """The object in a line; None where there is none."""
    try:
        entry = read_json(line) if line is not None else None
    except (ValueError, RecursionError):
        return None
    return cast("Json", entry) if isinstance(entry, dict) else None


def _missing(entry: Json) -> str:
    remote = "; it is given by `url` alone, which is not fetched" if isinstance(entry.get("url"), str) else ""
    return f"names no image here: {_shown(entry.get('file'))}{remote}"


def _shown(value: object) -> str:
    text = value if isinstance(value, str) else "nothing"
    return text[:_SHOWN_CHARACTERS].encode("utf-8", "replace").decode()


def _ids(annotations: object) -> Iterator[int]:
    """The category ids of an image's rows that are not taken for mistakes."""
    for rows in annotations.values() if isinstance(annotations, dict) else ():
        for row in rows if isinstance(rows, list) else ():
            number = row[0] if isinstance(row, list) and row else row
            if isinstance(number, int | float) and 0 <= number <= LARGEST_LEARNT_ID and number == int(number):
                yield int(number)


def _categories(found: _Found, file: str) -> tuple[Category, ...]:
    """Those of the header; without it as many as the largest id wants. Raises `BrokenConfig`."""
    given = (found.header or {}).get("class_names")
    pairs = enumerate(given) if isinstance(given, list) else given.items() if isinstance(given, dict) else ()
    by_id: dict[int, str] = {}
    for key, name in pairs:
        text = str(key)
        if not (text.isascii() and text.isdigit() and len(text) <= len(str(MAX_CATEGORIES))):
            raise BrokenConfig(file, "line 1: `class_names` maps ids, counted from 0, to names")
        if int(text) >= MAX_CATEGORIES or not isinstance(name, str):
            raise BrokenConfig(file, f"line 1: a name is no text, or its id more than {MAX_CATEGORIES - 1}")
        by_id[int(text)] = name.encode("utf-8", "replace").decode()
        check_name(name, int(text), file, 1)
    return complete_names({number: name for number, name in by_id.items() if name.strip()}, _count(by_id, found))


def _count(by_id: Mapping[int, str], found: _Found) -> int:
    return max(by_id) + 1 if by_id else found.largest_id + 1


def _keypoint_shape(header: Json) -> tuple[int, int] | None:
    shape = header.get("kpt_shape")
    if not (isinstance(shape, list) and len(shape) == 2 and all(type(one) is int for one in shape)):
        return None
    count, dims = shape
    return (count, dims) if 0 < count < MAX_CATEGORIES and dims in _KEYPOINT_DIMS else None
