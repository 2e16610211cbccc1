"""What a shard consists of, kept in the object store as one JSON line per image: documents stay small at any size."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from shared.features.imports.models import Ledger
from shared.formats.archives.directory import Member
from shared.foundation.ids import JobId


@dataclass(frozen=True, slots=True)
class ShardEntry:
    """One image to transfer, its split, and its label if there is one."""

    image: Member
    split: str | None
    label: Member | None


def temp_prefix(job_id: JobId) -> str:
    """The folder of the object store for what only the running job needs."""
    return f"temp/{job_id}/"


def manifests_prefix(ledger: Ledger) -> str:
    """The folder of a plan's manifests."""
    return f"{temp_prefix(ledger.job_id)}shards-{ledger.generation}/"


def manifest_key(ledger: Ledger, index: int) -> str:
    """Where the manifest of a shard lies."""
    return f"{manifests_prefix(ledger)}{index:06d}.jsonl"


def encode_manifest(entries: Sequence[ShardEntry]) -> bytes:
    """The entries as JSON lines."""
    lines = (json.dumps([_row(entry.image), entry.split, entry.label and _row(entry.label)]) for entry in entries)
    return "\n".join(lines).encode()


def decode_manifest(data: bytes) -> list[ShardEntry]:
    """The entries that were encoded."""
    rows = (json.loads(line) for line in data.splitlines())
    return [ShardEntry(Member(*image), split, Member(*label) if label else None) for image, split, label in rows]


def _row(member: Member) -> tuple[str | int | None, ...]:
    """The fields of a member in their order; `dataclasses.astuple` copies deeply and takes ten times as long."""
    return tuple(getattr(member, name) for name in Member.__slots__)
