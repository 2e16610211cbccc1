"""Job documents: every change of state is one conditional update, so that two callers cannot both make it."""

import re
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, get_args

from pymongo import ASCENDING, DESCENDING, IndexModel, ReturnDocument

from shared.features.auth.models import Actor
from shared.features.jobs.models import ENDED, RETRYABLE, Job, JobKind, JobState, NewJob, Phase, StepLease
from shared.foundation.clock import utc_now
from shared.foundation.errors import Problem
from shared.foundation.ids import DatasetId, JobId
from shared.foundation.mongo import CollectionSpec, Database, Document, Session
from shared.foundation.paging import Page, PageRequest, decode_cursor, encode_cursor

_CLAIMER_ID = re.compile(r"[a-z0-9-]+")
_MOST_LAUNCHES = 50
_NO_LEASE = {"token": 0, "expires_at": None}
_NEXT_TOKEN = {"$add": ["$step.token", 1]}

_SCHEMA: Mapping[str, Any] = {
    "bsonType": "object",
    "required": ["_id", "schema_version", "kind", "owner_id", "dataset_id", "state", "phase", "request", "created_at"],
    "properties": {
        "schema_version": {"bsonType": "int"},
        "kind": {"enum": list(get_args(JobKind))},
        "state": {"enum": [str(state) for state in JobState]},
        "phase": {"enum": [str(phase) for phase in Phase]},
        "attempts": {"bsonType": "int", "minimum": 0},
    },
}


class JobRepository:
    """Jobs of one collection. `lease` is the silence after which a claimer is taken for dead."""

    def __init__(self, database: Database, *, collection: str, lease: timedelta) -> None:
        self._jobs = database[collection]
        self._lease = lease
        self.spec = CollectionSpec(
            collection,
            indexes=(
                IndexModel([("owner_id", ASCENDING), ("_id", DESCENDING)]),
                IndexModel([("state", ASCENDING), ("_id", DESCENDING)]),
                IndexModel([("dataset_id", ASCENDING)]),
                IndexModel([("cleanup_at", ASCENDING)], sparse=True),
                IndexModel(
                    [("owner_id", ASCENDING), ("idempotency_key", ASCENDING)],
                    unique=True,
                    partialFilterExpression={"idempotency_key": {"$type": "string"}},
                ),
            ),
            schema=_SCHEMA,
        )

    async def add(self, new: NewJob, session: Session | None = None) -> None:
        """Write a queued job. Raises AlreadyThere when its idempotency key has been used."""
        now = utc_now()
        document: Document = {
            "_id": new.id, "schema_version": 1, "kind": new.kind, "owner_id": new.owner_id,
            "dataset_id": new.dataset_id, "state": JobState.QUEUED, "phase": Phase.PLAN, "attempts": 0,
            "request": new.request, "plan": None, "progress": None, "error": None,
            "correlation_id": new.correlation_id, "created_at": now, "started_at": None, "finished_at": None,
            "claimers": new.claimers, "heartbeats": {}, "launches_pending": 0, "launched_at": None,
            "due_at": now, "step": _NO_LEASE, "generation": 0,
        }  # fmt: skip
        if new.idempotency_key:
            document["idempotency_key"] = new.idempotency_key
        await self._jobs.insert_one(document, session=session)

    async def get(self, job_id: str, actor: Actor) -> Job | None:
        """The job, if it is the actor's."""
        return self._job(await self._jobs.find_one({"_id": job_id, "owner_id": actor.id}))

    async def load(self, job_id: JobId) -> Job | None:
        """The job, for the machinery that runs it."""
        return self._job(await self._jobs.find_one({"_id": job_id}))

    async def with_idempotency_key(self, key: str, actor: Actor) -> Job | None:
        """The actor's job that was made with this key."""
        return self._job(await self._jobs.find_one({"owner_id": actor.id, "idempotency_key": key}))

    async def page(
        self, actor: Actor, request: PageRequest, *, state: JobState | None, kind: JobKind | None = None
    ) -> Page[Job]:
        """The actor's jobs, newest first."""
        wanted: Document = (
            {"owner_id": actor.id} | ({"state": state} if state else {}) | ({"kind": kind} if kind else {})
        )
        after = {"_id": {"$lt": decode_cursor(request.cursor, str)[0]}} if request.cursor else {}
        found = self._jobs.find(wanted | after).sort("_id", DESCENDING).skip(request.offset).limit(request.limit + 1)
        documents = await found.to_list()
        items = [_to_job(document, self._alive(document)) for document in documents[: request.limit]]
        more = encode_cursor(items[-1].id) if len(documents) > request.limit else None
        return Page(items, more, await self._jobs.count_documents(wanted))

    async def of_dataset(self, dataset_id: DatasetId) -> list[Job]:
        """Every job about a dataset."""
        return [self._alive_job(document) async for document in self._jobs.find({"dataset_id": dataset_id})]

    # -- claimers

    async def begin(self, job_id: JobId) -> bool:
        """Queued becomes running, one attempt more; False when it was not queued."""
        begun = await self._jobs.update_one(
            {"_id": job_id, "state": JobState.QUEUED, "paused": {"$ne": True}},
            [
                {
                    "$set": {
                        "state": JobState.RUNNING,
                        "attempts": {"$add": ["$attempts", 1]},
                        "started_at": {"$ifNull": ["$started_at", "$$NOW"]},
                        "error": None,
                    }
                }
            ],
        )
        return begun.modified_count == 1

    async def note_launch(self, job_id: JobId, tasks: int) -> None:
        """Remember that `tasks` claimers were asked for and have not reported yet."""
        await self._jobs.update_one({"_id": job_id}, {"$set": {"launches_pending": tasks, "launched_at": utc_now()}})

    async def note_another_launch(self, job_id: JobId, tasks: int) -> None:
        """Remember that `tasks` more claimers were asked for; with a negative number, that they will not come."""
        update = {"$inc": {"launches_pending": tasks}, "$set": {"launched_at": utc_now()}}
        await self._jobs.update_one({"_id": job_id}, update)

    async def note_launched(self, job_id: JobId, launched: str) -> None:
        """Remember what the launcher calls the claimers it has started; of many, the latest."""
        update = {"$push": {"launches": {"$each": [launched], "$slice": -_MOST_LAUNCHES}}}
        await self._jobs.update_one({"_id": job_id}, update)

    async def launches(self, job_id: JobId) -> list[str]:
        """What the launcher calls the claimers it was asked for."""
        found = await self._jobs.find_one({"_id": job_id}, {"launches": 1}) or {}
        return list(found.get("launches", ()))

    async def forget_launches(self, job_id: JobId, launches: Sequence[str]) -> None:
        """Nobody needs to stop these any more."""
        await self._jobs.update_one({"_id": job_id}, {"$pullAll": {"launches": list(launches)}})

    async def others_wait(self, job_id: JobId, *, patience: timedelta) -> bool:
        """Whether claimers of another running job have been asked for and wait for a worker."""
        waiting = {
            "_id": {"$ne": job_id}, "state": JobState.RUNNING, "launches_pending": {"$gt": 0},
            "launched_at": {"$gt": utc_now() - patience},
        }  # fmt: skip
        return await self._jobs.find_one(waiting, {"_id": 1}) is not None

    async def join(self, job_id: JobId, claimer: str) -> Job | None:
        """Report a claimer to its job; None when there is no such job."""
        _checked(claimer)
        document = await self._jobs.find_one_and_update(
            {"_id": job_id},
            [
                {
                    "$set": {
                        f"heartbeats.{claimer}": "$$NOW",
                        "launches_pending": {"$max": [0, {"$subtract": ["$launches_pending", 1]}]},
                    }
                }
            ],
            return_document=ReturnDocument.AFTER,
        )
        return self._job(document)

    async def beat(self, job_id: JobId, claimer: str) -> Job | None:
        """Say that the claimer lives, and learn how the job stands."""
        update = {"$currentDate": {f"heartbeats.{_checked(claimer)}": True}}
        return self._job(
            await self._jobs.find_one_and_update({"_id": job_id}, update, return_document=ReturnDocument.AFTER)
        )

    async def leave(self, job_id: JobId, claimer: str) -> None:
        """Take the claimer off the job."""
        await self._jobs.update_one({"_id": job_id}, {"$unset": {f"heartbeats.{_checked(claimer)}": ""}})

    # -- once-only steps

    async def claim_step(self, job_id: JobId, phase: Phase) -> StepLease | None:
        """The right to do `phase`, unless the job is elsewhere or another claimer is at it."""
        taken = await self._take_step(
            {"_id": job_id, "state": JobState.RUNNING, "phase": phase},
            {"generation": _NEXT_TOKEN} if phase is Phase.PLAN else {},
        )
        return StepLease(job_id, taken["step"]["token"]) if taken else None

    async def claim_cleanup(self, job_id: JobId) -> tuple[StepLease, Job] | None:
        """The right to clean up after a job whose time has come, and the job as it is at that moment.

        From now on a job that did not succeed has to be planned again, and cannot be retried before a cleaning has come
        to its end.
        """
        due = {"_id": job_id, "state": {"$in": list(ENDED)}, "cleanup_at": {"$lte": utc_now()}}
        succeeded = {"$eq": ["$state", JobState.SUCCEEDED]}
        taken = await self._take_step(due, {"phase": {"$cond": [succeeded, "$phase", Phase.PLAN]}, "cleaning": True})
        return (StepLease(job_id, taken["step"]["token"]), self._alive_job(taken)) if taken else None

    async def renew_step(self, lease: StepLease, *, progress: str | None) -> bool:
        """Hold the step longer, and say how far it is if there is something to say; False when it is lost."""
        fields: Document = {"step.expires_at": utc_now() + self._lease}
        update = {"$set": fields | ({"progress": progress} if progress else {})}
        return (await self._jobs.update_one(_held(lease), update)).matched_count == 1

    async def release_step(self, lease: StepLease) -> None:
        """Let others do the step at once."""
        await self._jobs.update_one(_held(lease), {"$set": {"step.expires_at": None}})

    async def advance(self, lease: StepLease, *, to: Phase, plan: str | None = None) -> bool:
        """End the step and go on to another phase; False when the lease is lost or the job no longer runs."""
        fields: Document = {"phase": to, "step.expires_at": None} | ({"plan": plan} if plan is not None else {})
        advanced = await self._jobs.update_one(_held(lease) | {"state": JobState.RUNNING}, {"$set": fields})
        return advanced.matched_count == 1

    async def move_on(self, job_id: JobId, phase: Phase, *, generation: int, to: Phase) -> None:
        """Every shard of this plan is through `phase`: the job goes on with the next one. Idempotent."""
        await self._jobs.update_one(
            {"_id": job_id, "state": JobState.RUNNING, "phase": phase, "generation": generation},
            {"$set": {"phase": to, "step.expires_at": None}},
        )

    async def succeed(self, lease: StepLease, *, plan: str, progress: str, session: Session) -> bool:
        """The end everybody wants; False when the lease is lost or the job was cancelled meanwhile."""
        now = utc_now()
        fields = {
            "state": JobState.SUCCEEDED,
            "finished_at": now,
            "cleanup_at": now,
            "plan": plan,
            "progress": progress,
        }
        done = await self._jobs.update_one(
            _held(lease) | {"state": JobState.RUNNING}, {"$set": fields | {"step.expires_at": None}}, session=session
        )
        return done.matched_count == 1

    async def keep_plan(self, lease: StepLease, plan: str) -> None:
        """Replace the plan by one that knows how it went."""
        await self._jobs.update_one(_held(lease), {"$set": {"plan": plan}})

    async def end_cleanup(self, lease: StepLease) -> None:
        """Cleaning is done."""
        update = {"$set": {"step.expires_at": None}, "$unset": {"cleanup_at": "", "cleaning": ""}}
        await self._jobs.update_one(_held(lease), update)

    async def clean_again(self, job_id: JobId, session: Session) -> None:
        """What an ended job has made is not needed any more."""
        ended = {"_id": job_id, "state": {"$in": list(ENDED)}}
        await self._jobs.update_one(ended, {"$set": {"cleanup_at": utc_now()}}, session=session)

    # -- pausing

    async def pause(self, job_id: JobId) -> bool:
        """A queued or running job waits until it is resumed; its claimers let go. False when it has ended."""
        open_states = [JobState.QUEUED, JobState.RUNNING]
        fields = {"state": JobState.QUEUED, "paused": True, "step.expires_at": None}
        paused = await self._jobs.update_one({"_id": job_id, "state": {"$in": open_states}}, {"$set": fields})
        return paused.matched_count == 1

    async def resume(self, job_id: JobId) -> bool:
        """A paused job is due again; False when it is not paused."""
        resumed = await self._jobs.update_one(
            {"_id": job_id, "state": JobState.QUEUED, "paused": True},
            {"$set": {"attempts": 0, "due_at": utc_now()}, "$unset": {"paused": ""}},
        )
        return resumed.matched_count == 1

    # -- other ends

    async def end(
        self, job: Job, state: JobState, *, error: Problem | None, cleanup_at: datetime, session: Session | None = None
    ) -> bool:
        """A queued or running job fails, dies or is cancelled; False when it has ended or is tried again meanwhile."""
        open_states = [JobState.QUEUED, JobState.RUNNING]
        fields = {"state": state, "error": error, "finished_at": utc_now(), "cleanup_at": cleanup_at}
        same_attempt = {"_id": job.id, "state": {"$in": open_states}} | _attempt_of(job, state)
        update = {"$set": fields, "$unset": {"paused": ""}}
        ended = await self._jobs.update_one(same_attempt, update, session=session)
        return ended.matched_count == 1

    async def requeue(self, job: Job, *, error: Problem, due_at: datetime) -> bool:
        """A running job waits for its next attempt; False when another claimer has ended this attempt before."""
        requeued = await self._jobs.update_one(
            {"_id": job.id, "state": JobState.RUNNING, "attempts": job.attempts},
            {"$set": {"state": JobState.QUEUED, "error": error, "due_at": due_at, "step.expires_at": None}},
        )
        return requeued.matched_count == 1

    async def retry(self, job_id: JobId, session: Session) -> bool:
        """An ended job is queued again from where it stopped; False when it succeeded, runs, or is being cleaned.

        A failed job is cleaned up first: whatever it had made is from data that was at fault.
        """
        now = utc_now()
        resumable = {"$or": [{"state": {"$ne": JobState.FAILED}}, {"cleanup_at": {"$exists": False}}]}
        clean = {"state": {"$in": list(RETRYABLE)}, "cleaning": {"$ne": True}}
        retried = await self._jobs.update_one(
            {"_id": job_id, **clean, "$and": [_step_free(now), resumable]},
            {
                "$set": {"state": JobState.QUEUED, "attempts": 0, "error": None, "finished_at": None, "due_at": now},
                "$unset": {"cleanup_at": ""},
            },
            session=session,
        )
        return retried.matched_count == 1

    # -- sweeping

    async def overdue(self, *, queued_for: timedelta) -> list[Job]:
        """Queued jobs whose callback should have come by now."""
        late = {"state": JobState.QUEUED, "paused": {"$ne": True}, "due_at": {"$lt": utc_now() - queued_for}}
        return [self._alive_job(document) async for document in self._jobs.find(late).limit(100)]

    async def short_of_claimers(self, *, patience: timedelta) -> AsyncIterator[tuple[Job, int]]:
        """Running jobs with fewer live and announced claimers than wanted, and how many are missing."""
        now = utc_now()
        async for document in self._jobs.find({"state": JobState.RUNNING}):
            job = self._alive_job(document)
            launched_at = document["launched_at"]
            waiting = launched_at is not None and now - launched_at < patience
            pending = document["launches_pending"] if waiting else 0
            missing = job.claimers - len(job.live_claimers) - pending
            if missing > 0:
                yield job, missing

    async def due_for_cleanup(self) -> list[Job]:
        """Ended jobs whose leftovers can go and at which no claimer works any more."""
        found = self._jobs.find({"cleanup_at": {"$lte": utc_now()}}).limit(100)
        jobs = [self._alive_job(document) async for document in found]
        return [job for job in jobs if not job.live_claimers]

    async def is_clean(self, job_id: JobId) -> bool:
        """Whether nothing is left to be removed of the job."""
        return await self._jobs.find_one({"_id": job_id, "cleanup_at": {"$exists": False}}, {"_id": 1}) is not None

    async def _take_step(self, condition: Document, fields: Document) -> Document | None:
        now = utc_now()
        step = {"step.expires_at": now + self._lease, "step.token": _NEXT_TOKEN}
        return await self._jobs.find_one_and_update(
            condition | _step_free(now), [{"$set": step | fields}], return_document=ReturnDocument.AFTER
        )

    def _alive(self, document: Document) -> tuple[str, ...]:
        oldest = utc_now() - self._lease
        return tuple(claimer for claimer, beat in document["heartbeats"].items() if beat >= oldest)

    def _alive_job(self, document: Document) -> Job:
        return _to_job(document, self._alive(document))

    def _job(self, document: Document | None) -> Job | None:
        return self._alive_job(document) if document else None


def _held(lease: StepLease) -> Document:
    return {"_id": lease.job_id, "step.token": lease.token, "step.expires_at": {"$ne": None}}


def _attempt_of(job: Job, state: JobState) -> Document:
    """A claimer speaks for the attempt it joined; whoever cancels means the job, whatever its attempt."""
    return {} if state is JobState.CANCELLED else {"attempts": job.attempts}


def _step_free(now: datetime) -> Document:
    return {"$or": [{"step.expires_at": None}, {"step.expires_at": {"$lt": now}}]}


def _checked(claimer: str) -> str:
    if not _CLAIMER_ID.fullmatch(claimer):
        raise ValueError(f"not a claimer id: {claimer!r}")
    return claimer


def _to_job(document: Document, live: tuple[str, ...]) -> Job:
    return Job(
        id=document["_id"],
        kind=document["kind"],
        owner_id=document["owner_id"],
        dataset_id=document["dataset_id"],
        state=JobState(document["state"]),
        phase=Phase(document["phase"]),
        attempts=document["attempts"],
        request=document["request"],
        plan=document["plan"],
        progress=document["progress"],
        error=document["error"],
        correlation_id=document["correlation_id"],
        created_at=document["created_at"],
        started_at=document["started_at"],
        finished_at=document["finished_at"],
        claimers=document["claimers"],
        live_claimers=live,
        generation=document["generation"],
        paused=document.get("paused", False),
    )
