"""The one place, besides repositories, that knows the database driver: connecting, declaring, transactions, errors."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, TypeAlias, TypeVar

from bson.timestamp import Timestamp
from pymongo import AsyncMongoClient, IndexModel
from pymongo.asynchronous.change_stream import AsyncDatabaseChangeStream
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import ConnectionFailure, DuplicateKeyError, OperationFailure, PyMongoError

from shared.foundation.errors import Unavailable
from shared.foundation.logging import get_logger
from shared.foundation.retry import Backoff
from shared.foundation.settings import MongoSettings

Document: TypeAlias = dict[str, Any]
Database: TypeAlias = AsyncDatabase[Document]
MongoClient: TypeAlias = AsyncMongoClient[Document]
Session: TypeAlias = AsyncClientSession
DriverError = PyMongoError
ConnectionLost = ConnectionFailure
AlreadyThere = DuplicateKeyError
_NAMESPACE_EXISTS = 48
_NO_LONGER_RESUMABLE = frozenset({260, 280, 286})  # InvalidResumeToken, ChangeStreamFatalError, ChangeStreamHistoryLost
_CLOCK_SLACK = timedelta(minutes=1)

T = TypeVar("T")

_log = get_logger(__name__)


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


async def persistently(work: Callable[[], Awaitable[T]], patience: Backoff) -> T:
    """The result of `work()`, which is called again when the connection is lost, until patience runs out.

    The driver itself tries a lost operation once more. After a second loss nobody knows whether what was asked came to
    pass: `work` has to bear being done twice.
    """
    while True:
        try:
            return await work()
        except ConnectionLost as error:
            delay = patience.next_delay()
            if delay is None:
                raise
            _log.warning("connection to the database lost", error=type(error).__name__, failures=patience.failures)
            await asyncio.sleep(delay)


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


class ResumePointLost(Exception):
    """The database cannot say any more what came after a resume point, or never could."""


@dataclass(frozen=True, slots=True)
class Change:
    """One change of a document. `token` is the point right after it; `updated` has the paths an update has set.

    `document` is the whole as it is now, which may be younger than the change; empty when it is gone again.
    """

    token: str
    collection: str
    document_id: str
    is_new: bool
    updated: Document
    document: Document


class Changes:
    """An open change stream of a database. `token` is the point up to which everything has been seen."""

    def __init__(self, stream: AsyncDatabaseChangeStream[Document], after: str | None) -> None:
        self._stream = stream
        opened = (stream.resume_token or {}).get("_data", "")
        self.token: str = after or opened
        self._after = after or ""

    async def next(self) -> Change:
        """The next change, however long it takes. Raises ResumePointLost."""
        try:
            while True:  # not the driver's own `next`: the client's deadline would hold for all of its waiting
                found = await self._stream.try_next()
                if found is not None and found["_id"]["_data"] > self._after:
                    self.token = found["_id"]["_data"]
                    return _to_change(found)
        except OperationFailure as error:
            _raise_if_lost(error)
            raise

    async def close(self) -> None:
        """Let the database forget the stream."""
        await self._stream.close()


async def watch(database: Database, stages: Sequence[Document], *, after: str | None = None) -> Changes:
    """What changes from now on, or what has changed since the token `after`, as far as the stages let it pass.

    A token holds for any stages: the stream begins at its time, and passes over what came before it in that instant.
    Tokens are hexadecimal text and sort as the changes do. Raises ResumePointLost.
    """
    begin = None if after is None else time_of(after)
    try:
        stream = await database.watch(list(stages), full_document="updateLookup", start_at_operation_time=begin)
    except OperationFailure as error:
        _raise_if_lost(error)
        raise
    return Changes(stream, after)


def time_of(token: str) -> Timestamp:
    """The cluster time in a token: it follows the byte that says so. Raises ResumePointLost when there is none."""
    try:
        head = bytes.fromhex(token)[:9]
    except ValueError:
        head = b""
    if len(head) < 9 or head[0] != 0x82:
        raise ResumePointLost("this is no resume token")
    time = Timestamp(int.from_bytes(head[1:5], "big"), int.from_bytes(head[5:9], "big"))
    if time.as_datetime() > datetime.now(UTC) + _CLOCK_SLACK:
        raise ResumePointLost("the token is of a time to come")
    return time


def _to_change(found: Document) -> Change:
    return Change(
        token=found["_id"]["_data"],
        collection=found["ns"]["coll"],
        document_id=found["documentKey"]["_id"],
        is_new=found["operationType"] == "insert",
        updated=found.get("updateDescription", {}).get("updatedFields", {}),
        document=found.get("fullDocument") or {},
    )


def _raise_if_lost(error: OperationFailure) -> None:
    if error.code in _NO_LONGER_RESUMABLE:
        raise ResumePointLost(str(error)) from error
