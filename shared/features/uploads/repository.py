"""The collection `uploads`: every change of state is one conditional update."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from pymongo import ASCENDING, DESCENDING, IndexModel

from shared.features.auth.models import Actor
from shared.features.uploads.models import Upload, UploadState
from shared.foundation.clock import utc_now
from shared.foundation.errors import Problem
from shared.foundation.ids import JobId
from shared.foundation.mongo import CollectionSpec, Database, Document, Session

_SCHEMA: Mapping[str, Any] = {
    "bsonType": "object",
    "required": ["_id", "schema_version", "owner_id", "name", "key", "size_bytes", "state", "created_at", "due_at"],
    "properties": {
        "schema_version": {"bsonType": "int"},
        "state": {"enum": [str(state) for state in UploadState]},
        "jobs": {"bsonType": "array"},
    },
}
_AT_A_TIME = 100
_WHOLE = [UploadState.COMPLETE, UploadState.IMPORTING]


class UploadRepository:
    """Uploads. `due_at` is when a sweep looks at one: it expires, was not noticed, or has been kept long enough."""

    def __init__(self, database: Database) -> None:
        self._uploads = database["uploads"]
        self.spec = CollectionSpec(
            "uploads",
            indexes=(
                IndexModel([("owner_id", ASCENDING), ("_id", DESCENDING)]),
                IndexModel([("state", ASCENDING), ("due_at", ASCENDING)]),
                IndexModel(
                    [("owner_id", ASCENDING), ("idempotency_key", ASCENDING)],
                    unique=True,
                    partialFilterExpression={"idempotency_key": {"$type": "string"}},
                ),
            ),
            schema=_SCHEMA,
        )

    async def add(self, upload: Upload, *, due_at: datetime) -> None:
        """Write a new upload. Raises AlreadyThere when its id, or its owner's idempotency key, has been used."""
        document = {**asdict(upload), "_id": upload.id, "schema_version": 1, "jobs": [], "due_at": due_at}
        del document["id"]
        if upload.idempotency_key is None:
            del document["idempotency_key"]
        await self._uploads.insert_one(document)

    async def get(self, upload_id: str, actor: Actor) -> Upload | None:
        """The upload, if it is the actor's and was not deleted."""
        shown = {"_id": upload_id, "owner_id": actor.id, "state": {"$ne": UploadState.DELETED}}
        return _upload(await self._uploads.find_one(shown))

    async def load(self, upload_id: str) -> Upload | None:
        """The upload, for the machinery."""
        return _upload(await self._uploads.find_one({"_id": upload_id}))

    async def with_idempotency_key(self, key: str, actor: Actor) -> Upload | None:
        """The actor's upload that was made with this key."""
        return _upload(await self._uploads.find_one({"owner_id": actor.id, "idempotency_key": key}))

    async def move(
        self, upload_id: str, before: UploadState, after: UploadState, *, due_at: datetime, **fields: object
    ) -> bool:
        """From one state to another; False when it is in neither hands nor place for that any more."""
        update = {"$set": {"state": after, "due_at": due_at, **fields}}
        return (await self._uploads.update_one({"_id": upload_id, "state": before}, update)).matched_count == 1

    async def fail(self, upload_id: str, error: Problem, *, due_at: datetime) -> None:
        """What came cannot be used."""
        fields = {"state": UploadState.FAILED, "error": error, "due_at": due_at}
        open_states = [UploadState.WAITING, UploadState.COMPLETE]
        await self._uploads.update_one({"_id": upload_id, "state": {"$in": open_states}}, {"$set": fields})

    async def note_use(self, upload_id: str, job_id: JobId, session: Session) -> bool:
        """A job is going to read it; False when its bytes are not there, or not any more."""
        update = {"$addToSet": {"jobs": job_id}}
        noted = await self._uploads.update_one({"_id": upload_id, "state": {"$in": _WHOLE}}, update, session=session)
        return noted.matched_count == 1

    async def let_go(self, upload: Upload, *, due_at: datetime) -> bool:
        """Nobody may use it from now on; False when somebody has begun to, or its state is another."""
        same = {"_id": upload.id, "state": upload.state, "jobs": list(upload.jobs)}
        fields = {"state": UploadState.DELETED, "due_at": due_at}
        return (await self._uploads.update_one(same, {"$set": fields})).matched_count == 1

    async def postpone(self, upload_id: str, due_at: datetime) -> None:
        """Let sweeps look at it later."""
        await self._uploads.update_one({"_id": upload_id}, {"$set": {"due_at": due_at}})

    async def due(self, state: UploadState) -> Sequence[Upload]:
        """Uploads in this state whose time has come."""
        found = self._uploads.find({"state": state, "due_at": {"$lte": utc_now()}}).limit(_AT_A_TIME)
        return [_to_upload(document) async for document in found]

    async def remove(self, upload_id: str) -> None:
        """Forget an upload."""
        await self._uploads.delete_one({"_id": upload_id})


def _upload(document: Document | None) -> Upload | None:
    return _to_upload(document) if document else None


def _to_upload(document: Document) -> Upload:
    return Upload(
        id=document["_id"],
        owner_id=document["owner_id"],
        name=document["name"],
        key=document["key"],
        size_bytes=document["size_bytes"],
        crc32c=document["crc32c"],
        sha256=document["sha256"],
        options=document["options"],
        state=UploadState(document["state"]),
        secret=document["secret"],
        correlation_id=document["correlation_id"],
        created_at=document["created_at"],
        expires_at=document["expires_at"],
        job_id=document["job_id"],
        jobs=tuple(document["jobs"]),
        error=document["error"],
        idempotency_key=document.get("idempotency_key"),
    )
