"""Which contents are there twice: the same as if all keys were held at once, however they are cut into parts."""

from collections import defaultdict

from hypothesis import given
from hypothesis import strategies as st

from shared.adapters.object_store.memory import MemoryObjectStore
from shared.features.imports.contents.records import NO_SPLIT, hashed_key, unhashed_key, write_contents
from shared.features.imports.contents.search import ContentSearch
from shared.features.imports.image_bytes.probe import ImageFacts
from shared.features.imports.models import DoneShard, ImportPlan, Ledger, ShardLease
from shared.features.imports.shards.manifest import ShardEntry
from shared.formats.archives.directory import Member
from shared.foundation.ids import JobId

JOB = JobId("job")
PLAN = ImportPlan.model_construct(generation=3, splits=("train", "val"))
Picture = tuple[str | None, int | None, str | None]
"""A SHA-256, a CRC-32 and a split."""

hashes = st.sampled_from([digit * 64 for digit in "0179f"] + ["0" * 8 + digit * 56 for digit in "12"])
pictures = st.tuples(
    st.none() | hashes,
    st.none() | st.sampled_from([0, 1, 1 << 31, (1 << 32) - 1]),
    st.sampled_from([None, "train", "val"]),
)


def member(place: int, crc32: int | None) -> Member:
    return Member(place, f"{place}.jpg", place, place + 1, 1, 9, 0, crc32)


async def written(store: MemoryObjectStore, number: int, images: list[Picture | None]) -> DoneShard:
    """A shard of the images, of which None is one that was left out; its entries are 10 and on of its manifest."""
    entries = [
        ShardEntry(member(place, image[1] if image else 7), image[2] if image else None, None)
        for place, image in enumerate(images)
    ]
    facts = {place: ImageFacts(9, sha256=image[0]) for place, image in enumerate(images) if image}
    lease = ShardLease("s", JOB, number, f"temp/{number:06d}.json", 1, 1, 10, len(images), None)
    await write_contents(store, PLAN, lease, entries, facts)
    return DoneShard(lease.manifest_key, 10, len(images))


def expected(shards: list[list[Picture | None]]) -> dict[bytes, tuple[list[tuple[int, int]], set[int]]]:
    found: dict[bytes, list[tuple[int, int, str | None]]] = defaultdict(list)
    for number, images in enumerate(shards):
        for place, image in enumerate(images):
            if image and image[0] is not None:
                found[hashed_key(image[0])].append((number, place + 10, image[2]))
            elif image and image[1] is not None:
                found[unhashed_key(image[1], 9)].append((number, place + 10, image[2]))
    return {
        key: (sorted(one[:2] for one in some), {PLAN.splits.index(one[2]) for one in some if one[2]})
        for key, some in found.items()
        if len(some) > 1
    }


@given(
    shards=st.lists(st.lists(st.none() | pictures, max_size=8), max_size=5), at_once=st.sampled_from([1, 2, 1 << 17])
)
async def test_what_is_there_twice(shards: list[list[Picture | None]], at_once: int) -> None:
    store = MemoryObjectStore()
    done = [await written(store, number, images) for number, images in enumerate(shards)]
    search = ContentSearch(store, Ledger(JOB, 3), done, at_once)
    found = [content async for content in search.repeated()]

    assert {bytes(one.key): (sorted(one.places), one.splits) for one in found} == expected(shards)
    assert [one.key for one in found] == sorted(one.key for one in found)
    assert all(one.images == len(list(one.places)) for one in found)


def test_a_key_says_what_it_is() -> None:
    assert hashed_key("ab" * 32).is_hashed
    assert not unhashed_key(5, 77).is_hashed
    assert unhashed_key(5, 77).size_bytes == 77
    assert unhashed_key(5, 77) != unhashed_key(5, 78)
    assert NO_SPLIT not in range(len(PLAN.splits))
