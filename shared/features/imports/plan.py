"""Planning, the first step of an import: read the directory, recognise the dataset, cut it into shards.

Planning twice gives the same shards, so a claimer that dies while planning costs time and nothing else.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Protocol

from shared.features.datasets.models import Category, Rollup
from shared.features.datasets.service import DatasetService
from shared.features.datasets.statistics import Counts, to_rollup
from shared.features.images.service import dataset_prefix
from shared.features.imports.archive import ArchiveOpener, OpenedArchive
from shared.features.imports.manifest import ShardEntry, encode_manifest, manifest_key, manifests_prefix, temp_prefix
from shared.features.imports.members import broken_member, read_members
from shared.features.imports.models import (
    BadConfiguration,
    DatasetNotRecognised,
    ImportPlan,
    ImportRequest,
    Ledger,
    NewShard,
)
from shared.features.imports.repository import FindingRepository, ShardRepository
from shared.features.imports.verdict import refuse_errors
from shared.features.jobs.models import Job, StepLease
from shared.formats.annotations.model import BrokenConfig, DatasetLayout, UnrecognisedDataset
from shared.formats.annotations.yolo_layout import YoloReader
from shared.formats.archives.directory import ArchiveDirectory, ArchiveLimits, Member
from shared.formats.archives.errors import BrokenMember
from shared.formats.findings import FindingLog
from shared.foundation.ids import derived_id
from shared.foundation.settings import EngineSettings, LimitSettings
from shared.foundation.urls import redact
from shared.ports.byte_source import ByteSource, ByteSources
from shared.ports.object_store import ObjectStore

_SHARD_LABEL_BYTES = 4 << 20
_MOST_SHARDS = 2000
_LONGEST_PART, _LONGEST_NAME = 200, 800


class PlanTrack(Protocol):
    """Watches over a planning: raises when it must be let go."""

    def check(self) -> None:
        """Raise when the claimer must stop or has lost the step."""

    def moved(self, count: int, total: int | None) -> None:
        """Note that `count` more of `total` bytes of the source were read; raises like `check`."""


@dataclass(frozen=True, slots=True)
class Planner:
    """Plans imports."""

    sources: ByteSources
    store: ObjectStore
    datasets: DatasetService
    shards: ShardRepository
    findings: FindingRepository
    limits: LimitSettings
    engine: EngineSettings

    async def plan(self, job: Job, lease: StepLease, track: PlanTrack) -> ImportPlan:
        """Write the job's shards, configuration and first findings; what the later steps need to know.

        Raises what ArchiveOpener.open raises, DatasetNotRecognised, BadConfiguration and FindingRefused.
        """
        request = ImportRequest.model_validate_json(job.request)
        log, ledger = FindingLog(self.limits.max_findings_per_step), Ledger(job.id, lease.token)
        try:
            archive = await self._opener(lease, log, track).open(request.archive_uri, checksum=request.checksum)
            layout = await self._recognise(job, request, archive, log)
            refuse_errors(request, log)
        finally:
            await self.findings.write(ledger, log)
        track.check()
        await self._describe(job, layout)
        return await self._cut(ledger, archive, layout, log, track)

    async def discard(self, ledger: Ledger) -> None:
        """Remove the shards of a plan that did not come to count."""
        await self.shards.remove(ledger)
        await self.store.delete_prefix(manifests_prefix(ledger))

    def _opener(self, lease: StepLease, log: FindingLog, track: PlanTrack) -> ArchiveOpener:
        limits = ArchiveLimits(
            max_members=self.limits.max_members,
            max_ratio=self.limits.max_ratio,
            max_total_bytes=self.limits.max_total_bytes,
        )
        staged = f"{temp_prefix(lease.job_id)}staged-{lease.token}"
        return ArchiveOpener(self.sources, self.store, limits, log.add, track.moved, staged)

    async def _recognise(
        self, job: Job, request: ImportRequest, archive: OpenedArchive, log: FindingLog
    ) -> DatasetLayout:
        reader = YoloReader(archive.directory)
        source = self.sources.open(archive.source.uri)
        try:
            given = await self._provide(reader, source, archive, log)
            layout = await asyncio.to_thread(reader.layout, log.add)
        except UnrecognisedDataset as error:
            left_out = "".join(f"; {rule} x {count}" for rule, count in sorted(log.counts.items()))
            raise DatasetNotRecognised(f"{redact(request.archive_uri)}: {error.reason}{left_out}") from error
        except BrokenConfig as error:
            raise BadConfiguration(f"{redact(request.archive_uri)}: {error}", file=error.file) from error
        finally:
            await source.close()
        for name in layout.config_files:
            if name in given:
                await self.store.put(_config_key(job, name), given[name])
        return layout

    async def _provide(
        self, reader: YoloReader, source: ByteSource, archive: OpenedArchive, log: FindingLog
    ) -> dict[str, bytes]:
        """Give the reader every member it asks for; their bytes by name."""
        given: dict[str, bytes] = {}
        while wanted := reader.config_members():
            items = {index: archive.directory.member(index) for index in wanted}
            read = {name: data async for name, data in self._contents(source, list(items.values()), archive, log)}
            given.update(read)
            for index, item in items.items():
                reader.provide(index, read.get(item.name))
        return given

    async def _contents(
        self, source: ByteSource, items: list[Member], archive: OpenedArchive, log: FindingLog
    ) -> AsyncIterator[tuple[str, bytes]]:
        small = [item for item in items if item.size_bytes <= self.limits.max_config_bytes]
        async for member in read_members(source, small, raw=archive.source.raw):
            try:
                yield member.item.name, await member.whole()
            except BrokenMember as error:
                log.add(broken_member(member.item, error))

    async def _describe(self, job: Job, layout: DatasetLayout) -> None:
        categories = tuple(Category(id=category.id, name=category.name) for category in layout.categories)
        await self.datasets.describe(job.dataset_id, layout=layout.name, categories=categories, format_name="yolo")

    async def _cut(
        self, ledger: Ledger, archive: OpenedArchive, layout: DatasetLayout, log: FindingLog, track: PlanTrack
    ) -> ImportPlan:
        shards: list[NewShard] = []
        images = total_bytes = 0
        for entries in _shards(archive.directory, layout, self.engine):
            shard = NewShard(len(shards), manifest_key(ledger, len(shards)))
            track.check()
            await self.store.put(shard.manifest_key, encode_manifest(entries))
            shards.append(shard)
            images += len(entries)
            total_bytes += sum(_archive_bytes(entry) for entry in entries)
        await self.shards.add_all(ledger, shards)
        return ImportPlan(
            source=archive.source,
            generation=ledger.generation,
            format="yolo",
            layout=layout.name,
            reason=layout.reason,
            confidence=layout.confidence,
            splits=layout.splits,
            category_count=max((category.id + 1 for category in layout.categories), default=0),
            shards=len(shards),
            images=images,
            bytes=total_bytes,
            rollup=_finding_rollup(log),
        )


def _finding_rollup(log: FindingLog) -> Rollup:
    counts: Counts = Counts()
    for rule, count in log.counts.items():
        counts["findings", rule] += count
    return to_rollup(counts)


def _shards(directory: ArchiveDirectory, layout: DatasetLayout, engine: EngineSettings) -> Iterator[list[ShardEntry]]:
    """The images in the order they lie in the archive, in parts of about equal size."""
    target = max(engine.shard_bytes, directory.total_bytes // _MOST_SHARDS)
    entries: list[ShardEntry] = []
    image_bytes = label_bytes = 0
    for entry in _entries(directory, layout):
        entries.append(entry)
        image_bytes += entry.image.compressed_bytes
        label_bytes += entry.label.size_bytes if entry.label else 0
        if image_bytes >= target or label_bytes >= _SHARD_LABEL_BYTES or len(entries) >= engine.shard_images:
            yield entries
            entries, image_bytes, label_bytes = [], 0, 0
    if entries:
        yield entries


def _entries(directory: ArchiveDirectory, layout: DatasetLayout) -> Iterator[ShardEntry]:
    images, labels = layout.image_indexes, layout.label_indexes
    for position in sorted(range(len(images)), key=lambda position: directory.offset(images[position])):
        if directory.is_dropped(images[position]):
            continue
        label = labels[position]
        yield ShardEntry(
            image=directory.member(images[position]),
            split=layout.splits[layout.split_ids[position]],
            label=directory.member(label) if label >= 0 and not directory.is_dropped(label) else None,
        )


def _archive_bytes(entry: ShardEntry) -> int:
    return entry.image.compressed_bytes + (entry.label.compressed_bytes if entry.label else 0)


def _config_key(job: Job, name: str) -> str:
    """Where a file of the description is kept: under its own name, unless no object could have it."""
    folder = f"{dataset_prefix(job.dataset_id)}config/"
    sizes = [len(part.encode()) for part in name.split("/")]
    fits = max(sizes) <= _LONGEST_PART and sum(sizes) + len(sizes) <= _LONGEST_NAME
    return folder + (name if fits else derived_id(name))
