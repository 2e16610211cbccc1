"""Planning, the first step of an import: read the directory, recognise the dataset, cut it into shards.

Planning twice gives the same shards, so a claimer that dies while planning costs time and nothing else.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass

from shared.features.datasets.models import Category, Rollup
from shared.features.datasets.service import DatasetService
from shared.features.datasets.statistics import Counts, to_rollup
from shared.features.imports.archive import ArchiveOpener, OpenedArchive
from shared.features.imports.manifest import ShardEntry, encode_manifest, manifest_key, temp_prefix
from shared.features.imports.members import Item, item_of, read_members
from shared.features.imports.models import (
    BadConfiguration,
    DatasetNotRecognised,
    ImportPlan,
    ImportRequest,
    NewShard,
)
from shared.features.imports.repository import FindingRepository, ShardRepository
from shared.features.imports.verdict import refuse_errors
from shared.features.jobs.models import Job
from shared.formats.annotations.model import BrokenConfig, DatasetLayout, UnrecognisedDataset
from shared.formats.annotations.yolo_layout import YoloReader
from shared.formats.archives.directory import ArchiveDirectory, ArchiveLimits
from shared.formats.archives.errors import BrokenMember
from shared.formats.findings import FindingLog
from shared.foundation.settings import EngineSettings, LimitSettings
from shared.foundation.urls import redact
from shared.ports.byte_source import ByteSource, ByteSources
from shared.ports.object_store import ObjectStore

_SHARD_LABEL_BYTES = 4 << 20
_MOST_SHARDS = 2000
_LONGEST_PART = 200


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

    async def plan(self, job: Job, moved: Callable[[int, int | None], None]) -> ImportPlan:
        """Write the job's shards, configuration and first findings; what the later steps need to know.

        Raises what ArchiveOpener.open raises, DatasetNotRecognised, BadConfiguration and FindingRefused.
        """
        request = ImportRequest.model_validate_json(job.request)
        log = FindingLog(self.limits.max_findings_per_step)
        try:
            archive = await self._opener(job, log, moved).open(request.archive_uri, checksum=request.checksum)
            layout = await self._recognise(job, request, archive, log)
            refuse_errors(request, log)
        finally:
            await self.findings.write(job.id, log)
        await self._describe(job, layout)
        return await self._cut(job, archive, layout, log)

    def _opener(self, job: Job, log: FindingLog, moved: Callable[[int, int | None], None]) -> ArchiveOpener:
        limits = ArchiveLimits(
            max_members=self.limits.max_members,
            max_ratio=self.limits.max_ratio,
            max_total_bytes=self.limits.max_total_bytes,
        )
        staged = f"{temp_prefix(job.id)}staged"
        return ArchiveOpener(self.sources, self.store, limits, log.add, moved, staged)

    async def _recognise(
        self, job: Job, request: ImportRequest, archive: OpenedArchive, log: FindingLog
    ) -> DatasetLayout:
        reader = YoloReader(archive.directory)
        source = self.sources.open(archive.source.uri)
        try:
            given = await self._provide(reader, source, archive)
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

    async def _provide(self, reader: YoloReader, source: ByteSource, archive: OpenedArchive) -> dict[str, bytes]:
        """Give the reader every member it asks for; their bytes by name."""
        given: dict[str, bytes] = {}
        while wanted := reader.config_members():
            items = {index: item_of(archive.directory, index) for index in wanted}
            read = {name: data async for name, data in self._contents(source, list(items.values()), archive)}
            given.update(read)
            for index, item in items.items():
                reader.provide(index, read.get(item.name))
        return given

    async def _contents(
        self, source: ByteSource, items: list[Item], archive: OpenedArchive
    ) -> AsyncIterator[tuple[str, bytes]]:
        small = [item for item in items if item.size_bytes <= self.limits.max_config_bytes]
        async for member in read_members(source, small, raw=archive.source.raw):
            try:
                yield member.item.name, await member.whole()
            except BrokenMember as error:
                raise BrokenConfig(member.item.name, str(error)) from error

    async def _describe(self, job: Job, layout: DatasetLayout) -> None:
        categories = tuple(Category(id=category.id, name=category.name) for category in layout.categories)
        await self.datasets.describe(job.dataset_id, layout=layout.name, categories=categories, format_name="yolo")

    async def _cut(self, job: Job, archive: OpenedArchive, layout: DatasetLayout, log: FindingLog) -> ImportPlan:
        shards: list[NewShard] = []
        images = total_bytes = 0
        for entries in _shards(archive.directory, layout, self.engine):
            shard = NewShard(len(shards), manifest_key(job.id, len(shards)))
            await self.store.put(shard.manifest_key, encode_manifest(entries))
            shards.append(shard)
            images += len(entries)
            total_bytes += sum(_archive_bytes(entry) for entry in entries)
        await self.shards.replace_all(job.id, shards)
        return ImportPlan(
            source=archive.source,
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
            image=item_of(directory, images[position]),
            split=layout.splits[layout.split_ids[position]],
            label=item_of(directory, label) if label >= 0 and not directory.is_dropped(label) else None,
        )


def _archive_bytes(entry: ShardEntry) -> int:
    return entry.image.compressed_bytes + (entry.label.compressed_bytes if entry.label else 0)


def _config_key(job: Job, name: str) -> str:
    parts = [part[-_LONGEST_PART:] for part in name.split("/")]
    return f"datasets/{job.dataset_id}/config/{'/'.join(parts)}"
