"""Transferring one shard: its members are read in the order they lie in, bytes are kept, documents are completed.

Everything written has an id or key that depends on the data alone, so a shard that is done twice, or half and then
again, leaves the same documents and objects; its counts enter the sum only once, when the shard is completed.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from shared.features.datasets.models import Rollup
from shared.features.datasets.statistics import to_rollup
from shared.features.imports.contents.records import write_contents
from shared.features.imports.findings.verdict import refuse_errors
from shared.features.imports.image_bytes.deep import DeepLook, is_deep, with_looks
from shared.features.imports.image_bytes.packed_parts import PackedImages, copy_part
from shared.features.imports.image_bytes.probe import ImageFacts, LeftOut
from shared.features.imports.image_bytes.writer import ImageKeeper, ImageWriter
from shared.features.imports.likeness.notes import write_likenesses
from shared.features.imports.models import ImportPlan, ImportRequest, Ledger, ShardLease, Way
from shared.features.imports.shards.labels import ShardLabels, labels_of, read_pack, write_pack
from shared.features.imports.shards.manifest import ShardEntry, read_manifest
from shared.features.imports.shards.members import OpenMember, broken_member
from shared.features.imports.shards.record_rows import read_records
from shared.features.imports.shards.size_limits import note_too_large, within_limits
from shared.features.imports.shards.tools import ShardTools
from shared.features.imports.shards.track import ShardTrack
from shared.features.imports.sources.joined import open_source, read_each, read_each_label
from shared.features.imports.steps.documents import DocumentBuilder, image_id
from shared.features.jobs.models import Job, LeaseLost
from shared.formats.archives.directory import Member
from shared.formats.archives.errors import BrokenMember
from shared.formats.findings import Finding, FindingLog
from shared.foundation.telemetry import EngineMetrics
from shared.ports.byte_source import ByteSource


@dataclass(frozen=True, slots=True)
class Transfer:
    """Transfers shards; one object serves one worker process."""

    tools: ShardTools
    metrics: EngineMetrics

    async def run(self, job: Job, plan: ImportPlan, lease: ShardLease, track: ShardTrack) -> None:
        """Transfer a shard and complete it. Raises LeaseLost when it is no longer ours, and what sources raise."""
        entries, files = await read_manifest(self.tools.store, lease)
        work = _ShardWork(self.tools, job, plan, lease, track)
        track.begin(len(entries), indexed=plan.way is Way.INDEX_FIRST)
        source = open_source(self.tools.sources, plan.source, files)
        try:
            await work.read(entries, source)
        finally:
            await source.close()
        entries = entries[: track.most_images]  # who hears of a cut reads no further: the rest would look left out
        while not await self._complete(work, entries, lease):
            ours = await self.tools.shards.images_of(lease)
            if ours is None or ours >= len(entries):
                raise LeaseLost
            entries = entries[:ours]  # another claimer took over the rest meanwhile
        self._measure(work)

    async def _complete(self, work: "_ShardWork", entries: Sequence[ShardEntry], lease: ShardLease) -> bool:
        rollup = await work.write(entries)
        return await self.tools.shards.complete(lease, images=len(entries), rollup=rollup, progress=work.track.progress)

    def _measure(self, work: "_ShardWork") -> None:
        self.metrics.shards.labels("done").inc()
        self.metrics.images.inc(work.track.images)
        self.metrics.image_bytes.inc(sum(facts.size_bytes for facts in work.facts.values()))
        for rule, count in work.log.counts.items():
            self.metrics.findings.labels(rule).inc(count)


@dataclass(slots=True)
class _ShardWork:
    """What comes together while one shard is read. What is found is kept by member: a part may be given away."""

    tools: ShardTools
    job: Job
    plan: ImportPlan
    lease: ShardLease
    track: ShardTrack
    facts: dict[int, ImageFacts] = field(default_factory=dict)
    found: dict[int, list[Finding]] = field(default_factory=dict)
    names: Counter[int] = field(default_factory=Counter)
    labels: ShardLabels = field(default_factory=ShardLabels)
    log: FindingLog = field(default_factory=lambda: FindingLog(0))

    # -- reading

    async def read(self, entries: Sequence[ShardEntry], source: ByteSource) -> None:
        """Read every member once; images are kept as they pass, labels are held for `write`."""
        look = DeepLook(self.tools.decoder) if is_deep(self.job) else None
        try:
            await self._read(entries, source, look)
            self.found, self.facts = await with_looks(self.found, self.facts, look)
        finally:
            if look:
                await look.close()

    async def _read(self, entries: Sequence[ShardEntry], source: ByteSource, look: DeepLook | None) -> None:
        labels, images = within_limits(entries, self.tools.limits)
        self.names = Counter(image.header_offset for image in images)
        if self.plan.part_bytes is not None:
            await self._read_packed(images, labels, source, PackedImages(self.tools.limits, look=look))
        elif self.plan.way is Way.INDEX_FIRST:
            self.labels = await read_pack(self.tools.store, self.job, self.lease)
            await self._read_members(images, [], source, self._writer(look))
        else:
            await self._read_members(images, labels, source, self._writer(look))
            self.track.check()
            await write_pack(self.tools.store, self.job, self.lease, self.labels)
        await read_records(self.tools.store, self.plan, self.lease, entries, self.labels)

    def _writer(self, look: DeepLook | None) -> ImageKeeper:
        return ImageWriter(self.tools.store, self.job, self.lease, self.tools.limits, look=look)

    async def _read_members(
        self, images: Sequence[Member], labels: Sequence[Member], source: ByteSource, keeper: ImageKeeper
    ) -> None:
        """Each image becomes an object."""
        if both := [label for label in labels if label.header_offset in self.names]:
            self.labels = await read_each_label(source, both, self.plan)  # a link has named an image a label
        offsets = {label.header_offset for label in labels} - self.names.keys()
        async for member in read_each(source, [*images, *labels], self.plan.source):
            self.track.check()
            if not labels and self.track.images >= self.track.most_images:
                return  # another claimer took over the rest
            if member.item.header_offset in offsets:
                await self._take_label(member)
            else:
                await self._take_image(member, keeper)

    async def _read_packed(
        self, images: Sequence[Member], labels: Sequence[Member], source: ByteSource, keeper: ImageKeeper
    ) -> None:
        """The shard's part of the archive, if it has one, is copied as it is; then its images are looked at there."""
        self.labels = await read_each_label(source, labels, self.plan)
        if (span := self.lease.span) and (part_bytes := self.plan.part_bytes):
            source = await copy_part(self.tools.store, self.job, span, source, self.track, part_bytes=part_bytes)
        async for member in read_each(source, images, self.plan.source):
            self.track.check()
            await self._take_image(member, keeper)

    async def _take_image(self, member: OpenMember, keeper: ImageKeeper) -> None:
        findings = self.found.setdefault(member.item.header_offset, [])
        try:
            self.facts[member.item.header_offset] = await keeper.write(member, findings)
        except BrokenMember as error:
            findings.append(broken_member(member.item, error))
        except LeftOut:
            pass
        names = self.names[member.item.header_offset]
        self.track.images += names
        self.track.bytes += member.item.compressed_bytes * names

    async def _take_label(self, member: OpenMember) -> None:
        try:
            self.labels.add(member.item, await member.whole())
        except BrokenMember as error:
            self.labels.broken[member.item.header_offset] = broken_member(member.item, error)
        self.track.bytes += member.item.compressed_bytes

    # -- writing

    async def write(self, entries: Sequence[ShardEntry]) -> Rollup:
        """Write findings and documents of the entries, in an order that leaves nothing dangling; their counts."""
        tools, ledger = self.tools, Ledger(self.job.id, self.plan.generation)
        self.log = FindingLog(tools.limits.max_findings_per_step)
        builder = DocumentBuilder(self.job, self.plan, self.labels, tools.limits, self.log)
        self._note(entries)
        images = await builder.build(entries, self.facts)
        await builder.judge(entries, self.facts)
        counts = builder.close()
        self.track.images, self.track.annotations, self.track.findings = (
            len(entries),
            builder.annotations,
            self.log.total,
        )
        self.track.check()
        # before what takes longer: nobody would remove a note that is written after the job's end
        await write_contents(tools.store, self.plan, self.lease, entries, self.facts)
        if is_deep(self.job):
            await write_likenesses(tools.store, self.plan, self.lease, entries, self.facts)
        await tools.findings.write(ledger, self.log)
        refuse_errors(ImportRequest.model_validate_json(self.job.request), self.log)
        if self.plan.way is Way.INDEX_FIRST:
            left_out = [entry for entry in entries if entry.image.header_offset not in self.facts]
            paths = {image_id(self.job, entry): entry.image.name for entry in left_out}
            await tools.images.withdraw(self.job.dataset_id, paths)
        await tools.images.write(images, replacing=self.plan.way is Way.INDEX_FIRST)
        return to_rollup(counts)

    def _note(self, entries: Sequence[ShardEntry]) -> None:
        """Put into the log what was found in the entries' members while they were read."""
        note_too_large(entries, self.tools.limits, self.log)
        for label in labels_of(entries):
            if (broken := self.labels.broken.get(label.header_offset)) is not None:
                self.log.add(broken)
        for entry in entries:
            for finding in self.found.get(entry.image.header_offset, ()):
                self.log.add(replace(finding, file=entry.image.name))  # which may be another name of the member
