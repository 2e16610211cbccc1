"""Image documents. Readers come with a Dataset in hand, which proves that they may read it."""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from typing import Any

from pymongo import ASCENDING, IndexModel, ReplaceOne, UpdateOne
from pymongo.errors import BulkWriteError

from shared.features.datasets.models import Dataset
from shared.features.images.models import (
    Image,
    ImageFilter,
    ImageName,
    LabelFile,
    MemberPlace,
    NewImage,
    NewLabel,
    PackedMember,
    VersionFilter,
)
from shared.features.images.overflow import annotation_documents, annotation_of
from shared.foundation.ids import DatasetId, ImageId
from shared.foundation.mongo import CollectionSpec, Database, Document

_SCHEMA: Mapping[str, Any] = {
    "bsonType": "object",
    "required": ["_id", "schema_version", "dataset_id", "path", "valid_from", "valid_to", "annotations"],
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
_DUPLICATE_KEY = 11000
_BEGUN_MEANWHILE = 2
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
                IndexModel(
                    [("dataset_id", ASCENDING), ("valid_from", ASCENDING)],
                    partialFilterExpression={"valid_from": {"$gt": 1}},
                ),
                IndexModel([("origin_id", ASCENDING)], sparse=True),
            ),
            schema=_SCHEMA,
        )

    async def write(self, images: Sequence[NewImage]) -> None:
        """Write images of version 1, replacing those with the same id: writing twice changes nothing.

        Inserting is three times as fast as replacing, and nearly always there is nothing to replace.
        """
        documents = [_to_document(image) for image in images]
        if not documents:
            return
        try:
            await self._images.insert_many(documents, ordered=False)
        except BulkWriteError as error:
            await self._replace(_already_there(documents, error))

    async def replace(self, images: Sequence[NewImage]) -> None:
        """Write images that are most likely there, in an earlier shape."""
        await self._replace([_to_document(image) for image in images])

    async def preview(self, images: Sequence[NewImage]) -> None:
        """Write images as far as they are known, where there is nothing yet: never over what is known better."""
        documents = [_to_document(image) for image in images]
        if not documents:
            return
        try:
            await self._images.insert_many(documents, ordered=False)
        except BulkWriteError as error:
            _already_there(documents, error)

    async def withdraw(self, dataset_id: DatasetId, paths: Mapping[ImageId, str]) -> None:
        """Let images that turned out to be none be valid in no version: a preview that comes late finds them taken."""
        writes = [
            ReplaceOne({"_id": image_id}, _withdrawn(dataset_id, image_id, path), upsert=True)
            for image_id, path in paths.items()
        ]
        if writes:
            await self._images.bulk_write(writes, ordered=False)

    async def present(self, image_ids: Collection[ImageId]) -> set[ImageId]:
        """Those of the ids, of images of version 1, that were not withdrawn."""
        found = self._images.find({"_id": {"$in": list(image_ids)}, "valid_to": {"$ne": 1}}, {"_id": 1})
        return {document["_id"] async for document in found}

    async def set_hashes(self, hashes: Mapping[ImageId, str]) -> int:
        """Set `sha256` of images that are not damaged, or no longer; it is pending no more. How many there are.

        The ids are those of version 1; later versions of the same images get it too.
        """
        if not hashes:
            return 0
        found = await self._images.bulk_write([_hash_of(*one) for one in hashes.items()], ordered=False)
        copies = self._images.find({"origin_id": {"$in": list(hashes)}}, {"origin_id": 1})
        if later := [_hash_of(one["_id"], hashes[one["origin_id"]]) async for one in copies]:
            await self._images.bulk_write(later, ordered=False)
        return found.matched_count

    async def set_damaged(self, image_ids: Collection[ImageId]) -> None:
        """Mark images whose bytes are not those that were promised."""
        if image_ids:
            these = {"$in": list(image_ids)}
            await self._images.update_many({"$or": [{"_id": these}, {"origin_id": these}]}, {"$set": {"damaged": True}})

    async def _replace(self, documents: Sequence[Document]) -> None:
        if documents:
            writes = [ReplaceOne({"_id": document["_id"]}, document, upsert=True) for document in documents]
            await self._images.bulk_write(writes, ordered=False)

    async def page(
        self, dataset: Dataset, wanted: ImageFilter, *, after: tuple[str, str] | None, offset: int, limit: int
    ) -> list[Image]:
        """Up to `limit` images of the dataset's version in the order of (path, id), after the given one."""
        query = _query(dataset, wanted) | _after(after)
        found = self._images.find(query).sort(_BY_PATH).skip(offset).limit(limit)
        return [_to_image(document) for document in await found.to_list()]

    async def count(self, dataset: Dataset, wanted: ImageFilter) -> int:
        """How many images there are by now; for a dataset whose statistics are not published yet."""
        return await self._images.count_documents(_query(dataset, wanted))

    async def get(self, dataset: Dataset, image_id: str) -> Image | None:
        """The image with this id as the dataset's version has it, whichever version's id it is."""
        document = await self._images.find_one({"_id": image_id, "dataset_id": dataset.id})
        if document is not None and not _is_valid(document, dataset):
            document = await self._images.find_one(version_query(dataset) | {"path": document["path"]})
        return _to_image(document) if document else None

    async def of_version(
        self, dataset: Dataset, wanted: VersionFilter, *, after: tuple[str, str] | None, limit: int
    ) -> AsyncIterator[Image]:
        """Up to `limit` images of a version in the order of (path, id), after the given one."""
        found = self._images.find(_of_version(dataset, wanted, after)).sort(_BY_PATH).limit(limit)
        async for document in found.batch_size(limit):
            yield _to_image(document)

    async def names_of_version(
        self, dataset: Dataset, wanted: VersionFilter, *, after: tuple[str, str] | None, limit: int
    ) -> list[ImageName]:
        """Of the same images only what they are called."""
        kept = {"path": 1, "split": 1, "category_ids": 1}
        found = self._images.find(_of_version(dataset, wanted, after), kept).sort(_BY_PATH).limit(limit)
        return [
            ImageName(one["_id"], one["path"], one["split"], one["category_ids"])
            for one in await found.batch_size(limit).to_list()
        ]

    async def key_after(self, dataset: Dataset, after: tuple[str, str] | None, count: int) -> tuple[str, str] | None:
        """Path and id of the image `count` places after the given one; None where there are fewer."""
        query = version_query(dataset) | _after(after)
        found = self._images.find(query, {"path": 1}).sort(_BY_PATH).skip(count - 1).limit(1)
        return next(((one["path"], one["_id"]) for one in await found.to_list()), None)

    async def remove_all(self, dataset_id: DatasetId) -> int:
        """Remove every image document of a dataset, of all versions; how many there were."""
        return (await self._images.delete_many({"dataset_id": dataset_id})).deleted_count


def version_query(dataset: Dataset) -> Document:
    """Images that are valid in the dataset's version.

    Of `valid_to` each value is named that an image of that version may have, so that the index gives those of each in
    the order of paths and they are merged, not sorted. A later version that is being made is among them.
    """
    if dataset.newest_version == 1:
        return {"dataset_id": dataset.id, "valid_to": None}
    later = range(dataset.version + 1, dataset.newest_version + 1)
    closed = {"$in": [None, *later]} if later else None
    return {"dataset_id": dataset.id, "valid_to": closed, "valid_from": {"$lte": dataset.version}}


def _is_valid(document: Document, dataset: Dataset) -> bool:
    version, until = max(1, dataset.version), document["valid_to"]
    return document["valid_from"] <= version and (until is None or until > version)


def _after(key: tuple[str, str] | None) -> Document:
    if key is None:
        return {}
    path, image_id = key
    return {"path": {"$gte": path}, "$or": [{"path": {"$gt": path}}, {"path": path, "_id": {"$gt": image_id}}]}


def _hash_of(image_id: str, sha256: str) -> UpdateOne:
    undamaged: Document = {"$pull": {"pending": "sha256"}, "$unset": {"damaged": ""}}
    return UpdateOne({"_id": image_id}, {"$set": {"sha256": sha256}, **undamaged})


def _query(dataset: Dataset, wanted: ImageFilter) -> Document:
    query = version_query(dataset)
    if wanted.split is not None:
        query["split"] = wanted.split or None
    if wanted.category_id is not None:
        query["category_ids"] = wanted.category_id
    return query


def _of_version(dataset: Dataset, wanted: VersionFilter, after: tuple[str, str] | None) -> Document:
    """Images that are valid in a version: current ones, and those that a later version has closed.

    Every value of `valid_to` is named, so that the index gives each in the order of paths and they are merged; also two
    that nobody has begun with, as walking a version takes a while.
    """
    closed = range(wanted.version + 1, dataset.newest_version + 1 + _BEGUN_MEANWHILE)
    query: Document = {"dataset_id": dataset.id, "valid_to": {"$in": [None, *closed]}}
    query["valid_from"] = {"$lte": wanted.version}
    if wanted.splits is not None:
        query["split"] = {"$in": list(wanted.splits)}
    if wanted.category_ids is not None:
        query["category_ids"] = {"$in": list(wanted.category_ids)}
    if after:
        path, image_id = after
        query["path"] = {"$gte": path}
        query["$or"] = [{"path": {"$gt": path}}, {"path": path, "_id": {"$gt": image_id}}]
    return query


def _withdrawn(dataset_id: DatasetId, image_id: ImageId, path: str) -> Document:
    return {
        "_id": image_id, "schema_version": 1, "dataset_id": dataset_id, "valid_from": 1, "valid_to": 1, "path": path,
        "annotations": [],
    }  # fmt: skip


def _already_there(documents: Sequence[Document], error: BulkWriteError) -> list[Document]:
    """The documents whose id is taken; raises the error again if anything else was wrong with any."""
    failures = (error.details or {}).get("writeErrors", [])
    if not failures or any(failure["code"] != _DUPLICATE_KEY for failure in failures):
        raise error
    return [documents[failure["index"]] for failure in failures]


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
        "member": _member(image.member),
        "label": _label(image.label) if image.label else None,
        "annotations": [] if image.annotations_key else annotation_documents(image.annotations),
        "annotations_key": image.annotations_key,
        "annotation_count": len(image.annotations),
        "category_ids": sorted({annotation.category_id for annotation in image.annotations}),
        "findings": image.findings,
        "pending": list(image.pending),
        **({"attributes": dict(image.attributes)} if image.attributes else {}),
    }


def _label(label: NewLabel) -> Document:
    path, size_bytes, key, offset, member, crc32 = label
    return {
        "path": path, "size_bytes": size_bytes, "key": key, "offset": offset, "member": _member(member), "crc32": crc32,
    }  # fmt: skip


def _member(member: MemberPlace | None) -> Document | None:
    if member is None:
        return None
    header_offset, compressed_bytes, method = member
    return {"header_offset": header_offset, "compressed_bytes": compressed_bytes, "method": method}


def _to_image(document: Document) -> Image:
    """By name and without validation: a page has hundreds, and what we wrote ourselves needs no second look."""
    member, label = document.get("member"), document["label"]
    return Image(
        id=document["_id"],
        dataset_id=document["dataset_id"],
        path=document["path"],
        file_name=document["file_name"],
        split=document["split"],
        width=document["width"],
        height=document["height"],
        format=document["format"],
        orientation=document["orientation"],
        size_bytes=document["size_bytes"],
        sha256=document["sha256"],
        crc32=document["crc32"],
        object_key=document["object_key"],
        member=PackedMember(**member) if member else None,
        label=_to_label(label) if label else None,
        annotations=[annotation_of(one) for one in document["annotations"]],
        annotation_count=document["annotation_count"],
        annotations_key=document.get("annotations_key"),
        findings=document["findings"],
        pending=document.get("pending", ()),
        damaged=document.get("damaged", False),
        attributes=document.get("attributes", {}),
        valid_from=document["valid_from"],
        mended_rules=document.get("mended_rules", ()),
        mended_lines=document.get("mended_lines", ()),
    )


def _to_label(label: Document) -> LabelFile:
    member = label.get("member")
    return LabelFile(**{"crc32": None, **label, "member": PackedMember(**member) if member else None})
