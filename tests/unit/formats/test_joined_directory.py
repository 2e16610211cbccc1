"""Several archives as one table: names, numbers and offsets, and which of two members with one name is there."""

from collections.abc import Sequence

import pytest

from shared.formats.archives.directory import ArchiveDirectory
from shared.formats.archives.entry import ArchiveEntry, EntryKind
from shared.formats.archives.joined import JoinedDirectory, JoinedPart
from shared.formats.findings import Finding

END = 1000


def part(names: Sequence[str], findings: list[Finding] | None = None) -> ArchiveDirectory:
    """An archive of these members, 100 bytes each; one whose name begins with a dot overlaps the one before."""
    directory = ArchiveDirectory((findings if findings is not None else []).append, header_bytes=0)
    for number, name in enumerate(names):
        directory.add(ArchiveEntry(name, number * 100 - 50 * name.startswith("."), 100, 100, 0, None, EntryKind.FILE))
    directory.seal(END)
    return directory


def test_members_of_all_parts() -> None:
    images, labels = part(["train/a.jpg", "train/b.jpg"]), part(["coco/labels/train/a.txt", "list.txt"])
    parts = (
        JoinedPart(part(["data.yaml"])),
        JoinedPart(images, END, prefix="images/"),
        JoinedPart(labels, 2 * END, lead="coco/"),
    )
    joined = JoinedDirectory(parts)
    names = ["data.yaml", "images/train/a.jpg", "images/train/b.jpg", "labels/train/a.txt", "list.txt"]
    assert len(joined) == 5
    assert list(joined.each_name()) == names == [joined.name(index) for index in range(5)]
    assert [joined.find(name) for name in names] == [0, 1, 2, 3, 4]
    assert [joined.find(name) for name in ("train/a.jpg", "coco/labels/train/a.txt", "nowhere", "")] == [None] * 4
    assert [joined.offset(index) for index in range(5)] == [0, END, END + 100, 2 * END, 2 * END + 100]
    assert [joined.end(index) for index in range(5)] == [END, END + 100, 2 * END, 2 * END + 100, 3 * END]
    assert joined.total_bytes == 500
    for indexes in ([], [4], [0, 3, 1, 2, 4], [2, 1]):
        assert joined.pick(indexes) == [joined.member(index) for index in indexes]
    one = joined.member(3)
    assert (one.number, one.name, one.header_offset, one.end) == (3, "labels/train/a.txt", 2 * END, 2 * END + 100)
    for index in (-1, 5):
        with pytest.raises(IndexError):
            joined.member(index)


def test_the_first_of_two_names_wins() -> None:
    findings: list[Finding] = []
    first, second = part(["a", "images/b"], findings), part(["c", "a", "b"], findings)
    joined = JoinedDirectory([JoinedPart(first), JoinedPart(second, END, prefix="images/")])
    assert [joined.is_dropped(index) for index in range(len(joined))] == [False, False, False, False, True]
    assert joined.find("images/b") == 1
    assert [(finding.rule, finding.file) for finding in findings] == [("ARCHIVE_DUP_NAME", "b")]
    with pytest.raises(IndexError):
        joined.member(4)


def test_taking_a_folder_off_may_repeat_a_name() -> None:
    findings: list[Finding] = []
    joined = JoinedDirectory([JoinedPart(part(["x", "coco/x", "coco/coco/y", "y"], findings), lead="coco/")])
    assert list(joined.each_name()) == ["x", "x", "coco/y", "y"]
    assert [joined.find(name) for name in ("x", "coco/y", "y", "coco/x")] == [1, 2, 3, None]
    assert [finding.file for finding in findings] == ["x"]


def test_what_was_dropped_gives_its_name_free() -> None:
    joined = JoinedDirectory([JoinedPart(part(["b", ".a"])), JoinedPart(part(["a"]), END, prefix=".")])
    assert [joined.is_dropped(index) for index in range(len(joined))] == [False, True, False]
    assert joined.find(".a") == 2
