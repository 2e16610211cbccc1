"""Image documents of versions that are being made, in the collection `images`."""

from collections.abc import Sequence

from pymongo import ReplaceOne

from shared.features.datasets.models import Dataset
from shared.features.images.drafts.models import ImageChange, NewLabels
from shared.features.images.overflow import annotation_documents
from shared.foundation.ids import DatasetId, ImageId, derived_id
from shared.foundation.mongo import Database, Document, Session


class DraftRepository:
    """Writes and removes versions. Every write can be done again: a document's id depends on version and path alone."""

    def __init__(self, database: Database) -> None:
        self._images = database["images"]

    async def write(self, dataset_id: DatasetId, number: int, changes: Sequence[ImageChange], session: Session) -> None:
        """Close what ends with version `number`, and write what begins with it."""
        wanted = [change.copies for change in changes if change.copies is not None]
        found = self._images.find({"_id": {"$in": wanted}, "dataset_id": dataset_id}, session=session)
        sources = {document["_id"]: document async for document in found}
        begun = [_begun(sources[one.copies], number, one.labels) for one in changes if one.copies is not None]
        await self._insert(begun, session)
        closing = {"_id": {"$in": [one.closes for one in changes if one.closes is not None]}, "valid_to": None}
        await self._images.update_many(closing, {"$set": {"valid_to": number}}, session=session)

    async def _insert(self, documents: Sequence[Document], session: Session) -> None:
        """Write documents, over those that an earlier try has left; there are hardly ever any."""
        ids = [document["_id"] for document in documents]
        there = {one["_id"] async for one in self._images.find({"_id": {"$in": ids}}, {"_id": 1}, session=session)}
        if fresh := [document for document in documents if document["_id"] not in there]:
            await self._images.insert_many(fresh, ordered=False, session=session)
        if again := [ReplaceOne({"_id": one["_id"]}, one) for one in documents if one["_id"] in there]:
            await self._images.bulk_write(again, ordered=False, session=session)

    async def ended_since(self, dataset: Dataset, older: int, span: Document) -> list[tuple[str, ImageId]]:
        """Path and id of the images of version `older` that a version up to the dataset's has ended."""
        ended = {"$in": list(range(older + 1, dataset.version + 1))}
        query = {"dataset_id": dataset.id, "valid_to": ended, "valid_from": {"$lte": older}, **span}
        return [(one["path"], one["_id"]) async for one in self._images.find(query, {"path": 1})]

    async def begun_since(self, dataset: Dataset, older: int, span: Document) -> list[tuple[str, ImageId]]:
        """Path and id of the images of the dataset's version that are younger than version `older`."""
        open_ones = {"$in": [None, *range(dataset.version + 1, dataset.newest_version + 1)]}
        begun = {"$gt": older, "$lte": dataset.version}
        query = {"dataset_id": dataset.id, "valid_to": open_ones, "valid_from": begun, **span}
        return [(one["path"], one["_id"]) async for one in self._images.find(query, {"path": 1})]

    async def spilled(self, dataset_id: DatasetId, number: int) -> list[str]:
        """Keys of annotations that were kept beside the documents of a version that is given up."""
        begun = {"dataset_id": dataset_id, "valid_from": number, "annotations_key": {"$type": "string"}}
        found = self._images.find(begun, {"annotations_key": 1})
        return [one["annotations_key"] async for one in found if one["_id"] in one["annotations_key"]]

    async def discard(self, dataset_id: DatasetId, number: int) -> None:
        """Undo all that `write` did for a version that is given up."""
        await self._images.delete_many({"dataset_id": dataset_id, "valid_from": number})
        await self._images.update_many({"dataset_id": dataset_id, "valid_to": number}, {"$set": {"valid_to": None}})


def span_of(after: str | None, until: str | None) -> Document:
    """The images whose paths are behind one and not behind the other; None for no limit."""
    limits = ({"$gt": after} if after is not None else {}) | ({"$lte": until} if until is not None else {})
    return {"path": limits} if limits else {}


def begun_id(dataset_id: DatasetId, number: int, path: str) -> ImageId:
    """The id of what begins with a version."""
    return ImageId(derived_id(dataset_id, number, path))


def _begun(source: Document, number: int, labels: NewLabels | None) -> Document:
    """A copy of a document, valid from a version on; whatever else it holds goes along."""
    fresh: Document = {
        "_id": begun_id(source["dataset_id"], number, source["path"]),
        "valid_from": number,
        "valid_to": None,
        "origin_id": source.get("origin_id", source["_id"]),
    }
    return source | fresh | (_labels(labels) if labels else {})


def _labels(labels: NewLabels) -> Document:
    return {
        "annotations": [] if labels.annotations_key else annotation_documents(labels.annotations),
        "annotations_key": labels.annotations_key,
        "annotation_count": len(labels.annotations),
        "category_ids": sorted({annotation.category_id for annotation in labels.annotations}),
        "findings": labels.findings,
        "mended_rules": list(labels.mended_rules),
        "mended_lines": list(labels.mended_lines),
    }
