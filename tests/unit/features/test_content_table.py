"""Which contents are there twice by their notes: the same as if all notes were in a dictionary."""

from collections import defaultdict

from hypothesis import given
from hypothesis import strategies as st

from shared.features.imports.checks.content_table import NO_SPLIT, ContentTable, NoteKind, fingerprint, kind_of, noted
from shared.features.imports.image_bytes.probe import ImageFacts
from shared.features.imports.shards.manifest import ShardEntry
from shared.formats.archives.directory import Member

SPLITS = {"train": 0, "val": 1}
Picture = tuple[str | None, int | None, int | None, str | None, bool]
"""A SHA-256, a CRC-32, a fingerprint, a split, and whether it is taken."""

pictures = st.tuples(
    st.none() | st.sampled_from(["0" * 64, "f" * 64, "5" * 64]),
    st.none() | st.sampled_from([0, 1, (1 << 32) - 1]),
    st.none() | st.sampled_from([0, 4, (1 << 64) - 1]),
    st.sampled_from([None, "train", "val", "other"]),
    st.booleans(),
)


def entry(number: int, crc32: int | None, split: str | None) -> ShardEntry:
    return ShardEntry(Member(number, f"{number}.jpg", number, number + 1, 1, 9, 0, crc32), split, None)


@given(st.lists(st.lists(pictures, max_size=9), max_size=4), st.sampled_from([1, 2, 1 << 19]))
def test_what_is_there_twice(shards: list[list[Picture]], at_once: int) -> None:
    table, number = ContentTable(SPLITS), 0
    expected: dict[object, list[tuple[int, int]]] = defaultdict(list)
    for pictures in shards:
        entries, facts = [], {}
        for sha256, crc32, mark, split, taken in pictures:
            entries.append(entry(number, crc32, split))
            if taken:
                facts[number] = ImageFacts(9, sha256=sha256, fingerprint=mark)
                key = (
                    ("hash", sha256)
                    if sha256
                    else ("crc", crc32)
                    if crc32 is not None
                    else ("mark", mark and mark // 4)
                )
                if key[1] is not None:
                    expected[key].append((number, SPLITS.get(split or "", NO_SPLIT)))
            number += 1
        table.add(entries, noted(entries, facts))

    found = list(table.alike(at_once=at_once))
    groups = [list(zip(one.members, one.splits, strict=True)) for one in found]
    assert sorted(groups) == sorted(group for group in expected.values() if len(group) > 1)
    for one in found:
        assert one.is_in_several_splits == (len(set(one.splits) - {NO_SPLIT}) > 1)


def test_a_note_says_what_it_is_made_of() -> None:
    entries = [entry(0, 0, None), entry(1, 7, None), entry(2, None, None)]
    facts = {0: ImageFacts(9), 1: ImageFacts(9, sha256="ab" * 32), 2: ImageFacts(9, fingerprint=fingerprint(9, b""))}
    notes = memoryview(noted(entries, facts)).cast("Q")
    assert [kind_of(note) for note in notes] == [NoteKind.CHECKSUM, NoteKind.HASH, NoteKind.BEGINNING]


def test_a_fingerprint_is_of_the_size_too() -> None:
    assert fingerprint(1 << 40, b"x") != fingerprint((1 << 40) + 1, b"x")
    assert fingerprint(5, b"x") != fingerprint(5, b"y")
