"""An archive in our own object store, such as a finished upload: `object://<key>`, the key as it is."""

from collections.abc import AsyncGenerator

from shared.ports.byte_source import (
    SourceChanged,
    SourceDescription,
    SourceNotFound,
    SourceTruncated,
)
from shared.ports.object_store import ObjectNotFound, ObjectStore


class StoredByteSource:
    """A ByteSource over one object."""

    def __init__(self, store: ObjectStore, key: str, *, expected: SourceDescription | None = None) -> None:
        self._store = store
        self._key = key
        self._expected = expected

    async def describe(self) -> SourceDescription:
        """The object's size and ETag; ranges always work."""
        try:
            found = await self._store.stat(self._key)
        except ObjectNotFound:
            raise self._not_found() from None
        return SourceDescription(size_bytes=found.size_bytes, etag=found.etag, accepts_ranges=True)

    async def read(self, start: int = 0, end: int | None = None) -> AsyncGenerator[bytes, None]:
        """Yield the range, as the store's chunks come."""
        present = await self.describe()
        if self._expected is not None and present != self._expected:
            raise SourceChanged("The stored archive was replaced since the import began.")
        position, stop = start, present.size_bytes if end is None else end
        try:
            async for chunk in self._store.read(self._key, start=start, end=end):
                position += len(chunk)
                yield chunk
        except ObjectNotFound:
            raise self._not_found() from None
        if stop is not None and position < stop:
            raise SourceTruncated(f"The stored archive ends at byte {position} of {stop}.")

    async def close(self) -> None:
        """Nothing is held."""

    def _not_found(self) -> SourceNotFound:
        return SourceNotFound(f"There is no stored archive {self._key}.")
