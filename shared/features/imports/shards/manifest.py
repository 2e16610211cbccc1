"""What a shard consists of, kept in the object store as columns in JSON: documents stay small at any size."""

import json
from collections.abc import Sequence
from typing import NamedTuple, TypeAlias

from shared.features.images.models import dataset_prefix
from shared.features.imports.models import Ledger, ShardLease
from shared.formats.archives.directory import Member
from shared.foundation.ids import DatasetId, JobId
from shared.foundation.streams import whole
from shared.ports.byte_source import TreeFile
from shared.ports.object_store import ObjectStore


class ShardEntry(NamedTuple):
    """One image to transfer, its split, and its label if there is one; or the category that its path says."""

    image: Member
    split: str | None
    label: Member | None
    category: int | None = None


PlacedFile: TypeAlias = tuple[int, TreeFile]
"""A file of a directory, and where its bytes lie in the source that its directory is read as."""


class Manifest(NamedTuple):
    """The entries of a shard and, where the source is or has a directory, the files it reads, by offset."""

    entries: list[ShardEntry]
    files: list[PlacedFile]


TEMP_FOLDER = "temp/"


def temp_prefix(job_id: JobId) -> str:
    """The folder of the object store for what only the running job needs."""
    return f"{TEMP_FOLDER}{job_id}/"


def manifests_prefix(ledger: Ledger) -> str:
    """The folder of a plan's manifests."""
    return f"{temp_prefix(ledger.job_id)}shards-{ledger.generation}/"


def kept_manifests_prefix(dataset_id: DatasetId, generation: int) -> str:
    """The folder of a plan's manifests that a dataset used in place keeps, to be verified later."""
    return f"{dataset_prefix(dataset_id)}members-{generation}/"


def rows_key(lease: ShardLease, generation: int) -> str:
    """Where the records of a shard's images lie, where these came from files about many images."""
    return record_rows_key(Ledger(lease.job_id, generation), lease.manifest_key)


def record_rows_key(ledger: Ledger, key: str) -> str:
    """The same, by the key of the shard's manifest."""
    return f"{temp_prefix(ledger.job_id)}rows-{ledger.generation}/{key.rpartition('/')[2]}l"


def manifest_key(prefix: str, index: int) -> str:
    """Where the manifest of a shard lies."""
    return f"{prefix}{index:06d}.json"


async def read_manifest(store: ObjectStore, lease: ShardLease) -> Manifest:
    """A shard's entries, from its manifest, and all the manifest's files."""
    whole = await read_whole_manifest(store, lease.manifest_key)
    return whole._replace(entries=whole.entries[lease.first : lease.first + lease.images])


async def read_whole_manifest(store: ObjectStore, key: str) -> Manifest:
    """A manifest, whatever part of it a shard has."""
    return decode_manifest(await whole(store.read(key)))


def encode_manifest(entries: Sequence[ShardEntry], files: Sequence[PlacedFile] = ()) -> bytes:
    """The entries, column by column: a tenth of the time that a row each takes. So the files, if there are any."""
    labels = [entry.label for entry in entries if entry.label is not None]
    document: dict[str, object] = {
        "images": _columns([entry.image for entry in entries]),
        "splits": [entry.split for entry in entries],
        "labelled": [entry.label is not None for entry in entries],
        "labels": _columns(labels),
    }
    if any(entry.category is not None for entry in entries):
        document["categories"] = [entry.category for entry in entries]
    if files:
        document["files"] = list(zip(*((at, file.name, file.size_bytes, file.etag) for at, file in files), strict=True))
    return json.dumps(document).encode()


def decode_manifest(data: bytes) -> Manifest:
    """What was encoded."""
    document = json.loads(data)
    labels = iter(_members(document["labels"]))
    with_label = [next(labels) if labelled else None for labelled in document["labelled"]]
    categories = document.get("categories") or [None] * len(with_label)
    entries = list(map(ShardEntry, _members(document["images"]), document["splits"], with_label, categories))
    offsets, *facts = document.get("files") or ((), (), (), ())
    return Manifest(entries, list(zip(offsets, map(TreeFile, *facts), strict=True)))


def _columns(members: Sequence[Member]) -> list[tuple[str | int | None, ...]]:
    return list(zip(*members, strict=True))


def _members(columns: list[list[str | int | None]]) -> list[Member]:
    return list(map(Member._make, zip(*columns, strict=True)))
