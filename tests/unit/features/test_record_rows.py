"""Records of images come back to the shards that have the images, whatever order they were found in."""

import json
import random
from pathlib import Path

import pytest

from shared.adapters.object_store.local import LocalObjectStore
from shared.features.datasets.models import Rollup
from shared.features.imports.models import ImportPlan, Ledger, ShardLease, SourceRef, Way
from shared.features.imports.shards.labels import ShardLabels
from shared.features.imports.shards.manifest import ShardEntry, manifest_key, manifests_prefix
from shared.features.imports.shards.record_rows import RecordRows, read_records
from shared.formats.archives.directory import Member
from shared.foundation.ids import JobId

LEDGER = Ledger(JobId("job"), 3)


def plan() -> ImportPlan:
    return ImportPlan(
        source=SourceRef(uri="", size_bytes=1, etag=None, raw=False), generation=3, format="coco", layout="coco",
        reason="", confidence=1, splits=(), category_count=1, record_files=("a.json",), way=Way.TOGETHER, way_reason="",
        shards=1, images=1, bytes=1, rollup=Rollup(),
    )  # fmt: skip


async def test_of_an_image_more_is_not_taken_than_can_be_held(tmp_path: Path) -> None:
    store = LocalObjectStore(tmp_path)
    rows = RecordRows(store, LEDGER, image_bytes=30)
    await rows.add([(number % 2, b"x" * 10) for number in range(7)])
    await rows.add([(2, b"y" * 31), (3, b"z" * 30)])
    await rows.close()

    key = manifest_key(manifests_prefix(LEDGER), 0)
    await rows.write_shard(key, 0, 4)
    entries = [ShardEntry(Member(place, f"{place}.jpg", place, 1, 1, 2, 0, None), None, None) for place in range(4)]
    labels = ShardLabels()
    await read_records(store, plan(), ShardLease("s", JobId("job"), 0, key, 1, 1, 0, 4, None), entries, labels)
    assert {name: data.count(b"\n") + 1 for name, data in labels.records.items()} == {
        "0.jpg": 3,
        "1.jpg": 3,
        "3.jpg": 1,
    }
    assert rows.left_out == {0: 1, 2: 1}


@pytest.mark.parametrize(("run_bytes", "mark_bytes"), [(1 << 20, 1 << 20), (2_000, 100), (200, 1), (1, 1)])
async def test_every_record_reaches_its_image_in_order(tmp_path: Path, run_bytes: int, mark_bytes: int) -> None:
    dice = random.Random(run_bytes)
    store = LocalObjectStore(tmp_path)
    rows = RecordRows(store, LEDGER, run_bytes=run_bytes, mark_bytes=mark_bytes)
    expected: dict[int, list[bytes]] = {}
    for number in range(300):
        place = dice.randrange(40)
        line = json.dumps([number, "x" * dice.randrange(20)]).encode()
        expected.setdefault(place, []).append(line)
        await rows.add([(place, line)])
    await rows.close()

    for index, (first, last) in enumerate(((0, 7), (7, 7), (7, 39), (39, 60))):
        key = manifest_key(manifests_prefix(LEDGER), index)
        await rows.write_shard(key, first, last)
        entries = [
            ShardEntry(Member(place, f"{place}.jpg", place, 1, 1, 2, 0, None), None, None)
            for place in range(first, last)
        ]
        for part in (0, len(entries) // 2):
            labels = ShardLabels()
            lease = ShardLease("s", JobId("job"), index, key, 1, 1, part, len(entries) - part, None)
            await read_records(store, plan(), lease, entries[part:], labels)
            assert labels.records == {
                f"{place}.jpg": b"\n".join(expected[place]) for place in range(first + part, last) if place in expected
            }
