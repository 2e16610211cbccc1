"""From the facts of an image and the text of its label to the document that is written, and to the counts."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from shared.features.datasets.statistics import CountedImage, Counts, count_findings, count_hints, count_image
from shared.features.images.models import NewImage
from shared.features.imports.findings.trainers import count_trainers, new_tally, seen_image
from shared.features.imports.image_bytes.probe import ImageFacts
from shared.features.imports.models import ImportPlan
from shared.features.imports.shards.labels import ShardLabels
from shared.features.imports.shards.manifest import ShardEntry
from shared.features.jobs.models import Job
from shared.formats.annotations.model import (
    NO_ATTRIBUTES,
    WHOLE_IMAGE,
    Annotation,
    ImageSize,
    LabelContext,
    LabelReader,
    LabelRows,
    Report,
    RowLimits,
)
from shared.formats.annotations.registry import label_reader
from shared.formats.annotations.trainers.tally import TrainerTally
from shared.formats.findings import FindingLog
from shared.foundation.ids import ImageId, derived_id
from shared.foundation.settings import LimitSettings

_WORTH_A_THREAD = 1 << 18
_NOTHING = LabelRows([], 0, 0, NO_ATTRIBUTES)


def image_id(job: Job, entry: ShardEntry) -> ImageId:
    """The id of the entry's image: it depends on dataset, version and path alone."""
    return ImageId(derived_id(job.dataset_id, 1, entry.image.name))


@dataclass(slots=True)
class DocumentBuilder:
    """Builds the documents of one shard, in the order of its entries, and counts them."""

    job: Job
    plan: ImportPlan
    labels: ShardLabels
    limits: LimitSettings
    log: FindingLog
    counts: Counts = field(default_factory=Counts)
    annotations: int = 0
    trainers: TrainerTally = field(init=False)
    _reader: LabelReader = field(init=False)
    _judged: set[int] = field(default_factory=set)
    _plain: dict[int, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.trainers = new_tally(self.plan)
        self._reader = label_reader(self.plan.format, _context(self.plan, self.limits))

    async def build(self, entries: Sequence[ShardEntry], facts: Mapping[int, ImageFacts]) -> list[NewImage]:
        """The images whose facts, by the offset of their member, are known."""
        images = []
        for entry in entries:
            known = facts.get(entry.image.header_offset)
            if known is not None:
                image = await self._image(entry, known)
                count_image(self.counts, _counted(image))
                self.annotations += len(image.annotations)
                if known.is_gray is not None:
                    self.counts["hints", "gray_images" if known.is_gray else "coloured_images"] += 1
                images.append(image)
        return images

    async def judge(self, entries: Sequence[ShardEntry], facts: Mapping[int, ImageFacts]) -> None:
        """Count what trainers would make of the images; one without facts is none. Previews count nothing.

        They read YOLO; what they would make of other formats once converted is not said.
        """
        if self.plan.format != "yolo" or self.plan.rows:
            return
        for entry in entries:
            await self._judge(entry, facts.get(entry.image.header_offset))

    def close(self) -> Counts:
        """The counts, those of the findings included."""
        count_findings(self.counts, self.log.counts)
        count_trainers(self.counts, self.trainers)
        return self.counts

    async def _judge(self, entry: ShardEntry, facts: ImageFacts | None) -> None:
        seen = seen_image(entry.image.name, facts)
        data = self.labels.contents.get(entry.label.header_offset) if entry.label else None
        if entry.label is not None and data is None:
            self.trainers.drop()
        elif data is not None and len(data) > _WORTH_A_THREAD:
            await asyncio.to_thread(self.trainers.add, data, seen)
        else:
            plain = self._plain.get(entry.label.header_offset) if entry.label else None
            self.trainers.add(data, seen, plain_rows=plain)

    async def _image(self, entry: ShardEntry, facts: ImageFacts) -> NewImage:
        said, found = await self._annotations(entry, facts)
        return NewImage(
            id=image_id(self.job, entry),
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
            member=facts.member,
            label=self.labels.place(entry.label) if entry.label else None,
            annotations=said.annotations,
            attributes=said.attributes,
            findings=facts.findings + found + (self.plan.label_files and entry.label is None),
            pending=facts.pending,
        )

    async def _annotations(self, entry: ShardEntry, facts: ImageFacts) -> tuple[LabelRows, int]:
        """What is said of the image, and how much there is to say about that."""
        if entry.category is not None:
            self.counts["rows_read",] += 1
            return LabelRows([Annotation(entry.category, "label", WHOLE_IMAGE)], 1, 0), 0
        data = self.labels.text_of(entry)
        if data is None:
            return _NOTHING, 0
        # a label that several images share is read for each of them, but its rows count and are found once
        shared = entry.label.header_offset if entry.label else None
        log = FindingLog(0) if shared in self._judged else self.log
        before = log.total
        rows = await self._rows(data, entry, facts, log)
        if log is self.log:
            if shared is not None:
                self._judged.add(shared)
            self.counts["rows_read",] += rows.rows_read
            self.counts["rows_left_out",] += rows.rows_left_out
            count_hints(self.counts, rows.hints)
            if shared is not None and rows.plain_rows is not None:
                self._plain[shared] = rows.plain_rows
        return rows, log.total - before

    async def _rows(self, data: bytes, entry: ShardEntry, facts: ImageFacts, log: FindingLog) -> LabelRows:
        file = entry.label.name if entry.label else entry.image.name
        size, report = _size(facts), _report_of(facts, log)
        if len(data) > _WORTH_A_THREAD:
            return await asyncio.to_thread(self._reader.read, data, file=file, size=size, report=report)
        return self._reader.read(data, file=file, size=size, report=report)


def _report_of(facts: ImageFacts, log: FindingLog) -> Report:
    """Where findings go. A preview lacks the image's size because its bytes are still to come: that is no finding."""
    if "bytes" not in facts.pending:
        return log.add
    return lambda finding: None if finding.rule == "ROW_NO_SIZE" else log.add(finding)


def _context(plan: ImportPlan, limits: LimitSettings) -> LabelContext:
    return LabelContext(
        category_count=plan.category_count,
        limits=RowLimits(max_columns=limits.max_row_columns, max_points=limits.max_image_points),
        category_ids={name: number for number, name in enumerate(plan.category_names)},
        task=plan.task,
        keypoint_shape=plan.keypoint_shape,
        files=plan.record_files,
        rows=plan.rows,
    )


def _size(facts: ImageFacts) -> ImageSize | None:
    return None if facts.width is None or facts.height is None else (facts.width, facts.height)


def _counted(image: NewImage) -> CountedImage:
    return CountedImage(
        split=image.split,
        size_bytes=image.size_bytes,
        width=image.width,
        height=image.height,
        format=image.format,
        boxes=image.annotations,
        findings=image.findings,
    )
