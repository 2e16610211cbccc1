"""Brings the database of a yard up: the embedded mongod becomes a replica set of one, then migrations run."""

import asyncio
from collections.abc import Mapping

from pydantic import SecretStr, ValidationError
from pymongo import AsyncMongoClient
from pymongo.errors import OperationFailure, PyMongoError

from services.cli.failures import CliError
from services.cli.formatting import cut
from services.cli.up.health import wait_for_port
from services.cli.up.mongod import REPLICA_SET
from shared.foundation.errors import AppError
from shared.foundation.logging import configure_logging
from shared.foundation.settings import CommonSettings, LogSettings, MongoSettings
from shared.wiring.migrations import migrate

_POLL_SECONDS = 0.02
_NOT_YET_INITIALIZED = 94
_SHOWN = 200

_Document = Mapping[str, object]


async def prepare_database(*, embedded_port: int | None, url: str | None) -> None:
    """Return when the database takes writes and has this version's indexes, validators and migrations.

    `url` wins over the settings. Raises CliError when that cannot be had; call it with a deadline.
    """
    if embedded_port is not None:
        await wait_for_port(embedded_port)
        await become_primary(embedded_port)
    configure_logging(LogSettings(level="WARNING", format="console"), service="up")
    try:
        await migrate(_mongo_settings(url))
    except (AppError, PyMongoError) as error:
        raise CliError(f"The database cannot be prepared: {cut(str(error), _SHOWN)}") from error


def _mongo_settings(url: str | None) -> MongoSettings:
    try:
        settings = CommonSettings().mongo
    except ValidationError as error:
        wrong = (f"DATAYARD_{'__'.join(map(str, e['loc'])).upper()}: {e['msg']}" for e in error.errors())
        raise CliError(f"A setting of the environment or .env cannot be used. {'; '.join(wrong)}") from error
    return settings.model_copy(update={"url": SecretStr(url)}) if url else settings


async def become_primary(port: int) -> None:
    """Return when the mongod on `port` takes writes as the only member of its set. Call it with a deadline.

    An empty server is initiated; a set whose member had another port (it was taken since) is given this one by force.
    """
    client: AsyncMongoClient[_Document] = AsyncMongoClient(
        f"mongodb://127.0.0.1:{port}/?directConnection=true", serverSelectionTimeoutMS=1000
    )
    async with client:
        while not await _is_primary(client, port):  # noqa: ASYNC110 - only asking tells
            await asyncio.sleep(_POLL_SECONDS)


async def _is_primary(client: AsyncMongoClient[_Document], port: int) -> bool:
    try:
        hello = await client.admin.command("hello")
        if not hello.get("setName"):
            await _configure(client, f"127.0.0.1:{port}")
    except PyMongoError:  # it is starting or changing its role; the caller's deadline ends this
        return False
    return bool(hello.get("isWritablePrimary"))


async def _configure(client: AsyncMongoClient[_Document], host: str) -> None:
    try:
        config = (await client.admin.command("replSetGetConfig"))["config"]
    except OperationFailure as error:
        if error.code == _NOT_YET_INITIALIZED:
            await client.admin.command("replSetInitiate", {"_id": REPLICA_SET, "members": [{"_id": 0, "host": host}]})
        return
    if config["members"][0]["host"] != host:
        config["members"][0]["host"] = host
        config["version"] += 1
        await client.admin.command("replSetReconfig", config, force=True)
