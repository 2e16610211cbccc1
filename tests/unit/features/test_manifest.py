"""Manifests give back what was put into them, at any name."""

from hypothesis import given
from hypothesis import strategies as st

from shared.features.imports.models import Ledger
from shared.features.imports.shards.manifest import (
    Manifest,
    PlacedFile,
    ShardEntry,
    decode_manifest,
    encode_manifest,
    manifest_key,
    manifests_prefix,
    temp_prefix,
)
from shared.formats.archives.directory import Member
from shared.foundation.ids import JobId
from shared.ports.byte_source import TreeFile

NUMBERS = st.integers(0, (1 << 63) - 1)
NAMES = st.text(st.characters(), min_size=1, max_size=30) | st.just("a\nb\r\u2028c\udcff.jpg")
MEMBERS = st.builds(
    Member,
    number=NUMBERS,
    name=NAMES,
    header_offset=NUMBERS,
    end=NUMBERS,
    compressed_bytes=NUMBERS,
    size_bytes=NUMBERS,
    method=st.sampled_from([0, 8]),
    crc32=st.none() | st.integers(0, (1 << 32) - 1),
)
ENTRIES = st.builds(ShardEntry, image=MEMBERS, split=st.none() | st.text(max_size=8), label=st.none() | MEMBERS)


FILES = st.tuples(NUMBERS, st.builds(TreeFile, name=NAMES, size_bytes=NUMBERS, etag=st.text(max_size=20)))


@given(st.lists(ENTRIES, max_size=6), st.lists(FILES, max_size=6))
def test_what_was_encoded_comes_back(entries: list[ShardEntry], files: list[PlacedFile]) -> None:
    data = encode_manifest(entries, files)
    assert decode_manifest(data) == Manifest(entries, files)


def test_files_cost_an_archive_nothing() -> None:
    assert b"files" not in encode_manifest([])


def test_equal_entries_give_equal_bytes() -> None:
    entry = ShardEntry(Member(0, "a.jpg", 0, 100, 40, 50, 8, None), "train", None)
    assert encode_manifest([entry, entry]) == encode_manifest([entry, entry])


def test_manifests_lie_in_the_order_of_their_shards_below_the_jobs_folder() -> None:
    job_id = JobId("j")
    keys = [manifest_key(manifests_prefix(Ledger(job_id, 1)), index) for index in (0, 9, 10, 999_999)]
    assert keys == sorted(keys)
    assert all(key.startswith(temp_prefix(job_id)) for key in keys)
