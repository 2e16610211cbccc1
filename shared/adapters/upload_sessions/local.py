"""Sessions whose bytes come through our API onto a disk, that of the object store below it.

A session is a file that is appended to. What was answered for is on the disk: a process that is killed, and a machine
that loses power, lose nothing of it. Of those who send at once, one goes on as long as its bytes come, and others wait
a while; so do other processes, for a lock.
"""

import asyncio
import os
import secrets
import shutil
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from shared.adapters.object_store.disk import LEAST_FREE_BYTES, remove_old_files, sync_folder, translated
from shared.adapters.upload_sessions.session_file import SessionFile, whole_units
from shared.foundation.checksums import encoded, extended
from shared.ports.object_store import StorageFull
from shared.ports.upload_sessions import (
    UNIT_BYTES,
    Piece,
    Received,
    UploadInterrupted,
    UploadMismatch,
    UploadSession,
)

WRITE_BYTES = 4 * UNIT_BYTES
SILENCE_SECONDS = 60.0
"""How long a sender may say nothing."""
HANDOVER_SECONDS = 1.0
"""The same while another one waits: who was cut off comes again, before we know that he was."""
WAIT_SECONDS = 10.0
FORGOTTEN_SECONDS = 8 * 24 * 3600
"""Silence after which a file cannot be of a session any more: its upload was never noted."""
_SUMS_KEPT = 1000

T = TypeVar("T")
Deliver = Callable[[str, str], Awaitable[None]]


class LocalUploadSessions:
    """UploadSessions, and their intake. `deliver` makes a whole file, by its path, the object of a key."""

    def __init__(self, folder: Path, deliver: Deliver) -> None:
        self._folder = str(folder.absolute())
        self._deliver = deliver
        self._turns: dict[str, _Turn] = {}
        self._sums: dict[str, tuple[int, int]] = {}
        self._tidied = False

    @property
    def intake(self) -> "LocalUploadSessions":
        """Itself: it speaks no protocol, but keeps what comes by one."""
        return self

    async def open(self, session: UploadSession) -> str:
        """Make an empty file; a secret of 256 bits."""
        await asyncio.to_thread(self._make, session)
        return secrets.token_urlsafe(32)

    async def received(self, session: UploadSession) -> int | None:
        """What counts of the file at this moment."""
        with suppress(FileNotFoundError):
            return whole_units((await asyncio.to_thread(os.stat, self._path(session))).st_size, session.size_bytes)
        return None

    async def cancel(self, session: UploadSession) -> None:
        """Tell whoever sends to let go, and remove the file."""
        async with self._turn(session, for_good=True):
            self._sums.pop(session.upload_id, None)
            with translated(), suppress(FileNotFoundError):
                await asyncio.to_thread(os.unlink, self._path(session))

    async def take(self, session: UploadSession, piece: Piece) -> Received:
        """Append, in blocks; the file is synced before this returns, however it does."""
        async with self._turn(session) as sender:
            file = await self._opened(session)
            try:
                if piece.start <= file.received:
                    await self._append(session, file, piece, sender)
                if file.received < session.size_bytes:
                    return Received(file.received)
                return await self._complete(session, file, piece)
            finally:
                file.close()

    async def _opened(self, session: UploadSession) -> SessionFile:
        opening = asyncio.ensure_future(asyncio.to_thread(SessionFile, self._path(session), session.size_bytes))
        try:
            return await asyncio.shield(opening)
        except asyncio.CancelledError:
            await asyncio.wait([opening])
            if opening.exception() is None:
                opening.result().close()
            raise

    async def _append(self, session: UploadSession, file: SessionFile, piece: Piece, sender: "_Sender") -> None:
        limit = min(session.size_bytes, session.size_bytes if piece.end is None else piece.end)
        position, block = piece.start, bytearray()
        try:
            async for chunk in sender.heard(piece.chunks):
                if position + len(chunk) > limit:
                    raise UploadMismatch(f"More bytes came than the {limit - piece.start} that were announced.")
                block += chunk[max(0, file.received + len(block) - position) :]
                position += len(chunk)
                if len(block) >= WRITE_BYTES:
                    await self._write(session, file, block)
        finally:
            await self._write(session, file, block)
            await _finished(file.sync)

    async def _write(self, session: UploadSession, file: SessionFile, block: bytearray) -> None:
        """Write what can count of the block, and take it off."""
        count = whole_units(file.received + len(block), session.size_bytes) - file.received
        if count <= 0:
            return
        data, before = bytes(memoryview(block)[:count]), file.received
        crc = await _finished(lambda: self._written(session.upload_id, file, data, before))
        if crc is not None:
            self._sums[session.upload_id] = before + count, crc
        del block[:count]

    def _written(self, upload_id: str, file: SessionFile, data: bytes, before: int) -> int | None:
        """Write; the CRC32C of all there is then, if it was known of what was there before."""
        summed, crc = self._sums.get(upload_id, (0, 0))
        file.write(data)
        return extended(crc, data) if summed == before else None

    async def _complete(self, session: UploadSession, file: SessionFile, piece: Piece) -> Received:
        summed, crc = self._sums.pop(session.upload_id, (0, 0))
        found = encoded(crc if summed == session.size_bytes else await _finished(file.crc32c))
        await _finished(file.check_there)
        if {piece.crc32c, session.crc32c} - {found, None}:
            await asyncio.to_thread(os.unlink, file.path)
            raise UploadMismatch(f"The bytes that came have the CRC32C {found}, which is not what was announced.")
        await self._deliver(file.path, session.key)
        return Received(session.size_bytes, found)

    def _make(self, session: UploadSession) -> None:
        with translated():
            Path(self._folder).mkdir(parents=True, exist_ok=True)
            if shutil.disk_usage(self._folder).free < session.size_bytes + LEAST_FREE_BYTES:
                raise StorageFull("The disk of the object store has no room for this upload.")
            os.close(os.open(self._path(session), os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
            sync_folder(self._folder)
        if not self._tidied:
            self._tidied = True
            remove_old_files(self._folder, seconds=FORGOTTEN_SECONDS)

    def _path(self, session: UploadSession) -> str:
        return f"{self._folder}/{session.upload_id}"

    @asynccontextmanager
    async def _turn(self, session: UploadSession, *, for_good: bool = False) -> AsyncIterator["_Sender"]:
        """Wait until whoever sends to the session has let go. Raises UploadInterrupted when that takes too long."""
        turn, sender = self._turns.setdefault(session.upload_id, _Turn()), _Sender()
        turn.waiting.append(sender)
        try:
            turn.hurry(for_good=for_good)
            await turn.wait()
            turn.holder = sender
            turn.hurry()
            try:
                yield sender
            finally:
                turn.holder = None
                turn.lock.release()
        finally:
            turn.waiting.remove(sender)
            if not turn.waiting:
                del self._turns[session.upload_id]
            while len(self._sums) > _SUMS_KEPT:
                del self._sums[next(iter(self._sums))]


class _Sender:
    """One who sends, as long as bytes come."""

    def __init__(self) -> None:
        self._patience = SILENCE_SECONDS
        self._alarm: asyncio.Timeout | None = None

    def hurry(self, patience: float) -> None:
        """Others wait: the next bytes have to come within so many seconds, also those that are awaited now."""
        self._patience = min(patience, self._patience)
        if self._alarm is not None:
            with suppress(RuntimeError):  # it has just run out
                self._alarm.reschedule(asyncio.get_running_loop().time() + self._patience)

    async def heard(self, chunks: AsyncIterator[bytes]) -> AsyncGenerator[bytes, None]:
        """The chunks. Raises UploadInterrupted when none comes for too long."""
        while self._patience > 0:
            try:
                async with asyncio.timeout(self._patience) as self._alarm:
                    chunk = await anext(chunks)
            except StopAsyncIteration:
                return
            except TimeoutError:
                break
            finally:
                self._alarm = None
            yield chunk
        raise UploadInterrupted("No bytes came, and somebody else may be sending. Ask how far the upload is.")


@dataclass(slots=True)
class _Turn:
    """Who sends to one session, and who waits to; the one who sends is among them."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    waiting: list[_Sender] = field(default_factory=list)
    holder: _Sender | None = None

    def hurry(self, *, for_good: bool = False) -> None:
        """Tell who sends that others wait, if they do; or, for good, to let go at once."""
        if self.holder is not None and len(self.waiting) > 1:
            self.holder.hurry(0.0 if for_good else HANDOVER_SECONDS)

    async def wait(self) -> None:
        """Take the turn. Raises UploadInterrupted."""
        try:
            async with asyncio.timeout(WAIT_SECONDS):
                await self.lock.acquire()
        except TimeoutError:
            raise UploadInterrupted("Somebody else sends to this upload; ask again in a while.") from None


async def _finished(work: Callable[[], T]) -> T:
    """The result of what blocks, in a thread; a cancellation waits until the thread is done with the file."""
    running = asyncio.ensure_future(asyncio.to_thread(work))
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        await asyncio.wait([running])
        raise
