"""What every ByteSource promises; what only a file or the network can do to one is below."""

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

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
    ByteSource,
    PartsAddress,
    SourceChanged,
    SourceDenied,
    SourceDescription,
    SourceNotFound,
    SourceTruncated,
    TreeFile,
    UnsupportedSource,
    parts_uri,
)
from shared.ports.object_store import ObjectStore
from tests.factories.http_servers import SourceServer, source_server

LOOPBACK = SourceSettings(allow_private=True, attempts=2, read_seconds=0.4, connect_seconds=2)
DATA = bytes(range(256)) * 12_000


async def content(source: ByteSource, start: int = 0, end: int | None = None) -> bytes:
    return b"".join([chunk async for chunk in source.read(start, end)])


class Place(Protocol):
    """Where the contract puts an archive, to read it by a source."""

    async def put(self, data: bytes) -> None: ...
    async def remove(self) -> None: ...
    def open(self, expected: SourceDescription | None = None) -> ByteSource: ...


class ReadingContract:
    """What holds for every source, also for one that is made from what was listed or written before."""

    @pytest.fixture
    def place(self) -> Place:
        raise NotImplementedError

    @pytest.fixture
    async def source(self, place):
        await place.put(DATA)
        source = place.open()
        yield source
        await source.close()

    async def test_describes_itself(self, source):
        described = await source.describe()
        assert (described.size_bytes, described.accepts_ranges, described.tree) == (len(DATA), True, False)
        assert await source.describe() == described

    async def test_reads_all(self, source):
        assert await content(source) == DATA

    async def test_reads_all_after_describing(self, source):
        await source.describe()
        assert await content(source) == DATA

    @pytest.mark.parametrize("span", [(0, 1), (0, 70_000), (1_234_567, 1_234_570), (5, None), (len(DATA) - 1, None)])
    async def test_reads_a_range(self, source, span):
        assert await content(source, *span) == DATA[span[0] : span[1]]

    @pytest.mark.parametrize("span", [(0, 0), (100, 100), (100, 50)])
    async def test_reads_nothing_of_an_empty_range(self, source, span):
        assert await content(source, *span) == b""

    async def test_reads_many_spans_in_the_order_asked(self, source):
        spans = [
            (70_000, 70_100),
            (0, 4096),
            (2_000_000, 2_000_001),
            (50, 4100),
            (9, 9),
            (0, 4096),
            (len(DATA) - 5, len(DATA)),
        ]
        spans += [(at, at + 500) for at in range(1_000_000, 0, -9_999)]
        assert await source.read_spans(spans) == [DATA[start:end] for start, end in spans]

    async def test_reads_no_spans(self, source):
        assert await source.read_spans([]) == []
        assert await source.read_spans([(7, 7), (9, 3)]) == [b"", b""]

    async def test_a_span_beyond_the_end_is_truncated(self, source):
        for beyond in ((len(DATA) - 5, len(DATA) + 5), (len(DATA) + 5, len(DATA) + 6)):
            with pytest.raises(SourceTruncated):
                await source.read_spans([(0, 10), beyond])

    async def test_a_description_is_compared_by_size_and_etag(self, place, source):
        described = await source.describe()
        rebuilt = SourceDescription(described.size_bytes, described.etag, accepts_ranges=True)
        assert described == rebuilt
        again = place.open(rebuilt)
        assert await again.read_spans([(3, 6)]) == [DATA[3:6]]
        await again.close()

    async def test_chunks_are_small_and_never_empty(self, source):
        sizes = [len(chunk) async for chunk in source.read()]
        assert 0 < min(sizes) <= max(sizes) <= 4 * 2**20

    async def test_a_read_may_be_left_and_another_begun(self, source):
        chunks = source.read()
        await anext(chunks)
        await chunks.aclose()
        assert await content(source, 3, 6) == DATA[3:6]

    async def test_a_range_beyond_the_end_is_truncated(self, source):
        with pytest.raises(SourceTruncated):
            await content(source, len(DATA) - 5, len(DATA) + 5)

    async def test_an_empty_archive(self, place):
        await place.put(b"")
        source = place.open()
        assert (await source.describe()).size_bytes == 0
        assert await content(source) == b""
        await source.close()
        unasked = place.open()
        assert await content(unasked) == b""
        await unasked.close()

    async def test_the_same_as_expected_is_read(self, place, source):
        expected = await source.describe()
        again = place.open(expected)
        assert await content(again, 7, 20) == DATA[7:20]
        assert await content(again) == DATA
        await again.close()


class ByteSourceContract(ReadingContract):
    """What holds for a source that is looked at when it is opened."""

    async def test_has_an_etag(self, source):
        assert (await source.describe()).etag

    async def test_nothing_there(self, place):
        await place.remove()
        source = place.open()
        with pytest.raises(SourceNotFound):
            await source.describe()
        with pytest.raises(SourceNotFound):
            await content(source)
        with pytest.raises(SourceNotFound):
            await source.read_spans([(0, 1)])
        await source.close()

    @pytest.mark.parametrize("changed", [DATA[:-1], DATA[::-1], DATA + b"x"])
    @pytest.mark.parametrize("start", [0, 1000])
    async def test_another_than_expected_is_not_mixed_in(self, place, source, changed, start):
        expected = await source.describe()
        await place.put(changed)
        again = place.open(expected)
        with pytest.raises(SourceChanged):
            await content(again, start)
        with pytest.raises(SourceChanged):
            await again.read_spans([(start, start + 10)])
        await again.close()


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
