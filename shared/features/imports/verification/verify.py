"""Verifying a packed dataset: every image is read through once, checked against its CRC-32, and hashed.

The same claimers do it as did the import, over the manifests that the import left with the dataset; what the import
left out is not looked at. Nothing but what was pending changes in an image's document; an image that is damaged gets a
finding, is marked, and stays pending. One that is whole again loses the mark.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from shared.features.datasets.models import Dataset, Rollup
from shared.features.datasets.service import DatasetService
from shared.features.datasets.statistics import Counts, Statistics, count_findings, to_rollup
from shared.features.imports.models import ImportPlan, Ledger, NewShard, ShardLease, SourceRef, Way
from shared.features.imports.planning.plan import PlanTrack
from shared.features.imports.progress import final_progress, settled
from shared.features.imports.repository import ImportJobRepository, ShardRepository
from shared.features.imports.shards.manifest import (
    ShardEntry,
    kept_manifests_prefix,
    read_manifest,
    read_whole_manifest,
)
from shared.features.imports.shards.members import OpenMember, broken_member
from shared.features.imports.shards.tools import ShardTools
from shared.features.imports.shards.track import ShardTrack
from shared.features.imports.sources.joined import open_source, read_each
from shared.features.imports.steps.documents import image_id
from shared.features.jobs.models import Job, LeaseLost, StepLease
from shared.formats.archives.errors import BrokenMember
from shared.formats.findings import Finding, FindingLog
from shared.foundation.errors import Conflict
from shared.foundation.ids import ImageId
from shared.foundation.mongo import Session, Transactions
from shared.ports.object_store import ObjectStore


class NothingToVerify(Conflict):
    """The dataset's images are objects, which were hashed when they were written."""

    slug, title = "nothing-to-verify", "The dataset's bytes were verified when they were stored"


@dataclass(frozen=True, slots=True)
class VerifyPlanner:
    """Makes shards of the manifests that a dataset keeps."""

    datasets: DatasetService
    store: ObjectStore
    shards: ShardRepository

    async def plan(self, job: Job, lease: StepLease, track: PlanTrack) -> ImportPlan:
        """Write the job's shards. Raises NothingToVerify."""
        dataset = await self.datasets.load(job.dataset_id)
        source = source_of(dataset)
        ledger, images, total_bytes = Ledger(job.id, lease.token), 0, 0
        shards: list[NewShard] = []
        kept = dataset.archive.generation if dataset.archive else None
        async for key in self.store.list(kept_manifests_prefix(dataset.id, kept or 0)):
            track.check()
            entries = (await read_whole_manifest(self.store, key)).entries
            shards.append(NewShard(len(shards), key, len(entries)))
            images += len(entries)
            total_bytes += sum(entry.image.compressed_bytes for entry in entries)
        await self.shards.add_all(ledger, shards)
        return ImportPlan(
            source=source,
            generation=ledger.generation,
            format=dataset.format or "",
            layout=dataset.layout or "",
            reason="the dataset is verified as it was imported",
            confidence=1.0,
            splits=(),
            category_count=len(dataset.categories),
            way=Way.TOGETHER,
            way_reason="every image is read through once",
            shards=len(shards),
            images=images,
            bytes=total_bytes,
            rollup=Rollup(),
        )

    async def discard(self, _job: Job, ledger: Ledger, /) -> None:
        """Remove the shards of a plan that did not come to count; the manifests belong to the dataset."""
        await self.shards.remove(ledger)


@dataclass(frozen=True, slots=True)
class Verifier:
    """Verifies shards."""

    tools: ShardTools

    async def run(self, job: Job, plan: ImportPlan, lease: ShardLease, track: ShardTrack) -> None:
        """Verify a shard. Raises LeaseLost when it is no longer ours, and what sources raise."""
        entries = (await read_manifest(self.tools.store, lease)).entries
        track.begin(len(entries), indexed=True)
        work = _ShardWork(track, FindingLog(self.tools.limits.max_findings_per_step))
        source = open_source(self.tools.sources, plan.source)
        try:
            imported = await self._imported(job, entries, work)
            async for member in read_each(source, [entry.image for entry in imported], plan.source):
                track.check()
                await work.take(member)
        finally:
            await source.close()
        track.findings = work.log.total
        track.check()
        rollup = await self._write(Ledger(job.id, plan.generation), work)
        if not await self.tools.shards.complete(lease, images=len(entries), rollup=rollup, progress=track.progress):
            raise LeaseLost

    async def _imported(self, job: Job, entries: Sequence[ShardEntry], work: "_ShardWork") -> list[ShardEntry]:
        """The entries whose images are in the dataset: others were refused, and are nobody's loss."""
        named = {image_id(job, entry): entry for entry in entries}
        present = await self.tools.images.present(named)
        for found, entry in named.items():
            if found in present:
                work.images.setdefault(entry.image.header_offset, []).append((found, entry.image.name))
        return [entry for entry in entries if entry.image.header_offset in work.images]

    async def _write(self, ledger: Ledger, work: "_ShardWork") -> Rollup:
        """Write what was found; the counts of it."""
        await self.tools.findings.write(ledger, work.log)
        await self.tools.images.set_damaged(work.damaged)
        counts: Counts = Counts({("verified",): await self.tools.images.set_hashes(work.hashes)})
        count_findings(counts, work.log.counts)
        return to_rollup(counts)


@dataclass(slots=True)
class _ShardWork:
    """What comes together while one shard is read. Images are known by the offset of their member."""

    track: ShardTrack
    log: FindingLog
    images: dict[int, list[tuple[ImageId, str]]] = field(default_factory=dict)
    hashes: dict[ImageId, str] = field(default_factory=dict)
    damaged: list[ImageId] = field(default_factory=list)

    async def take(self, member: OpenMember) -> None:
        """Read a member through."""
        same = self.images[member.item.header_offset]
        try:
            sha256 = await _sha256(member)
            self.hashes.update((found, sha256) for found, _ in same)
        except BrokenMember as error:
            self._note(same, broken_member(member.item, error), f"Damaged: {error}.")
        self.track.images += len(same)
        self.track.bytes += member.item.compressed_bytes * len(same)

    def _note(self, same: Sequence[tuple[ImageId, str]], finding: Finding, message: str) -> None:
        for found, name in same:
            self.damaged.append(found)
            self.log.add(replace(finding, file=name, message=message))


@dataclass(frozen=True, slots=True)
class VerifyFinisher:
    """Ends verifications."""

    jobs: ImportJobRepository
    shards: ShardRepository
    transactions: Transactions

    async def finish(self, job: Job, plan: ImportPlan, lease: StepLease) -> None:
        """End the job with its counts. Raises LeaseLost if it is not ours."""
        whole = await settled(plan, job, self.shards)
        progress = final_progress(plan, Statistics(whole.rollup))

        async def end(session: Session) -> None:
            plan_json, progress_json = whole.model_dump_json(), progress.model_dump_json()
            if not await self.jobs.succeed(lease, plan=plan_json, progress=progress_json, session=session):
                raise LeaseLost

        await self.transactions.run(end)


def source_of(dataset: Dataset) -> SourceRef:
    """The archive a packed dataset's files are read from. Raises NothingToVerify."""
    archive = dataset.archive
    if archive is None:
        raise NothingToVerify(f"The images of {dataset.name!r} are objects of their own.", dataset=dataset.slug)
    return SourceRef(uri=archive.uri, size_bytes=archive.size_bytes, etag=archive.etag, raw=archive.raw)


async def _sha256(member: OpenMember) -> str:
    """The hash of the content. Raises BrokenMember."""
    sha256 = hashlib.sha256()
    async for piece in member.pieces():
        sha256.update(piece)
    return sha256.hexdigest()
