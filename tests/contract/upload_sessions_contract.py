"""What every UploadSessions promises: its sessions speak Google's resumable upload protocol."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest

from shared.adapters.object_store.local import LocalObjectStore
from shared.adapters.upload_sessions.local import LocalUploadSessions
from shared.foundation.ids import new_id
from shared.ports.object_store import ObjectNotFound, ObjectStore
from shared.ports.upload_sessions import Piece, UploadSession, UploadSessions
from tests.factories.uploads import UNIT, data_of


async def stream(*parts: bytes) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


def session_of(size: int, **more: str) -> UploadSession:
    upload_id = new_id()
    return UploadSession(upload_id, f"incoming/{upload_id}/big file.zip", size, **more)


async def opened(sessions: UploadSessions, size: int) -> UploadSession:
    session = session_of(size)
    return UploadSession(session.upload_id, session.key, size, None, await sessions.open(session))


async def content(store: ObjectStore, key: str) -> bytes:
    return b"".join([chunk async for chunk in store.read(key)])


def local_over(folder: Path) -> LocalUploadSessions:
    return LocalUploadSessions(folder / ".partial/uploads", LocalObjectStore(folder).take_in)


class UploadSessionsContract:
    """Adapters with an intake are sent to by it, others by HTTP."""

    @pytest.fixture
    def store(self) -> ObjectStore:
        raise NotImplementedError

    @pytest.fixture
    def sessions(self) -> UploadSessions:
        raise NotImplementedError

    async def sent(self, sessions, session, data: bytes, start: int, end: int) -> int | None:
        """Send a piece; how many bytes are there, None for all."""
        if sessions.intake is not None:
            received = await sessions.intake.take(session, Piece(start, end, stream(data[start:end])))
            return None if received.is_whole else received.size_bytes
        async with httpx2.AsyncClient(trust_env=False) as http:
            said = {"Content-Range": f"bytes {start}-{end - 1}/{session.size_bytes}"}
            answer = await http.put(session.secret, content=data[start:end], headers=said)
        if answer.status_code in {200, 201}:
            return None
        assert answer.status_code == 308, answer.text
        return int(answer.headers["Range"].rpartition("-")[2]) + 1

    async def test_an_object_appears_when_all_is_there(self, sessions, store):
        data = data_of(2 * UNIT + 1234)
        session = await opened(sessions, len(data))
        assert await self.sent(sessions, session, data, 0, UNIT) == UNIT
        with pytest.raises(ObjectNotFound):
            await store.stat(session.key)
        assert await self.sent(sessions, session, data, UNIT, 2 * UNIT) == 2 * UNIT
        assert await self.sent(sessions, session, data, 2 * UNIT, len(data)) is None
        assert await content(store, session.key) == data

    async def test_everything_may_come_at_once(self, sessions, store):
        data = data_of(3 * UNIT)
        session = await opened(sessions, len(data))
        assert await self.sent(sessions, session, data, 0, len(data)) is None
        assert await content(store, session.key) == data

    async def test_a_session_may_be_cancelled_twice(self, sessions, store):
        session = await opened(sessions, 2 * UNIT)
        await self.sent(sessions, session, data_of(UNIT), 0, UNIT)
        await sessions.cancel(session)
        await sessions.cancel(session)
        with pytest.raises(ObjectNotFound):
            await store.stat(session.key)

    async def test_sessions_have_secrets_of_their_own(self, sessions):
        session = session_of(10)
        secrets = {await sessions.open(session_of(10)) for _ in range(5)}
        assert len(secrets) == 5
        assert not [one for one in secrets if one in repr(UploadSession("a", "b", 1, None, one))]
        assert session.secret == ""

    async def test_what_is_received_is_known_where_there_is_an_intake(self, sessions):
        data = data_of(2 * UNIT)
        session = await opened(sessions, len(data))
        await self.sent(sessions, session, data, 0, UNIT)
        assert await sessions.received(session) == (UNIT if sessions.intake is not None else None)
