"""What begins with a prefix in our own object store, as a tree of files: `object://<prefix>/`."""

from collections.abc import AsyncGenerator, Sequence

from shared.adapters.byte_source.runs import each_of
from shared.adapters.byte_source.stored import StoredByteSource
from shared.adapters.byte_source.tree import FileSpans, as_listed, checked_name
from shared.ports.byte_source import ByteSource, SourceDescription, SourceNotFound, TreeEntry, TreeFile
from shared.ports.object_store import ObjectStore


class StoredFiles:
    """The objects below `prefix`, which ends in a slash."""

    def __init__(self, store: ObjectStore, prefix: str) -> None:
        self._store = store
        self._prefix = prefix

    @property
    def cheap_ranges(self) -> bool:
        """As the store says."""
        return self._store.cheap_ranges

    async def entries(self) -> AsyncGenerator[TreeEntry, None]:
        """List the store; no objects are no tree."""
        empty = True
        async for key, found in self._store.list_stats(self._prefix):
            empty = False
            yield TreeFile(key.removeprefix(self._prefix), found.size_bytes, found.etag)
        if empty:
            raise SourceNotFound(f"Nothing is stored below {self._prefix}.")

    def open(self, file: TreeFile) -> ByteSource:
        """The object, as it was listed."""
        return self._opened(file)

    async def read_spans(self, wanted: Sequence[FileSpans]) -> list[list[bytes]]:
        """Read a few objects at a time."""
        return await each_of(wanted, self._read_file)

    async def _read_file(self, wanted: FileSpans) -> list[bytes]:
        file, spans = wanted
        with as_listed(file):
            return await self._opened(file).read_spans(spans)

    def _opened(self, file: TreeFile) -> StoredByteSource:
        expected = SourceDescription(file.size_bytes, file.etag, accepts_ranges=True)
        return StoredByteSource(self._store, self._prefix + checked_name(file.name), expected=expected)
