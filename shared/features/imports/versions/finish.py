"""Publishes a version: its counters are summed up, and dataset, history and job change together."""

from dataclasses import dataclass

from shared.features.datasets.models import Dataset, Version, VersionCounts
from shared.features.datasets.service import DatasetService
from shared.features.datasets.statistics import Statistics, from_rollup
from shared.features.imports.findings.dataset_task import task_of
from shared.features.imports.models import ImportPlan, VersionPlan
from shared.features.imports.progress import final_progress, settled
from shared.features.imports.repository import ImportJobRepository, ShardRepository
from shared.features.imports.versions.choosing import (
    Imported,
    categories_of,
    concluded,
    ordered_fixes,
    published_rollup,
    reading_of,
    version_counts,
)
from shared.features.imports.versions.models import VersionOrder
from shared.features.jobs.models import Job, LeaseLost, StepLease
from shared.foundation.clock import utc_now
from shared.foundation.mongo import Session, Transactions


@dataclass(frozen=True, slots=True)
class VersionFinisher:
    """Publishes versions."""

    datasets: DatasetService
    jobs: ImportJobRepository
    shards: ShardRepository
    transactions: Transactions

    async def finish(self, job: Job, plan: ImportPlan, lease: StepLease) -> None:
        """Publish the version and end the job. Raises LeaseLost if it is not ours."""
        if plan.version is None:
            raise ValueError("a job that makes no version")
        whole = await settled(plan, job, self.shards)
        dataset = await self.datasets.load(job.dataset_id)
        version = await self._version(dataset, job, plan.version, whole)
        progress = final_progress(whole, Statistics(version.rollup))
        told = whole.model_copy(update={"rollup": version.rollup})  # what its report counts

        async def publish(session: Session) -> None:
            published = await self.datasets.publish_version(version, session)
            plan_json, progress_json = told.model_dump_json(), progress.model_dump_json()
            ended = await self.jobs.succeed(lease, plan=plan_json, progress=progress_json, session=session)
            if not (published and ended):
                raise LeaseLost

        await self.transactions.run(publish)

    async def _version(self, dataset: Dataset, job: Job, plan: VersionPlan, whole: ImportPlan) -> Version:
        order = VersionOrder.model_validate_json(job.request)
        fresh = Version(
            dataset_id=dataset.id,
            number=plan.number,
            kind="fixes",
            parent=plan.base,
            created_at=utc_now(),
            job_id=job.id,
            note=order.note,
            task=dataset.task,
            categories=dataset.categories,
            rollup=published_rollup(whole.rollup),
        )
        if plan.restores is not None:
            return await self._restored(dataset, fresh, plan.restores, whole)
        chosen, categories = ordered_fixes(order), categories_of(dataset, plan)
        known = Imported(reading_of(whole), plan.takes_rows_in, whole.splits)
        rollup = concluded(fresh.rollup, categories, known)
        fields = {
            "fixes": order.fixes,
            "category_map": list(order.category_map.items()),
            "categories": categories,
            "rollup": rollup,
            "label_ids": list(plan.label_ids or ()),
            "counts": version_counts(whole.rollup, rollup, chosen),
            "task": task_of(Statistics(rollup).by_name("type"), whole.format),
        }
        return fresh.model_copy(update=fields)

    async def _restored(self, dataset: Dataset, fresh: Version, restores: int, whole: ImportPlan) -> Version:
        older = await self.datasets.version(dataset, restores)
        changed = {key: count for key, count in from_rollup(whole.rollup).items() if key[0] == "version"}
        fields = {
            "kind": "rollback",
            "restored": restores,
            "task": older.task,
            "categories": older.categories,
            "label_ids": older.label_ids,
            "rollup": older.rollup,
            "counts": VersionCounts(images_changed=sum(changed.values())),
        }
        return fresh.model_copy(update=fields)
