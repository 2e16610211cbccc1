"""From the facts of an image and the text of its label to the document that is written, and to the counts."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from shared.features.datasets.statistics import CountedImage, Counts, count_findings, count_image
from shared.features.images.models import NewImage
from shared.features.imports.image_probe import ImageFacts
from shared.features.imports.labels import ShardLabels
from shared.features.imports.manifest import ShardEntry
from shared.features.imports.models import ImportPlan
from shared.features.imports.trainers import count_trainers, is_refused, new_tally
from shared.features.jobs.models import Job
from shared.formats.annotations.model import Annotation
from shared.formats.annotations.trainers.tally import TrainerTally
from shared.formats.annotations.yolo_row_shapes import RowShape, row_shape
from shared.formats.annotations.yolo_rows import LabelRows, RowLimits, read_label
from shared.formats.findings import FindingLog
from shared.foundation.ids import ImageId, derived_id
from shared.foundation.settings import LimitSettings

_WORTH_A_THREAD = 1 << 18


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
    _shape: RowShape = field(init=False)
    _judged: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.trainers = new_tally(self.plan)
        self._shape = row_shape(self.plan.task, self.plan.keypoint_shape)

    async def build(self, entries: Sequence[ShardEntry], facts: Mapping[int, ImageFacts]) -> list[NewImage]:
        """The images whose facts, by the offset of their member, are known."""
        images = []
        for entry in entries:
            known = facts.get(entry.image.header_offset)
            if known is not None:
                image = await self._image(entry, known)
                count_image(self.counts, _counted(image))
                self.annotations += len(image.annotations)
                images.append(image)
        return images

    async def judge(self, entries: Sequence[ShardEntry], facts: Mapping[int, ImageFacts]) -> None:
        """Count what trainers would make of the images; one without facts is none. Previews count nothing."""
        for entry in entries:
            await self._judge(entry, facts.get(entry.image.header_offset))

    def close(self) -> Counts:
        """The counts, those of the findings included."""
        count_findings(self.counts, self.log.counts)
        count_trainers(self.counts, self.trainers)
        return self.counts

    async def _judge(self, entry: ShardEntry, facts: ImageFacts | None) -> None:
        data = self.labels.contents.get(entry.label.header_offset) if entry.label else None
        if entry.label is not None and data is None:
            self.trainers.drop()
        elif data is not None and len(data) > _WORTH_A_THREAD:
            await asyncio.to_thread(self.trainers.add, data, is_refused=is_refused(facts))
        else:
            self.trainers.add(data, is_refused=is_refused(facts))

    async def _image(self, entry: ShardEntry, facts: ImageFacts) -> NewImage:
        annotations, found = await self._annotations(entry)
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
            annotations=annotations,
            findings=facts.findings + found + (entry.label is None),
            pending=facts.pending,
        )

    async def _annotations(self, entry: ShardEntry) -> tuple[list[Annotation], int]:
        """What the image's label says, and how much there is to say about the label."""
        data = self.labels.contents.get(entry.label.header_offset) if entry.label else None
        if entry.label is None or data is None:
            return [], 0
        # a label that several images share is read for each of them, but its rows count and are found once
        log = FindingLog(0) if entry.label.header_offset in self._judged else self.log
        before = log.total
        rows = await self._rows(data, entry.label.name, log)
        if log is self.log:
            self._judged.add(entry.label.header_offset)
            self.counts["rows_read",] += rows.rows_read
            self.counts["rows_left_out",] += rows.rows_left_out
        return rows.annotations, log.total - before

    async def _rows(self, data: bytes, name: str, log: FindingLog) -> LabelRows:
        if len(data) > _WORTH_A_THREAD:
            return await asyncio.to_thread(self._parse, data, name, log)
        return self._parse(data, name, log)

    def _parse(self, data: bytes, name: str, log: FindingLog) -> LabelRows:
        limits = RowLimits(max_columns=self.limits.max_row_columns, max_points=self.limits.max_image_points)
        return read_label(
            data,
            file=name,
            category_count=self.plan.category_count,
            limits=limits,
            report=log.add,
            shape=self._shape,
        )


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
