"""Archives as the names of their members, and what the reader of YOLO layouts makes of them."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from shared.formats.annotations.model import AnnotationReader, DatasetLayout
from shared.formats.annotations.registry import DatasetReader
from shared.formats.annotations.yolo.layouts.described import YoloReader
from shared.formats.findings import Finding
from shared.formats.rules import RULES

ULTRALYTICS = "names: [a]\npath: .\ntrain: images/train\nval: images/val\n"
FOUR = ("images/train/a.jpg", "images/val/b.PNG", "labels/train/a.txt", "labels/val/b.txt")


class ListedNames:
    """A name table over a list; of two members with one name the first is found."""

    def __init__(self, names: list[str]) -> None:
        self._names = names
        self._index = {name: index for index, name in reversed(list(enumerate(names)))}

    def __len__(self) -> int:
        return len(self._names)

    def name(self, index: int, /) -> str:
        return self._names[index]

    def each_name(self) -> Iterator[str]:
        return iter(self._names)

    def find(self, name: str, /) -> int | None:
        return self._index.get(name)


def archive(*names: str, **texts: str) -> dict[str, bytes | None]:
    """Members by name: empty ones, and those with a text."""
    return {**dict.fromkeys(names, b""), **{name: text.encode() for name, text in texts.items()}}


def read(members: Mapping[str, bytes | None]) -> tuple[DatasetLayout, list[Finding]]:
    """The layout of these members and what was found; a member without content cannot be read."""
    names = ListedNames(list(members))
    reader: AnnotationReader = YoloReader(names)
    while wanted := reader.config_members():
        for index in wanted:
            reader.provide(index, members[names.name(index)])
    findings: list[Finding] = []
    layout = reader.layout(findings.append)
    assert all(finding.rule in RULES for finding in findings)
    assert len(layout.image_indexes) == len(layout.label_indexes) == len(layout.split_ids)
    assert list(layout.image_indexes) == sorted(set(layout.image_indexes))
    return layout, findings


def pairs(members: Mapping[str, bytes | None], layout: DatasetLayout) -> dict[str, tuple[str | None, str | None]]:
    """Image name → (split, label name)."""
    names = list(members)
    rows = zip(layout.image_indexes, layout.split_ids, layout.label_indexes, strict=True)
    splits = dict(enumerate(layout.splits)) | {-1: None}
    return {names[image]: (splits[split], None if label < 0 else names[label]) for image, split, label in rows}


def said(findings: list[Finding]) -> list[tuple[str, str, int | None]]:
    """Rule, file and line of each finding."""
    return [(finding.rule, finding.file, finding.line) for finding in findings]


def with_yaml(text: str, *names: str, at: str = "data.yaml") -> dict[str, bytes | None]:
    """A description, and empty members of these names."""
    return {at: text.encode(), **dict.fromkeys(names, b"")}


def recognised(
    members: Mapping[str, bytes | None], format_name: str = "auto", root: str | None = None
) -> tuple[DatasetReader, DatasetLayout, list[Finding]]:
    """What the readers of all formats make of these members: the one that fits, the layout, what was found."""
    names = ListedNames(list(members))
    reader = DatasetReader(names, format_name, root)
    while wanted := reader.config_members():
        for index in wanted:
            _give(reader, index, members[names.name(index)])
    findings: list[Finding] = []
    layout = reader.layout(findings.append)
    if layout.names_in_labels:
        contents = [members[names.name(index)] or b"" for index in layout.label_indexes if index >= 0]
        layout = replace(
            layout, categories=reader.categories({one for data in contents for one in reader.names_in(data)})
        )
    assert all(finding.rule in RULES for finding in findings)
    assert len(layout.image_indexes) == len(layout.label_indexes) == len(layout.split_ids)
    return reader, layout, findings


def _give(reader: DatasetReader, index: int, data: bytes | None) -> None:
    scan = reader.scan(index)
    if scan is None or data is None:
        reader.provide(index, data)
        return
    for at in range(0, len(data), 7):
        scan.feed(data[at : at + 7])
    scan.close()


def names_of(layout: DatasetLayout) -> list[str]:
    """The names of its categories, by id."""
    return [category.name for category in layout.categories]
