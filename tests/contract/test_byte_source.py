"""Each ByteSource keeps the promises of all, and what only a file or the network can do to one."""

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.adapters.byte_source.file import FileByteSource
from shared.adapters.byte_source.folder import FolderFiles
from shared.adapters.byte_source.http import HttpByteSource
from shared.adapters.byte_source.parts import PartsByteSource
from shared.adapters.byte_source.stored import StoredByteSource
from shared.adapters.byte_source.tree import TreeByteSource
from shared.adapters.object_store.local import LocalObjectStore
from shared.adapters.object_store.memory import MemoryObjectStore
from shared.foundation.settings import SourceSettings
from shared.ports.byte_source import (
    PartsAddress,
    SourceChanged,
    SourceDenied,
    SourceNotFound,
    SourceTruncated,
    TreeFile,
    UnsupportedSource,
    parts_uri,
)
from shared.ports.object_store import ObjectStore
from tests.contract.byte_source_contract import DATA, ByteSourceContract, ReadingContract
from tests.factories.http_servers import SourceServer, source_server
from tests.factories.source_reads import content

LOOPBACK = SourceSettings(allow_private=True, attempts=2, read_seconds=0.4, connect_seconds=2)


class FilePlace:
    def __init__(self, path: Path) -> None:
        self.path = path

    async def put(self, data: bytes) -> None:
        before = self.path.stat().st_mtime_ns if self.path.exists() else 0
        self.path.write_bytes(data)
        os.utime(self.path, ns=(before + 10**9, before + 10**9))

    async def remove(self) -> None:
        self.path.unlink(missing_ok=True)

    def open(self, expected=None):
        return FileByteSource(self.path, expected=expected)


class TestFileByteSource(ByteSourceContract):
    @pytest.fixture
    def place(self, tmp_path):
        return FilePlace(tmp_path / "archive.zip")

    async def test_a_change_midway_is_seen(self, place, source):
        chunks = source.read()
        await anext(chunks)
        await place.put(DATA[::-1])
        with pytest.raises(SourceChanged):
            await anext(chunks)

    async def test_a_truncation_midway_is_seen(self, place, source):
        chunks = source.read()
        await anext(chunks)
        await place.put(DATA[: 2**20 + 5])
        with pytest.raises(SourceTruncated):
            await anext(chunks)

    async def test_a_change_while_spans_are_read_is_seen(self, place, source, monkeypatch):
        def change_and_read(handle, count, offset):
            before = place.path.stat()
            os.utime(place.path, ns=(before.st_atime_ns, before.st_mtime_ns + 10**9))
            return pread(handle, count, offset)

        pread = os.pread
        monkeypatch.setattr(os, "pread", change_and_read)
        with pytest.raises(SourceChanged):
            await source.read_spans([(0, 10)])

    async def test_small_ranges_are_cheap(self, source):
        assert (await source.describe()).cheap_ranges

    async def test_only_regular_files(self, tmp_path):
        os.mkfifo(tmp_path / "fifo")
        for path in (tmp_path / "fifo", Path("/dev/zero")):
            with pytest.raises(UnsupportedSource, match="not a regular file"):
                await FileByteSource(path).describe()
        for path in (tmp_path / "fifo", Path("/dev/zero"), tmp_path):
            with pytest.raises(UnsupportedSource, match="not a regular file"):
                await content(FileByteSource(path))
            with pytest.raises(UnsupportedSource, match="not a regular file"):
                await FileByteSource(path).read_spans([(0, 1)])

    async def test_a_path_through_a_file_leads_nowhere(self, place, source):
        with pytest.raises(SourceNotFound):
            await FileByteSource(place.path / "member").describe()

    @pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
    async def test_a_file_of_someone_else(self, place, source):
        place.path.chmod(0)
        with pytest.raises(SourceDenied):
            await place.open().describe()


class StoredPlace:
    def __init__(self, store: ObjectStore) -> None:
        self.store = store

    async def put(self, data: bytes) -> None:
        await asyncio.sleep(0.005)  # a file's time has steps of some milliseconds
        await self.store.put("uploads/archive.zip", data)

    async def remove(self) -> None:
        await self.store.delete("uploads/archive.zip")

    def open(self, expected=None):
        return StoredByteSource(self.store, "uploads/archive.zip", expected=expected)


class TestStoredByteSource(ByteSourceContract):
    @pytest.fixture(params=["memory", "local"])
    def place(self, request, tmp_path):
        return StoredPlace(MemoryObjectStore() if request.param == "memory" else LocalObjectStore(tmp_path))

    async def test_small_ranges_are_as_cheap_as_the_store_says(self, source):
        assert (await source.describe()).cheap_ranges


class PartsPlace:
    """Parts of 700 001 bytes, as a copied archive lies in them."""

    def __init__(self) -> None:
        self.store = MemoryObjectStore()
        self.size_bytes = 0

    async def put(self, data: bytes) -> None:
        self.size_bytes = len(data)
        for index, at in enumerate(range(0, len(data), 700_001)):
            await self.store.put(f"archive/{index:06d}.part", data[at : at + 700_001])

    async def remove(self) -> None:
        await self.store.delete("archive/000002.part")

    def open(self, expected=None):
        uri = parts_uri("archive/", part_bytes=700_001, size_bytes=self.size_bytes)
        return PartsByteSource(self.store, PartsAddress.of(uri))


class TestPartsByteSource(ReadingContract):
    @pytest.fixture
    def place(self):
        return PartsPlace()

    async def test_a_missing_part(self, place, source):
        await place.remove()
        with pytest.raises(SourceNotFound):
            await content(source)
        with pytest.raises(SourceNotFound):
            await source.read_spans([(0, 5), (1_400_010, 1_400_020)])
        assert await source.read_spans([(0, 5)]) == [DATA[:5]]

    async def test_a_short_part(self, place, source):
        await place.store.put("archive/000001.part", b"short")
        with pytest.raises(SourceTruncated):
            await source.read_spans([(700_001, 700_010)])

    async def test_small_ranges_are_as_cheap_as_the_store_says(self, source):
        assert (await source.describe()).cheap_ranges


class FolderPlace:
    """A folder of three files that together are the archive."""

    def __init__(self, root: Path) -> None:
        self.files = FolderFiles(root)
        self.root = root
        self.listed: list[tuple[int, TreeFile]] = []

    async def put(self, data: bytes) -> None:
        for name, at, end in (("a", 0, 1_000_000), ("b/c", 1_000_000, 1_000_007), ("d", 1_000_007, len(data))):
            (self.root / name).parent.mkdir(parents=True, exist_ok=True)
            (self.root / name).write_bytes(data[at:end])
        self.listed, at = [], 0
        async for file in self.files.entries():
            self.listed.append((at, file))
            at += file.size_bytes

    async def remove(self) -> None:
        (self.root / "a").unlink()

    def open(self, expected=None):
        return TreeByteSource(self.files, self.listed)


class TestTreeByteSource(ReadingContract):
    """More of it: test_byte_source_trees.py."""

    @pytest.fixture
    def place(self, tmp_path):
        return FolderPlace(tmp_path / "tree")


class HttpPlace:
    def __init__(self, server: SourceServer) -> None:
        self.server = server
        self.versions = 0

    async def put(self, data: bytes) -> None:
        self.versions += 1
        self.server.data = data
        self.server.statuses = []
        if self.server.etag:
            self.server.etag = f'"{self.versions}"'
        if self.server.last_modified:
            self.server.last_modified = f"Wed, 21 Oct 2015 07:28:0{self.versions} GMT"

    async def remove(self) -> None:
        self.server.statuses = [404] * 9

    def open(self, expected=None):
        return HttpByteSource(self.server.url, LOOPBACK, expected=expected)


@pytest.fixture
def server() -> Iterator[SourceServer]:
    with source_server(DATA) as running:
        yield running


class TestHttpByteSource(ByteSourceContract):
    @pytest.fixture
    def place(self, server):
        return HttpPlace(server)

    async def test_small_ranges_are_not_cheap(self, source):
        assert not (await source.describe()).cheap_ranges

    async def test_neighbouring_spans_are_one_request(self, server, source):
        spans = [(at, at + 100) for at in range(0, 600_000, 60_000)] + [(2_000_000, 2_000_100)]
        assert await source.read_spans(spans) == [DATA[start:end] for start, end in spans]
        asked = sorted(request.headers["range"] for request in server.requests)
        assert asked == ["bytes=0-0", "bytes=0-540099", "bytes=2000000-2000099"]


class TestHttpByteSourceByDate(ByteSourceContract):
    """A server without ETags."""

    @pytest.fixture
    def place(self, server):
        server.etag, server.last_modified = None, "Wed, 21 Oct 2015 07:28:00 GMT"
        return HttpPlace(server)


class TestHttpByteSourceInPieces(ByteSourceContract):
    """A server that sends less than was asked for, and loses the connection."""

    @pytest.fixture
    def place(self, server):
        server.most_bytes_per_range, server.cut_after, server.cuts_left = 900_000, 300_000, 3
        return HttpPlace(server)
