"""Bringing a database up to date: once, again, from several places at once, and from an older state."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator

import pytest
from pydantic import SecretStr
from pymongo.errors import WriteError

from shared.foundation.ids import new_id
from shared.foundation.mongo import Database, connect
from shared.foundation.settings import EngineSettings, MongoSettings
from shared.wiring import migrations
from shared.wiring.container import make_repositories
from shared.wiring.migrations import MIGRATIONS, MigrationsPending, check_migrated, migrate, migrate_database, pending


@pytest.fixture
async def settings(mongo_url: str) -> MongoSettings:
    return MongoSettings(url=SecretStr(mongo_url), database=f"test-{new_id()}")


@pytest.fixture
async def database(settings: MongoSettings) -> AsyncIterator[Database]:
    """An empty database."""
    client = connect(settings)
    yield client[settings.database]
    await client.drop_database(settings.database)
    await client.close()


async def state_of(database: Database) -> dict:
    """Collections with validators and indexes, and what has been applied."""
    collections = {}
    async for collection in await database.list_collections():
        indexes = await database[collection["name"]].index_information()
        collections[collection["name"]] = (collection["options"].get("validator"), indexes)
    applied = [one["_id"] async for one in database["schema_migrations"].find().sort("_id")]
    return {"collections": collections, "applied": applied}


async def test_an_empty_database_waits_for_its_migrations(database: Database) -> None:
    with pytest.raises(MigrationsPending, match="datayard migrate"):
        await check_migrated(database)
    await migrate_database(database)
    await check_migrated(database)

    specs = make_repositories(database, EngineSettings()).specs
    found = await state_of(database)
    assert set(found["collections"]) == {spec.name for spec in specs} | {"schema_migrations"}
    assert found["applied"] == sorted(MIGRATIONS)
    assert all(found["collections"][spec.name][0] == {"$jsonSchema": spec.schema} for spec in specs)


async def test_migrating_again_changes_nothing(database: Database) -> None:
    await migrate_database(database)
    before = await state_of(database)
    for _ in range(2):
        await migrate_database(database)

    assert await state_of(database) == before
    assert await pending(database) == []


async def test_several_services_may_start_at_once(settings: MongoSettings, database: Database) -> None:
    await asyncio.gather(*(migrate(settings) for _ in range(8)))

    assert await pending(database) == []
    assert (await state_of(database))["applied"] == sorted(MIGRATIONS)


async def test_a_job_before_a_release_migrates(settings: MongoSettings, database: Database) -> None:
    environment = {
        "DATAYARD_MONGO__URL": settings.url.get_secret_value(),
        "DATAYARD_MONGO__DATABASE": settings.database,
    }
    command = (sys.executable, "-m", "services.worker.migrate")
    process = await asyncio.create_subprocess_exec(*command, env={**os.environ, **environment})
    assert await process.wait() == 0
    assert await pending(database) == []


async def test_older_documents_and_validators_are_brought_up(database: Database) -> None:
    old = {
        "_id": "old",
        "dataset_id": "d",
        "path": "a",
        "valid_from": 1,
        "valid_to": None,
        "sha256": "",
        "annotations": [],
    }
    await database["images"].insert_one(dict(old))
    await database.create_collection("findings", validator={"nothing": "fits"})
    await migrate_database(database)

    assert (await database["images"].find_one({"_id": "old"}) or {})["schema_version"] == 1
    with pytest.raises(WriteError):
        await database["images"].insert_one(old | {"_id": "new"})
    assert "$jsonSchema" in (await state_of(database))["collections"]["findings"][0]


async def test_migrations_are_applied_in_order_and_once(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that fails stops those behind it; the next start goes on there."""
    ran: list[str] = []
    broken = {"0002": True}

    async def second(_database: Database) -> None:
        if broken.pop("0002", False):
            raise RuntimeError("for a test")
        ran.append("0002")

    async def third(_database: Database) -> None:
        ran.append("0003")

    await migrate_database(database)
    monkeypatch.setattr(migrations, "MIGRATIONS", {**MIGRATIONS, "0003_third": third, "0002_second": second})
    with pytest.raises(RuntimeError):
        await migrate_database(database)
    assert await pending(database) == ["0002_second", "0003_third"]
    await migrate_database(database)
    await migrate_database(database)

    assert ran == ["0002", "0003"]
