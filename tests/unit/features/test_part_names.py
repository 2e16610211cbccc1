"""Where the names of images and labels go that come in archives of their own."""

from collections.abc import Sequence

import pytest

from shared.features.imports.models import PartName
from shared.features.imports.sources.opening import _place
from shared.formats.archives.directory import ArchiveDirectory
from shared.formats.archives.entry import ArchiveEntry, EntryKind


def placed(name: PartName, members: Sequence[str]) -> list[str]:
    directory = ArchiveDirectory(lambda _: None, header_bytes=0)
    for number, member in enumerate(members):
        directory.add(ArchiveEntry(member, number * 10, 10, 10, 0, None, EntryKind.FILE))
    directory.seal(10 * len(members))
    part = _place(name, directory, 0)
    return [part.outer(member) for member in members]


@pytest.mark.parametrize(
    ("members", "names"),
    [
        (["train/1.jpg", "val/2.jpg"], ["images/train/1.jpg", "images/val/2.jpg"]),
        (["1.jpg"], ["images/1.jpg"]),
        (["images/train/1.jpg", "LICENSE"], ["images/train/1.jpg", "LICENSE"]),
        (["coco/images/train/1.jpg", "coco/x.txt", "y"], ["images/train/1.jpg", "x.txt", "y"]),
        (["train/images/1.jpg"], ["train/images/1.jpg"]),
        (["set/valid2017/images/1.jpg"], ["set/valid2017/images/1.jpg"]),
        (["train/images/1.jpg", "val/images/2.jpg"], ["train/images/1.jpg", "val/images/2.jpg"]),
        (["images/about.txt", "1.jpg"], ["images/images/about.txt", "images/1.jpg"]),
        (["my images/1.jpg"], ["images/my images/1.jpg"]),
        ([], []),
    ],
)
def test_images(members: list[str], names: list[str]) -> None:
    assert placed("images", members) == names


@pytest.mark.parametrize(
    ("members", "names"),
    [
        (["train/1.txt"], ["labels/train/1.txt"]),
        (["labels/train/1.TXT", "train.cache"], ["labels/train/1.TXT", "train.cache"]),
        (["coco/train.txt", "coco/labels/train/1.txt"], ["train.txt", "labels/train/1.txt"]),
        (["train/labels/1.txt"], ["train/labels/1.txt"]),
        (["labels/notes.md", "1.txt"], ["labels/labels/notes.md", "labels/1.txt"]),
    ],
)
def test_labels(members: list[str], names: list[str]) -> None:
    assert placed("labels", members) == names


def test_the_description_keeps_its_name() -> None:
    assert placed("config", ["data.yaml", "lists/train.txt"]) == ["data.yaml", "lists/train.txt"]
