"""Bytes that come through us: repeats, gaps, cuts, kills, several senders, wrong sizes and checksums."""

import asyncio
import os
import random
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.adapters.object_store.local import LocalObjectStore
from shared.adapters.upload_sessions import local as local_sessions
from shared.ports.object_store import ObjectNotFound, StorageFull
from shared.ports.upload_sessions import Piece, UploadGone, UploadInterrupted, UploadMismatch, UploadSession
from tests.contract.upload_sessions_contract import content, local_over, opened, session_of, stream
from tests.factories.uploads import UNIT, crc32c, data_of


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "objects"


@pytest.fixture
def store(folder):
    return LocalObjectStore(folder)


@pytest.fixture
def sessions(folder):
    return local_over(folder)


def sink(piece: bytes, *, pause: float = 3600) -> AsyncIterator[bytes]:
    """A sender of whom nothing more comes after the piece."""

    async def sending() -> AsyncIterator[bytes]:
        yield piece
        await asyncio.sleep(pause)
        yield b"never"

    return sending()


_TAKER = """
import asyncio, sys
from pathlib import Path
from shared.adapters.object_store.local import LocalObjectStore
from shared.adapters.upload_sessions.local import LocalUploadSessions
from shared.ports.upload_sessions import Piece, UploadSession

async def main(folder, upload_id, key, source):
    data, unit = Path(source).read_bytes(), 256 * 1024
    sessions = LocalUploadSessions(Path(folder) / ".partial/uploads", LocalObjectStore(Path(folder)).take_in)
    session = UploadSession(upload_id, key, len(data))
    for start in range(0, len(data) - unit, unit):
        async def chunks():
            for at in range(start, start + unit, 16384):
                yield data[at : at + 16384]
        print((await sessions.take(session, Piece(start, start + unit, chunks()))).size_bytes, flush=True)

asyncio.run(main(*sys.argv[1:]))
"""


SIZES = [1, UNIT - 1, UNIT, UNIT + 1, 4 * UNIT, 7 * UNIT + 1234, 9 * UNIT - 1]
STEPS = st.tuples(
    st.sampled_from(["next", "next", "repeat", "from the start", "too late"]),
    st.sampled_from([1, UNIT - 1, UNIT, UNIT, UNIT + 1, 2 * UNIT, 5 * UNIT + 7]),
    st.none() | st.floats(0, 1),
    st.booleans(),
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(size=st.sampled_from(SIZES), steps=st.lists(STEPS, min_size=2, max_size=20))
async def test_any_pieces_make_the_same_object(folder, store, size, steps):
    """Repeats, gaps, overlaps, cuts in mid-piece and new processes: what comes out is what was sent."""
    data, sessions, there = random.Random(size).randbytes(size), local_over(folder), 0
    session = await opened(sessions, size)
    for kind, length, cut, restart in steps:
        sessions = local_over(folder) if restart else sessions
        places = {"next": there, "repeat": there - UNIT, "from the start": 0, "too late": there + 1 + length % UNIT}
        start, before = max(0, places[kind]), there
        piece = data[start : start + length]
        there, whole = await attempt(sessions, session, data, start, piece, None if cut is None else int(cut * length))
        assert there >= before
        if start > before:
            assert there == before, "what comes too late is not kept"
        elif cut is None and start + len(piece) > before:
            assert there >= (start + len(piece)) // UNIT * UNIT
        if whole:
            break
        assert there % UNIT == 0
    else:
        assert await attempt(sessions, session, data, there, data[there:], None) == (size, True)
    assert await content(store, session.key) == data


async def attempt(sessions, session, data, start, piece, cut) -> tuple[int, bool]:
    """Send a piece, or what there is of it before the connection breaks; how far it is, and whether it is whole."""

    async def breaking() -> AsyncIterator[bytes]:
        yield piece[:cut]
        raise ConnectionResetError

    chunks = stream(piece) if cut is None else breaking()
    try:
        received = await sessions.take(session, Piece(start, start + len(piece), chunks))
    except ConnectionResetError:
        received = await sessions.take(session, Piece(0, 0, stream()))
    if received.is_whole:
        assert received.crc32c == crc32c(data)
    return received.size_bytes, received.is_whole


async def test_refuses_more_than_was_announced(sessions):
    session = await opened(sessions, 2 * UNIT)
    for piece in (Piece(0, None, stream(data_of(2 * UNIT + 1))), Piece(0, 10, stream(data_of(11)))):
        with pytest.raises(UploadMismatch):
            await sessions.take(session, piece)
    assert await sessions.received(session) == 0


@pytest.mark.parametrize("where", ["session", "piece", "both"])
async def test_another_checksum_ends_the_session(sessions, store, where):
    data, wrong = data_of(1000), crc32c(b"other")
    session = await opened(sessions, 1000)
    session = UploadSession(session.upload_id, session.key, 1000, None if where == "piece" else wrong)
    with pytest.raises(UploadMismatch):
        await sessions.take(session, Piece(0, None, stream(data), None if where == "session" else wrong))
    assert await sessions.received(session) is None
    with pytest.raises(ObjectNotFound):
        await store.stat(session.key)


async def test_a_sender_who_fell_silent_makes_way(sessions, store):
    data = data_of(4 * UNIT)
    session = await opened(sessions, len(data))
    first = asyncio.create_task(sessions.take(session, Piece(0, None, sink(data[: 2 * UNIT + 5]))))
    await asyncio.sleep(0.05)
    there = await sessions.take(session, Piece(0, 0, stream()))
    assert there.size_bytes == 2 * UNIT
    with pytest.raises(UploadInterrupted):
        await first
    assert (await sessions.take(session, Piece(2 * UNIT, None, stream(data[2 * UNIT :])))).is_whole
    assert await content(store, session.key) == data


async def test_a_sender_whose_bytes_come_is_waited_for(sessions, monkeypatch):
    monkeypatch.setattr(local_sessions, "WAIT_SECONDS", 0.2)
    session = await opened(sessions, 64 * UNIT)

    async def steadily() -> AsyncIterator[bytes]:
        for _ in range(64):
            yield data_of(UNIT)
            await asyncio.sleep(0.02)

    first = asyncio.create_task(sessions.take(session, Piece(0, None, steadily())))
    await asyncio.sleep(0.05)
    with pytest.raises(UploadInterrupted):
        await sessions.take(session, Piece(0, 0, stream()))
    assert (await first).is_whole


async def test_a_sender_is_stopped_when_the_session_ends(sessions):
    session = await opened(sessions, 64 * UNIT)
    first = asyncio.create_task(sessions.take(session, Piece(0, None, sink(data_of(UNIT)))))
    await asyncio.sleep(0.05)
    async with asyncio.timeout(0.9):
        await sessions.cancel(session)
    with pytest.raises(UploadInterrupted):
        await first


async def test_many_senders_at_once_make_one_object(sessions, store):
    data = data_of(8 * UNIT)
    session = await opened(sessions, len(data))

    async def one() -> None:
        start = 0
        while True:
            try:
                received = await sessions.take(session, Piece(start, None, stream(data[start : start + UNIT])))
            except UploadInterrupted:
                continue
            except UploadGone:
                return
            if received.is_whole:
                return
            start = received.size_bytes

    async with asyncio.timeout(30):
        await asyncio.gather(*(one() for _ in range(5)))
    assert await content(store, session.key) == data
    assert not sessions._turns


async def test_gives_up_on_a_sender_who_says_nothing(sessions, monkeypatch):
    monkeypatch.setattr(local_sessions, "SILENCE_SECONDS", 0.05)
    session = await opened(sessions, 4 * UNIT)
    with pytest.raises(UploadInterrupted):
        await sessions.take(session, Piece(0, None, sink(data_of(UNIT))))
    assert await sessions.received(session) == UNIT


async def test_a_cancelled_request_lets_go_of_the_file(sessions):
    session = await opened(sessions, 4 * UNIT)
    taking = asyncio.create_task(sessions.take(session, Piece(0, None, sink(data_of(UNIT)))))
    await asyncio.sleep(0.05)
    taking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await taking
    received = await sessions.take(session, Piece(UNIT, None, stream(data_of(UNIT))))
    assert received.size_bytes == 2 * UNIT


async def test_another_process_is_waited_for_and_then_told_of(sessions, folder):
    session = await opened(sessions, 4 * UNIT)
    holding = asyncio.create_task(sessions.take(session, Piece(0, None, sink(b""))))
    await asyncio.sleep(0.05)
    with pytest.raises(UploadInterrupted, match="Another process"):
        await local_over(folder).take(session, Piece(0, 0, stream()))
    holding.cancel()
    await asyncio.gather(holding, return_exceptions=True)
    assert (await local_over(folder).take(session, Piece(0, 0, stream()))).size_bytes == 0


async def test_a_session_that_is_removed_under_a_sender_is_gone(sessions, folder):
    session = await opened(sessions, UNIT)

    async def removing() -> AsyncIterator[bytes]:
        (folder / ".partial/uploads" / session.upload_id).unlink()
        yield data_of(UNIT)

    with pytest.raises(UploadGone):
        await sessions.take(session, Piece(0, None, removing()))


async def test_what_a_kill_left_behind_a_unit_is_sent_again(sessions, folder, store):
    data = data_of(2 * UNIT)
    session = await opened(sessions, len(data))
    (folder / ".partial/uploads" / session.upload_id).write_bytes(data[:UNIT] + b"half a block")
    assert await sessions.received(session) == UNIT
    assert (await sessions.take(session, Piece(UNIT, None, stream(data[UNIT:])))).is_whole
    assert await content(store, session.key) == data


async def test_a_kill_before_the_last_step_is_made_good_by_a_question(sessions, folder, store):
    data = data_of(UNIT + 1)
    session = await opened(sessions, len(data))
    (folder / ".partial/uploads" / session.upload_id).write_bytes(data)
    received = await sessions.take(session, Piece(0, 0, stream()))
    assert (received.is_whole, received.crc32c) == (True, crc32c(data))
    assert await content(store, session.key) == data


async def test_what_was_answered_for_outlives_a_kill(folder, tmp_path):
    """Another process takes pieces, says so, and is killed in the middle of the next one."""
    data = data_of(64 * UNIT)
    (tmp_path / "data").write_bytes(data)
    session = await opened(local_over(folder), len(data))
    with subprocess.Popen(  # noqa: ASYNC220 - reading it hops to a thread
        [sys.executable, "-c", _TAKER, str(folder), session.upload_id, session.key, str(tmp_path / "data")],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    ) as taker:
        said = [int((await asyncio.to_thread(taker.stdout.readline)).strip()) for _ in range(7)]
        taker.send_signal(signal.SIGKILL)
    again = local_over(folder)
    there = await again.received(session)
    assert there >= said[-1] == 7 * UNIT
    received = await again.take(session, Piece(there, None, stream(data[there:])))
    assert received.crc32c == crc32c(data)


async def test_what_was_never_noted_is_removed_in_the_end(sessions, folder):
    kept = await opened(sessions, UNIT)
    orphan = await opened(sessions, UNIT)
    path = folder / ".partial/uploads" / orphan.upload_id
    os.utime(path, (1, 1))
    await opened(local_over(folder), UNIT)
    assert not path.exists()
    assert await sessions.received(kept) == 0


async def test_a_full_disk_is_the_stores_error(sessions, monkeypatch):
    monkeypatch.setattr(local_sessions.shutil, "disk_usage", lambda _: type("Usage", (), {"free": 2**20}))
    with pytest.raises(StorageFull):
        await sessions.open(session_of(10))
