"""Objects in a bucket of Google Cloud Storage, by google-cloud-storage in threads.

Names need no hash in front: images are named by their content, which spreads a dataset's objects over the key space.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from functools import partial
from itertools import islice
from typing import TypeVar

from google.auth.credentials import Credentials
from google.cloud.storage import Blob

from shared.adapters.object_store.gcs_bucket import RETRY, TIMEOUT, GcsBucket, translated
from shared.adapters.object_store.gcs_download import streamed
from shared.adapters.object_store.keys import check_folder, check_key, check_prefix
from shared.foundation.ids import new_id
from shared.foundation.settings import GcsStore
from shared.ports.object_store import ObjectNotFound, ObjectStat, Part

UPLOAD_BYTES = 8 * 2**20
"""What is sent at once of an object whose size is not known; a smaller object is sent whole."""
_SMALL_READ = 4 * 2**20
_NEAR = 256 * 1024
_LISTED = 1000
_PING_FOLDER = "temp/ping/"

T = TypeVar("T")


class GcsObjectStore:
    """An ObjectStore over a bucket: the object `a/b` is the bucket's object `<prefix>a/b`.

    Every call has a deadline, the library's retries, and one breaker for the bucket. Uploads carry a CRC32C.
    """

    cheap_ranges = False

    def __init__(self, settings: GcsStore, credentials: Credentials | None = None) -> None:
        self._bucket = GcsBucket(settings, credentials)
        self._prefix = settings.prefix
        self._pool = ThreadPoolExecutor(settings.connections, thread_name_prefix="gcs")

    async def write(self, key: str, chunks: AsyncIterator[bytes]) -> int:
        """Upload in one request if it is small, else piece by piece in a session that an error abandons."""
        name, size = self._name(key), 0
        upload = None
        try:
            async for piece in _pieces(chunks, UPLOAD_BYTES):
                size += len(piece)
                if upload is None and len(piece) < UPLOAD_BYTES:
                    await self._call(partial(self._bucket.put, name, piece))
                    return size
                upload = upload or self._bucket.upload(name, UPLOAD_BYTES)
                await self._call(partial(upload.write, piece))
            if upload is None:
                await self._call(lambda: self._bucket.put(name, b""))
            else:
                await self._call(upload.close)
        except BaseException:
            if upload is not None:
                await self._call(lambda: self._bucket.abandon(upload))
            raise
        return size

    async def put(self, key: str, data: bytes) -> None:
        """Upload in one request."""
        name = self._name(key)
        await self._call(lambda: self._bucket.put(name, data))

    async def read(self, key: str, *, start: int = 0, end: int | None = None) -> AsyncGenerator[bytes, None]:
        """What is small in one piece; else one download, handed over in chunks of 1 MiB as they are taken."""
        blob = self._blob(key)
        if end is not None and end - start <= _SMALL_READ:
            yield await self._span(blob, start, end)
            return
        with translated(key):
            async with aclosing(streamed(blob, start, end)) as chunks:
                async for chunk in chunks:
                    yield chunk

    async def read_spans(self, key: str, spans: Sequence[tuple[int, int]]) -> tuple[ObjectStat, list[bytes]]:
        """Ask which state it is, then read ranges that lie near together as one, many at once, of that state."""
        found = await self._found(key)
        whole = found.size or 0
        wanted = [(start, min(end, whole)) for start, end in spans]
        runs = _runs([span for span in wanted if span[0] < span[1]])
        pinned = self._bucket.blob(self._name(key), generation=found.generation)
        read = await asyncio.gather(*(self._span(pinned, start, end) for start, end in runs))
        parts = dict(zip(runs, read, strict=True))
        return _stat(found), [_cut(parts, start, end) for start, end in wanted]

    async def read_joined(self, parts: Sequence[Part]) -> memoryview:
        """Read them at once, then join."""
        for part in parts:
            if isinstance(part, tuple):
                check_key(part[0])
        return memoryview(b"".join(await asyncio.gather(*(self._part(part) for part in parts))))

    async def stat(self, key: str) -> ObjectStat:
        """Size, and the object's generation as ETag."""
        return _stat(await self._found(key))

    async def move(self, source: str, target: str) -> None:
        """Copy within the bucket, then delete what was copied, unless it has been replaced meanwhile."""
        from_name, to_name = self._name(source), self._name(target)
        await self._call(lambda: self._bucket.move(from_name, to_name), missing=source)

    async def list(self, prefix: str) -> AsyncGenerator[str, None]:
        """Yield keys, a page of a thousand at a time."""
        async with aclosing(self.list_stats(prefix)) as found:
            async for key, _ in found:
                yield key

    async def list_stats(self, prefix: str) -> AsyncGenerator[tuple[str, ObjectStat], None]:
        """Yield keys with their sizes and generations, a page of a thousand at a time."""
        pages = self._bucket.listed(self._prefix + check_prefix(prefix), _LISTED)
        while page := await self._call(lambda: list(islice(pages, _LISTED))):
            for blob in page:
                yield blob.name.removeprefix(self._prefix), _stat(blob)

    async def delete(self, key: str) -> None:
        """Delete; what is not there stays away."""
        name = self._name(key)
        await self._call(lambda: self._bucket.delete(name))

    async def delete_prefix(self, prefix: str) -> int:
        """Delete what is listed, as many at once as there are connections."""
        count, batch = 0, []
        async with aclosing(self.list(check_folder(prefix))) as found:
            async for key in found:
                batch.append(key)
                if len(batch) == _LISTED:
                    count += await self._delete_all(batch)
                    batch = []
        return count + await self._delete_all(batch)

    async def signed_url(self, key: str, *, expires_seconds: int) -> str | None:
        """A V4 signed address; None where the identity cannot sign, as an emulator's."""
        name = self._name(key)
        return await self._call(lambda: self._bucket.signed_url(name, expires_seconds))

    async def ping(self) -> None:
        """Write, read and delete a small object."""
        key = f"{_PING_FOLDER}{new_id()}"
        await self.put(key, b"ping")
        await self.delete(key)

    def _name(self, key: str) -> str:
        return self._prefix + check_key(key)

    def _blob(self, key: str) -> Blob:
        return self._bucket.blob(self._name(key))

    async def _delete_all(self, keys: Sequence[str]) -> int:
        await asyncio.gather(*(self.delete(key) for key in keys))
        return len(keys)

    async def _found(self, key: str) -> Blob:
        blob = self._blob(key)
        await self._call(lambda: blob.reload(timeout=TIMEOUT, retry=RETRY), missing=key)
        return blob

    async def _span(self, blob: Blob, start: int, end: int) -> bytes:
        key = blob.name.removeprefix(self._prefix)
        return await self._call(lambda: self._bucket.span(blob, start, end), missing=key)

    async def _part(self, part: Part) -> bytes:
        if isinstance(part, bytes):
            return part
        key, start, end = part
        data = await self._span(self._blob(key), start, end)
        if len(data) < end - start:
            raise ObjectNotFound(f"The object {key} is shorter than it was.")
        return data

    async def _call(self, action: Callable[[], T], *, missing: str | None = None) -> T:
        return await self._bucket.call(action, missing=missing, pool=self._pool)


async def _pieces(chunks: AsyncIterator[bytes], size: int) -> AsyncGenerator[bytes, None]:
    """The stream in pieces of exactly `size` bytes, and a last one that is shorter and may be missing."""
    rest = bytearray()
    async for chunk in chunks:
        rest += chunk
        while len(rest) >= size:
            yield bytes(rest[:size])
            del rest[:size]
    if rest:
        yield bytes(rest)


def _runs(spans: Sequence[tuple[int, int]]) -> Sequence[tuple[int, int]]:
    """Ranges that hold all spans, few of them: what lies nearer than a request costs is read along."""
    runs: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if runs and start - runs[-1][1] <= _NEAR:
            runs[-1] = (runs[-1][0], max(runs[-1][1], end))
        else:
            runs.append((start, end))
    return runs


def _cut(parts: Mapping[tuple[int, int], bytes], start: int, end: int) -> bytes:
    """One span out of the run that holds it."""
    for (first, last), data in parts.items():
        if first <= start < end <= last:
            return data[start - first : end - first]
    return b""


def _stat(blob: Blob) -> ObjectStat:
    return ObjectStat(size_bytes=blob.size or 0, etag=f"{blob.generation:x}")
