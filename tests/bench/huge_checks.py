"""Whether a huge import is right: exact counts, and some images byte for byte, against what the generator counted."""

import os
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pymongo.database import Database

from shared.features.imports.findings.whole_dataset import IMBALANCE
from shared.foundation.paging import encode_cursor
from tests.bench.huge_archive import HugeTruth, Sample
from tests.bench.yard_access import KeptConnection

Document = dict[str, Any]


def wrong_counts(connection: KeptConnection, dataset: str, truth: HugeTruth) -> list[str]:
    """The statistics that differ from the truth."""
    found = connection.get(f"/datasets/{dataset}/statistics").json()
    categories = {one["id"]: one["annotations"] for one in found["categories"]}
    facts = {
        "images": (found["images"], truth.images),
        "annotations": (found["annotations"], truth.annotations),
        "splits": ({one["split"]: one["images"] for one in found["splits"]}, truth.images_by_split),
        "categories": (categories, dict(enumerate(truth.annotations_by_category))),
        "findings": (found["findings"], _findings(truth)),
    }
    return [f"{name}: {seen} instead of {right}" for name, (seen, right) in facts.items() if seen != right]


def _findings(truth: HugeTruth) -> dict[str, int]:
    """What there is to find: the generator draws low categories more often, up to 159 times as often as the last."""
    used = [count for count in truth.annotations_by_category if count]
    is_uneven = len(used) > 1 and max(used) >= IMBALANCE * min(used)
    return {"SET_CLASS_IMBALANCE": 1} if is_uneven else {}


def wrong_documents(database: Database[Document], dataset: str, truth: HugeTruth) -> list[str]:
    """What the documents themselves, counted, do not say as the truth does."""
    counted = {
        "images": {"$sum": 1},
        "annotations": {"$sum": {"$size": "$annotations"}},
        "bytes": {"$sum": "$size_bytes"},
        "without a CRC-32": {"$sum": {"$cond": [{"$eq": [{"$type": "$crc32"}, "null"]}, 1, 0]}},
        "without dimensions": {"$sum": {"$cond": [{"$eq": [{"$type": "$width"}, "null"]}, 1, 0]}},
    }
    group = {"$group": {"_id": None, **{name.replace(" ", "_"): of for name, of in counted.items()}}}
    found = next(database["images"].aggregate([{"$match": {"dataset_id": dataset, "valid_to": None}}, group]))
    right = (truth.images, truth.annotations, truth.image_bytes, 0, 0)
    facts = zip(counted, right, strict=True)
    seen = {name: found[name.replace(" ", "_")] for name in counted}
    return [f"documents, {name}: {seen[name]} instead of {value}" for name, value in facts if seen[name] != value]


def wrong_samples(connection: KeptConnection, dataset: str, archive: Path, truth: HugeTruth) -> list[str]:
    """Images that are missing, of another size, or not the bytes of the archive, whole and by range."""
    with archive.open("rb") as file:
        return [
            f"{sample.path}: {fault}"
            for sample in truth.samples
            for fault in _faults(connection, dataset, sample, os.pread(file.fileno(), sample.size_bytes, sample.offset))
        ]


def _faults(connection: KeptConnection, dataset: str, sample: Sample, right: bytes) -> Iterator[str]:
    cursor = encode_cursor(sample.path, "")
    items = connection.get(f"/datasets/{dataset}/images?limit=1&cursor={cursor}").json()["items"]
    if not items or items[0]["path"] != sample.path:
        yield "not listed"
        return
    if (items[0]["width"], items[0]["height"]) != (sample.width, sample.height):
        yield f"{items[0]['width']} x {items[0]['height']} pixels"
    file = f"/datasets/{dataset}/images/{items[0]['id']}/file"
    whole = connection.get(file)
    if whole.body != right or zlib.crc32(whole.body) != sample.crc32:
        yield f"{len(whole.body)} bytes with status {whole.status} that are not the archive's"
    part = connection.get(file, {"Range": "bytes=10-199"})
    if (part.status, part.body) != (206, right[10:200]):
        yield f"a range of {len(part.body)} bytes with status {part.status} that are not the archive's"
