"""The collections of exports: the exports themselves, and their jobs."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from pymongo import ASCENDING, DESCENDING, IndexModel

from shared.features.datasets.models import Dataset
from shared.features.exports.models import Built, Export, ExportFile, ExportOptions, Loss
from shared.features.jobs.repository import JobRepository
from shared.foundation.clock import utc_now
from shared.foundation.ids import DatasetId, JobId
from shared.foundation.mongo import CollectionSpec, Database, Document, Session
from shared.foundation.paging import Page, PageRequest, decode_cursor, encode_cursor

_SCHEMA: Mapping[str, Any] = {
    "bsonType": "object",
    "required": ["_id", "schema_version", "dataset_id", "owner_id", "job_id", "options", "created_at", "expires_at"],
    "properties": {"schema_version": {"bsonType": "int"}, "files": {"bsonType": ["array", "null"]}},
}


class OtherJobRepository(JobRepository):
    """The collection `jobs`: those of kinds other than imports."""

    def __init__(self, database: Database, *, lease: timedelta) -> None:
        super().__init__(database, collection="jobs", lease=lease)


class ExportRepository:
    """The collection `exports`. What has expired is not found."""

    def __init__(self, database: Database) -> None:
        self._exports = database["exports"]
        self.spec = CollectionSpec(
            "exports",
            indexes=(
                IndexModel([("dataset_id", ASCENDING), ("created_at", DESCENDING), ("_id", DESCENDING)]),
                IndexModel([("expires_at", ASCENDING)]),
            ),
            schema=_SCHEMA,
        )

    async def get(self, dataset: Dataset, export_id: str) -> Export | None:
        """The export of the dataset that has this id."""
        wanted = {"_id": export_id, "dataset_id": dataset.id, "expires_at": {"$gt": utc_now()}}
        document = await self._exports.find_one(wanted)
        return _to_export(document) if document else None

    async def stored(self, dataset: Dataset, export_id: str) -> Export | None:
        """The same, even if its time is over."""
        document = await self._exports.find_one({"_id": export_id, "dataset_id": dataset.id})
        return _to_export(document) if document else None

    async def of_job(self, export_id: str, job_id: JobId) -> Export | None:
        """The export, as long as this job is the one that makes it."""
        document = await self._exports.find_one({"_id": export_id, "job_id": job_id})
        return _to_export(document) if document else None

    async def page(self, dataset: Dataset, request: PageRequest) -> Page[Export]:
        """The dataset's exports, the newest first."""
        wanted: Document = {"dataset_id": dataset.id, "expires_at": {"$gt": utc_now()}}
        after: Document = {}
        if request.cursor:
            made, last = decode_cursor(request.cursor, str, str)
            moment = datetime.fromisoformat(str(made))
            after = {"$or": [{"created_at": {"$lt": moment}}, {"created_at": moment, "_id": {"$lt": last}}]}
        order = [("created_at", DESCENDING), ("_id", DESCENDING)]
        found = self._exports.find(wanted | after).sort(order).skip(request.offset).limit(request.limit + 1)
        items = [_to_export(document) for document in await found.to_list()]
        shown = items[: request.limit]
        more = encode_cursor(shown[-1].created_at.isoformat(), shown[-1].id) if len(items) > request.limit else None
        return Page(shown, more, await self._exports.count_documents(wanted))

    async def add(self, export: Export, session: Session) -> None:
        """Write a new export. Raises AlreadyThere when there is one of its id."""
        await self._exports.insert_one(_to_document(export), session=session)

    async def replace(self, former: JobId, export: Export, session: Session) -> bool:
        """Write an export in the place of the one that `former` was to make; False when that is gone."""
        found = await self._exports.replace_one(
            {"_id": export.id, "job_id": former}, _to_document(export), session=session
        )
        return found.matched_count == 1

    async def publish(self, export: Export, built: Built, *, expires_at: datetime, session: Session) -> bool:
        """The export can be downloaded; False when it was removed meanwhile."""
        fields = {**asdict(built), "files": [asdict(file) for file in built.files], "expires_at": expires_at}
        same = {"_id": export.id, "job_id": export.job_id, "expires_at": {"$gt": utc_now()}}
        return (await self._exports.update_one(same, {"$set": fields}, session=session)).matched_count == 1

    async def expire(self, export: Export) -> None:
        """From now on the export is not found, and due to be removed."""
        same = {"_id": export.id, "job_id": export.job_id}
        await self._exports.update_one(same, {"$set": {"expires_at": utc_now()}})

    async def expired(self) -> Sequence[Export]:
        """Exports whose time is over."""
        found = self._exports.find({"expires_at": {"$lte": utc_now()}}).limit(100)
        return [_to_export(document) async for document in found]

    async def remove(self, export: Export) -> None:
        """Forget an export whose objects are gone."""
        await self._exports.delete_one({"_id": export.id, "job_id": export.job_id})

    async def remove_all(self, dataset_id: DatasetId) -> None:
        """Forget all exports of a dataset."""
        await self._exports.delete_many({"dataset_id": dataset_id})


def _to_document(export: Export) -> Document:
    return {
        "_id": export.id,
        "schema_version": 1,
        "dataset_id": export.dataset_id,
        "owner_id": export.owner_id,
        "job_id": export.job_id,
        "options": export.options.model_dump(mode="json"),
        "created_at": export.created_at,
        "expires_at": export.expires_at,
        "files": None,
    }


def _to_export(document: Document) -> Export:
    built = None
    if document["files"] is not None:
        files = tuple(ExportFile(**file) for file in document["files"])
        losses = tuple(Loss(one["rule"], one["count"], tuple(one["examples"])) for one in document["losses"])
        built = Built(document["prefix"], files, losses, document["images"])
    return Export(
        id=document["_id"],
        dataset_id=document["dataset_id"],
        owner_id=document["owner_id"],
        job_id=document["job_id"],
        options=ExportOptions.model_validate(document["options"]),
        created_at=document["created_at"],
        expires_at=document["expires_at"],
        built=built,
    )
