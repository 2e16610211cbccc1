"""The table of accepted members: what is taken, what is reported, and how members know their bytes."""

import gc
import random
import tracemalloc
import weakref
from collections.abc import Mapping, Sequence

import pytest

from shared.formats.archives.directory import ArchiveDirectory, ArchiveLimits
from shared.formats.archives.entry import ArchiveEntry, EntryKind
from shared.formats.archives.errors import ArchiveTooLarge
from shared.formats.archives.name_encoding import other_spellings
from shared.formats.archives.verdict import guessed_name
from shared.formats.archives.zip_directory import ZipDirectoryParser, locate_directory
from shared.formats.findings import Finding
from shared.formats.rules import RULES
from tests.factories.raw_zip import SYMLINK, RawMember, raw_zip_bytes


def entry(name: str = "a.txt", offset: int = 0, size: int = 100, **fields: object) -> ArchiveEntry:
    plain = ArchiveEntry(name, offset, size, size, 0, 7, EntryKind.FILE)
    return plain._replace(**fields)  # type: ignore[arg-type]


def directory_of(
    entries: Sequence[ArchiveEntry], *, end: int = 1 << 40, header_bytes: int = 30
) -> tuple[ArchiveDirectory, list[Finding]]:
    findings: list[Finding] = []
    directory = ArchiveDirectory(findings.append, header_bytes=header_bytes)
    for one in entries:
        directory.add(one)
    directory.seal(end)
    directory.follow_links()
    assert {finding.rule for finding in findings} <= RULES.keys()
    return directory, findings


def verdict(one: ArchiveEntry) -> tuple[list[str], list[str]]:
    """The names taken and the rules reported."""
    directory, findings = directory_of([one])
    return list(directory.names()), [finding.rule for finding in findings]


@pytest.mark.parametrize(
    ("name", "taken"),
    [
        ("images/train/a b-1.jpg", "images/train/a b-1.jpg"),
        ("images\\train\\a.jpg", "images/train/a.jpg"),
        ("./a.jpg", "a.jpg"),
        ("a//b/./c.jpg", "a/b/c.jpg"),
        ("ü/名.txt", "ü/名.txt"),
        ("..a/b..c/...", "..a/b..c/..."),
        (".hidden/_x", ".hidden/_x"),
        ("weird\ud800name", "weird\ud800name"),
        ("my.db", "my.db"),
    ],
)
def test_names_become_plain_paths(name: str, taken: str) -> None:
    assert verdict(entry(name)) == ([taken], [])


@pytest.mark.parametrize(
    "name",
    [
        "__MACOSX/a.jpg",
        "x/__MACOSX/._a.jpg",
        "a/._b.jpg",
        ".DS_Store",
        "a\\.DS_Store",
        "a/Thumbs.db",
        "desktop.ini",
        "a/.ipynb_checkpoints/b.txt",
        "folder\\",
    ],
)
def test_what_systems_leave_behind_is_passed_over_in_silence(name: str) -> None:
    assert verdict(entry(name)) == ([], [])


@pytest.mark.parametrize(
    "name", ["/etc/passwd", "\\\\host\\share", "../a", "a/../../b", "a\\..\\b", "C:\\a", "c:a", "a\0.txt", "", "./"]
)
def test_unsafe_paths(name: str) -> None:
    expected = [] if name == "./" else ["ARCHIVE_PATH_UNSAFE"]
    assert verdict(entry(name)) == ([], expected)


@pytest.mark.parametrize(
    ("one", "rule"),
    [
        (entry(kind=EntryKind.LINK, crc32=None), "ARCHIVE_LINK"),
        (entry(kind=EntryKind.LINK, size_bytes=5000), "ARCHIVE_LINK"),
        (entry(kind=EntryKind.LINK, compressed_bytes=5000), "ARCHIVE_LINK"),
        (entry(kind=EntryKind.LINK, encrypted=True), "ARCHIVE_ENCRYPTED"),
        (entry("../x", kind=EntryKind.LINK), "ARCHIVE_LINK"),
        (entry(kind=EntryKind.LINK, link_target="nowhere"), "ARCHIVE_LINK"),
        (entry(kind=EntryKind.DEVICE), "ARCHIVE_LINK"),
        (entry(encrypted=True), "ARCHIVE_ENCRYPTED"),
        (entry(method=9), "ARCHIVE_METHOD"),
        (entry("n" * 1025), "ARCHIVE_NAME_LENGTH"),
        (entry("ü" * 513), "ARCHIVE_NAME_LENGTH"),
        (entry(size_bytes=11 << 20), "ARCHIVE_BOMB"),
        (entry(compressed_bytes=0, size_bytes=11 << 20, method=8), "ARCHIVE_BOMB"),
        (entry(offset=1 << 40), "ARCHIVE_TRUNCATED"),
        (entry(offset=1 << 70), "ARCHIVE_TRUNCATED"),
    ],
)
def test_refused(one: ArchiveEntry, rule: str) -> None:
    assert verdict(one) == ([], [rule])


def test_kept() -> None:
    assert verdict(entry(kind=EntryKind.DIRECTORY)) == ([], [])
    assert verdict(entry("n" * 1024)) == (["n" * 1024], [])
    assert verdict(entry(size_bytes=9 << 20)) == (["a.txt"], [])
    assert verdict(entry(guessed_encoding="CP437")) == (["a.txt"], ["ARCHIVE_NAME_ENCODING"])


def test_the_first_of_two_names_wins() -> None:
    directory, findings = directory_of([entry("a", 0), entry("./a", 200), entry("b", 400)])
    assert list(directory.names()) == ["a", "b"]
    assert [(finding.rule, finding.file) for finding in findings] == [("ARCHIVE_DUP_NAME", "./a")]
    assert directory.member(0).header_offset == 0


@pytest.mark.parametrize("method", [0, 8, 12, 14, 20, 93, 95])
def test_methods_that_are_read(method: int) -> None:
    directory, findings = directory_of([entry(method=method)])
    assert [member.method for member in directory.members()] == [method]
    assert not findings


@pytest.mark.parametrize(
    ("method", "named"),
    [
        (9, "Deflate64 (method 9)"),
        (98, "PPMd (method 98)"),
        (42, "method 42"),
        (255, "method 255"),
        (999, "method 999"),
    ],
)
def test_methods_that_are_not_read_are_named(method: int, named: str) -> None:
    _, (finding,) = directory_of([entry(method=method)])
    assert (finding.rule, finding.message) == ("ARCHIVE_METHOD", f"a.txt: is compressed by {named}")


def test_the_encoding_that_was_assumed_is_named() -> None:
    fault = guessed_name(entry(guessed_encoding="Shift-JIS"))
    assert fault is not None
    assert (fault.rule, fault.message) == (
        "ARCHIVE_NAME_ENCODING",
        "has a name that is not UTF-8; Shift-JIS was assumed",
    )
    assert guessed_name(entry()) is None


def test_names_in_both_normal_forms_are_two_names() -> None:
    composed, decomposed = "caf\u00e9.jpg", "cafe\u0301.jpg"
    directory, findings = directory_of([entry(composed, 0), entry(decomposed, 200)])
    assert list(directory.names()) == [composed, decomposed]
    assert not findings
    assert [directory.find(spelling) for spelling in other_spellings(composed)] == [1]


def link(name: str, target: str, offset: int = 0, *, hard: bool = False) -> ArchiveEntry:
    """As a tar has it."""
    return entry(name, offset, 0, kind=EntryKind.LINK, crc32=None, link_target=target, hard_link=hard)


def test_links_give_members_more_names() -> None:
    files = [entry("pool/a.jpg", 0, crc32=None), entry("pool/b.jpg", 200, 70, method=8, crc32=9), link("set", "pool")]
    directory, findings = directory_of([*files, link("x/c.jpg", "pool/b.jpg", hard=True), entry("d.txt", 400)], end=900)
    assert not findings
    assert list(directory.each_name()) == [
        *("pool/a.jpg", "pool/b.jpg", "d.txt"),
        *("x/c.jpg", "set/a.jpg", "set/b.jpg"),
    ]
    for alias, name in {"x/c.jpg": "pool/b.jpg", "set/a.jpg": "pool/a.jpg", "set/b.jpg": "pool/b.jpg"}.items():
        found, own = directory.find(alias), directory.find(name)
        assert found is not None
        assert own is not None
        assert directory.member(found) == directory.member(own)._replace(number=found, name=alias)
    assert directory.total_bytes == 3 * 100 + 3 * 70


def test_a_link_never_takes_a_members_name() -> None:
    taken = [entry("a", 0), entry("b", 200), link("c", "a"), link("b", "a"), link("x", "y"), entry("c", 400)]
    directory, findings = directory_of(taken)
    assert list(directory.names()) == ["a", "b", "c"]
    assert [(finding.rule, finding.file) for finding in findings] == [("ARCHIVE_LINK", "x")]


def test_a_link_to_a_member_that_was_dropped_leads_nowhere() -> None:
    directory, findings = directory_of([entry("a", 1 << 41), link("b", "a")])
    assert list(directory.names()) == []
    assert sorted(finding.rule for finding in findings) == ["ARCHIVE_LINK", "ARCHIVE_TRUNCATED"]


def test_a_links_guessed_name_is_reported() -> None:
    directory, findings = directory_of([entry("a", 0), link("é", "a")._replace(guessed_encoding="CP437")])
    assert list(directory.names()) == ["a", "é"]
    assert [finding.rule for finding in findings] == ["ARCHIVE_NAME_ENCODING"]


def test_names_that_links_give_count() -> None:
    few = ArchiveDirectory(lambda _: None, ArchiveLimits(max_members=4))
    for one in (entry("pool/a", 0), entry("pool/b", 200), link("set", "pool")):
        few.add(one)
    few.seal(400)
    with pytest.raises(ArchiveTooLarge, match="more than 4 members"):
        few.follow_links()


def zip_with_links(contents: Mapping[str, bytes], **fields: object) -> tuple[list[str], list[Finding]]:
    """The names in a zip of one file and links with these contents; `fields` are of the links' entries."""
    members = [RawMember(b"a.jpg", b"x" * 50)]
    members += [RawMember(name.encode(), data, attributes=SYMLINK) for name, data in contents.items()]
    data, findings = raw_zip_bytes(members), list[Finding]()
    location = locate_directory(data, file_bytes=len(data))
    directory = ArchiveDirectory(findings.append)
    for one in ZipDirectoryParser(location).feed(data[location.offset : location.offset + location.size_bytes]):
        directory.add(one._replace(**fields) if one.kind is EntryKind.LINK else one)  # type: ignore[arg-type]
    directory.seal(location.offset)
    for unread in directory.unread_links():
        directory.read_link(unread, data[unread.start : unread.end])
    directory.follow_links()
    return list(directory.names()), findings


def test_a_zips_links_are_read() -> None:
    assert zip_with_links({"b.jpg": b"a.jpg", "x/c.jpg": b"../b.jpg"}) == (["a.jpg", "b.jpg", "x/c.jpg"], [])


@pytest.mark.parametrize(
    ("content", "fields", "message"),
    [
        (b"", {}, "is a link without a target"),
        (b"a.jpg\0", {}, "is a link whose target cannot be read"),
        (b"\xff", {}, "is a link whose target cannot be read"),
        (b"a.jpg", {"crc32": 1}, "is a link whose target cannot be read"),
        (b"a.jpg", {"size_bytes": 4}, "is a link whose target cannot be read"),
        (b"a.jpg", {"header_offset": 3}, "is a link whose target cannot be read"),
        (b"a.jpg", {"header_offset": 1 << 70}, "is a link whose target cannot be read"),
        (b"/etc/passwd", {}, "is a link that leaves the archive"),
        (b"x", {}, "is a link to nothing that is here"),
    ],
)
def test_links_of_a_zip_that_lead_nowhere(content: bytes, fields: Mapping[str, object], message: str) -> None:
    names, findings = zip_with_links({"b.jpg": content}, **fields)
    assert names == ["a.jpg"]
    assert [(one.rule, one.message) for one in findings] == [("ARCHIVE_LINK", f"b.jpg: {message}")]


def test_messages_shorten_long_names() -> None:
    _, (finding,) = directory_of([entry("n" * 60_000)])
    assert len(finding.file) <= 200
    assert len(finding.message) < 300


def test_members_say_what_the_archive_said() -> None:
    directory, _ = directory_of([entry("a", 10, method=8, crc32=2**32 - 1), entry("b", 500, crc32=None)], end=900)
    first, second = directory.members()
    assert (first.name, first.method, first.crc32, first.header_offset, first.end) == ("a", 8, 2**32 - 1, 10, 500)
    assert (second.name, second.method, second.crc32, second.header_offset, second.end) == ("b", 0, None, 500, 900)
    assert (second.number, second.size_bytes, second.compressed_bytes) == (1, 100, 100)
    with pytest.raises(IndexError):
        directory.member(2)
    with pytest.raises(IndexError):
        directory.name(-3)


def test_ends_come_from_all_entries_in_any_order() -> None:
    shuffled = [entry("c", 600), entry("link", 400, kind=EntryKind.LINK), entry("a", 0), entry("dir/", 200, 0)]
    shuffled[3] = shuffled[3]._replace(kind=EntryKind.DIRECTORY)
    directory, _ = directory_of([*shuffled, entry("b", 250), entry("../x", 800)], end=1000)
    assert {one.name: (one.header_offset, one.end) for one in directory.members()} == {
        "a": (0, 200),
        "b": (250, 400),
        "c": (600, 800),
    }


def test_overlapping_members_are_dropped_but_the_first() -> None:
    directory, findings = directory_of(
        [entry("a", 0, 1000), entry("in a", 500), entry("same", 0, 10), entry("b", 1030)], end=2000
    )
    assert list(directory.names()) == ["a", "b"]
    assert sorted((finding.rule, finding.file) for finding in findings) == [
        ("ARCHIVE_BOMB", "in a"),
        ("ARCHIVE_BOMB", "same"),
    ]
    assert directory.find("in a") is None
    assert directory.member(0).end == 1030
    with pytest.raises(IndexError):
        directory.member(1)


def test_a_refused_entry_within_a_member_does_not_cut_it() -> None:
    directory, findings = directory_of([entry("a", 0, 1000), entry("x", 500, encrypted=True)], end=2000)
    assert [finding.rule for finding in findings] == ["ARCHIVE_ENCRYPTED"]
    assert directory.member(0).end == 2000


def test_a_tar_has_no_header_before_its_data() -> None:
    directory, findings = directory_of([entry("a", 512, 100)], end=612, header_bytes=0)
    assert (directory.member(0).end, findings) == (612, [])


def test_large_shuffled_archives_are_sorted_in_runs() -> None:
    count = 140_000
    order = list(range(count))
    random.Random(3).shuffle(order)
    directory, findings = directory_of([entry(f"{number}", number * 200) for number in order], end=count * 200)
    assert not findings
    assert len(directory) == count
    assert all(directory.member(row).end == order[row] * 200 + 200 for row in range(0, count, 997))
    assert all(directory.find(f"{order[row]}") == row for row in range(0, count, 997))
    assert directory.find("nowhere") is None


def test_more_folders_than_are_numbered() -> None:
    names = [f"{number}/{leaf}" for number in range(66_000) for leaf in ("a", "b")]
    directory, findings = directory_of([entry(name, row * 200) for row, name in enumerate([*names, names[-1]])])
    assert [finding.rule for finding in findings] == ["ARCHIVE_DUP_NAME"]
    assert list(directory.names()) == names
    assert directory.find("65999/a") == len(names) - 2


def test_count_and_total_limits_stop_at_once() -> None:
    few = ArchiveDirectory(lambda _: None, ArchiveLimits(max_members=2))
    few.add(entry("a/", kind=EntryKind.DIRECTORY))
    few.add(entry("a"))
    with pytest.raises(ArchiveTooLarge, match="more than 2 members"):
        few.add(entry("b"))
    small = ArchiveDirectory(lambda _: None, ArchiveLimits(max_total_bytes=150))
    small.add(entry("a"))
    with pytest.raises(ArchiveTooLarge, match="exceed 150 bytes"):
        small.add(entry("b"))


def test_memory_per_member() -> None:
    count = 20_000
    tracemalloc.start()
    directory = ArchiveDirectory(lambda _: None)
    for number in range(count):
        directory.add(entry(f"dataset/images/train/image_{number:09d}.jpg", number * 200))
    directory.seal(count * 200)
    per_member = tracemalloc.get_traced_memory()[0] / count
    tracemalloc.stop()
    assert len(directory) == count
    assert per_member < 150


def test_a_table_is_freed_at_once() -> None:
    """A worker looks for cycles rarely; in one, the table of a planned import would stay for long."""
    directory, _ = directory_of([entry("images/a.jpg"), entry("b.jpg", 200, kind=EntryKind.LINK, link_target="a")])
    kept = weakref.ref(directory)
    gc.disable()
    try:
        del directory
        assert kept() is None
    finally:
        gc.enable()
