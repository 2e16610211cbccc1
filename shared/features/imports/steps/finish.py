"""The last step of an import: the shards' counts are summed up, and dataset and job change together."""

from dataclasses import dataclass
from typing import Protocol

from shared.features.datasets.models import Dataset, Rollup
from shared.features.datasets.service import DatasetService
from shared.features.datasets.statistics import Statistics, count_findings, from_rollup, to_rollup
from shared.features.imports.contents.findings import ContentFindings
from shared.features.imports.findings.dataset_task import task_of
from shared.features.imports.findings.whole_dataset import dataset_findings
from shared.features.imports.image_bytes.deep import is_deep
from shared.features.imports.likeness.findings import LikenessFindings
from shared.features.imports.models import ImportPlan, Ledger, NothingImported
from shared.features.imports.progress import final_progress, settled
from shared.features.imports.repository import FindingRepository, ImportJobRepository, ShardRepository
from shared.features.jobs.models import Job, LeaseLost, StepLease
from shared.formats.findings import FindingLog
from shared.foundation.ids import JobId
from shared.foundation.mongo import Session, Transactions

_MOST_FINDINGS = 100


class Sequel(Protocol):
    """What follows an import."""

    async def begin(self, job: Job, dataset: Dataset, rollup: Rollup, session: Session) -> JobId | None:
        """Within the transaction that publishes: write the job that follows, if one was asked for."""
        ...

    async def announce(self, job_id: JobId) -> None:
        """Once it is committed: tell that the job is due."""
        ...


@dataclass(frozen=True, slots=True)
class Finisher:
    """Publishes what an import made."""

    datasets: DatasetService
    jobs: ImportJobRepository
    shards: ShardRepository
    findings: FindingRepository
    transactions: Transactions
    contents: ContentFindings
    likenesses: LikenessFindings
    sequel: Sequel

    async def finish(self, job: Job, plan: ImportPlan, lease: StepLease) -> None:
        """Publish version 1 of the dataset and end the job. Raises NothingImported, and LeaseLost if it is not ours."""
        whole = await settled(plan, job, self.shards)
        statistics = Statistics(whole.rollup)
        if statistics.images() == 0:
            raise NothingImported("Every image was left out; the report says why.")
        whole = await self._conclude(job, whole, statistics)
        statistics = Statistics(whole.rollup)
        progress = final_progress(plan, statistics)
        task = task_of(statistics.by_name("type"), plan.format)
        dataset = await self.datasets.load(job.dataset_id)

        async def publish(session: Session) -> JobId | None:
            await self.datasets.publish(dataset, rollup=whole.rollup, task=task, session=session)
            ended = await self.jobs.succeed(
                lease, plan=whole.model_dump_json(), progress=progress.model_dump_json(), session=session
            )
            if not ended:
                raise LeaseLost
            return await self.sequel.begin(job, dataset, whole.rollup, session)

        following = await self.transactions.run(publish)
        if following is not None:
            await self.sequel.announce(following)

    async def _conclude(self, job: Job, whole: ImportPlan, statistics: Statistics) -> ImportPlan:
        """Write what only the whole tells, and count it. Done again, it writes and counts the same."""
        categories = (await self.datasets.load(job.dataset_id)).categories
        log = FindingLog(_MOST_FINDINGS)
        for finding in dataset_findings(statistics, categories, whole.splits, task=whole.task):
            log.add(finding)
        ledger = Ledger(job.id, whole.generation)
        await self.findings.write(ledger, log)
        counts = from_rollup(whole.rollup)
        count_findings(counts, log.counts)
        count_findings(counts, await self.contents.write(whole, ledger))
        if is_deep(job):
            count_findings(counts, await self.likenesses.write(whole, ledger))
        return whole.model_copy(update={"rollup": to_rollup(counts)})
