"""Transferring one shard: its members are read in the order they lie in, objects are written, documents are built.

Everything written has an id or key that depends on the data alone, so a shard that is done twice, or half and then
again, leaves the same documents and objects; its counts enter the sum only once, when the shard is completed.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from shared.features.datasets.statistics import CountedBox, CountedImage, Counts, count_image, to_rollup
from shared.features.images.models import NewImage
from shared.features.images.service import ImageService, dataset_prefix
from shared.features.imports.image_files import ImageFacts, ImageWriter, LeftOut
from shared.features.imports.manifest import ShardEntry, decode_manifest
from shared.features.imports.members import OpenMember, broken_member, read_members
from shared.features.imports.models import ImportPlan, ImportRequest, Ledger, ShardLease, ShardProgress
from shared.features.imports.repository import FindingRepository, ShardRepository
from shared.features.imports.verdict import refuse_errors
from shared.features.jobs.models import Job, LeaseLost
from shared.formats.annotations.model import Annotation
from shared.formats.annotations.yolo_rows import RowLimits, read_label
from shared.formats.archives.directory import Member
from shared.formats.archives.errors import BrokenMember
from shared.formats.findings import Finding, FindingLog
from shared.foundation.ids import ImageId, derived_id
from shared.foundation.settings import LimitSettings
from shared.foundation.telemetry import EngineMetrics
from shared.ports.byte_source import ByteSources, SourceDescription
from shared.ports.object_store import ObjectStore

_WORTH_A_THREAD = 1 << 18


@dataclass(frozen=True, slots=True)
class Transfer:
    """Transfers shards; one object serves one worker process."""

    sources: ByteSources
    store: ObjectStore
    images: ImageService
    shards: ShardRepository
    findings: FindingRepository
    limits: LimitSettings
    metrics: EngineMetrics

    async def run(self, job: Job, plan: ImportPlan, lease: ShardLease, track: "ShardTrack") -> None:
        """Transfer a shard and complete it. Raises LeaseLost when it is no longer ours, and what sources raise."""
        entries = decode_manifest(await self._read_manifest(lease))
        work = _ShardWork(self, job, plan, lease, track)
        await work.read(entries)
        await work.write(entries)
        rollup = to_rollup(work.counts)
        if not await self.shards.complete(lease, rollup=rollup, progress=track.progress):
            raise LeaseLost
        self._measure(work)

    async def _read_manifest(self, lease: ShardLease) -> bytes:
        return b"".join([chunk async for chunk in self.store.read(lease.manifest_key)])

    def _measure(self, work: "_ShardWork") -> None:
        self.metrics.shards.labels("done").inc()
        self.metrics.images.inc(work.track.images)
        self.metrics.image_bytes.inc(sum(facts.size_bytes for facts in work.facts.values()))
        for rule, count in work.log.counts.items():
            self.metrics.findings.labels(rule).inc(count)


@dataclass(slots=True)
class ShardTrack:
    """What a shard in hand has done so far; `check` raises when it must be let go."""

    check: Callable[[], None]
    images: int = 0
    bytes: int = 0
    annotations: int = 0
    findings: int = 0

    @property
    def progress(self) -> ShardProgress:
        """The same, to be written."""
        return ShardProgress(self.images, self.bytes, self.annotations, self.findings)


@dataclass(slots=True)
class _ShardWork:
    """What comes together while one shard is read."""

    tools: Transfer
    job: Job
    plan: ImportPlan
    lease: ShardLease
    track: ShardTrack
    facts: dict[int, ImageFacts] = field(default_factory=dict)
    labels: dict[int, bytes] = field(default_factory=dict)
    log: FindingLog = field(init=False)
    counts: Counts = field(default_factory=Counts)

    def __post_init__(self) -> None:
        self.log = FindingLog(self.tools.limits.max_findings_per_step)

    # -- reading

    async def read(self, entries: Sequence[ShardEntry]) -> None:
        """Read every member once; images go to the store as they pass, labels are kept for `write`."""
        images = {entry.image.header_offset for entry in entries}
        expected = SourceDescription(self.plan.source.size_bytes, self.plan.source.etag, accepts_ranges=True)
        source = self.tools.sources.open(self.plan.source.uri, expected=expected)
        writer = ImageWriter(self.tools.store, self.job, self.lease, self.tools.limits)
        try:
            async for member in read_members(source, self._wanted(entries), raw=self.plan.source.raw):
                self.track.check()
                if member.item.header_offset in images:
                    await self._take_image(member, writer)
                else:
                    await self._take_label(member)
        finally:
            await source.close()

    def _wanted(self, entries: Sequence[ShardEntry]) -> list[Member]:
        labels = {entry.label.header_offset: entry.label for entry in entries if entry.label}
        return [entry.image for entry in entries if self._fits(entry.image, image=True)] + [
            label for label in labels.values() if self._fits(label, image=False)
        ]

    def _fits(self, item: Member, *, image: bool) -> bool:
        limits = self.tools.limits
        rule, most = ("IMG_TOO_MANY_BYTES", limits.max_image_bytes) if image else (
            "LABEL_TOO_LARGE", limits.max_label_bytes)  # fmt: skip
        if item.size_bytes > most:
            self.log.add(Finding(rule, item.name, f"It has {item.size_bytes} bytes, more than {most}."))
        return item.size_bytes <= most

    async def _take_image(self, member: OpenMember, writer: ImageWriter) -> None:
        try:
            self.facts[member.item.header_offset] = await writer.write(member, self.log.add)
        except BrokenMember as error:
            self.log.add(broken_member(member.item, error))
        except LeftOut:
            pass
        self.track.images += 1
        self.track.bytes += member.item.compressed_bytes

    async def _take_label(self, member: OpenMember) -> None:
        try:
            self.labels[member.item.header_offset] = await member.whole()
        except BrokenMember as error:
            self.log.add(broken_member(member.item, error))
        self.track.bytes += member.item.compressed_bytes

    # -- writing

    async def write(self, entries: Sequence[ShardEntry]) -> None:
        """Write the label pack, the documents and the findings, in an order that leaves nothing dangling."""
        pack_key = f"{dataset_prefix(self.job.dataset_id)}labels/{self.lease.index:06d}.pack"
        offsets = await self._write_pack(pack_key)
        images = []
        for entry in entries:
            facts = self.facts.get(entry.image.header_offset)
            if facts is None:
                continue
            image = await self._build(entry, facts, pack_key, offsets)
            count_image(self.counts, _counted(image))
            self.track.annotations += len(image.annotations)
            images.append(image)
        self._count_findings()
        self.track.check()
        await self.tools.findings.write(Ledger(self.job.id, self.plan.generation), self.log)
        refuse_errors(ImportRequest.model_validate_json(self.job.request), self.log)
        await self.tools.images.write(images)

    async def _write_pack(self, key: str) -> dict[int, int]:
        """Put the labels of the shard one behind the other into one object; where each begins."""
        offsets: dict[int, int] = {}
        at = 0
        for header_offset, data in self.labels.items():
            offsets[header_offset] = at
            at += len(data)
        if self.labels:
            self.track.check()
            await self.tools.store.put(key, b"".join(self.labels.values()))
        return offsets

    async def _build(self, entry: ShardEntry, facts: ImageFacts, pack_key: str, offsets: dict[int, int]) -> NewImage:
        before = sum(self.log.counts.values())
        annotations, label = await self._annotations(entry), None
        if entry.label and entry.label.header_offset in offsets:
            at = offsets[entry.label.header_offset]
            label = entry.label.name, pack_key, at, len(self.labels[entry.label.header_offset])
        return NewImage(
            id=ImageId(derived_id(self.job.dataset_id, 1, entry.image.name)),
            dataset_id=self.job.dataset_id,
            path=entry.image.name,
            split=entry.split,
            width=facts.width,
            height=facts.height,
            format=facts.format,
            orientation=facts.orientation,
            size_bytes=facts.size_bytes,
            sha256=facts.sha256,
            crc32=entry.image.crc32,
            object_key=facts.object_key,
            label=label,
            annotations=annotations,
            findings=facts.findings + sum(self.log.counts.values()) - before + (entry.label is None),
        )

    async def _annotations(self, entry: ShardEntry) -> list[Annotation]:
        data = self.labels.get(entry.label.header_offset) if entry.label else None
        if entry.label is None or data is None:
            return []
        name = entry.label.name
        if len(data) > _WORTH_A_THREAD:
            return await asyncio.to_thread(self._parse, data, name)
        return self._parse(data, name)

    def _parse(self, data: bytes, name: str) -> list[Annotation]:
        limits = RowLimits(max_columns=self.tools.limits.max_row_columns, max_points=self.tools.limits.max_image_points)
        rows = read_label(data, file=name, category_count=self.plan.category_count, limits=limits, report=self.log.add)
        self.counts["rows_read",] += rows.rows_read
        self.counts["rows_left_out",] += rows.rows_left_out
        return rows.annotations

    def _count_findings(self) -> None:
        for rule, count in self.log.counts.items():
            self.counts["findings", rule] += count
        self.track.findings = sum(self.log.counts.values())


def _counted(image: NewImage) -> CountedImage:
    return CountedImage(
        split=image.split,
        size_bytes=image.size_bytes,
        width=image.width,
        height=image.height,
        format=image.format,
        boxes=[CountedBox(one.category_id, one.type, one.bbox) for one in image.annotations],
        findings=image.findings,
    )
