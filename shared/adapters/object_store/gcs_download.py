"""A download as a stream: the library writes in a thread of its own, the reader takes chunk after chunk."""

import asyncio
import threading
from collections.abc import AsyncGenerator

from google.api_core import exceptions
from google.cloud.storage import Blob

from shared.adapters.object_store.gcs_bucket import RETRY, TIMEOUT

CHUNK_BYTES = 2**20
_WAITING_CHUNKS = 2
_END = None


class _Abandoned(Exception):
    """The reader has gone."""


class _Handover:
    """A file that the library writes to: it waits while the reader has enough, and fails when the reader has gone."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._chunks: asyncio.Queue[bytes | BaseException | None] = asyncio.Queue()
        self._room = threading.Semaphore(_WAITING_CHUNKS)
        self._rest = bytearray()
        self._gone = False

    # -- in the library's thread

    def write(self, data: bytes) -> int:
        """Take bytes."""
        if self._gone:
            raise _Abandoned
        self._rest += data
        if len(self._rest) >= CHUNK_BYTES:
            self._hand_over()
        return len(data)

    def flush(self) -> None:
        """Hand over what is left."""
        if self._rest:
            self._hand_over()

    def end(self, failure: BaseException | None) -> None:
        """Nothing comes any more."""
        self._loop.call_soon_threadsafe(self._chunks.put_nowait, failure)

    def _hand_over(self) -> None:
        self._room.acquire()
        if self._gone:
            raise _Abandoned
        chunk, self._rest = bytes(self._rest), bytearray()
        self._loop.call_soon_threadsafe(self._chunks.put_nowait, chunk)

    # -- in the reader's loop

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        """What was written, in order; what the download failed with."""
        while (item := await self._chunks.get()) is not _END:
            if isinstance(item, BaseException):
                raise item
            self._room.release()
            yield item

    def leave(self) -> None:
        """Let the download end where it is."""
        self._gone = True
        self._room.release()


async def streamed(blob: Blob, start: int, end: int | None) -> AsyncGenerator[bytes, None]:
    """The bytes of an object from `start` up to but without `end`, in chunks of 1 MiB; it keeps what it began with.

    The whole is checked against its CRC32C by the library, and a download that breaks goes on where it was.
    """
    handover = _Handover(asyncio.get_running_loop())

    def download() -> None:
        try:
            last = None if end is None else end - 1
            blob.download_to_file(
                handover, start=start or None, end=last, raw_download=True, timeout=TIMEOUT, retry=RETRY
            )
            handover.flush()
        except exceptions.RequestRangeNotSatisfiable:
            handover.end(None)
        except _Abandoned:
            pass
        except Exception as error:  # noqa: BLE001 - it is the reader's
            handover.end(error)
        else:
            handover.end(None)

    threading.Thread(target=download, name="gcs-download", daemon=True).start()
    try:
        async for chunk in handover.chunks():
            yield chunk
    finally:
        handover.leave()
