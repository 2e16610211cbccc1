"""Plans a version: what its fixes do to the categories, and the spans of paths that claimers share.

Planning twice gives the same shards: they are cut by the published version, which does not change meanwhile.
"""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass

from shared.features.datasets.models import Dataset, Rollup, VersionBusy
from shared.features.datasets.service import DatasetService
from shared.features.datasets.statistics import Statistics
from shared.features.images.service import ImageService
from shared.features.imports.models import ImportPlan, Ledger, NewShard, SourceRef, VersionPlan, Way
from shared.features.imports.planning.plan import PlanTrack
from shared.features.imports.repository import ImportJobRepository, ShardRepository
from shared.features.imports.shards.manifest import manifest_key, manifests_prefix
from shared.features.imports.versions.choosing import (
    Imported,
    change_of,
    imported,
    ordered_fixes,
    plan_of,
    rollup_to_begin_with,
)
from shared.features.imports.versions.models import VersionOrder
from shared.features.jobs.models import Job, StepLease
from shared.foundation.settings import EngineSettings
from shared.foundation.streams import whole
from shared.ports.object_store import ObjectStore

_NOWHERE = SourceRef(uri="", size_bytes=None, etag=None, raw=True)


@dataclass(frozen=True, slots=True)
class VersionPlanner:
    """Plans versions."""

    datasets: DatasetService
    images: ImageService
    store: ObjectStore
    jobs: ImportJobRepository
    shards: ShardRepository
    engine: EngineSettings

    async def plan(self, job: Job, lease: StepLease, track: PlanTrack) -> ImportPlan:
        """Write the job's shards. Raises FixesDoNotFit, VersionNotFound, and VersionBusy when the job may not."""
        dataset = await self.datasets.load(job.dataset_id)
        if dataset.draft is None or dataset.draft.job_id != job.id:
            raise VersionBusy(dataset.draft.job_id if dataset.draft else "that changes the dataset")
        order = VersionOrder.model_validate_json(job.request)
        known = await how_imported(self.jobs, dataset)
        reading = known.reading
        version, rollup = await self._version(dataset, order, dataset.draft.number, known)
        ledger = Ledger(job.id, lease.token)
        shards = [shard async for shard in self._shards(dataset, ledger, track)]
        await self.shards.add_all(ledger, shards)
        return ImportPlan(
            source=_NOWHERE,
            generation=ledger.generation,
            format=dataset.format or "",
            layout=dataset.layout or "",
            reason="the published version is changed",
            confidence=1.0,
            splits=known.splits,
            category_count=reading.category_count,
            task=reading.task,
            keypoint_shape=reading.keypoint_shape,
            way=Way.TOGETHER,
            way_reason="no bytes are moved",
            shards=len(shards),
            images=sum(shard.images for shard in shards),
            bytes=0,
            rollup=rollup,
            version=version,
        )

    async def discard(self, _job: Job, ledger: Ledger, /) -> None:
        """Remove the shards of a plan that did not come to count."""
        await self.shards.remove(ledger)
        await self.store.delete_prefix(manifests_prefix(ledger))

    async def _version(
        self, dataset: Dataset, order: VersionOrder, number: int, known: Imported
    ) -> tuple[VersionPlan, Rollup]:
        """What the version is, and the counters it begins with."""
        if order.restores is not None:
            older = await self.datasets.version(dataset, order.restores)
            return VersionPlan(number=number, base=dataset.version, restores=older.number), older.rollup
        chosen = ordered_fixes(order)
        parent = await self.datasets.version(dataset, dataset.version)
        change = change_of(dataset, parent, chosen, known.reading)
        plan = plan_of(dataset, number, change, takes_rows_in=known.takes_rows_in)
        return plan, rollup_to_begin_with(dataset, chosen)

    async def _shards(self, dataset: Dataset, ledger: Ledger, track: PlanTrack) -> AsyncIterator[NewShard]:
        """Spans of about as many images each; the last one has no end, so that every path is in one."""
        left, index = Statistics(dataset.rollup).images(), 0
        at: tuple[str, str] | None = None
        while left > 0:
            track.check()
            images = min(left, self.engine.shard_images)
            end = await self.images.key_after(dataset, at, images) if left > images else None
            key = manifest_key(manifests_prefix(ledger), index)
            await self.store.put(key, Span(at, end[0] if end else None).to_json())
            yield NewShard(index, key, images)
            left, index, at = left - images, index + 1, end


@dataclass(frozen=True, slots=True)
class Span:
    """The images of one shard: those behind a path and id, up to a path; None for no limit."""

    after: tuple[str, str] | None
    until: str | None

    def to_json(self) -> bytes:
        """The span, to be kept."""
        return json.dumps([self.after, self.until]).encode()


async def read_span(store: ObjectStore, key: str) -> Span:
    """The span that was kept."""
    after, until = json.loads(await whole(store.read(key)))
    return Span((after[0], after[1]) if after else None, until)


async def how_imported(jobs: ImportJobRepository, dataset: Dataset) -> Imported:
    """How the dataset was imported, as its job remembers."""
    job = await jobs.load(dataset.import_job_id)
    plan = ImportPlan.model_validate_json(job.plan) if job is not None and job.plan is not None else None
    return imported(plan, dataset)
