"""An archive that has to be staged is staged up to a limit: its server may never end."""

import io
import tarfile
from collections.abc import AsyncGenerator, Sequence

import pytest

from shared.adapters.object_store.memory import MemoryObjectStore
from shared.features.imports.models import ArchiveRefused
from shared.features.imports.sources.archive import ArchiveOpener
from shared.formats.archives.directory import ArchiveLimits
from shared.ports.byte_source import SourceDescription, TreeEntry, TreeFile

PIECE, LIMIT = 64 << 10, 1 << 20
_MANY = 200 * PIECE


class Endless:
    """A server without ranges that sends its first bytes and then zeros, many more than may be staged."""

    def __init__(self, head: bytes) -> None:
        self.head, self.sent = head, 0

    def check(self, uri: str) -> None:
        raise NotImplementedError

    def open(self, uri: str, *, expected: SourceDescription | None = None) -> "Endless":
        return self

    def list_tree(self, uri: str) -> AsyncGenerator[TreeEntry, None]:
        raise NotImplementedError

    def open_tree(self, uri: str, files: Sequence[tuple[int, TreeFile]]) -> "Endless":
        raise NotImplementedError

    async def describe(self) -> SourceDescription:
        return SourceDescription(None, None, accepts_ranges=False)

    async def read(self, start: int = 0, end: int | None = None) -> AsyncGenerator[bytes, None]:
        yield self.head
        while self.sent < _MANY:
            self.sent += PIECE
            yield bytes(PIECE)

    async def read_spans(self, spans: Sequence[tuple[int, int]]) -> list[bytes]:
        raise NotImplementedError

    async def close(self) -> None:
        pass


def small_tar() -> bytes:
    """A tar that has ended, so that what follows belongs to no member."""
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("a.txt"))
    return target.getvalue()


@pytest.mark.parametrize(
    ("head", "single"),
    [(b"PK\x03\x04", False), (small_tar(), False), (b"names: [a]\n", True)],
    ids=["zip", "tar", "text"],
)
async def test_what_never_ends_is_refused(head: bytes, single: bool) -> None:
    source, store = Endless(head), MemoryObjectStore()
    limits = ArchiveLimits(max_total_bytes=LIMIT)
    opener = ArchiveOpener(source, store, limits, lambda _: None, lambda _count, _total: None, "temp/j/staged", single)
    with pytest.raises(ArchiveRefused, match=f"more than {LIMIT} bytes"):
        await opener.open("http://x/a.zip", checksum=None)
    assert source.sent <= LIMIT + 2 * PIECE
    assert [key async for key in store.list("")] == []
