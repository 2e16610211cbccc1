"""Archives as bytes by name, read as an import reads them: layout, findings, and what is said of each image."""

from collections.abc import Mapping
from dataclasses import dataclass

from shared.formats.annotations.model import DatasetLayout, ImageSize, LabelContext, LabelRows, RowLimits
from shared.formats.annotations.registry import DatasetReader, label_reader
from shared.formats.findings import Finding
from shared.formats.rules import RULES
from tests.factories.yolo_listings import ListedNames


@dataclass
class Read:
    """What was read of an archive; `findings` are of the layout and of the labels."""

    layout: DatasetLayout
    findings: list[Finding]
    images: dict[str, LabelRows]

    @property
    def said(self) -> list[tuple[str, str, int | None, int | None]]:
        """Rule, file, line and column of each finding."""
        return [(one.rule, one.file, one.line, one.column) for one in self.findings]

    @property
    def splits(self) -> dict[str, str | None]:
        """The split of each image."""
        numbers = zip(self.images, self.layout.split_ids, strict=True)
        return {name: self.layout.splits[number] if number >= 0 else None for name, number in numbers}

    @property
    def categories(self) -> list[str]:
        """Their names by id."""
        assert [one.id for one in self.layout.categories] == list(range(len(self.layout.categories)))
        return [one.name for one in self.layout.categories]


def read_archive(
    members: Mapping[str, bytes], *, format_name: str = "auto", size: ImageSize | None = (100, 80), piece: int = 7
) -> Read:
    """The dataset in these members. Large files come in pieces of `piece` bytes; each image has that `size`."""
    names = ListedNames(list(members))
    reader = DatasetReader(names, format_name)
    while wanted := reader.config_members():
        for index in wanted:
            data = members[names.name(index)]
            if (scan := reader.scan(index)) is None:
                reader.provide(index, data)
                continue
            for start in range(0, len(data), piece):
                scan.feed(data[start : start + piece])
            scan.close()
    findings: list[Finding] = []
    layout = reader.layout(findings.append)
    assert len(layout.image_indexes) == len(layout.label_indexes) == len(layout.split_ids)
    assert list(layout.image_indexes) == sorted(set(layout.image_indexes))
    images = _images(members, names, reader, layout, findings, size, piece)
    assert all(finding.rule in RULES for finding in findings)
    return Read(layout, findings, images)


def _images(members, names, reader, layout, findings, size, piece) -> dict[str, LabelRows]:
    lines: dict[int, list[bytes]] = {}
    for index in layout.record_members:
        records = reader.records(index, findings.append)
        data = members[names.name(index)]
        found = [one for start in range(0, len(data), piece) for one in records.feed(data[start : start + piece])]
        for position, line in [*found, *records.close()]:
            assert b"\n" not in line
            lines.setdefault(position, []).append(line)
    files = [names.name(index) for index in layout.record_members]
    ids = {category.name: category.id for category in layout.categories}
    context = LabelContext(len(ids), RowLimits(), ids, "auto", layout.keypoint_shape, files)
    labels = label_reader(layout.format, context)
    images = {}
    for position, index in enumerate(layout.image_indexes):
        data = b"\n".join(lines.get(position, []))
        rows = labels.read(data, file=names.name(index), size=size, report=findings.append)
        assert rows.rows_read == len(rows.annotations) + rows.rows_left_out
        images[names.name(index)] = rows
    return images
