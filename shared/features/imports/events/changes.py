"""What changes in the documents of one import, as it happens: its job, its shards, its findings."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from shared.features.imports.models import Ledger
from shared.formats.findings import Finding
from shared.foundation.ids import JobId
from shared.foundation.mongo import Change, Changes, Database, Document, watch

_JOBS, _SHARDS, _FINDINGS = "import_jobs", "import_shards", "findings"
# What else is written into a job, heartbeats above all, is of no interest to who watches it.
_TELLING = ("state", "phase", "paused", "generation", "progress")
_UPDATED, _REMOVED = "updateDescription.updatedFields", "updateDescription.removedFields"
# A job that rests no more has lost the field: that is told as an update to false.
_RESTS_NO_MORE = {"$in": ["paused", {"$ifNull": [f"${_REMOVED}", []]}]}
_PAUSED: Document = {f"{_UPDATED}.paused": {"$cond": [_RESTS_NO_MORE, False, f"${_UPDATED}.paused"]}}
_COUNTERS = ("images", "bytes", "annotations", "findings", "indexed")


@dataclass(frozen=True, slots=True)
class JobChanged:
    """The job went on; `state`, `phase` and `paused` are what they became, None where they stayed."""

    state: str | None = None
    phase: str | None = None
    paused: bool | None = None


@dataclass(frozen=True, slots=True)
class ShardAdded:
    """There is one shard more, of which nothing is done yet."""


@dataclass(frozen=True, slots=True)
class ShardChanged:
    """How a shard stands."""

    id: str
    generation: int
    index: int
    state: str
    progress: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class FindingWritten:
    """Something was found by the planning of this generation, or by its shards."""

    generation: int
    finding: Finding


Happening: TypeAlias = JobChanged | ShardAdded | ShardChanged | FindingWritten


@dataclass(frozen=True, slots=True)
class ShardSummary:
    """How many shards a plan has, and how many are in each state."""

    total: int = 0
    states: Mapping[str, int] = field(default_factory=dict)


class ImportChanges:
    """Opens streams of changes, and counts shards."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def watch(self, job_id: JobId, *, after: str | None, findings: bool) -> Changes:
        """The changes of one job from now on, or since `after`. Raises ResumePointLost."""
        return await watch(self._database, _stages(job_id, findings=findings), after=after)

    async def shards(self, ledger: Ledger) -> ShardSummary:
        """The shards of a plan by state."""
        wanted = {"job_id": ledger.job_id, "generation": ledger.generation}
        stages: list[Document] = [{"$match": wanted}, {"$group": {"_id": "$state", "shards": {"$sum": 1}}}]
        found = await (await self._database[_SHARDS].aggregate(stages)).to_list()
        states = Counter({one["_id"]: one["shards"] for one in found})
        return ShardSummary(states.total(), dict(states))


def happening(change: Change) -> Happening:
    """What a change means."""
    if change.collection == _JOBS:
        return JobChanged(*(change.updated.get(name) for name in _TELLING[:3]))
    if change.collection == _FINDINGS:
        return _finding(change.document)
    return _shard(change)


def _shard(change: Change) -> Happening:
    document = change.document
    counters = {name: document["progress"].get(name, 0) for name in _COUNTERS}
    if change.is_new and not any(counters.values()):
        return ShardAdded()
    return ShardChanged(change.document_id, document["generation"], document["index"], document["state"], counters)


def _finding(document: Document) -> FindingWritten:
    finding = Finding(
        rule=document["rule"],
        file=document["file"],
        message=document["message"],
        line=document["line"],
        column=document["column"],
    )
    return FindingWritten(document["generation"], finding)


def _stages(job_id: JobId, *, findings: bool) -> Sequence[Document]:
    """The collections come first, alone: the server then looks no further at images, which are most of what changes."""
    parts = [_SHARDS, _FINDINGS] if findings else [_SHARDS]
    told: list[Document] = [{f"{_UPDATED}.{name}": {"$exists": True}} for name in _TELLING]
    told.append({_REMOVED: "paused"})
    job = {"ns.coll": _JOBS, "documentKey._id": job_id, "$or": told}
    part = {"ns.coll": {"$in": parts}, "fullDocument.job_id": job_id}
    shown = ("operationType", "ns", "documentKey", *(f"{_UPDATED}.{one}" for one in _TELLING[:2]))
    of_parts = ("generation", "index", "state", "progress", "rule", "file", "message", "line", "column")
    return [
        {"$match": {"ns.coll": {"$in": [_JOBS, *parts]}, "operationType": {"$in": ["insert", "update", "replace"]}}},
        {"$match": {"$or": [job, part]}},
        {"$project": dict.fromkeys((*shown, *(f"fullDocument.{one}" for one in of_parts)), 1) | _PAUSED},
    ]
