"""Writing the images of a version that is being made, and giving it up."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from shared.features.datasets.models import Dataset
from shared.features.images.drafts.models import ImageChange
from shared.features.images.drafts.repository import DraftRepository, begun_id, span_of
from shared.features.images.overflow import spill_annotations
from shared.foundation.ids import DatasetId, ImageId
from shared.foundation.mongo import Session
from shared.ports.object_store import ObjectStore


@dataclass(frozen=True, slots=True)
class DraftService:
    """What jobs that make versions do with images."""

    drafts: DraftRepository
    store: ObjectStore

    async def keep_large(self, dataset_id: DatasetId, number: int, changes: Sequence[ImageChange]) -> list[ImageChange]:
        """The changes, annotations that no document can hold being kept in the object store. Idempotent."""
        return [await self._kept(dataset_id, number, change) for change in changes]

    async def write(self, dataset_id: DatasetId, number: int, changes: Sequence[ImageChange], session: Session) -> None:
        """Write the changes, within a transaction. Idempotent."""
        await self.drafts.write(dataset_id, number, changes, session)

    async def back_to(self, dataset: Dataset, older: int, *, after: str | None, until: str | None) -> list[ImageChange]:
        """What has to change for the images between two paths to be those of an older version again."""
        span = span_of(after, until)
        ended: dict[str, ImageId] = dict(await self.drafts.ended_since(dataset, older, span))
        begun: dict[str, ImageId] = dict(await self.drafts.begun_since(dataset, older, span))
        return [ImageChange(path, begun.get(path), ended.get(path)) for path in sorted(ended.keys() | begun.keys())]

    async def discard(self, dataset_id: DatasetId, number: int) -> None:
        """Give a version up that was not published: nothing of it is left. Idempotent."""
        for key in await self.drafts.spilled(dataset_id, number):
            await self.store.delete(key)
        await self.drafts.discard(dataset_id, number)

    async def _kept(self, dataset_id: DatasetId, number: int, change: ImageChange) -> ImageChange:
        if change.labels is None:
            return change
        image_id = begun_id(dataset_id, number, change.path)
        key = await spill_annotations(self.store, dataset_id, image_id, change.labels.annotations)
        return change if key is None else replace(change, labels=replace(change.labels, annotations_key=key))
