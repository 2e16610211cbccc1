"""Dataset documents. Permission is part of every query; a slug belongs to one visible dataset at a time."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, get_args

from pymongo import ASCENDING, DESCENDING, IndexModel, ReturnDocument

from shared.features.auth.models import Actor
from shared.features.datasets.models import (
    Category,
    Dataset,
    DatasetDescription,
    DatasetState,
    Draft,
    Rollup,
    Task,
    Version,
    VersionKind,
)
from shared.features.sharing.access import editable_by, readable_by
from shared.formats.annotations.notes import license_of
from shared.foundation.clock import utc_now
from shared.foundation.ids import DatasetId, JobId
from shared.foundation.mongo import CollectionSpec, Database, Document, Session
from shared.foundation.paging import Page, PageRequest, decode_cursor, encode_cursor

TOTALS = frozenset({"images", "annotations", "bytes"})
"""The figures that stand beside a dataset's name wherever it is listed."""

_VISIBLE: Document = {"deleted_at": None, "state": {"$ne": DatasetState.DISCARDED}}

_SCHEMA: Mapping[str, Any] = {
    "bsonType": "object",
    "required": ["_id", "schema_version", "name", "state", "version", "categories", "access", "created_at"],
    "properties": {
        "schema_version": {"bsonType": "int"},
        "slug": {"bsonType": ["string", "null"]},
        "name": {"bsonType": "string", "minLength": 1},
        "state": {"enum": [str(state) for state in DatasetState]},
        "version": {"bsonType": "int", "minimum": 0},
        "categories": {"bsonType": "array"},
        "access": {"bsonType": "object", "required": ["owner_id", "visibility"]},
    },
}


_VERSION_SCHEMA: Mapping[str, Any] = {
    "bsonType": "object",
    "required": ["_id", "schema_version", "dataset_id", "number", "kind", "created_at", "categories"],
    "properties": {"number": {"bsonType": "int", "minimum": 1}, "kind": {"enum": list(get_args(VersionKind))}},
}


class DatasetRepository:
    """The collection `datasets`."""

    def __init__(self, database: Database) -> None:
        self._datasets = database["datasets"]
        self.spec = CollectionSpec(
            "datasets",
            indexes=(
                IndexModel([("slug", ASCENDING)], unique=True, partialFilterExpression={"slug": {"$type": "string"}}),
                IndexModel([("access.owner_id", ASCENDING), ("_id", DESCENDING)]),
                IndexModel([("purge_at", ASCENDING)], sparse=True),
            ),
            schema=_SCHEMA,
        )

    async def add(self, dataset: Dataset, session: Session) -> None:
        """Write a new dataset. Raises AlreadyThere when its slug is taken."""
        fields = dataset.model_dump(exclude={"id", "state"})
        document: Document = {"_id": dataset.id, "schema_version": 1, "state": dataset.state, **_plain(fields)}
        await self._datasets.insert_one(document, session=session)

    async def get(self, reference: str, actor: Actor) -> Dataset | None:
        """The visible dataset with this id or slug that the actor may read."""
        named = {"$or": [{"_id": reference}, {"slug": reference}]}
        return _dataset(await self._datasets.find_one({"$and": [named, _VISIBLE, readable_by(actor)]}))

    async def load(self, dataset_id: DatasetId) -> Dataset | None:
        """The dataset in whatever state, for the machinery."""
        return _dataset(await self._datasets.find_one({"_id": dataset_id}))

    async def may_edit(self, dataset_id: DatasetId, actor: Actor) -> bool:
        """Whether the actor may change the dataset."""
        wanted = {"$and": [{"_id": dataset_id}, _VISIBLE, editable_by(actor)]}
        return await self._datasets.find_one(wanted, {"_id": 1}) is not None

    async def slug_is_free(self, slug: str) -> bool:
        """True when no visible dataset has the slug, at this moment."""
        return await self._datasets.find_one({"slug": slug}, {"_id": 1}) is None

    async def page(self, actor: Actor, request: PageRequest, *, text: str | None, task: Task | None) -> Page[Dataset]:
        """The datasets the actor may read, newest first; `text` is looked for in names, case aside.

        Of their counters only the totals are read: a page of datasets has tens of thousands of the others. Nor are
        their notes.
        """
        wanted: list[Document] = [_VISIBLE, readable_by(actor)]
        if text:
            wanted.append({"$expr": {"$gte": [{"$indexOfCP": [{"$toLower": "$name"}, text.lower()]}, 0]}})
        if task:
            wanted.append({"task": task})
        after = [{"_id": {"$lt": decode_cursor(request.cursor, str)[0]}}] if request.cursor else []
        found = self._datasets.find({"$and": wanted + after}, {"rollup": 0, "notes": 0}).sort("_id", DESCENDING)
        documents = await found.skip(request.offset).limit(request.limit + 1).to_list()
        items = [_to_dataset(document) for document in documents[: request.limit]]
        more = encode_cursor(items[-1].id) if len(documents) > request.limit else None
        return Page(items, more, await self._datasets.count_documents({"$and": wanted}))

    async def change(self, dataset_id: DatasetId, actor: Actor, fields: Mapping[str, object]) -> Dataset | None:
        """Set name, description, tags or visibility, if the actor may; the dataset as it is then."""
        document = await self._datasets.find_one_and_update(
            {"$and": [{"_id": dataset_id}, _VISIBLE, editable_by(actor)]},
            {"$set": {**fields, "updated_at": utc_now()}},
            return_document=ReturnDocument.AFTER,
        )
        return _dataset(document)

    async def publish(
        self, dataset_id: DatasetId, *, rollup: Rollup, task: Task | None, version: int, session: Session
    ) -> None:
        """The import is complete: its statistics and version become what readers see."""
        totals = [row for row in rollup.rows if row[0] in TOTALS]
        fields: Document = {"state": DatasetState.READY, "task": task, "version": version}
        fields |= {"rollup": rollup.model_dump(), "totals": totals}
        await self._datasets.update_one(
            {"_id": dataset_id}, {"$set": fields | {"updated_at": utc_now()}}, session=session
        )

    async def begin_draft(self, dataset_id: DatasetId, job_id: JobId, session: Session) -> Draft | None:
        """Give a job the right to make the next version, under a number that no other has had.

        A job that has the right keeps it. None when another one has it, or the dataset is not ready.
        """
        free = {"_id": dataset_id, "state": DatasetState.READY, "draft": None, "deleted_at": None}
        number = {"$add": [{"$ifNull": ["$newest_version", 1]}, 1]}
        taken = [{"$set": {"draft": {"number": number, "job_id": job_id}, "newest_version": number}}]
        await self._datasets.update_one(free, taken, session=session)
        document = await self._datasets.find_one({"_id": dataset_id, "draft.job_id": job_id}, session=session)
        return Draft(**document["draft"]) if document else None

    async def end_draft(self, dataset_id: DatasetId, job_id: JobId) -> None:
        """Take the right to make a version from a job. Idempotent."""
        await self._datasets.update_one({"_id": dataset_id, "draft.job_id": job_id}, {"$set": {"draft": None}})

    async def publish_version(self, version: Version, session: Session) -> bool:
        """A version that a job has made becomes what readers see; False when the job lost the right to make it."""
        totals = [row for row in version.rollup.rows if row[0] in TOTALS]
        fields: Document = {
            "version": version.number, "task": version.task, "rollup": version.rollup.model_dump(), "totals": totals,
            "categories": category_documents(version.categories), "draft": None,
            "updated_at": utc_now(),
        }  # fmt: skip
        held = {"_id": version.dataset_id, "draft.number": version.number, "draft.job_id": version.job_id}
        return (await self._datasets.update_one(held, {"$set": fields}, session=session)).matched_count == 1

    async def describe(self, dataset_id: DatasetId, described: DatasetDescription) -> None:
        """What planning found out."""
        fields = {
            "layout": described.layout,
            "format": described.format,
            "categories": category_documents(described.categories),
            "archive": described.archive.model_dump() if described.archive else None,
            "keypoint_shape": described.keypoint_shape,
            "notes": dict(described.notes),
            "license": license_of(described.notes),
            "updated_at": utc_now(),
        }
        await self._datasets.update_one({"_id": dataset_id}, {"$set": fields})

    async def discard(self, dataset_id: DatasetId, session: Session) -> None:
        """Hide a dataset whose import ended badly; its slug is free again."""
        fields = {"state": DatasetState.DISCARDED, "slug": None, "updated_at": utc_now()}
        await self._datasets.update_one({"_id": dataset_id}, {"$set": fields}, session=session)

    async def reopen(self, dataset_id: DatasetId, slug: str, session: Session) -> None:
        """The import is tried again: visible as importing, under a free slug."""
        fields = {"state": DatasetState.IMPORTING, "slug": slug, "updated_at": utc_now()}
        await self._datasets.update_one({"_id": dataset_id}, {"$set": fields}, session=session)

    async def trash(self, dataset_id: DatasetId, actor: Actor, *, purge_at: datetime) -> bool:
        """Put a dataset in the trash until `purge_at`; False when the actor may not, or it is not ready."""
        now = utc_now()
        trashed = await self._datasets.update_one(
            {"$and": [{"_id": dataset_id, "state": DatasetState.READY}, _VISIBLE, editable_by(actor)]},
            [{"$set": {"deleted_at": now, "purge_at": purge_at, "former_slug": "$slug", "slug": None}}],
        )
        return trashed.modified_count == 1

    async def due_for_purge(self) -> list[DatasetId]:
        """Trashed datasets whose time is over."""
        found = self._datasets.find({"purge_at": {"$lte": utc_now()}}, {"_id": 1}).limit(20)
        return [document["_id"] async for document in found]

    async def remove(self, dataset_id: DatasetId) -> None:
        """Forget a dataset whose images and objects are gone."""
        await self._datasets.delete_one({"_id": dataset_id, "purge_at": {"$lte": utc_now()}})


class VersionRepository:
    """The collection `versions`: the history of datasets. A published version never changes."""

    def __init__(self, database: Database) -> None:
        self._versions = database["versions"]
        self.spec = CollectionSpec(
            "versions",
            indexes=(IndexModel([("dataset_id", ASCENDING), ("number", DESCENDING)], unique=True),),
            schema=_VERSION_SCHEMA,
        )

    async def add(self, version: Version, session: Session) -> None:
        """Write a published version; again, over itself."""
        document = version_document(version)
        await self._versions.replace_one({"_id": document["_id"]}, document, upsert=True, session=session)

    async def get(self, dataset_id: DatasetId, number: int) -> Version | None:
        """One version with its counters."""
        return _version(await self._versions.find_one({"dataset_id": dataset_id, "number": number}))

    async def page(self, dataset_id: DatasetId, request: PageRequest) -> Page[Version]:
        """The versions of a dataset, newest first, without their counters."""
        wanted: Document = {"dataset_id": dataset_id}
        after = {"number": {"$lt": decode_cursor(request.cursor, int)[0]}} if request.cursor else {}
        found = self._versions.find(wanted | after, {"rollup": 0, "label_ids": 0}).sort("number", DESCENDING)
        documents = await found.skip(request.offset).limit(request.limit + 1).to_list()
        items = [_to_version(document) for document in documents[: request.limit]]
        more = encode_cursor(items[-1].number) if len(documents) > request.limit else None
        return Page(items, more, await self._versions.count_documents(wanted))

    async def remove_all(self, dataset_id: DatasetId) -> None:
        """Forget the history of a dataset that is gone."""
        await self._versions.delete_many({"dataset_id": dataset_id})


def version_document(version: Version) -> Document:
    """A version as it is stored."""
    fields = version.model_dump(exclude={"categories"})
    identity = {"_id": f"{version.dataset_id}:{version.number}", "schema_version": 1}
    return identity | fields | {"categories": category_documents(version.categories)}


def category_documents(categories: Sequence[Category]) -> list[Document]:
    """Categories as they are stored, without what nothing is known of."""
    return [_category_document(one) for one in categories]


def _category_document(one: Category) -> Document:
    document: Document = {"id": one.id, "name": one.name}
    if one.source_id is not None:
        document["source_id"] = one.source_id
    if one.supercategory is not None:
        document["supercategory"] = one.supercategory
    if one.pose is not None:
        document["pose"] = one.pose.model_dump()
    return document


def _version(document: Document | None) -> Version | None:
    return _to_version(document) if document else None


def _to_version(document: Document) -> Version:
    return Version(
        **{"rollup": {}, **{name: value for name, value in document.items() if name in Version.model_fields}}
    )


def _plain(fields: Document) -> Document:
    return fields | {"categories": list(fields["categories"]), "tags": list(fields["tags"])}


def _dataset(document: Document | None) -> Dataset | None:
    return _to_dataset(document) if document else None


def _to_dataset(document: Document) -> Dataset:
    known = {name: document[name] for name in Dataset.model_fields if name in document and name != "slug"}
    known.setdefault("rollup", {"rows": document.get("totals", [])})
    return Dataset(id=document["_id"], slug=document.get("slug") or document["_id"], **known)
