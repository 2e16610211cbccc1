"""The collections of imports: the jobs, their shards (claimed by lease, fenced by token), and their findings."""

import contextlib
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import timedelta
from typing import Any

from pymongo import ASCENDING, IndexModel, ReplaceOne, ReturnDocument

from shared.features.datasets.models import Rollup
from shared.features.imports.models import (
    DoneShard,
    Ledger,
    NewShard,
    ReportFilter,
    ShardLease,
    ShardProgress,
    ShardState,
)
from shared.features.jobs.repository import JobRepository
from shared.formats.findings import Finding
from shared.formats.rules import RULES
from shared.foundation.clock import utc_now
from shared.foundation.ids import JobId, derived_id
from shared.foundation.mongo import AlreadyThere, CollectionSpec, Database, Document, Session
from shared.foundation.paging import Page, PageRequest, decode_cursor, encode_cursor

_SHARD_SCHEMA: Mapping[str, Any] = {
    "bsonType": "object",
    "required": ["_id", "schema_version", "job_id", "generation", "index", "state", "manifest_key", "token"],
    "properties": {"state": {"enum": list(ShardState)}, "token": {"bsonType": "int", "minimum": 0}},
}
_FINDING_SCHEMA: Mapping[str, Any] = {
    "bsonType": "object",
    "required": ["_id", "schema_version", "job_id", "rule", "severity", "file", "message", "place"],
    "properties": {"severity": {"enum": ["error", "warning", "info"]}},
}
_WORTH_SPLITTING = 32
_ROLLUPS_AT_A_TIME = 10
_FREE: Document = {"expires_at": None}
_NOTHING_DONE: Document = {f"progress.{name}": 0 for name in ("images", "bytes", "annotations", "findings")}


class ImportJobRepository(JobRepository):
    """The collection `import_jobs`."""

    def __init__(self, database: Database, *, lease: timedelta) -> None:
        super().__init__(database, collection="import_jobs", lease=lease)


class ShardRepository:
    """The collection `import_shards`. `lease` is the silence after which a shard may be taken over."""

    def __init__(self, database: Database, *, lease: timedelta) -> None:
        self._shards = database["import_shards"]
        self._lease = lease
        self.spec = CollectionSpec(
            "import_shards",
            indexes=(IndexModel([(name, ASCENDING) for name in ("job_id", "generation", "state", "index")]),),
            schema=_SHARD_SCHEMA,
        )

    async def add_all(self, ledger: Ledger, shards: Sequence[NewShard]) -> None:
        """Write the shards of a plan. Nobody claims them until the job says that this plan is the one."""
        if shards:
            await self._shards.insert_many([_new_document(ledger, shard) for shard in shards])

    async def claim_next(self, ledger: Ledger, state: ShardState) -> ShardLease | None:
        """The next shard in this state and in nobody's hands; None when there is none at present."""
        now = utc_now()
        document = await self._shards.find_one_and_update(
            {**_of(ledger), "state": state, "$or": [_FREE, {"expires_at": {"$lt": now}}]},
            {
                "$set": {"expires_at": now + self._lease, **_NOTHING_DONE},
                "$inc": {"token": 1, "claims": 1},
            },
            sort=[("index", ASCENDING)],
            return_document=ReturnDocument.AFTER,
        )
        return _to_lease(document) if document else None

    async def renew(self, lease: ShardLease, progress: ShardProgress) -> int | None:
        """Hold the shard longer and say how far it is. How many images are ours by now; None when it is lost."""
        update = {"$set": {"expires_at": utc_now() + self._lease, **_shown(progress)}}
        document = await self._shards.find_one_and_update(_held(lease), update, {"images": 1})
        return document["images"] if document else None

    async def split_straggler(self, ledger: Ledger) -> bool:
        """Make a new shard of half of what the slowest claimer has still to transfer; False when none is worth it.

        Only shards whose labels are indexed: their packs are written, so who transfers what makes no difference.
        The claimer learns of it when it renews its lease, at the latest when it completes the shard.
        """
        left = {"$subtract": ["$images", "$progress.images"]}
        wanted = {
            **_of(ledger), "state": ShardState.INDEXED, "divisible": True, "expires_at": {"$gt": utc_now()},
            "remainder": None, "progress.images": {"$gt": 0}, "$expr": {"$gte": [left, _WORTH_SPLITTING]},
        }  # fmt: skip
        found = await self._shards.find(wanted).to_list()
        if not found:
            return False
        slowest = max(found, key=lambda document: document["images"] - document["progress"]["images"])
        keeps = (slowest["images"] + slowest["progress"]["images"] + 1) // 2
        rest = {"first": slowest["first"] + keeps, "images": slowest["images"] - keeps}
        same = {key: slowest[key] for key in ("_id", "token", "images", "state", "remainder")}
        split = await self._shards.update_one(same, {"$set": {"images": keeps, "remainder": rest}})
        return split.matched_count == 1 and await self.adopt_remainders(ledger)

    async def adopt_remainders(self, ledger: Ledger) -> bool:
        """Make shards of what was split off; True if there was any. Whoever split it may have died since."""
        found = await self._shards.find({**_of(ledger), "remainder": {"$ne": None}}).to_list()
        for shard in found:
            with contextlib.suppress(AlreadyThere):
                await self._shards.insert_one(_remainder(shard))
            adopted = {"_id": shard["_id"], "remainder": shard["remainder"]}
            await self._shards.update_one(adopted, {"$set": {"remainder": None}})
        return bool(found)

    async def images_of(self, lease: ShardLease) -> int | None:
        """How many images of the shard are ours; None when it is lost."""
        document = await self._shards.find_one(_held(lease), {"images": 1})
        return document["images"] if document else None

    async def hold(self, lease: ShardLease, session: Session) -> bool:
        """Within a transaction: what is written in it counts only if the shard stays ours; False if it is not."""
        held = await self._shards.update_one(_held(lease), {"$inc": {"writes": 1}}, session=session)
        return held.matched_count == 1

    async def release(self, lease: ShardLease) -> None:
        """Give an unfinished shard back; it does not count as a failed claim."""
        update = {"$set": {**_FREE, **_NOTHING_DONE}, "$inc": {"claims": -1}}
        await self._shards.update_one(_held(lease), update)

    async def complete(self, lease: ShardLease, *, images: int, rollup: Rollup, progress: ShardProgress) -> bool:
        """The shard's `images` are done, with these counts; False when it was lost, or some of them were taken over."""
        fields = {"state": ShardState.DONE, "rollup": rollup.model_dump()["rows"], **_shown(progress), **_FREE}
        return (await self._shards.update_one(_held(lease) | {"images": images}, {"$set": fields})).matched_count == 1

    async def indexed(self, lease: ShardLease, images: int) -> bool:
        """The shard's images can be looked at; False when it was lost."""
        fields = {"state": ShardState.INDEXED, "claims": 0, "progress.indexed": images, **_FREE}
        return (await self._shards.update_one(_held(lease), {"$set": fields})).matched_count == 1

    async def all_past(self, ledger: Ledger, state: ShardState, *, images: int) -> bool:
        """Whether every shard of the plan, and each of its `images`, is past this state.

        The images are summed up as well, because the server may look at shards while they change: one that is cut and
        completed meanwhile could be seen neither here nor there, and what was cut off it be forgotten. A sum can only
        be too small then, never too large, as shards do not come back.
        """
        left = {**_of(ledger), "$or": [{"state": state}, {"remainder": {"$ne": None}}]}
        if await self._shards.find_one(left, {"_id": 1}) is not None:
            return False
        states = list(ShardState)
        past = states[states.index(state) + 1 :]
        total = {"$group": {"_id": None, "images": {"$sum": "$images"}}}
        found = await self._shards.aggregate([{"$match": {**_of(ledger), "state": {"$in": past}}}, total])
        totals: list[int] = [document["images"] async for document in found]
        return sum(totals) == images

    async def rollups(self, ledger: Ledger) -> AsyncIterator[Rollup]:
        """The counts of every finished shard, a few at a time: each is a thousand rows."""
        done = {**_of(ledger), "state": ShardState.DONE}
        async for document in self._shards.find(done, {"rollup": 1}, batch_size=_ROLLUPS_AT_A_TIME):
            yield Rollup(rows=document["rollup"])

    async def done(self, ledger: Ledger) -> list[DoneShard]:
        """The finished shards, in the order of their images."""
        wanted = dict.fromkeys(("manifest_key", "first", "images"), 1)
        found = self._shards.find({**_of(ledger), "state": ShardState.DONE}, wanted)
        shards = [DoneShard(one["manifest_key"], one["first"], one["images"]) async for one in found]
        return sorted(shards, key=lambda shard: (shard.manifest_key, shard.first))

    async def progress(self, ledger: Ledger) -> ShardProgress:
        """What all shards of the plan have done together."""
        sums = {name: {"$sum": f"$progress.{name}"} for name in asdict(ShardProgress())}
        found = await self._shards.aggregate([{"$match": _of(ledger)}, {"$group": {"_id": None, **sums}}])
        totals = await found.to_list()
        return ShardProgress(**{name: totals[0][name] for name in sums}) if totals else ShardProgress()

    async def remove(self, ledger: Ledger) -> None:
        """Forget the shards of one plan."""
        await self._shards.delete_many(_of(ledger))

    async def remove_all(self, job_id: JobId) -> None:
        """Forget the shards of a job."""
        await self._shards.delete_many({"job_id": job_id})


class FindingRepository:
    """The collection `findings`: what an import has to say about its data, in the order of files and lines."""

    def __init__(self, database: Database) -> None:
        self._findings = database["findings"]
        plan = ("job_id", ASCENDING), ("generation", ASCENDING)
        place = ("place", ASCENDING), ("_id", ASCENDING)
        self.spec = CollectionSpec(
            "findings",
            indexes=(
                IndexModel([*plan, *place]),
                IndexModel([*plan, ("rule", ASCENDING), *place]),
                IndexModel([*plan, ("severity", ASCENDING), *place]),
            ),
            schema=_FINDING_SCHEMA,
        )

    async def write(self, ledger: Ledger, findings: Iterable[Finding]) -> None:
        """Write findings; the same finding of the same plan is written once."""
        batch: list[ReplaceOne[Document]] = []
        for finding in findings:
            document = _finding_document(ledger, finding)
            batch.append(ReplaceOne({"_id": document["_id"]}, document, upsert=True))
            if len(batch) == 1000:
                await self._findings.bulk_write(batch, ordered=False)
                batch = []
        if batch:
            await self._findings.bulk_write(batch, ordered=False)

    async def page(self, ledger: Ledger, request: PageRequest, wanted: ReportFilter) -> Page[Finding]:
        """Findings in the order of file, line, column and rule."""
        query = _of(ledger)
        if wanted.severity:
            query["severity"] = wanted.severity
        if wanted.rule:
            query["rule"] = wanted.rule
        total = await self._findings.count_documents(query)
        if request.cursor:
            place, finding_id = decode_cursor(request.cursor, str, str)
            query["$or"] = [{"place": {"$gt": place}}, {"place": place, "_id": {"$gt": finding_id}}]
        found = self._findings.find(query).sort([("place", ASCENDING), ("_id", ASCENDING)])
        documents = await found.skip(request.offset).limit(request.limit + 1).to_list()
        shown = documents[: request.limit]
        more = encode_cursor(shown[-1]["place"], shown[-1]["_id"]) if len(documents) > request.limit else None
        return Page([_to_finding(document) for document in shown], more, total)

    async def counts(self, ledger: Ledger) -> dict[str, int]:
        """How many findings of each rule are kept."""
        found = await self._findings.aggregate(
            [{"$match": _of(ledger)}, {"$group": {"_id": "$rule", "count": {"$sum": 1}}}]
        )
        return {document["_id"]: document["count"] async for document in found}

    async def remove_older(self, job_id: JobId, *, generation: int) -> None:
        """Forget what plans before this one found."""
        await self._findings.delete_many({"job_id": job_id, "generation": {"$lt": generation}})

    async def remove_all(self, job_id: JobId) -> None:
        """Forget the findings of a job."""
        await self._findings.delete_many({"job_id": job_id})


def _shown(progress: ShardProgress) -> Document:
    return {f"progress.{name}": count for name, count in asdict(progress).items()}


def _of(ledger: Ledger) -> Document:
    return {"job_id": ledger.job_id, "generation": ledger.generation}


def _new_document(ledger: Ledger, shard: NewShard) -> Document:
    return {
        "_id": f"{ledger.job_id}:{ledger.generation}:{shard.index:06d}", "schema_version": 1, **_of(ledger),
        "index": shard.index,
        "manifest_key": shard.manifest_key, "first": shard.first, "images": shard.images,
        "span": list(shard.span) if shard.span else None, "divisible": shard.divisible, "remainder": None,
        "state": ShardState.OPEN, "token": 0, "claims": 0, "expires_at": None,
        "progress": asdict(ShardProgress()), "rollup": [],
    }  # fmt: skip


def _remainder(shard: Document) -> Document:
    """The shard of what another one does not keep."""
    first, images = shard["remainder"]["first"], shard["remainder"]["images"]
    return shard | {
        "_id": f"{shard['_id']}-{first}", "first": first, "images": images, "state": ShardState.INDEXED, "token": 0,
        "claims": 0, "expires_at": None, "progress": asdict(ShardProgress(indexed=images)), "rollup": [],
        "remainder": None,
    }  # fmt: skip


def _held(lease: ShardLease) -> Document:
    return {
        "_id": lease.shard_id, "token": lease.token, "state": {"$ne": ShardState.DONE},
        "expires_at": {"$ne": None},
    }  # fmt: skip


def _to_lease(document: Document) -> ShardLease:
    return ShardLease(
        shard_id=document["_id"],
        job_id=document["job_id"],
        index=document["index"],
        manifest_key=document["manifest_key"],
        token=document["token"],
        claims=document["claims"],
        first=document["first"],
        images=document["images"],
        span=tuple(document["span"]) if document["span"] else None,
    )


def _finding_document(ledger: Ledger, finding: Finding) -> Document:
    line, column = finding.line or 0, finding.column or 0
    return {
        "_id": derived_id(ledger.job_id, ledger.generation, finding.rule, finding.file, line, column, finding.message),
        "schema_version": 1,
        **_of(ledger),
        "place": f"{finding.file[:256]}\x00{line:010d}\x00{column:010d}\x00{finding.rule}",
        "rule": finding.rule,
        "severity": RULES[finding.rule].severity,
        "file": finding.file,
        "line": finding.line,
        "column": finding.column,
        "message": finding.message,
        "effect": None if finding.effect is None else [list(pair) for pair in finding.effect],
    }


def _to_finding(document: Document) -> Finding:
    return Finding(
        rule=document["rule"],
        file=document["file"],
        message=document["message"],
        line=document["line"],
        column=document["column"],
        effect=_to_effect(document.get("effect")),
    )


def _to_effect(pairs: list[list[str]] | None) -> tuple[tuple[str, str], ...] | None:
    return None if pairs is None else tuple((trainer, effect) for trainer, effect in pairs)
