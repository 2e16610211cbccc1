"""From the facts of an image and the text of its label to the document that is written, and to the counts."""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from shared.features.datasets.image_counter import ImageCounter
from shared.features.datasets.statistics import CountedImage, Counts, count_findings, count_hints
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
from shared.foundation.ids import ImageId, derived_id, derived_ids
from shared.foundation.settings import LimitSettings

_WORTH_A_THREAD = 1 << 18
_VERSION = 1
_NOTHING = LabelRows([], 0, 0, NO_ATTRIBUTES)


def image_id(job: Job, entry: ShardEntry) -> ImageId:
    """The id of the entry's image: it depends on dataset, version and path alone."""
    return ImageId(derived_id(job.dataset_id, _VERSION, entry.image.name))


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
    _hints: Counter[str] = field(default_factory=Counter)
    _rows_read: int = 0
    _rows_left_out: int = 0

    def __post_init__(self) -> None:
        self.trainers = new_tally(self.plan)
        self._reader = label_reader(self.plan.format, _context(self.plan, self.limits))

    async def build(self, entries: Sequence[ShardEntry], facts: Mapping[int, ImageFacts]) -> list[NewImage]:
        """The images whose facts, by the offset of their member, are known."""
        images, counter = [], ImageCounter(self.counts)
        id_of = derived_ids(self.job.dataset_id, _VERSION)
        for entry in entries:
            known = facts.get(entry.image.header_offset)
            if known is None:
                continue
            data = self.labels.text_of(entry)
            if data is not None and len(data) > _WORTH_A_THREAD:
                said, found = await asyncio.to_thread(self._annotations, entry, known, data)
            else:
                said, found = self._annotations(entry, known, data)
            findings = known.findings + found + (self.plan.label_files and entry.label is None)
            counter.add(_counted(entry, known, said, findings))
            self.annotations += len(said.annotations)
            if known.is_gray is not None:
                self._hints["gray_images" if known.is_gray else "coloured_images"] += 1
            images.append(self._image(ImageId(id_of(entry.image.name)), entry, known, said, findings))
        counter.close()
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
        self.counts["rows_read",] += self._rows_read
        self.counts["rows_left_out",] += self._rows_left_out
        count_hints(self.counts, self._hints)
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

    def _image(
        self, image_id: ImageId, entry: ShardEntry, facts: ImageFacts, said: LabelRows, findings: int
    ) -> NewImage:
        return NewImage(
            id=image_id,
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
            findings=findings,
            pending=facts.pending,
        )

    def _annotations(self, entry: ShardEntry, facts: ImageFacts, data: bytes | None) -> tuple[LabelRows, int]:
        """What is said of the image, by this text if there is one, and how much there is to say about that."""
        if entry.category is not None:
            self._rows_read += 1
            return LabelRows([Annotation(entry.category, "label", WHOLE_IMAGE)], 1, 0), 0
        if data is None:
            return _NOTHING, 0
        # a label that several images share is read for each of them, but its rows count and are found once
        shared = entry.label.header_offset if entry.label else None
        log = FindingLog(0) if shared in self._judged else self.log
        before = log.total
        file = entry.label.name if entry.label else entry.image.name
        rows = self._reader.read(data, file=file, size=_size(facts), report=_report_of(facts, log))
        if log is self.log:
            self._rows_read += rows.rows_read
            self._rows_left_out += rows.rows_left_out
            if rows.hints:
                self._hints.update(rows.hints)
            if shared is not None:
                self._judged.add(shared)
                if rows.plain_rows is not None:
                    self._plain[shared] = rows.plain_rows
        return rows, log.total - before


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
        single_category=plan.single_category,
    )


def _size(facts: ImageFacts) -> ImageSize | None:
    return None if facts.width is None or facts.height is None else (facts.width, facts.height)


def _counted(entry: ShardEntry, facts: ImageFacts, said: LabelRows, findings: int) -> CountedImage:
    return CountedImage(
        entry.split, facts.size_bytes, facts.width, facts.height, facts.format, said.annotations, findings
    )
