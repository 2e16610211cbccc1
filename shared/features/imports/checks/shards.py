"""Checking one shard of an import that never is: labels and the heads of images are read, nothing is written."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from shared.features.datasets.statistics import Counts
from shared.features.imports.checks.content_table import fingerprint, noted
from shared.features.imports.checks.options import SHOWN_FINDINGS
from shared.features.imports.image_bytes.heads import HeadReader
from shared.features.imports.image_bytes.probe import ImageFacts
from shared.features.imports.image_bytes.read_through import read_through
from shared.features.imports.likeness.table import noted as likenesses_noted
from shared.features.imports.models import ImportPlan, ShardLease
from shared.features.imports.shards.labels import ShardLabels
from shared.features.imports.shards.manifest import PlacedFile, ShardEntry
from shared.features.imports.shards.record_rows import read_records
from shared.features.imports.shards.size_limits import note_too_large, within_limits
from shared.features.imports.shards.track import ShardTrack
from shared.features.imports.sources.joined import open_source, read_each_label
from shared.features.imports.steps.documents import DocumentBuilder
from shared.features.jobs.models import Job, JobState, Phase
from shared.formats.archives.directory import Member
from shared.formats.findings import Finding, FindingLog
from shared.foundation.ids import DatasetId, JobId
from shared.foundation.settings import LimitSettings
from shared.ports.byte_source import ByteSource, ByteSources
from shared.ports.image_decoder import ImageDecoder
from shared.ports.object_store import ObjectStore

_AT = datetime(2000, 1, 1, tzinfo=UTC)
NO_JOB = Job(
    id=JobId("check"), kind="import", owner_id="", dataset_id=DatasetId("check"), state=JobState.RUNNING,
    phase=Phase.INDEX, attempts=1, request="", plan=None, progress=None, error=None, correlation_id="",
    created_at=_AT, started_at=None, finished_at=None, claimers=1, live_claimers=(), generation=1,
)  # fmt: skip
"""Whom the documents would belong to, which are thrown away."""


@dataclass(frozen=True, slots=True)
class ShardTask:
    """One shard to check: what it consists of, and where the records of its images lie."""

    entries: Sequence[ShardEntry]
    files: Sequence[PlacedFile]
    lease: ShardLease

    @property
    def looked_at(self) -> Counter[str]:
        """Its images by split, "" for none."""
        return Counter(entry.split or "" for entry in self.entries)


@dataclass(frozen=True, slots=True)
class ShardResult:
    """What a shard gave: counts that add up, and the first findings of each rule."""

    counts: Counts
    findings: list[Finding]
    labels_read: int
    contents: bytes
    """What is noted of the contents of its images, see `content_table`."""
    likenesses: bytes
    """What they look like where they were decoded, see `likeness.table`."""


class ShardRunner(Protocol):
    """Checks shards, `at_once` of them at a time."""

    @property
    def at_once(self) -> int:
        """How many shards are worth having in hand."""
        ...

    async def run(self, task: ShardTask) -> ShardResult:
        """Check a shard. Raises what sources raise."""
        ...


@dataclass(frozen=True, slots=True)
class ShardChecker:
    """Checks shards, one after the other, in this process. With a decoder every image is decoded."""

    sources: ByteSources
    store: ObjectStore
    limits: LimitSettings
    plan: ImportPlan
    decoder: ImageDecoder | None = None
    at_once: int = 1

    async def run(self, task: ShardTask) -> ShardResult:
        """Check a shard. Raises what sources raise."""
        log = FindingLog(SHOWN_FINDINGS)
        source = open_source(self.sources, self.plan.source, task.files)
        try:
            label_members, image_members = within_limits(task.entries, self.limits)
            labels = await read_each_label(source, label_members, self.plan)
            facts = await self._facts(image_members, source, log)
        finally:
            await source.close()
        await read_records(self.store, self.plan, task.lease, task.entries, labels)
        _note(task, labels, self.limits, log)
        builder = DocumentBuilder(NO_JOB, self.plan, labels, self.limits, log)
        await builder.build(task.entries, facts)
        await builder.judge(task.entries, facts)
        read = len(labels.contents) + len(labels.records)
        likenesses = likenesses_noted(task.entries, facts, self.plan.splits, [one.image.number for one in task.entries])
        return ShardResult(builder.close(), log.kept, read, noted(task.entries, facts), likenesses)

    async def _facts(self, images: Sequence[Member], source: ByteSource, log: FindingLog) -> Mapping[int, ImageFacts]:
        """What is known of images by their heads or, where they are decoded, by all of their bytes."""
        if self.decoder is None:
            heads = HeadReader(source, self.plan.source, self.limits, log, fingerprint=fingerprint)
            return await heads.facts(images)
        track = ShardTrack(check=lambda: None)
        return await read_through(images, source, self.plan, track, log, limits=self.limits, decoder=self.decoder)


def _note(task: ShardTask, labels: ShardLabels, limits: LimitSettings, log: FindingLog) -> None:
    note_too_large(task.entries, limits, log)
    for finding in labels.broken.values():
        log.add(finding)
