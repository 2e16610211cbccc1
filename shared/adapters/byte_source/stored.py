"""An archive in our own object store, such as a finished upload: `object://<key>`, the key as it is.

A key that ends in a slash is none, but the prefix of a tree.
"""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import replace

from shared.adapters.byte_source.tree import TREE
from shared.ports.byte_source import (
    SourceChanged,
    SourceDescription,
    SourceNotFound,
    SourceTruncated,
    UnsupportedSource,
)
from shared.ports.object_store import ObjectNotFound, ObjectStat, ObjectStore


class StoredByteSource:
    """A ByteSource over one object."""

    def __init__(self, store: ObjectStore, key: str, *, expected: SourceDescription | None = None) -> None:
        self._store = store
        self._key = key
        self._expected = expected

    async def describe(self) -> SourceDescription:
        """The object's size and ETag; ranges always work. A prefix of objects is a tree."""
        if self._key.endswith("/"):
            return await self._describe_tree()
        try:
            found = await self._store.stat(self._key)
        except ObjectNotFound:
            raise self._not_found() from None
        return self._description(found)

    async def read(self, start: int = 0, end: int | None = None) -> AsyncGenerator[bytes, None]:
        """Yield the range, as the store's chunks come."""
        present = await self.describe()
        self._check_object()
        self._check(present)
        position, stop = start, present.size_bytes if end is None else end
        try:
            async for chunk in self._store.read(self._key, start=start, end=end):
                position += len(chunk)
                yield chunk
        except ObjectNotFound:
            raise self._not_found() from None
        if stop is not None and position < stop:
            raise SourceTruncated(f"The stored archive ends at byte {position} of {stop}.")

    async def read_spans(self, spans: Sequence[tuple[int, int]]) -> list[bytes]:
        """Read the ranges from one state of the object, which is the expected one."""
        self._check_object()
        try:
            found, parts = await self._store.read_spans(self._key, spans)
        except ObjectNotFound:
            raise self._not_found() from None
        self._check(self._description(found))
        last = max((end for start, end in spans if end > start), default=0)
        if last > found.size_bytes:
            raise SourceTruncated(f"The stored archive ends at byte {found.size_bytes} of {last}.")
        return parts

    async def close(self) -> None:
        """Nothing is held."""

    async def _describe_tree(self) -> SourceDescription:
        async with aclosing(self._store.list(self._key)) as keys:
            async for _ in keys:
                return replace(TREE, cheap_ranges=self._store.cheap_ranges)
        raise self._not_found()

    def _check_object(self) -> None:
        if self._key.endswith("/"):
            raise UnsupportedSource(f"{self._key} is a directory of the object store.")

    def _description(self, found: ObjectStat) -> SourceDescription:
        cheap = self._store.cheap_ranges
        return SourceDescription(found.size_bytes, found.etag, accepts_ranges=True, cheap_ranges=cheap)

    def _check(self, present: SourceDescription) -> None:
        if self._expected is not None and present != self._expected:
            raise SourceChanged("The stored archive was replaced since the import began.")

    def _not_found(self) -> SourceNotFound:
        return SourceNotFound(f"There is no stored archive {self._key}.")
