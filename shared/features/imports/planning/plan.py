"""Planning, the first step of an import: read the directory, recognise the dataset, cut it into shards.

Planning twice gives the same shards, so a claimer that dies while planning costs time and nothing else.
"""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import PurePosixPath
from typing import Protocol

from shared.features.datasets.models import ArchiveRef, DatasetDescription, Rollup
from shared.features.datasets.service import DatasetService
from shared.features.datasets.statistics import Counts, count_findings, to_rollup
from shared.features.images.models import dataset_prefix
from shared.features.imports.findings.trainers import count_refusals
from shared.features.imports.findings.verdict import refuse_errors
from shared.features.imports.image_bytes.packed_parts import archive_uri
from shared.features.imports.models import (
    ImportPlan,
    ImportRequest,
    Ledger,
    NewShard,
    SourceRef,
)
from shared.features.imports.planning.cut import Amount, Cut, part_bytes_of
from shared.features.imports.planning.draft import category_of, draft_plan
from shared.features.imports.planning.image_records import ImageRecords
from shared.features.imports.planning.recognition import Recognised, Recogniser
from shared.features.imports.planning.trainer_refusals import trainers_refuse
from shared.features.imports.planning.way import IN_PLACE, Decision, choose_way, label_runs
from shared.features.imports.repository import FindingRepository, ShardRepository
from shared.features.imports.shards.manifest import (
    ShardEntry,
    encode_manifest,
    kept_manifests_prefix,
    manifest_key,
    manifests_prefix,
    temp_prefix,
)
from shared.features.imports.shards.record_rows import RecordRows
from shared.features.imports.sources.archive import ArchiveOpener
from shared.features.imports.sources.opening import OpenedSource, open_request
from shared.features.jobs.models import Job, StepLease
from shared.formats.annotations.model import DatasetLayout
from shared.formats.archives.directory import ArchiveLimits
from shared.formats.findings import FindingLog
from shared.foundation.ids import derived_id
from shared.foundation.settings import EngineSettings, LimitSettings
from shared.ports.byte_source import ByteSources
from shared.ports.object_store import ObjectStore

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

        Raises what open_request raises, DatasetNotRecognised, BadConfiguration and FindingRefused.
        """
        request = ImportRequest.model_validate_json(job.request)
        log, ledger = FindingLog(self.limits.max_findings_per_step), Ledger(job.id, lease.token)
        try:
            archive = await open_request(self._opener(lease, log, track), request)
            recogniser = Recogniser(self.sources, self.limits, archive, log)
            recognised = await recogniser.recognise(request)
            await self._keep(job, recognised)
            rows = RecordRows(self.store, ledger)
            await ImageRecords(recogniser, recognised, rows).collect()
            refuse_errors(request, log)
            refused = await asyncio.to_thread(trainers_refuse, recognised, archive.directory)
        finally:
            await self.findings.write(ledger, log)
        track.check()
        found = _Found(job, request, archive, recognised.layout, _part_bytes(request, archive.source, self.engine))
        await self._describe(ledger, found)
        return await self._cut(ledger, found, rows, _finding_rollup(log, refused), track)

    async def discard(self, job: Job, ledger: Ledger) -> None:
        """Remove the shards of a plan that did not come to count."""
        await self.shards.remove(ledger)
        await self.store.delete_prefix(manifests_prefix(ledger))
        await self.store.delete_prefix(kept_manifests_prefix(job.dataset_id, ledger.generation))

    def _opener(self, lease: StepLease, log: FindingLog, track: PlanTrack) -> ArchiveOpener:
        limits = ArchiveLimits(
            max_members=self.limits.max_members,
            max_ratio=self.limits.max_ratio,
            max_total_bytes=self.limits.max_total_bytes,
        )
        staged = f"{temp_prefix(lease.job_id)}staged-{lease.token}"
        return ArchiveOpener(self.sources, self.store, limits, log.add, track.moved, staged)

    async def _keep(self, job: Job, found: Recognised) -> None:
        """Keep the small files that describe the dataset."""
        kept = {name: found.given[name] for name in found.layout.config_files if name in found.given}
        for name, content in kept.items():
            await self.store.put(_config_key(job, name, kept), content)

    async def _describe(self, ledger: Ledger, found: "_Found") -> None:
        layout = found.layout
        categories = tuple(map(category_of, layout.categories))
        kept = _kept_archive(ledger, found)
        description = DatasetDescription(
            layout.format, layout.name, categories, kept, layout.keypoint_shape, layout.notes
        )
        await self.datasets.describe(found.job.dataset_id, description)

    async def _cut(
        self, ledger: Ledger, found: "_Found", rows: RecordRows, rollup: Rollup, track: PlanTrack
    ) -> ImportPlan:
        """Write the shards, and say what they hold."""
        layout = found.layout
        shards, amount = await self._write_shards(ledger, found, rows, track)
        decision = await asyncio.to_thread(_way, found, amount, self.engine)
        draft = draft_plan(found.archive, layout, found.request, ledger.generation)
        return draft.model_copy(
            update={
                "way": decision.way,
                "way_reason": decision.reason,
                "part_bytes": found.part_bytes,
                "shards": shards,
                "images": amount.images,
                "bytes": amount.image_bytes + amount.label_bytes,
                "rollup": rollup,
            }
        )

    async def _write_shards(
        self, ledger: Ledger, found: "_Found", rows: RecordRows, track: PlanTrack
    ) -> tuple[int, Amount]:
        directory, in_place = found.archive.directory, found.request.in_place
        kept = kept_manifests_prefix(found.job.dataset_id, ledger.generation)
        folder = kept if in_place else manifests_prefix(ledger)
        cut = Cut(self.engine, found.part_bytes, found.archive.source.size_bytes or 0, by_bytes=not in_place)
        shards: list[NewShard] = []
        amount = Amount()
        for entries, span in cut.shards(directory, found.layout):
            members = chain.from_iterable((entry.image, entry.label) for entry in entries)
            files = found.archive.files(filter(None, members), span)
            key, divisible = manifest_key(folder, len(shards)), span is None and not _share_labels(entries)
            shard = NewShard(len(shards), key, len(entries), span=span, divisible=divisible)
            track.check()
            await self.store.put(shard.manifest_key, encode_manifest(entries, files))
            if found.layout.record_members:
                await rows.write_shard(key, amount.images, amount.images + len(entries))
            shards.append(shard)
            amount.add(entries)
            await asyncio.sleep(0)
        await self.shards.add_all(ledger, shards)
        return len(shards), amount


@dataclass(frozen=True, slots=True)
class _Found:
    """What was asked for, and what was found at its address.

    An archive that is copied whole is copied in parts of `part_bytes`.
    """

    job: Job
    request: ImportRequest
    archive: OpenedSource
    layout: DatasetLayout
    part_bytes: int | None


def _share_labels(entries: Sequence[ShardEntry]) -> bool:
    """Whether images have a label in common: it is judged once, with the first of them, so they stay together."""
    labels = [entry.label.header_offset for entry in entries if entry.label]
    return len(set(labels)) < len(labels)


def _finding_rollup(log: FindingLog, refused: Mapping[str, str]) -> Rollup:
    counts: Counts = Counts()
    count_refusals(counts, refused)
    count_findings(counts, log.counts)
    return to_rollup(counts)


def _way(found: _Found, amount: Amount, engine: EngineSettings) -> Decision:
    if found.request.in_place:
        return IN_PLACE
    runs = label_runs(found.archive.directory, found.layout)
    worthwhile = engine.index_first_bytes
    return choose_way(runs, found.archive.source, image_bytes=amount.image_bytes, worthwhile_bytes=worthwhile)


def _part_bytes(request: ImportRequest, source: SourceRef, engine: EngineSettings) -> int | None:
    """How large the parts are in which the archive is copied; None where it is not copied whole."""
    if request.storage != "packed" or request.in_place:
        return None
    return part_bytes_of(source.size_bytes or 0, engine)


def _kept_archive(ledger: Ledger, found: _Found) -> ArchiveRef | None:
    """The archive that a packed dataset's files are read from; None where each becomes an object."""
    source = found.archive.source
    if found.request.in_place:
        return ArchiveRef(
            uri=source.uri,
            size_bytes=source.size_bytes,
            etag=source.etag,
            raw=source.raw,
            generation=ledger.generation,
        )
    if found.part_bytes is None:
        return None
    size_bytes = source.size_bytes or 0
    uri = archive_uri(found.job, part_bytes=found.part_bytes, size_bytes=size_bytes)
    return ArchiveRef(uri=uri, size_bytes=size_bytes, etag=None, raw=source.raw)


def _config_key(job: Job, name: str, kept: Collection[str]) -> str:
    """Where a file of the description is kept: under its own name, unless no object could have it.

    Nor can one lie below another of those that are `kept`, as if that were a folder.
    """
    folder = f"{dataset_prefix(job.dataset_id)}config/"
    sizes = [len(part.encode()) for part in name.split("/")]
    fits = max(sizes) <= _LONGEST_PART and sum(sizes) + len(sizes) <= _LONGEST_NAME
    below_a_file = any(str(parent) in kept for parent in PurePosixPath(name).parents)
    return folder + (name if fits and not below_a_file else derived_id(name))
