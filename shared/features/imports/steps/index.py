"""The index step: images can be looked at, with their annotations, before their bytes are moved.

Where an archive is used in place nothing is moved, and this step completes the images. Else what it writes is a
preview, which the transfer of the same shard replaces.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from shared.features.datasets.statistics import to_rollup
from shared.features.imports.contents.records import write_contents
from shared.features.imports.findings.verdict import refuse_errors
from shared.features.imports.image_bytes.deep import is_deep
from shared.features.imports.image_bytes.heads import HeadReader
from shared.features.imports.image_bytes.probe import ImageFacts
from shared.features.imports.image_bytes.read_through import read_through
from shared.features.imports.likeness.notes import write_likenesses
from shared.features.imports.models import ImportPlan, ImportRequest, Ledger, ShardLease, Way
from shared.features.imports.shards.labels import write_notes, write_pack
from shared.features.imports.shards.manifest import ShardEntry, read_manifest
from shared.features.imports.shards.record_rows import read_records
from shared.features.imports.shards.size_limits import note_too_large, within_limits
from shared.features.imports.shards.tools import ShardTools
from shared.features.imports.shards.track import ShardTrack
from shared.features.imports.sources.joined import open_source, read_each_label
from shared.features.imports.steps.documents import DocumentBuilder
from shared.features.jobs.models import Job, LeaseLost
from shared.formats.archives.directory import Member
from shared.formats.findings import FindingLog
from shared.ports.byte_source import ByteSource


@dataclass(frozen=True, slots=True)
class Indexer:
    """Indexes shards; one object serves one worker process."""

    tools: ShardTools

    async def run(self, job: Job, plan: ImportPlan, lease: ShardLease, track: ShardTrack) -> None:
        """Index a shard. Raises LeaseLost when it is no longer ours, and what sources raise."""
        entries, files = await read_manifest(self.tools.store, lease)
        source = open_source(self.tools.sources, plan.source, files)
        log = FindingLog(self.tools.limits.max_findings_per_step)
        try:
            label_members, image_members = within_limits(entries, self.tools.limits)
            labels = await read_each_label(source, label_members, plan)
            await read_records(self.tools.store, plan, lease, entries, labels)
            builder = DocumentBuilder(job, plan, labels, self.tools.limits, log)
            track.check()
            if plan.way is Way.IN_PLACE:
                facts = await self._facts(builder, source, image_members, track)
                await self._complete(entries, facts, builder, lease, track)
            else:
                await self._preview(entries, builder, lease, track)
        finally:
            await source.close()

    async def _facts(
        self, builder: DocumentBuilder, source: ByteSource, images: Sequence[Member], track: ShardTrack
    ) -> Mapping[int, ImageFacts]:
        """What is known of images that stay where they are: by their heads, or, where asked, by all of their bytes."""
        plan, log, tools = builder.plan, builder.log, self.tools
        if not is_deep(builder.job):
            return await HeadReader(source, plan.source, tools.limits, log).facts(images)
        return await read_through(images, source, plan, track, log, limits=tools.limits, decoder=tools.decoder)

    async def _preview(
        self, entries: Sequence[ShardEntry], builder: DocumentBuilder, lease: ShardLease, track: ShardTrack
    ) -> None:
        """Write what can be known without the images, then give the shard over to the transfer.

        A claimer that lost the shard meanwhile does no harm: previews never replace anything.
        """
        job, plan = builder.job, builder.plan
        facts = {entry.image.header_offset: _unknown(entry) for entry in entries}
        if plan.part_bytes is None:
            await write_pack(self.tools.store, job, lease, builder.labels)
            track.check()
            await write_notes(self.tools.store, lease, builder.labels)
        images = await builder.build(entries, facts)

        track.check()
        await self.tools.images.preview(images)
        if not await self.tools.shards.indexed(lease, len(images)):
            raise LeaseLost

    async def _complete(
        self,
        entries: Sequence[ShardEntry],
        facts: Mapping[int, ImageFacts],
        builder: DocumentBuilder,
        lease: ShardLease,
        track: ShardTrack,
    ) -> None:
        job, plan = builder.job, builder.plan
        note_too_large(entries, self.tools.limits, builder.log)
        for finding in builder.labels.broken.values():
            builder.log.add(finding)
        images = await builder.build(entries, facts)
        await builder.judge(entries, facts)
        counts = builder.close()
        track.images, track.annotations, track.findings = len(entries), builder.annotations, builder.log.total
        track.bytes = sum(entry.image.compressed_bytes for entry in entries)
        track.check()
        # before what takes longer: nobody would remove a note that is written after the job's end
        await write_contents(self.tools.store, plan, lease, entries, facts)
        if is_deep(job):
            await write_likenesses(self.tools.store, plan, lease, entries, facts)
        await self.tools.findings.write(Ledger(job.id, plan.generation), builder.log)
        refuse_errors(ImportRequest.model_validate_json(job.request), builder.log)
        await self.tools.images.write(images)
        rollup = to_rollup(counts)
        if not await self.tools.shards.complete(lease, images=len(entries), rollup=rollup, progress=track.progress):
            raise LeaseLost


def _unknown(entry: ShardEntry) -> ImageFacts:
    """What the archive's directory knows of an image."""
    return ImageFacts(size_bytes=entry.image.size_bytes, pending=("bytes", "dimensions", "sha256"))
