"""Which calls have been answered, for as long as what they showed is valid."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pymongo import ASCENDING, IndexModel

from shared.foundation.mongo import CollectionSpec, Database

_SCHEMA: Mapping[str, Any] = {
    "bsonType": "object",
    "required": ["_id", "expires_at"],
    "properties": {"expires_at": {"bsonType": "date"}},
}


class CallRepository:
    """The collection `calls`. The database forgets a call by itself once its time is over."""

    def __init__(self, database: Database) -> None:
        self._calls = database["calls"]
        self.spec = CollectionSpec(
            "calls", indexes=(IndexModel([("expires_at", ASCENDING)], expireAfterSeconds=0),), schema=_SCHEMA
        )

    async def is_known(self, digest: str) -> bool:
        """Whether a call of this digest was noted."""
        return await self._calls.find_one({"_id": digest}, {"_id": 1}) is not None

    async def note(self, digest: str, *, expires_at: datetime) -> None:
        """Remember a call; again, over itself."""
        await self._calls.replace_one({"_id": digest}, {"_id": digest, "expires_at": expires_at}, upsert=True)
