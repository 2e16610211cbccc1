"""The first reading of a table: what its columns are, which images and categories it names, in which units."""

from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field

from shared.formats.annotations.image_names import ImageNames
from shared.formats.annotations.naming_limits import MAX_CATEGORIES, MAX_NAME_CHARACTERS
from shared.formats.annotations.pixel_boxes import TOLERANCE
from shared.formats.annotations.split_ids import NO_SPLIT, SplitIds
from shared.formats.annotations.splits import normalise_split
from shared.formats.annotations.tables.columns import Columns, read_header, without_header
from shared.formats.annotations.tables.rows import Row, TableRows

_BINARY = frozenset(("0", "1", "0.0", "1.0", "0.", "1."))
_MOST_FLAGS = 2_000
_FEWEST_FLAGS = 2
_HOPELESS = 100_000
"""Rows in a row that name no image, after which a table that named none is of something else."""


@dataclass(slots=True)
class Listing:
    """What the tables of a dataset say of its images, by their position: whether they are listed, and their split."""

    listed: bytearray
    ids: "array[int]"
    splits: SplitIds = field(default_factory=SplitIds)

    def give(self, position: int, split: str | None, *, authoritative: bool) -> None:
        """Note that an image is listed; the first split that is said of it counts."""
        if self.ids[position] == NO_SPLIT and split:
            self.ids[position] = self.splits.number(split)
        self.listed[position] = max(self.listed[position], 2 if authoritative else 1)


@dataclass(slots=True)
class TableScan:
    """Takes one table, and knows afterwards what to make of it. What it holds is bounded by the categories."""

    images: ImageNames
    listing: Listing
    split: str | None
    columns: Columns | None = None
    found: int = 0
    missing: int = 0
    largest: float = 0.0
    names: dict[str, str] = field(default_factory=dict)
    contradicts: bool = False
    flags: dict[int, str] = field(default_factory=dict)
    _rows: TableRows = field(default_factory=TableRows)
    _begun: bool = False

    @property
    def is_useful(self) -> bool:
        """Whether the table says something of images that are here."""
        return self.columns is not None and self.found > 0 and (self.columns.says_something or bool(self.flags))

    @property
    def has_plain_labels(self) -> bool:
        """Whether rows label whole images by one column, of names or of ids."""
        columns = self.columns
        if columns is None or columns.shape or columns.is_ours or "type" in columns.roles:
            return False
        return len({"category", "category_id"} & columns.roles.keys()) == 1

    @property
    def in_pixels(self) -> bool:
        """Whether boxes are in pixels: any value of the file is greater than a share may be."""
        return self.largest > 1 + TOLERANCE

    def feed(self, data: bytes) -> None:
        """Take the next piece."""
        if self._wants_more():
            for row in self._rows.feed(data):
                self._take(row)

    def close(self) -> None:
        """Note that this was all."""
        if self._wants_more():
            for row in self._rows.close():
                self._take(row)
        if len(self.flags) < _FEWEST_FLAGS or (self.columns and self.columns.says_something):
            self.flags = {}

    def _wants_more(self) -> bool:
        hopeless = not self.found and self.missing > _HOPELESS
        return not hopeless and (not self._begun or self.columns is not None)

    def _take(self, row: Row) -> None:
        if row.rule:
            return
        if not self._begun:
            self._begin(row.cells)
            if self.columns is None or self.columns.has_header:
                return
        if self.columns is not None and len(row.cells) == self.columns.count:
            self._read(row.cells, self.columns)

    def _begin(self, cells: Sequence[str]) -> None:
        self._begun = True
        self.columns = read_header(cells)
        if self.columns is None and cells and self.images.find(cells[0].strip()) is not None:
            self.columns = without_header(cells)
        if self.columns is not None and not self.columns.says_something:
            self.flags = dict(list(self.columns.others.items())[:_MOST_FLAGS])
            self.columns = self.columns if len(self.flags) >= _FEWEST_FLAGS else None

    def _read(self, cells: Sequence[str], columns: Columns) -> None:
        said = columns.cell(cells, "image")
        self._note_category(columns.cell(cells, "category"), columns.cell(cells, "category_id"))
        position = self.images.find(said) if said else None
        if position is None:
            self.missing += bool(said)
            return
        self.found += 1
        has_column = "split" in columns.roles
        split = normalise_split(columns.cell(cells, "split")) if has_column else self.split
        self.listing.give(position, split, authoritative=has_column)
        self._note_box(cells, columns)
        if self.flags:
            self.flags = {at: name for at, name in self.flags.items() if cells[at].strip() in _BINARY}

    def _note_category(self, name: str, number: str) -> None:
        key = name or number
        if not key or len(key) > MAX_NAME_CHARACTERS or len(number) > MAX_NAME_CHARACTERS:
            return
        if key not in self.names and len(self.names) < MAX_CATEGORIES:
            self.names[key] = number
        elif self.names.get(key) != number:
            self.contradicts = True

    def _note_box(self, cells: Sequence[str], columns: Columns) -> None:
        for text in box_texts(cells, columns):
            try:
                value = abs(float(text))
            except ValueError:
                continue
            if self.largest < value < float("inf"):
                self.largest = value


def box_texts(cells: Sequence[str], columns: Columns) -> list[str]:
    """The four numbers of a row's box as they are written, or whatever is there instead."""
    if columns.shape == "bbox":
        inner = cells[columns.box[0]].strip().strip("[](){}").replace(",", " ").replace(";", " ")
        return inner.split(None, 5)
    return [cells[at].strip() for at in columns.box]


def table_split(file: str) -> str | None:
    """The split that a table is called after, as `train.csv` and `test_labels.csv` are."""
    stem = file[file.rfind("/") + 1 :].rpartition(".")[0]
    for part in (stem, stem.replace("-", "_").partition("_")[0]):
        if (split := normalise_split(part)) in ("train", "val", "test"):
            return split
    return None
