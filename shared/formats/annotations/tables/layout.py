"""Datasets whose labels are in tables: each is read twice, first to learn what it is, then row by row."""

from array import array
from collections import Counter
from collections.abc import Iterable
from itertools import islice

from shared.formats.annotations.image_names import ImageNames
from shared.formats.annotations.member_names import directory_of
from shared.formats.annotations.model import (
    AnnotationReader,
    Category,
    DatasetLayout,
    Records,
    Report,
    Scan,
    UnrecognisedDataset,
)
from shared.formats.annotations.naming_limits import MAX_CATEGORIES
from shared.formats.annotations.split_ids import NO_SPLIT, FolderSplits
from shared.formats.annotations.survey import NameSurvey
from shared.formats.annotations.tables.records import ONLY_CATEGORY, Table, TableRecords
from shared.formats.annotations.tables.scan import Listing, TableScan, table_split
from shared.formats.annotations.tables.several_labels import Separation, separation_of
from shared.formats.annotations.text_lines import is_undecoded, text_lines
from shared.formats.annotations.yolo.layouts.paths import bases_of
from shared.formats.findings import Finding

_ENDINGS = ("csv", "tsv")
_MOST_TABLES = 50
_NOWHERE = -1
_SHOWN = 10
_AUTHORITATIVE = 2
_EXAMPLES = "submission"
_CLASS_FILES = ("classes.txt", "labels.txt", "class_names.txt", "categories.txt")


class CsvReader(AnnotationReader):
    """Reads the layout of a dataset with tables; see `AnnotationReader` for the conversation."""

    def __init__(self, survey: NameSurvey) -> None:
        self._survey = survey
        self._wanted: list[int] | None = None
        self._scans: dict[int, TableScan] = {}
        self._listing: Listing | None = None
        self._positions = array("i")
        self._numbers: dict[str, int] = {}
        self._class_file: int | None = None
        self._listed: tuple[str, ...] = ()
        self._separation = Separation()

    def config_members(self) -> tuple[int, ...]:
        """The tables, nearest to the root first."""
        if self._wanted is None:
            self._begin()
        return tuple(self._wanted or ())

    def provide(self, index: int, data: bytes | None) -> None:
        """Take a table at once, or note that it cannot be read; or the list of classes."""
        if index == self._class_file:
            self._wanted = [one for one in self._wanted or () if one != index]
            self._listed = _listed(data or b"")
            return
        if index not in self._scans:
            raise KeyError(index)
        if self._wanted and index in self._wanted:
            self._wanted.remove(index)
        if data is None:
            del self._scans[index]
        else:
            self._scans[index].feed(data)
            self._scans[index].close()

    def scan(self, index: int) -> Scan | None:
        """What takes a table in pieces."""
        if self._wanted and index in self._wanted and index in self._scans:
            self._wanted.remove(index)
        return self._scans.get(index)

    def layout(self, report: Report) -> DatasetLayout:
        """The dataset's layout. Raises `UnrecognisedDataset`."""
        useful = {index: scan for index, scan in self._scans.items() if scan.is_useful}
        if not useful or self._listing is None:
            raise UnrecognisedDataset(self._why_not())
        self._separate(useful.values())
        categories = _categories(useful.values())
        self._numbers = {one.name: one.id for one in categories}
        self._report_columns(useful, report)
        return self._result(useful, categories, self._listing, report)

    def records(self, index: int, report: Report) -> Records:
        """The second reading of a table."""
        members = [one for one, scan in self._scans.items() if scan.is_useful]
        name, scan = self._survey.names.name(index), self._scans[index]
        table = Table(members.index(index), name, scan, self._numbers, self._separation)
        return TableRecords(table, self._positions, report)

    def _begin(self) -> None:
        found = []
        for ending in _ENDINGS:
            found += [
                (name.count("/"), name, index) for index, name in self._survey.named(self._survey.ending_in(ending))
            ]
        tables = [index for _, name, index in sorted(found)[:_MOST_TABLES] if _EXAMPLES not in name.lower()]
        count = len(self._survey.images) if tables else 0
        self._wanted = tables if count else []
        if not self._wanted:
            return
        self._listing = Listing(bytearray(count), array("b", [NO_SPLIT]) * count)
        shared: dict[str, ImageNames] = {}
        for index in self._wanted:
            name = self._survey.names.name(index)
            folder = directory_of(name)
            images = shared.setdefault(folder, ImageNames(self._survey, bases_of(folder)))
            self._scans[index] = TableScan(images, self._listing, table_split(name))
        self._class_file = self._find_class_file()
        self._wanted += [self._class_file] if self._class_file is not None else []

    def _find_class_file(self) -> int | None:
        """The list of classes nearest to the root; it tells whether a cell holds several."""
        texts = self._survey.named(self._survey.ending_in("txt"))
        found = [(name.count("/"), name, index) for index, name in texts if _base(name) in _CLASS_FILES]
        return min(found)[2] if found else None

    def _separate(self, scans: Iterable[TableScan]) -> None:
        """Take cells apart that hold several labels each; of a box there is one, and ids belong to whole names."""
        scans = [scan for scan in scans if scan.has_plain_labels]
        self._separation = separation_of(dict.fromkeys(name for scan in scans for name in scan.names), self._listed)
        for scan in scans if self._separation.separator else ():
            names = dict.fromkeys(label for cell in scan.names for label in self._separation.labels(cell))
            scan.names = dict.fromkeys(names, "")

    def _why_not(self) -> str:
        if not self._scans:
            return "no .csv or .tsv file beside images"
        index, scan = next(iter(self._scans.items()))
        name = self._survey.names.name(index)
        if scan.columns is None:
            return f"{name} has no column that names images with another that names their label or box"
        return f"{name} has columns of images and labels, but names none of the images that are here"

    def _report_columns(self, useful: dict[int, TableScan], report: Report) -> None:
        for index, scan in useful.items():
            columns = scan.columns
            unread = [name for at, name in columns.others.items() if at not in scan.flags] if columns else []
            if unread:
                shown = ", ".join(name[:40] for name in unread[:_SHOWN]) + (", …" if len(unread) > _SHOWN else "")
                message = f"{len(unread)} columns are not read: {shown}"
                report(Finding("CSV_COLUMNS", self._survey.names.name(index), message, 1))

    def _result(
        self, useful: dict[int, TableScan], categories: tuple[Category, ...], listing: Listing, report: Report
    ) -> DatasetLayout:
        images, ids = self._images(listing, report)
        splits, settled = listing.splits.settle(ids)
        used = self._class_file if self._separation.reason and self._listed else None
        rows, missing = sum(scan.found for scan in useful.values()), sum(scan.missing for scan in useful.values())
        named = f"{rows} rows name images that are here, {missing} others"
        said = (_described(useful.values()), self._separation.reason, named)
        return DatasetLayout(
            name="csv",
            reason="; ".join(filter(None, said)),
            confidence=0.9 if rows > missing else 0.6,
            config_files=() if used is None else (self._survey.names.name(used),),
            categories=categories,
            splits=splits,
            image_indexes=images,
            label_indexes=array("i", [-1]) * len(images),
            split_ids=settled,
            format="csv",
            record_members=tuple(useful),
        )

    def _images(self, listing: Listing, report: Report) -> "tuple[array[int], array[int]]":
        """The images and their splits: those that are listed, and those beside them or in the folder of a split."""
        images, ids, folders = array("i"), array("b"), FolderSplits()
        beside = self._listed_directories(listing)
        left_out: Counter[str] = Counter()
        self._positions = array("i", [_NOWHERE]) * len(self._survey.images)
        for at, (index, name) in enumerate(self._survey.named(self._survey.images)):
            directory = directory_of(name)
            split = folders.of(directory)
            if not listing.listed[at] and split is None and directory not in beside:
                left_out[directory] += 1
                continue
            self._positions[at] = len(images)
            images.append(index)
            says_folder = split is not None and listing.listed[at] != _AUTHORITATIVE
            ids.append(listing.splits.number(split) if says_folder else listing.ids[at])
        for directory, count in sorted(left_out.items()):
            report(Finding("PAIR_UNLISTED_IMAGE", directory or ".", f"{count} images are in no table and left out"))
        return images, ids

    def _listed_directories(self, listing: Listing) -> set[str]:
        names = self._survey.named(self._survey.images)
        return {directory_of(name) for at, (_, name) in enumerate(names) if listing.listed[at]}


def _base(name: str) -> str:
    return name[name.rfind("/") + 1 :].lower()


def _listed(data: bytes) -> tuple[str, ...]:
    """The classes that a file lists, a line each."""
    lines = islice(text_lines(data), MAX_CATEGORIES)
    return tuple(name for _, line in lines if not is_undecoded(line) and (name := line.strip()))


def _described(scans: Iterable[TableScan]) -> str:
    """How the first table gives its labels, in words."""
    scan = next(iter(scans))
    shape = scan.columns.shape if scan.columns else ""
    if not shape:
        return "a table labels whole images" + (" by a column for each category" if scan.flags else "")
    words = {"corners": "two corners", "corner_and_size": "corner and size", "centre": "centre and size"}
    unit = "pixels" if scan.in_pixels else "shares of the image's sides"
    return f"a table gives boxes by {words.get(shape, 'a text of corner and size')}, in {unit}"


def _categories(scans: Iterable[TableScan]) -> tuple[Category, ...]:
    """The categories of all tables: by their ids where each name has one of its own, else by name."""
    scans = list(scans)
    flags = dict.fromkeys(name for scan in scans for name in scan.flags.values())
    names: dict[str, str] = {}
    contradicts = any(scan.contradicts for scan in scans)
    for scan in scans:
        for name, number in scan.names.items():
            contradicts = contradicts or names.setdefault(name, number) != number
    if any(scan.columns is not None and scan.columns.names_no_category for scan in scans):
        names.setdefault(ONLY_CATEGORY, "")
    ordered = _ordered(names, by_number=not contradicts and _are_numbers(names.values()))
    if not contradicts and all(scan.columns and scan.columns.is_ours for scan in scans) and (ours := _filled(names)):
        return ours
    ids = {name: number for name, number in names.items() if number not in ("", name)} if not contradicts else {}
    every = [*flags, *(name for name in ordered if name not in flags)][:MAX_CATEGORIES]
    return tuple(Category(at, name, source_id=_source_id(ids.get(name), at)) for at, name in enumerate(every))


def _source_id(number: str | None, at: int) -> str | None:
    return None if number is None or number == str(at) else number


def _are_numbers(numbers: Iterable[str]) -> bool:
    numbers = list(numbers)
    return all(map(_is_id, numbers)) and len(set(numbers)) == len(numbers)


def _is_id(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 10


def _ordered(names: dict[str, str], *, by_number: bool) -> list[str]:
    if by_number:
        return sorted(names, key=lambda name: int(names[name]))
    if all(map(_is_id, names)):
        return sorted(names, key=lambda name: (int(name), name))
    return sorted(names)


def _filled(names: dict[str, str]) -> tuple[Category, ...]:
    """The categories by the ids they had, as our own exports write them; one that no row names is called by its id."""
    if not _are_numbers(names.values()):
        return ()
    by_id = {int(number): name for name, number in names.items()}
    if max(by_id) >= MAX_CATEGORIES:
        return ()
    return tuple(Category(number, by_id.get(number, f"class_{number}")) for number in range(max(by_id) + 1))
