"""Databases for tests: migrated once, emptied after use, given to the next test. Making and dropping takes 0.2 s."""

from pydantic import SecretStr

from shared.foundation.ids import new_id
from shared.foundation.mongo import connect
from shared.foundation.settings import MongoSettings
from shared.wiring.migrations import APPLIED, migrate

_SPARE: list[MongoSettings] = []


async def migrated_database(mongo_url: str) -> MongoSettings:
    """A database with all collections and indexes, and without documents."""
    spare = next((one for one in _SPARE if one.url.get_secret_value() == mongo_url), None)
    if spare is not None:
        _SPARE.remove(spare)
        return spare
    settings = MongoSettings(url=SecretStr(mongo_url), database=f"test-{new_id()}")
    await migrate(settings)
    return settings


async def give_back(settings: MongoSettings, *, drop: bool) -> None:
    """Empty the database for another test; or drop it, when something may still write to it or keep it locked."""
    client = connect(settings)
    try:
        if drop:
            await client.drop_database(settings.database)
            return
        database = client[settings.database]
        for name in await database.list_collection_names(filter={"name": {"$ne": APPLIED}}):
            await database[name].delete_many({})
        _SPARE.append(settings)
    finally:
        await client.close()
