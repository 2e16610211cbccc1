"""Hashes that differ in few bits: found as if each were compared with each, and put together the same in any order."""

import time
from array import array
from itertools import combinations
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from shared.adapters.object_store.memory import MemoryObjectStore
from shared.features.imports.image_bytes.probe import ImageFacts
from shared.features.imports.likeness.findings import finding_of
from shared.features.imports.likeness.near import MOST_BITS, Families, near_pairs
from shared.features.imports.likeness.notes import read_likenesses, shard_place, write_likenesses
from shared.features.imports.likeness.table import LikenessTable, LookAlikes, noted
from shared.features.imports.models import DoneShard, ImportPlan, Ledger, ShardLease
from shared.features.imports.shards.manifest import ShardEntry
from shared.formats.archives.directory import Member
from shared.foundation.ids import JobId

SPLITS = ("train", "val")
ONE, TWO, THREE = "a" * 64, "b" * 64, "c" * 64
bits = st.integers(0, 63)


@st.composite
def crowds(draw: st.DrawFn) -> list[int]:
    """Hashes of which many are near others: some at random, and some with a few bits turned over."""
    found = draw(st.lists(st.integers(0, (1 << 64) - 1), min_size=1, max_size=6))
    for turned in draw(st.lists(st.sets(bits, max_size=MOST_BITS + 2), max_size=25)):
        near = draw(st.sampled_from(found))
        for bit in turned:
            near ^= 1 << bit
        found.append(near)
    return found


def near(one: int, other: int) -> bool:
    return (one ^ other).bit_count() <= MOST_BITS


@given(crowds())
def test_all_that_is_near_is_found_and_nothing_else(hashes: list[int]) -> None:
    distinct = sorted(set(hashes))
    expected = {(one, other) for one, other in combinations(distinct, 2) if near(one, other)}
    assert set(near_pairs(distinct)) == expected


@given(crowds(), st.randoms())
def test_groups_are_those_of_brute_force(hashes: list[int], dice: Random) -> None:
    """Each image with a content of its own: the groups are what hangs together, whatever the order."""
    groups = [{place} for place in range(len(hashes))]
    for one, other in combinations(range(len(hashes)), 2):
        if near(hashes[one], hashes[other]):
            first, second = (next(group for group in groups if place in group) for place in (one, other))
            if first is not second:
                groups.remove(second)
                first |= second
    expected = sorted(sorted(group) for group in groups if len(group) > 1)

    assert [list(group.places) for group in table_of(hashes).alike()] == expected
    shuffled = dice.sample(range(len(hashes)), len(hashes))
    found = table_of([hashes[place] for place in shuffled]).alike()
    assert sorted(sorted(shuffled[place] for place in group.places) for group in found) == expected


def table_of(hashes: list[int]) -> LikenessTable:
    table = LikenessTable()
    for place, likeness in enumerate(hashes):
        table.add(notes([(likeness, f"{place:064x}"[::-1], None)]), base=place)
    return table


def notes(images: list[tuple[int | None, str | None, str | None]]) -> bytes:
    """The notes of images with this hash, SHA-256 and split."""
    entries = [
        ShardEntry(Member(at, f"{at}.jpg", at, at + 1, 1, 9, 0, None), split, None)
        for at, (_likeness, _sha256, split) in enumerate(images)
    ]
    facts = {at: ImageFacts(9, sha256=image[1], likeness=image[0]) for at, image in enumerate(images)}
    return noted(entries, facts, SPLITS, range(len(images)))


def found_in(*images: tuple[int | None, str | None, str | None]) -> list[LookAlikes]:
    table = LikenessTable()
    table.add(notes(list(images)))
    return [LookAlikes(list(group.places), group.splits) for group in table.alike()]


def test_equal_contents_are_no_look_alikes() -> None:
    assert found_in((7, ONE, "train"), (7, ONE, "val")) == []


def test_of_each_content_the_first_is_named_and_all_count_for_splits() -> None:
    found = found_in((7, ONE, "train"), (7, ONE, "val"), (5, TWO, "train"), (0xFF << 40, THREE, None))
    assert found == [LookAlikes([0, 2], frozenset({0, 1}))]


def test_what_nobody_has_seen_or_hashed_is_left_out() -> None:
    assert found_in((None, ONE, None), (None, TWO, None), (7, None, None), (7, THREE, None)) == []


async def test_shards_are_put_together_in_their_order_whoever_has_written_them() -> None:
    """A shard that was cut and given away: its former claimer's notes are not those of either part."""
    store, plan = MemoryObjectStore(), ImportPlan.model_construct(generation=3, splits=SPLITS)
    ledger = Ledger(JobId("job"), 3)
    facts = {at: ImageFacts(9, sha256=f"{at:064x}"[::-1], likeness=1 << at // 3) for at in range(6)}
    entries = [ShardEntry(Member(at, f"{at}.jpg", at, at + 1, 1, 9, 0, None), None, None) for at in range(6)]
    for first, last in ((4, 6), (0, 6), (0, 4), (0, 4)):
        lease = ShardLease("s", ledger.job_id, 0, "temp/000007.json", 1, 1, 10 + first, last - first, None)
        await write_likenesses(store, plan, lease, entries[first:last], facts)

    done = [DoneShard("temp/000007.json", 10, 4), DoneShard("temp/000007.json", 14, 2)]
    (group,) = (await read_likenesses(store, ledger, done)).alike()
    assert list(map(shard_place, group.places)) == [(0, 10), (0, 11), (0, 12), (0, 13), (1, 14), (1, 15)]


def test_who_resembles_one_of_a_group_is_of_the_group() -> None:
    chain = [0, 0b111, 0b111111]
    assert not near(chain[0], chain[2])
    assert found_in(*zip(chain, (ONE, TWO, THREE), (None,) * 3, strict=True)) == [LookAlikes([0, 1, 2], frozenset())]


def test_a_crowd_that_looks_alike_takes_no_time_of_its_square() -> None:
    """Bands are equal in all of them: two thousand million comparisons, if each were compared with each."""
    crowd = [at << 20 for at in range(20_000)]
    begun = time.process_time()
    families = Families()
    for one, other in near_pairs(crowd, most_compared=100):
        families.join(one, other)
    assert time.process_time() - begun < 30
    assert all(one in families for one in crowd)
    assert len({families.head(one) for one in crowd}) < 100


def test_the_head_of_a_set_is_its_smallest() -> None:
    families = Families()
    families.join(9, 4)
    families.join(9, 2)
    assert [families.head(number) for number in (2, 4, 9, 5)] == [2, 2, 2, 5]
    assert 5 not in families
    assert 4 in families


def test_what_is_said() -> None:
    group = LookAlikes(array("Q", range(7)), frozenset({0, 1}))
    finding = finding_of(group, ["a", "b", "c", "d", "e"], SPLITS)
    assert finding.file == "a"
    assert finding.message == (
        "It looks nearly the same as b, c, d, e and 2 more. Such images are in several splits (train and val)."
    )
    alone = finding_of(LookAlikes([3, 4], frozenset({1})), ["a", "b"], SPLITS)
    assert alone.message == "It looks nearly the same as b."
