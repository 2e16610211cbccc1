"""A job, its states, and what may follow what."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Literal, TypeAlias

from shared.foundation.errors import Conflict, NotFound, Problem
from shared.foundation.ids import DatasetId, JobId

JobKind: TypeAlias = Literal["import", "verify", "version", "export"]


class JobState(StrEnum):
    """Where a job stands. `failed`: its input is at fault. `dead`: it was tried as often as allowed."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    DEAD = "dead"


ENDED = frozenset({JobState.SUCCEEDED, JobState.FAILED, JobState.CANCELLED, JobState.DEAD})
RETRYABLE = frozenset({JobState.FAILED, JobState.CANCELLED, JobState.DEAD})


class Phase(StrEnum):
    """The steps of a job: planned once, indexed and transferred by every claimer, finished once.

    An import whose labels cannot be read apart from its images has no step `index`; one in place has no `transfer`.
    """

    PLAN = "plan"
    INDEX = "index"
    TRANSFER = "transfer"
    FINISH = "finish"


class JobNotFound(NotFound):
    """No job has this id, or it is not yours."""

    slug, title = "job-not-found", "Job not found"

    def __init__(self, job_id: str) -> None:
        super().__init__(f"No job {job_id!r} that you may see.", job_id=job_id)


class JobStateConflict(Conflict):
    """The job's state does not allow what was asked."""

    slug, title = "job-state-conflict", "The job's state does not allow this"


class IdempotencyConflict(Conflict):
    """The key was used before, for something else."""

    slug, title = "idempotency-conflict", "The idempotency key belongs to another request"


class LeaseLost(Exception):
    """Another claimer took over, or the job ended: stop, write nothing more. Not a failure of the job."""


@dataclass(frozen=True, slots=True)
class NewJob:
    """What a job is made of."""

    id: JobId
    owner_id: str
    dataset_id: DatasetId
    request: str
    correlation_id: str
    claimers: int
    idempotency_key: str | None
    kind: JobKind = "import"


@dataclass(frozen=True, slots=True)
class Job:
    """One job as it was read. `request` is the JSON it was asked with, `plan` what planning found out.

    `generation` is the fencing token of the last planning begun: findings and shards of an earlier one do not count.
    """

    id: JobId
    kind: JobKind
    owner_id: str
    dataset_id: DatasetId
    state: JobState
    phase: Phase
    attempts: int
    request: str
    plan: str | None
    progress: str | None
    error: Problem | None
    correlation_id: str
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    claimers: int
    live_claimers: tuple[str, ...]
    generation: int
    paused: bool = False

    @property
    def ended(self) -> bool:
        """True when nothing more will happen unless somebody retries it."""
        return self.state in ENDED


@dataclass(frozen=True, slots=True)
class StepLease:
    """The right to do a job's current once-only step until `token` is outdated."""

    job_id: JobId
    token: int
