"""Images of an export with their original label files, where these are to be copied: read many at a time."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass

from shared.features.datasets.models import Dataset
from shared.features.images.models import Image, VersionFilter
from shared.features.images.service import ImageService
from shared.foundation.streams import whole
from shared.ports.object_store import ObjectStore

_MOST_IMAGES, _MOST_WEIGHT = 200, 4 << 20
_POINT_BYTES = 64


@dataclass(frozen=True, slots=True)
class LabelledImages:
    """Walks the images of a version."""

    images: ImageService
    store: ObjectStore
    dataset: Dataset
    copies_labels: bool

    async def walk(self, wanted: VersionFilter) -> AsyncIterator[tuple[Image, bytes | None]]:
        """Each image with all of its annotations, and its label file where that is as it was imported."""
        batch: list[Image] = []
        weight = 0
        async for image in self.images.walk(self.dataset, wanted):
            batch.append(image)
            weight += _weight(image)
            if len(batch) >= _MOST_IMAGES or weight > _MOST_WEIGHT:
                async for pair in self._labelled(batch):
                    yield pair
                batch, weight = [], 0
        async for pair in self._labelled(batch):
            yield pair

    async def _labelled(self, batch: Sequence[Image]) -> AsyncIterator[tuple[Image, bytes | None]]:
        labels = await self._labels(batch) if self.copies_labels else {}
        for image in batch:
            yield await self.images.complete(image), labels.get(image.id)

    async def _labels(self, batch: Sequence[Image]) -> Mapping[str, bytes]:
        """The label files of images that nobody has edited, those of one pack at once."""
        found: dict[str, bytes] = {}
        packs: dict[str, list[Image]] = {}
        for image in batch:
            if image.valid_from > 1 or image.label is None:
                continue
            if image.label.key is not None:
                packs.setdefault(image.label.key, []).append(image)
            else:
                label = image.label
                text = self.images.label_text(self.dataset, label, start=0, end=label.size_bytes)
                found[image.id] = await whole(text)
        for key, images in packs.items():
            places = [image.label for image in images if image.label is not None]
            spans = [(place.offset, place.offset + place.size_bytes) for place in places]
            texts = (await self.store.read_spans(key, spans))[1]
            found |= {image.id: text for image, text in zip(images, texts, strict=True)}
        return found


def _weight(image: Image) -> int:
    """About how much memory the image and its label take."""
    points = 0
    for one in image.annotations:
        if one.points or one.keypoints:
            points += len(one.points) + len(one.keypoints)
    return points * _POINT_BYTES + (image.label.size_bytes if image.label else 0)
