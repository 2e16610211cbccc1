"""How far an import is, read from its shards."""

from dataclasses import dataclass

from shared.features.datasets.models import Rollup
from shared.features.datasets.statistics import Counts, Statistics, add_rollup, count_findings, from_rollup, to_rollup
from shared.features.imports.models import ImportPlan, Ledger, Progress, ShardProgress, Way
from shared.features.imports.repository import FindingRepository, ShardRepository
from shared.features.jobs.models import Job, JobState
from shared.foundation.clock import utc_now


@dataclass(frozen=True, slots=True)
class ProgressReader:
    """Reads the progress of jobs."""

    shards: ShardRepository
    findings: FindingRepository

    async def of(self, job: Job) -> Progress:
        """What has been done by now; of a job that succeeded, what it did in all."""
        progress = await self._progress(job)
        if job.state is JobState.FAILED:
            progress = progress.model_copy(update={"findings": (await self.statistics(job)).total("findings")})
        return _with_rate(progress, job)

    async def _progress(self, job: Job) -> Progress:
        if job.plan is None or job.state is JobState.SUCCEEDED:
            return Progress.model_validate_json(job.progress) if job.progress else Progress()
        plan = ImportPlan.model_validate_json(job.plan)
        return _so_far(plan, await self.shards.progress(Ledger(job.id, plan.generation)))

    async def statistics(self, job: Job) -> Statistics:
        """What the import has counted by now: of plan and finished shards, or of the whole when it succeeded.

        Of an import that failed nothing counts but what it has found.
        """
        if job.state is JobState.FAILED:
            counts = Counts()
            count_findings(counts, await self.findings.counts(Ledger(job.id, job.generation)))
            return Statistics(to_rollup(counts))
        if job.plan is None:
            return Statistics(Rollup())
        plan = ImportPlan.model_validate_json(job.plan)
        return Statistics((await settled(plan, job, self.shards)).rollup)


async def settled(plan: ImportPlan, job: Job, shards: ShardRepository) -> ImportPlan:
    """The plan with the counts of every finished shard added, once."""
    if plan.settled:
        return plan
    counts = from_rollup(plan.rollup)
    async for rollup in shards.rollups(Ledger(job.id, plan.generation)):
        add_rollup(counts, rollup)
    return plan.model_copy(update={"rollup": to_rollup(counts), "settled": True})


def final_progress(plan: ImportPlan, statistics: Statistics) -> Progress:
    """The progress of a job whose shards are all done."""
    return Progress(
        fraction=1.0,
        bytes_total=plan.bytes,
        bytes_done=plan.bytes,
        images_total=plan.images,
        images_indexed=plan.images,
        images_done=plan.images,
        annotations=statistics.total("annotations"),
        findings=statistics.total("findings"),
        eta_seconds=0,
    )


def _so_far(plan: ImportPlan, done: ShardProgress) -> Progress:
    total, images = plan.images, done.images
    planned_findings = sum(int(row[-1]) for row in plan.rollup.rows if row[0] == "findings")
    return Progress(
        fraction=_fraction(plan, done),
        bytes_total=plan.bytes,
        bytes_done=done.bytes,
        images_total=total,
        images_indexed=min(total, max(done.indexed, images)),
        images_done=images,
        annotations=done.annotations,
        findings=planned_findings + done.findings,
    )


def _fraction(plan: ImportPlan, done: ShardProgress) -> float:
    """By images where no bytes are moved."""
    if plan.way is Way.IN_PLACE or not plan.bytes:
        return round(min(0.999, done.images / plan.images), 4) if plan.images else 0.0
    return round(min(0.999, done.bytes / plan.bytes), 4) if plan.images else 0.0


def _with_rate(progress: Progress, job: Job) -> Progress:
    if job.started_at is None:
        return progress
    seconds = max(0.001, ((job.finished_at or utc_now()) - job.started_at).total_seconds())
    rate = int(progress.bytes_done / seconds)
    eta = None
    if job.ended:
        eta = 0 if job.state is JobState.SUCCEEDED else None
    elif rate and not job.paused:
        eta = int((progress.bytes_total - progress.bytes_done) / rate)
    return progress.model_copy(update={"bytes_per_second": rate, "eta_seconds": eta})
