"""The second reading of a table: each row goes to its image, as a record for the label reader."""

import json
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from shared.formats.annotations.model import Record, Report
from shared.formats.annotations.tables.columns import Columns
from shared.formats.annotations.tables.rows import Row, TableRows
from shared.formats.annotations.tables.scan import TableScan, box_texts
from shared.formats.annotations.tables.several_labels import Separation
from shared.formats.findings import Finding

ONLY_CATEGORY = "object"
"""What the category of a table of boxes is called that names none."""

_NOWHERE = -1
_SHOWN = 100
_OURS = ("type", "points", "keypoints", "attributes", "image_attributes")


@dataclass(frozen=True, slots=True)
class Table:
    """A table that was looked through: its place among the dataset's, and what was learnt. `numbers` by category.

    `separation` says how a cell holds several labels.
    """

    place: int
    file: str
    scan: TableScan
    numbers: dict[str, int]
    separation: Separation = field(default_factory=Separation)

    @property
    def columns(self) -> Columns:
        """Its columns, which are known by now."""
        if self.scan.columns is None:
            raise RuntimeError("a table without columns has no records")
        return self.scan.columns


@dataclass(slots=True)
class TableRecords:
    """Gives the records of one table. `positions` are places in the layout, by those among all images."""

    table: Table
    positions: "array[int]"
    report: Report
    _rows: TableRows = field(default_factory=TableRows)
    _begun: bool = False

    def feed(self, data: bytes) -> list[Record]:
        """Take the next piece; the records that are complete by now."""
        return [record for row in self._rows.feed(data) for record in self._records(row)]

    def close(self) -> list[Record]:
        """Note that this was all; the records that are left."""
        return [record for row in self._rows.close() for record in self._records(row)]

    def _records(self, row: Row) -> Iterator[Record]:
        is_header = not row.rule and not self._begun and self.table.columns.has_header
        self._begun = self._begun or not row.rule
        if is_header:
            return
        if row.rule:
            self._say(row.rule, row.reason, row.line)
        elif len(row.cells) != self.table.columns.count:
            message = f"the row has {len(row.cells)} columns, the table {self.table.columns.count}"
            self._say("CSV_ROW", message, row.line)
        elif (position := self._position(row)) is not None:
            yield from ((position, record) for record in self._said(row))

    def _position(self, row: Row) -> int | None:
        columns = self.table.columns
        said = columns.cell(row.cells, "image")
        if not said:
            if not (columns.is_ours and columns.cell(row.cells, "category")):  # which names a category that is unused
                self._say("CSV_ROW", "the row names no image", row.line, columns.roles["image"])
            return None
        found = self.table.scan.images.find(said)
        if found is None or self.positions[found] == _NOWHERE:
            self._say("PAIR_MISSING_IMAGE", f"names no image here: {said[:_SHOWN]}", row.line)
            return None
        return self.positions[found]

    def _said(self, row: Row) -> Iterator[bytes]:
        """What the row says: a record for each annotation, or none."""
        table, cells = self.table, row.cells
        if table.scan.flags:
            for at, name in table.scan.flags.items():
                if float(cells[at] or 0):
                    yield self._record(row, table.numbers[name], "", [])
            return
        texts = box_texts(cells, table.columns)
        has_box = any(text and text.lower() not in ("nan", "none", "null") for text in texts)
        if table.columns.shape and not has_box and table.columns.cell(cells, "type") != "label":
            if table.columns.cell(cells, "image_attributes"):
                yield self._record(row, None, "", [])
            return
        for name in self._names(cells):
            if name not in table.numbers:
                self._say("ROW_CLASS_UNKNOWN", f"{name[:_SHOWN] or 'nothing'} is no category", row.line)
                continue
            yield self._record(row, table.numbers[name], table.columns.shape if has_box else "", texts)

    def _names(self, cells: Sequence[str]) -> list[str]:
        """The categories of a row. A row of a box has one; without a column for it, the only one there is."""
        columns = self.table.columns
        name = columns.cell(cells, "category") or columns.cell(cells, "category_id")
        if columns.names_no_category:
            return [ONLY_CATEGORY]
        if columns.shape:
            return [name]
        return self.table.separation.labels(name) if self.table.scan.has_plain_labels else [name] if name else []

    def _record(self, row: Row, category: int | None, shape: str, texts: Sequence[str]) -> bytes:
        columns, cells = self.table.columns, row.cells
        record: list[object] = [self.table.place, row.line, category, shape, list(texts) if shape else []]
        if shape:
            record += [self.table.scan.in_pixels, columns.cell(cells, "width"), columns.cell(cells, "height")]
        if columns.is_ours:
            record += [None] * (8 - len(record)) + [columns.cell(cells, role) for role in _OURS]
        return json.dumps(record, separators=(",", ":")).encode()

    def _say(self, rule: str, message: str, line: int, column: int | None = None) -> None:
        self.report(Finding(rule, self.table.file, message, line, None if column is None else column + 1))
