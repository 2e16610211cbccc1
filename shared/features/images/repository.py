"""Image documents. Readers come with a Dataset in hand, which proves that they may read it."""

from collections.abc import Mapping, Sequence
from typing import Any

from pymongo import ASCENDING, IndexModel, ReplaceOne

from shared.features.datasets.models import Dataset
from shared.features.images.models import Image, ImageFilter, NewAnnotation, NewImage
from shared.foundation.ids import DatasetId
from shared.foundation.mongo import CollectionSpec, Database, Document

_SCHEMA: Mapping[str, Any] = {
    "bsonType": "object",
    "required": ["_id", "schema_version", "dataset_id", "path", "valid_from", "valid_to", "sha256", "annotations"],
    "properties": {
        "schema_version": {"bsonType": "int"},
        "dataset_id": {"bsonType": "string"},
        "path": {"bsonType": "string", "minLength": 1},
        "split": {"bsonType": ["string", "null"]},
        "valid_from": {"bsonType": "int", "minimum": 1},
        "valid_to": {"bsonType": ["int", "null"]},
        "annotations": {"bsonType": "array"},
    },
}
_BY_PATH = [("path", ASCENDING), ("_id", ASCENDING)]


class ImageRepository:
    """The collection `images`."""

    def __init__(self, database: Database) -> None:
        self._images = database["images"]
        current = ("dataset_id", ASCENDING), ("valid_to", ASCENDING)
        self.spec = CollectionSpec(
            "images",
            indexes=(
                IndexModel([*current, *_BY_PATH]),
                IndexModel([*current, ("split", ASCENDING), *_BY_PATH]),
                IndexModel([*current, ("category_ids", ASCENDING), *_BY_PATH]),
            ),
            schema=_SCHEMA,
        )

    async def write(self, images: Sequence[NewImage]) -> None:
        """Write images of version 1, replacing those with the same id: writing twice changes nothing."""
        if images:
            writes = [ReplaceOne({"_id": image.id}, _to_document(image), upsert=True) for image in images]
            await self._images.bulk_write(writes, ordered=False)

    async def page(
        self, dataset: Dataset, wanted: ImageFilter, *, after: tuple[str, str] | None, offset: int, limit: int
    ) -> list[Image]:
        """Up to `limit` current images in the order of (path, id), after the given one."""
        query = _query(dataset, wanted)
        if after:
            path, image_id = after
            query["path"] = {"$gte": path}
            query["$or"] = [{"path": {"$gt": path}}, {"path": path, "_id": {"$gt": image_id}}]
        found = self._images.find(query).sort(_BY_PATH).skip(offset).limit(limit)
        return [_to_image(document) for document in await found.to_list()]

    async def count(self, dataset: Dataset, wanted: ImageFilter) -> int:
        """How many images there are by now; for a dataset whose statistics are not published yet."""
        return await self._images.count_documents(_query(dataset, wanted))

    async def get(self, dataset: Dataset, image_id: str) -> Image | None:
        """The current image with this id."""
        document = await self._images.find_one({"_id": image_id, "dataset_id": dataset.id, "valid_to": None})
        return _to_image(document) if document else None

    async def remove_all(self, dataset_id: DatasetId) -> int:
        """Remove every image document of a dataset, of all versions; how many there were."""
        return (await self._images.delete_many({"dataset_id": dataset_id})).deleted_count


def _query(dataset: Dataset, wanted: ImageFilter) -> Document:
    query: Document = {"dataset_id": dataset.id, "valid_to": None}
    if wanted.split is not None:
        query["split"] = wanted.split or None
    if wanted.category_id is not None:
        query["category_ids"] = wanted.category_id
    return query


def _to_document(image: NewImage) -> Document:
    """The one shape of an image document; later versions close `valid_to` and open a new document."""
    return {
        "_id": image.id,
        "schema_version": 1,
        "dataset_id": image.dataset_id,
        "valid_from": 1,
        "valid_to": None,
        "path": image.path,
        "file_name": image.path.rpartition("/")[2],
        "split": image.split,
        "width": image.width,
        "height": image.height,
        "format": image.format,
        "orientation": image.orientation,
        "size_bytes": image.size_bytes,
        "sha256": image.sha256,
        "crc32": image.crc32,
        "object_key": image.object_key,
        "label": dict(zip(("path", "key", "offset", "size_bytes"), image.label, strict=True)) if image.label else None,
        "annotations": [_annotation(annotation) for annotation in image.annotations],
        "annotation_count": len(image.annotations),
        "category_ids": sorted({annotation.category_id for annotation in image.annotations}),
        "findings": image.findings,
    }


def _annotation(annotation: NewAnnotation) -> Document:
    document: Document = {
        "category_id": annotation.category_id,
        "type": annotation.type,
        "bbox": list(annotation.bbox),
    }
    if annotation.points:
        document["points"] = [list(point) for point in annotation.points]
    return document


def _to_image(document: Document) -> Image:
    return Image(id=document["_id"], **{name: document[name] for name in Image.model_fields if name != "id"})
