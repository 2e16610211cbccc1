"""An import without database and bytes of images: what a dataset's files say, as shards would read it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from shared.formats.annotations.model import (
    WHOLE_IMAGE,
    Annotation,
    DatasetLayout,
    ImageSize,
    LabelContext,
    LabelRows,
    RowLimits,
)
from shared.formats.annotations.registry import DatasetReader, label_reader
from shared.formats.findings import Finding
from shared.formats.rules import RULES
from tests.factories.yolo_listings import ListedNames

SIZE = (100, 50)
_NOTHING = LabelRows([], 0, 0)


@dataclass
class Imported:
    """What came of it: each image with its split and what is said of it, and all findings."""

    layout: DatasetLayout
    splits: dict[str, str | None] = field(default_factory=dict)
    rows: dict[str, LabelRows] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)

    @property
    def names(self) -> list[str]:
        """The categories, by their ids."""
        assert [one.id for one in self.layout.categories] == list(range(len(self.layout.categories)))
        return [one.name for one in self.layout.categories]

    @property
    def boxes(self) -> dict[str, list[tuple[object, ...]]]:
        """Of each image the categories and boxes, the latter for people: in digits that can be compared."""
        return {
            image: [(self.names[one.category_id], *(round(value, 6) for value in one.bbox)) for one in rows.annotations]
            for image, rows in self.rows.items()
        }

    @property
    def labels(self) -> dict[str, list[str]]:
        """Of each image the categories."""
        return {image: [self.names[one.category_id] for one in rows.annotations] for image, rows in self.rows.items()}

    def found(self, *, but: tuple[str, ...] = ()) -> list[tuple[str, str, int | None, int | None]]:
        """Rule and place of each finding."""
        return [(one.rule, one.file, one.line, one.column) for one in self.findings if not one.rule.startswith(but)]

    def one(self, rule: str) -> Finding:
        """The only finding of a rule."""
        (found,) = [one for one in self.findings if one.rule == rule]
        return found


def pure_import(
    members: Mapping[str, bytes | str],
    *,
    size: ImageSize | None = SIZE,
    format_name: str = "auto",
    piece: int = 1 << 20,
    limits: RowLimits | None = None,
) -> Imported:
    """Import the members. Raises what `DatasetReader.layout` raises."""
    contents = {name: data.encode() if isinstance(data, str) else data for name, data in members.items()}
    names = ListedNames(list(contents))
    reader = DatasetReader(names, format_name)
    _provide(reader, names, contents, piece)
    findings: list[Finding] = []
    result = Imported(reader.layout(findings.append), findings=findings)
    if result.layout.names_in_labels:
        texts = (contents[names.name(index)] for index in set(result.layout.label_indexes) if index >= 0)
        said = {name for text in texts for name in reader.names_in(text)}
        result.layout = replace(result.layout, categories=reader.categories(said))
    _read(result, reader, names, contents, (size, piece, limits or RowLimits()))
    assert all(one.rule in RULES and len(one.message) < 1000 for one in findings)
    return result


def _provide(reader: DatasetReader, names: ListedNames, contents: Mapping[str, bytes], piece: int) -> None:
    rounds = 0
    while wanted := reader.config_members():
        rounds += 1
        assert rounds < 1000
        for index in wanted:
            scan, data = reader.scan(index), contents[names.name(index)]
            if scan is None:
                reader.provide(index, data)
                continue
            for part in _pieces(data, piece):
                scan.feed(part)
            scan.close()


def _read(
    result: Imported,
    reader: DatasetReader,
    names: ListedNames,
    contents: Mapping[str, bytes],
    how: tuple[ImageSize | None, int, RowLimits],
) -> None:
    layout, (size, piece, limits) = result.layout, how
    assert len(layout.image_indexes) == len(layout.label_indexes) == len(layout.split_ids)
    assert list(layout.image_indexes) == sorted(set(layout.image_indexes))
    records = _records(result, reader, names, contents, piece)
    context = LabelContext(
        category_count=len(layout.categories),
        limits=limits,
        category_ids={one.name: one.id for one in layout.categories} if layout.names_in_labels else {},
        files=[names.name(index) for index in layout.record_members],
        rows=layout.rows,
    )
    labels = label_reader(layout.format, context)
    for position, index in enumerate(layout.image_indexes):
        image, label = names.name(index), layout.label_indexes[position]
        split = layout.split_ids[position]
        result.splits[image] = layout.splits[split] if split >= 0 else None
        data = contents[names.name(label)] if label >= 0 else records.get(position)
        rows = _NOTHING
        if layout.category_ids is not None and layout.category_ids[position] >= 0:
            rows = LabelRows([Annotation(layout.category_ids[position], "label", WHOLE_IMAGE)], 1, 0)
        elif data is not None:
            file = names.name(label) if label >= 0 else image
            rows = labels.read(data, file=file, size=size, report=result.findings.append)
        assert rows.rows_read == len(rows.annotations) + rows.rows_left_out
        result.rows[image] = rows


def _records(
    result: Imported, reader: DatasetReader, names: ListedNames, contents: Mapping[str, bytes], piece: int
) -> dict[int, bytes]:
    found: dict[int, list[bytes]] = {}
    for index in result.layout.record_members:
        records = reader.records(index, result.findings.append)
        parts = [records.feed(part) for part in _pieces(contents[names.name(index)], piece)]
        for position, line in (one for part in [*parts, records.close()] for one in part):
            assert b"\n" not in line
            assert b"\r" not in line
            found.setdefault(position, []).append(line)
    return {position: b"\n".join(lines) for position, lines in found.items()}


def _pieces(data: bytes, piece: int) -> Iterator[bytes]:
    return (data[at : at + piece] for at in range(0, len(data), piece))
