"""Where bytes are kept: keys, streams in, ranges out."""

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from shared.foundation.errors import NotFound, Unavailable


class ObjectNotFound(NotFound):
    """No object has this key."""

    slug, title = "object-not-found", "The stored bytes are missing"


class StorageUnavailable(Unavailable):
    """The store does not answer, or refuses us."""

    slug, title = "storage-unavailable", "The object store does not answer"


class StorageFull(Unavailable):
    """The store has no room left."""

    slug, title = "storage-full", "The object store is full"


@dataclass(frozen=True, slots=True)
class ObjectStat:
    """What the store knows of an object without reading it."""

    size_bytes: int
    etag: str


Part: TypeAlias = bytes | tuple[str, int, int]
"""Bytes, or the key of an object with the start and end of a range of it."""


class ObjectStore(Protocol):
    """Keys are relative POSIX paths; an object appears whole or not at all, and writing again replaces it.

    A malformed key is our own mistake: ValueError. A key may not also be the folder of another key.
    """

    @property
    def cheap_ranges(self) -> bool:
        """Whether many small ranges cost next to nothing, as on a disk."""
        ...

    async def write(self, key: str, chunks: AsyncIterator[bytes]) -> int:
        """Store the stream under `key`, return its size. An error in `chunks` leaves what was there before."""
        ...

    async def put(self, key: str, data: bytes) -> None:
        """Store `data`, small enough to be in memory, under `key`."""
        ...

    def read(self, key: str, *, start: int = 0, end: int | None = None) -> AsyncGenerator[bytes, None]:
        """The bytes from `start` up to but without `end`. Raises ObjectNotFound before the first chunk."""
        ...

    async def read_spans(self, key: str, spans: Sequence[tuple[int, int]]) -> tuple[ObjectStat, list[bytes]]:
        """Many small (start, end) ranges of one state of the object, in the order asked, and which state it was.

        They may overlap; what lies beyond the object's end is missing from them. Raises ObjectNotFound.
        """
        ...

    async def read_joined(self, parts: Sequence[Part]) -> memoryview:
        """Bytes at hand and ranges of objects, in one piece, in the order given.

        Raises ObjectNotFound when an object is not there, or ends before its range does.
        """
        ...

    async def stat(self, key: str) -> ObjectStat:
        """Size and ETag. Raises ObjectNotFound."""
        ...

    async def move(self, source: str, target: str) -> None:
        """Rename an object, replacing `target`. Raises ObjectNotFound."""
        ...

    def list(self, prefix: str) -> AsyncGenerator[str, None]:
        """The keys that begin with `prefix`, in order of their names."""
        ...

    def list_stats(self, prefix: str) -> AsyncGenerator[tuple[str, ObjectStat], None]:
        """The same with what `stat` would say of each."""
        ...

    async def delete(self, key: str) -> None:
        """Remove an object; removing what is not there is no error."""
        ...

    async def delete_prefix(self, prefix: str) -> int:
        """Remove every object below the folder `prefix` (which ends in a slash); how many there were."""
        ...

    async def signed_url(self, key: str, *, expires_seconds: int) -> str | None:
        """An address from which anyone may read the object for a while; None where the store has none."""
        ...

    async def ping(self) -> None:
        """Return if the store can be read and written; raise Unavailable otherwise."""
        ...
