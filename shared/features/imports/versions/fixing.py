"""Applies fixes to the images of a dataset, one after the other, and counts what comes of it."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from shared.features.datasets.image_counter import ImageCounter
from shared.features.datasets.models import Dataset
from shared.features.datasets.statistics import CountedImage, Counts, count_findings
from shared.features.images.drafts.models import ImageChange, NewLabels
from shared.features.images.models import Annotation as StoredAnnotation
from shared.features.images.models import Image
from shared.features.images.service import ImageService
from shared.formats.annotations.fixes.mender import Labelled, Mended, Mender
from shared.formats.annotations.fixes.remarks import Judging
from shared.formats.annotations.model import Annotation
from shared.foundation.streams import whole

_WORTH_A_THREAD = 2_000
_MOST_LABEL_BYTES = 32 << 20


@dataclass(slots=True)
class Fixing:
    """Fixes images of one dataset. Of those with label files of their own, only images of which something was found."""

    images: ImageService
    dataset: Dataset
    mender: Mender
    judging: Judging
    annotations: int = 0
    _counts: Counts = field(default_factory=Counts)
    _counter: ImageCounter = field(init=False)

    def __post_init__(self) -> None:
        self._counter = ImageCounter(self._counts)

    @property
    def counts(self) -> Counts:
        """What was counted by now."""
        self._counter.close()
        return self._counts

    async def fix(self, image: Image) -> ImageChange | None:
        """What changes about the image; None where nothing does. It is counted as it is then."""
        image = await self.images.complete(image)
        labelled = self._labelled(image)
        label = await self._label(image, labelled)
        if len(labelled.annotations) + len(label or b"") // 16 > _WORTH_A_THREAD:
            mended = await asyncio.to_thread(self.mender.mend, labelled, label)
        else:
            mended = self.mender.mend(labelled, label)
        findings = image.findings if mended is None else max(0, image.findings + mended.findings.total())
        annotations = labelled.annotations if mended is None else mended.annotations
        self._count(image, annotations, findings)
        if mended is None:
            return None
        self._count_change(mended)
        labels = NewLabels(annotations, findings, mended.mended_rules, mended.mended_lines)
        return ImageChange(image.path, image.id, image.id, labels)

    def _labelled(self, image: Image) -> Labelled:
        size = (image.width, image.height) if image.width and image.height else None
        return Labelled(
            annotations=[_annotation(one) for one in image.annotations],
            size=size,
            orientation=image.orientation,
            mended_rules=image.mended_rules,
            mended_lines=image.mended_lines,
            has_remarks=self.mender.rows is None or image.findings > 0,
            judging=self.judging,
        )

    async def _label(self, image: Image, labelled: Labelled) -> bytes | None:
        """The label file, where it may hold rows to be taken in."""
        if not self.mender.needs_labels or not labelled.has_remarks or image.label is None:
            return None
        if image.label.size_bytes > _MOST_LABEL_BYTES:
            return None
        label = self.images.label_of(image)
        return await whole(self.images.label_text(self.dataset, label, start=0, end=label.size_bytes))

    def _count(self, image: Image, annotations: Sequence[Annotation], findings: int) -> None:
        self.annotations += len(annotations)
        counted = CountedImage(
            split=image.split,
            size_bytes=image.size_bytes,
            width=image.width,
            height=image.height,
            format=image.format,
            boxes=annotations,
            findings=findings,
        )
        self._counter.add(counted)

    def _count_change(self, mended: Mended) -> None:
        self._counts["version", "images_changed"] += 1
        for what, count in mended.counts.items():
            self._counts["version", f"annotations_{what}"] += count
        for rule, count in mended.by_rule.items():
            self._counts["mended", rule] += count
        self._counts["rows_left_out",] += mended.counts["dropped"] - mended.counts["added"]
        count_findings(self._counts, mended.findings)


def _annotation(stored: StoredAnnotation) -> Annotation:
    """The annotation as formats have it."""
    x, y, width, height = stored.bbox
    return Annotation(
        category_id=stored.category_id,
        type=stored.type,
        bbox=(x, y, width, height),
        points=tuple((x, y) for x, y in stored.points),
        keypoints=tuple((x, y, seen) for x, y, seen in stored.keypoints),
        attributes=stored.attributes,
    )
