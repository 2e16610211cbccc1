"""One shard of a version: the images of a span of paths, of which those that change are written beside what is there.

Nothing is written but in transactions that hold the shard: a claimer that was overtaken, or whose job was given up,
writes nothing, however late it wakes.
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from shared.features.datasets.models import Dataset, Rollup
from shared.features.datasets.service import DatasetService
from shared.features.datasets.statistics import Counts, to_rollup
from shared.features.images.drafts.models import ImageChange
from shared.features.images.drafts.service import DraftService
from shared.features.images.models import Image
from shared.features.images.service import ImageService
from shared.features.imports.models import ImportPlan, ShardLease, VersionPlan
from shared.features.imports.shards.tools import ShardTools
from shared.features.imports.shards.track import ShardTrack
from shared.features.imports.versions.choosing import judging_of, mender_of, ordered_fixes, reading_of
from shared.features.imports.versions.fixing import Fixing
from shared.features.imports.versions.models import VersionOrder
from shared.features.imports.versions.planner import Span, read_span
from shared.features.jobs.models import Job, LeaseLost
from shared.foundation.mongo import Session, Transactions

_AT_ONCE = 250


@dataclass(frozen=True, slots=True)
class VersionWriter:
    """Writes shards of versions; one object serves one worker process."""

    tools: ShardTools
    datasets: DatasetService
    drafts: DraftService
    transactions: Transactions

    async def run(self, job: Job, plan: ImportPlan, lease: ShardLease, track: ShardTrack) -> None:
        """Write a shard. Raises LeaseLost when it is no longer ours."""
        if plan.version is None:
            raise ValueError("a job that makes no version")
        track.begin(lease.images, indexed=True)
        dataset = await self.datasets.load(job.dataset_id)
        span = await read_span(self.tools.store, lease.manifest_key)
        if plan.version.restores is not None:
            rollup = await self._restore(dataset, plan.version, plan.version.restores, span, lease)
        else:
            rollup = await self._fix(dataset, job, plan, plan.version, span, lease, track)
        track.check()
        track.images = lease.images
        if not await self.tools.shards.complete(lease, images=lease.images, rollup=rollup, progress=track.progress):
            raise LeaseLost

    async def _fix(
        self,
        dataset: Dataset,
        job: Job,
        plan: ImportPlan,
        version: VersionPlan,
        span: Span,
        lease: ShardLease,
        track: ShardTrack,
    ) -> Rollup:
        mender = mender_of(version, ordered_fixes(VersionOrder.model_validate_json(job.request)), reading_of(plan))
        fixing = Fixing(self.tools.images, dataset, mender, judging_of(dataset))
        async for images in pages_of(self.tools.images, dataset, span):
            changes = []
            for image in images:
                track.check()
                if (change := await fixing.fix(image)) is not None:
                    changes.append(change)
            await self._write(dataset, version.number, changes, lease)
            track.images += len(images)
            track.annotations = fixing.annotations
        return to_rollup(fixing.counts)

    async def _restore(
        self, dataset: Dataset, version: VersionPlan, older: int, span: Span, lease: ShardLease
    ) -> Rollup:
        after = span.after[0] if span.after else None
        changes = await self.drafts.back_to(dataset, older, after=after, until=span.until)
        for at in range(0, len(changes), _AT_ONCE):
            await self._write(dataset, version.number, changes[at : at + _AT_ONCE], lease)
        return to_rollup(Counts({("version", "images_changed"): len(changes)}))

    async def _write(self, dataset: Dataset, number: int, changes: Sequence[ImageChange], lease: ShardLease) -> None:
        if not changes:
            return
        kept = await self.drafts.keep_large(dataset.id, number, changes)

        async def work(session: Session) -> None:
            if not await self.tools.shards.hold(lease, session):
                raise LeaseLost
            await self.drafts.write(dataset.id, number, kept, session)

        await self.transactions.run(work)


async def pages_of(images: ImageService, dataset: Dataset, span: Span) -> AsyncIterator[list[Image]]:
    """The images of a span, some at a time."""
    at = span.after
    while page := await images.after(dataset, at, _AT_ONCE):
        inside = [image for image in page if span.until is None or image.path <= span.until]
        yield inside
        if len(inside) < len(page):
            return
        at = page[-1].path, page[-1].id
