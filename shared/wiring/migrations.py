"""Bringing a database up to this version: collections, validators, indexes, then migrations, each applied once."""

import contextlib
from collections.abc import Awaitable, Callable, Mapping

import structlog

from shared.features.datasets.repository import version_document
from shared.features.datasets.service import first_version
from shared.foundation.clock import utc_now
from shared.foundation.errors import Unavailable
from shared.foundation.mongo import AlreadyThere, Database, connect, ensure_collection
from shared.foundation.settings import EngineSettings, MongoSettings
from shared.wiring.container import make_repositories

APPLIED = "schema_migrations"

_log = structlog.get_logger(__name__)


class MigrationsPending(Unavailable):
    """The database is older than the code."""

    slug, title = "migrations-pending", "The database has not been migrated"


async def stamp_schema_version(database: Database) -> None:
    """Every document says which shape it has; those that do not are of the first."""
    for spec in make_repositories(database, EngineSettings()).specs:
        await database[spec.name].update_many({"schema_version": {"$exists": False}}, {"$set": {"schema_version": 1}})


async def write_first_versions(database: Database) -> None:
    """Datasets of before there was a history: what their import made is version 1 of it."""
    repositories = make_repositories(database, EngineSettings())
    published = database["datasets"].find({"version": 1, "import_job_id": {"$exists": True}}, {"_id": 1})
    async for document in published:
        dataset = await repositories.datasets.load(document["_id"])
        if dataset is not None and await repositories.versions.get(dataset.id, 1) is None:
            first = first_version(dataset, dataset.rollup, dataset.task)
            stored = version_document(first.model_copy(update={"created_at": dataset.updated_at}))
            with contextlib.suppress(AlreadyThere):
                await database["versions"].insert_one(stored)


MIGRATIONS: Mapping[str, Callable[[Database], Awaitable[None]]] = {
    "0001_schema_version": stamp_schema_version,
    "0002_first_versions": write_first_versions,
}


async def migrate(settings: MongoSettings) -> None:
    """Bring the database up to date. Idempotent, and safe to run from several places at once."""
    client = connect(settings)
    try:
        await migrate_database(client[settings.database])
    finally:
        await client.close()


async def migrate_database(database: Database) -> None:
    """The same, for a database at hand."""
    for spec in make_repositories(database, EngineSettings()).specs:
        await ensure_collection(database, spec)
    for name in await pending(database):
        await MIGRATIONS[name](database)
        await _note(database, name)
        _log.info("migrated", migration=name)


async def pending(database: Database) -> list[str]:
    """The migrations that have not been applied, in order."""
    applied = {document["_id"] async for document in database[APPLIED].find()}
    return [name for name in sorted(MIGRATIONS) if name not in applied]


async def check_migrated(database: Database) -> None:
    """Raise MigrationsPending when the code expects more than the database has seen."""
    if waiting := await pending(database):
        raise MigrationsPending(f"Run `datayard migrate`: {', '.join(waiting)} not applied.")


async def _note(database: Database, name: str) -> None:
    try:
        await database[APPLIED].insert_one({"_id": name, "applied_at": utc_now()})
    except AlreadyThere:
        return
