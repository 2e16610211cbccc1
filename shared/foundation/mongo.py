"""The one place, besides repositories, that knows the database driver: connecting, declaring, transactions, errors."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias, TypeVar

from pymongo import AsyncMongoClient, IndexModel
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import DuplicateKeyError, OperationFailure, PyMongoError

from shared.foundation.errors import Unavailable
from shared.foundation.settings import MongoSettings

Document: TypeAlias = dict[str, Any]
Database: TypeAlias = AsyncDatabase[Document]
MongoClient: TypeAlias = AsyncMongoClient[Document]
Session: TypeAlias = AsyncClientSession
DriverError = PyMongoError
AlreadyThere = DuplicateKeyError
_NAMESPACE_EXISTS = 48

T = TypeVar("T")


class DatabaseUnavailable(Unavailable):
    """The database does not answer, or answered with a failure that may pass."""

    slug, title = "database-unavailable", "The database does not answer"


@dataclass(frozen=True, slots=True)
class CollectionSpec:
    """What a repository declares of its collection: indexes, and the JSON schema its documents must meet."""

    name: str
    indexes: Sequence[IndexModel] = field(default_factory=tuple)
    schema: Mapping[str, Any] = field(default_factory=dict)


def connect(settings: MongoSettings) -> MongoClient:
    """A client whose operations give up after the configured time. Does not touch the network yet."""
    return AsyncMongoClient(
        settings.url.get_secret_value(),
        tz_aware=True,
        timeoutMS=int(settings.timeout_seconds * 1000),
        serverSelectionTimeoutMS=int(min(5.0, settings.timeout_seconds) * 1000),
        appname="datayard",
    )


async def ensure_collection(database: Database, spec: CollectionSpec) -> None:
    """Create the collection, its validator and its indexes, or bring them up to the declaration. Idempotent."""
    validator = {"$jsonSchema": spec.schema} if spec.schema else {}
    try:
        await database.create_collection(spec.name, validator=validator, check_exists=False)
    except OperationFailure as error:
        if error.code != _NAMESPACE_EXISTS:
            raise
        await database.command("collMod", spec.name, validator=validator)
    if spec.indexes:
        await database[spec.name].create_indexes(list(spec.indexes))


class Transactions:
    """Runs work that must change several documents or none."""

    def __init__(self, client: MongoClient) -> None:
        self._client = client

    async def run(self, work: Callable[[Session], Awaitable[T]]) -> T:
        """The result of `work(session)`, committed; work may run more than once after a conflict."""
        async with self._client.start_session() as session:
            return await session.with_transaction(work)


def database_failure(error: PyMongoError) -> DatabaseUnavailable:
    """The failure in our words; the driver's text, which names hosts, stays in the log."""
    return DatabaseUnavailable(f"The database could not complete the operation ({type(error).__name__}).")


async def ping(database: Database) -> None:
    """Return if a primary answers; raise DatabaseUnavailable otherwise."""
    try:
        hello = await database.client.admin.command("hello")
    except PyMongoError as error:
        raise database_failure(error) from error
    if not hello.get("isWritablePrimary"):
        raise DatabaseUnavailable("The database has no primary at present.")
