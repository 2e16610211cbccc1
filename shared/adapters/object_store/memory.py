"""Objects in this process's memory, for tests."""

import hashlib
from collections.abc import AsyncGenerator, AsyncIterator, Sequence

from shared.adapters.object_store.keys import check_folder, check_key, check_prefix
from shared.foundation.streams import whole
from shared.ports.object_store import ObjectNotFound, ObjectStat, Part

CHUNK_BYTES = 256 * 1024


class MemoryObjectStore:
    """An ObjectStore that forgets everything with the process."""

    cheap_ranges = True

    def __init__(self) -> None:
        self._objects: dict[str, bytes] = {}

    async def write(self, key: str, chunks: AsyncIterator[bytes]) -> int:
        """Store the stream once it has ended well."""
        data = await whole(chunks)
        self._objects[check_key(key)] = data
        return len(data)

    async def put(self, key: str, data: bytes) -> None:
        """Store `data`."""
        self._objects[check_key(key)] = bytes(data)

    async def read(self, key: str, *, start: int = 0, end: int | None = None) -> AsyncGenerator[bytes, None]:
        """Yield the range in chunks; what is written meanwhile does not show."""
        data = self._found(key)
        stop = len(data) if end is None else min(end, len(data))
        for offset in range(start, stop, CHUNK_BYTES):
            yield data[offset : min(offset + CHUNK_BYTES, stop)]

    async def read_spans(self, key: str, spans: Sequence[tuple[int, int]]) -> tuple[ObjectStat, list[bytes]]:
        """Slices of the object."""
        data = self._found(key)
        return _stat(data), [data[start : max(start, end)] for start, end in spans]

    async def read_joined(self, parts: Sequence[Part]) -> memoryview:
        """Slices of the objects, joined."""
        return memoryview(b"".join([self._slice(part) for part in parts]))

    async def stat(self, key: str) -> ObjectStat:
        """Size, and the content's SHA-256 as ETag."""
        return _stat(self._found(key))

    async def move(self, source: str, target: str) -> None:
        """Rename."""
        check_key(target)
        data = self._found(source)
        del self._objects[source]
        self._objects[target] = data

    async def list(self, prefix: str) -> AsyncGenerator[str, None]:
        """Yield the keys there were when the listing began."""
        check_prefix(prefix)
        for key in sorted(key for key in self._objects if key.startswith(prefix)):
            yield key

    async def list_stats(self, prefix: str) -> AsyncGenerator[tuple[str, ObjectStat], None]:
        """Yield what is still there of the keys."""
        async for key in self.list(prefix):
            if key in self._objects:
                yield key, _stat(self._objects[key])

    async def delete(self, key: str) -> None:
        """Remove the object if it is there."""
        self._objects.pop(check_key(key), None)

    async def delete_prefix(self, prefix: str) -> int:
        """Remove what begins with the folder's name."""
        check_folder(prefix)
        gone = [key for key in self._objects if key.startswith(prefix)]
        for key in gone:
            del self._objects[key]
        return len(gone)

    async def signed_url(self, key: str, *, expires_seconds: int) -> str | None:  # noqa: ARG002 - the port's
        """Memory has no address."""
        check_key(key)
        return None

    async def ping(self) -> None:
        """Memory always answers."""

    def _slice(self, part: Part) -> bytes:
        if isinstance(part, bytes):
            return part
        key, start, end = part
        if (data := self._found(key))[end - 1 : end] == b"" and end > start:
            raise ObjectNotFound(f"The object {key} is shorter than it was.")
        return data[start:end]

    def _found(self, key: str) -> bytes:
        try:
            return self._objects[check_key(key)]
        except KeyError:
            raise ObjectNotFound(f"There is no object {key}.") from None


def _stat(data: bytes) -> ObjectStat:
    return ObjectStat(size_bytes=len(data), etag=hashlib.sha256(data).hexdigest())
