"""What a tree of files promises, whether it lies on the disk or in our object store."""

import asyncio
import os
from pathlib import Path
from typing import Protocol

import pytest

from shared.adapters.byte_source.registry import SchemeByteSources
from shared.adapters.object_store.local import LocalObjectStore
from shared.adapters.object_store.memory import MemoryObjectStore
from shared.foundation.settings import SourceSettings
from shared.ports.byte_source import (
    ByteSource,
    SourceChanged,
    SourceNotFound,
    SourceTruncated,
    TreeFile,
    UnsupportedSource,
)
from shared.ports.object_store import ObjectStore
from tests.factories.source_reads import content

FILES = {
    "data.yaml": b"names: [a]\n",
    "images/train/0.jpg": bytes(range(256)) * 20_000,
    "images/train/1.jpg": b"one",
    "images/train.txt": b"",
    "images/train-more/ü 2.jpg": b"two" * 1000,
    "labels/train/0.txt": b"0 0.5 0.5 0.1 0.1\n",
}


class TreePlace(Protocol):
    """Where the contract puts files, to read them as a tree."""

    uri: str
    sources: SchemeByteSources

    async def put(self, name: str, data: bytes) -> None: ...
    async def remove(self, name: str) -> None: ...


class FolderPlace:
    def __init__(self, root: Path) -> None:
        self.root = root
        self.uri = f"file://{root}"
        self.sources = SchemeByteSources(SourceSettings(allow_files=True), MemoryObjectStore())

    async def put(self, name: str, data: bytes) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        before = path.stat().st_mtime_ns if path.exists() else 0
        path.write_bytes(data)
        os.utime(path, ns=(before + 10**9, before + 10**9))

    async def remove(self, name: str) -> None:
        (self.root / name).unlink()


class PrefixPlace:
    def __init__(self, store: ObjectStore) -> None:
        self.store = store
        self.uri = "object://uploads/tree/"
        self.sources = SchemeByteSources(SourceSettings(), store)

    async def put(self, name: str, data: bytes) -> None:
        await asyncio.sleep(0.005)  # a file's time has steps of some milliseconds
        await self.store.put(f"uploads/tree/{name}", data)

    async def remove(self, name: str) -> None:
        await self.store.delete(f"uploads/tree/{name}")


@pytest.fixture(params=["folder", "local store", "memory store"])
async def place(request, tmp_path) -> TreePlace:
    places = {
        "folder": lambda: FolderPlace(tmp_path / "tree"),
        "local store": lambda: PrefixPlace(LocalObjectStore(tmp_path)),
        "memory store": lambda: PrefixPlace(MemoryObjectStore()),
    }
    made = places[request.param]()
    for name, data in reversed(FILES.items()):
        await made.put(name, data)
    return made


async def listed(place: TreePlace) -> list[TreeFile]:
    files = [entry async for entry in place.sources.list_tree(place.uri)]
    assert all(isinstance(entry, TreeFile) for entry in files)
    return files


def laid_out(files: list[TreeFile], gap: int = 0) -> list[tuple[int, TreeFile]]:
    """The files one behind another."""
    offsets = [gap]
    for file in files:
        offsets.append(offsets[-1] + file.size_bytes + gap)
    return list(zip(offsets, files, strict=False))


def opened(place: TreePlace, files: list[TreeFile]) -> ByteSource:
    return place.sources.open_tree(place.uri, laid_out(files))


def whole(names: list[str]) -> bytes:
    return b"".join(FILES[name] for name in names)


async def test_describes_itself_as_a_tree(place):
    described = await place.sources.open(place.uri).describe()
    assert (described.tree, described.cheap_ranges, described.size_bytes) == (True, True, None)


async def test_a_tree_has_no_bytes_of_its_own(place):
    source = place.sources.open(place.uri)
    with pytest.raises(UnsupportedSource):
        await content(source)
    with pytest.raises(UnsupportedSource):
        await source.read_spans([(0, 1)])


async def test_lists_files_in_order_of_their_names(place):
    files = await listed(place)
    assert [file.name for file in files] == sorted(FILES)
    assert {file.name: file.size_bytes for file in files} == {name: len(data) for name, data in FILES.items()}
    assert await listed(place) == files


async def test_reads_all_files_one_behind_another(place):
    source = opened(place, await listed(place))
    data = whole(sorted(FILES))
    described = await source.describe()
    assert (described.size_bytes, described.accepts_ranges, described.tree) == (len(data), True, False)
    chunks = [chunk async for chunk in source.read()]
    assert b"".join(chunks) == data
    assert 0 < min(map(len, chunks)) <= max(map(len, chunks)) <= 2**20
    await source.close()


@pytest.mark.parametrize("span", [(0, 1), (5, 20), (9, 5_122_000), (5_000_000, None), (5_119_999, 5_123_032), (7, 7)])
async def test_reads_a_range_across_files(place, span):
    source = opened(place, await listed(place))
    assert await content(source, *span) == whole(sorted(FILES))[span[0] : span[1]]


async def test_reads_spans_across_files(place):
    data = whole(sorted(FILES))
    spans = [(at, min(at + 20_000, len(data))) for at in range(0, len(data), 10_007)]
    spans = [*reversed(spans), (0, 30), (0, 30), (11, 11), (8, 3)]
    source = opened(place, await listed(place))
    assert await source.read_spans(spans) == [data[start:end] for start, end in spans]
    assert await source.read_spans([]) == []


async def test_opens_only_the_files_it_is_given(place):
    files = await listed(place)
    for name in set(FILES) - {"images/train/1.jpg", "images/train.txt", "labels/train/0.txt"}:
        await place.remove(name)
    some = [pair for pair in laid_out(files) if pair[1].name in {"images/train/1.jpg", "labels/train/0.txt"}]
    source = place.sources.open_tree(place.uri, some)
    assert await content(source, some[0][0]) == b"one0 0.5 0.5 0.1 0.1\n"


async def test_what_no_file_covers_reads_as_zeros(place):
    files = [file for file in await listed(place) if file.size_bytes < 4000]
    source = place.sources.open_tree(place.uri, laid_out(files, gap=3))
    expected = b"".join(b"\0\0\0" + FILES[file.name] for file in files)
    assert await content(source) == expected
    assert await source.read_spans([(0, 20), (9, len(expected))]) == [expected[:20], expected[9:]]
    far = place.sources.open_tree(place.uri, [(10**12, files[0])])
    assert await content(far, 10**12 - 3) == b"\0\0\0" + FILES[files[0].name]
    assert max([len(chunk) async for chunk in far.read(0, 5 * 2**20)]) <= 2**20


async def test_files_must_be_in_order_without_overlap(place):
    first, second = (await listed(place))[:2]
    for wrong in ([(100, first), (0, second)], [(0, first), (first.size_bytes - 1, second)]):
        with pytest.raises(ValueError, match="begins before"):
            place.sources.open_tree(place.uri, wrong)


async def test_a_range_beyond_the_end_is_truncated(place):
    source = opened(place, await listed(place))
    end = len(whole(sorted(FILES)))
    for span in ((end - 5, end + 5), (end + 5, end + 6)):
        with pytest.raises(SourceTruncated):
            await content(source, *span)
        with pytest.raises(SourceTruncated):
            await source.read_spans([span])


@pytest.mark.parametrize("name", ["images/train/0.jpg", "images/train/1.jpg"])
@pytest.mark.parametrize("changed", [b"other", b"", None, "as long"])
async def test_a_file_that_is_not_as_it_was_listed(place, name, changed):
    files = await listed(place)
    if changed is None:
        await place.remove(name)
    else:
        await place.put(name, FILES[name][::-1] if changed == "as long" else changed)
    source = opened(place, files)
    with pytest.raises(SourceChanged, match="import began"):
        await content(source)
    with pytest.raises(SourceChanged, match="import began"):
        await source.read_spans([(0, len(whole(sorted(FILES))))])
    assert await source.read_spans([(0, 11)]) == [FILES["data.yaml"]]


@pytest.mark.parametrize("name", ["../secret", "images/../../secret", "/etc/passwd", "images//0", "", ".", "a\0b"])
async def test_a_name_that_leaves_the_root_is_refused(place, name):
    with pytest.raises(UnsupportedSource):
        place.sources.open_tree(place.uri, [(0, TreeFile(name, 1, "x"))])


async def test_nothing_there(place):
    uri = f"{place.uri.rstrip('/')}-not/"
    with pytest.raises(SourceNotFound):
        await place.sources.open(uri).describe()
    with pytest.raises(SourceNotFound):
        await anext(place.sources.list_tree(uri))


async def test_a_file_is_no_tree(place):
    uri = f"{place.uri.rstrip('/')}/data.yaml"
    assert not (await place.sources.open(uri).describe()).tree
    with pytest.raises(UnsupportedSource):
        await anext(place.sources.list_tree(uri))


def test_other_addresses_are_no_trees():
    sources = SchemeByteSources(SourceSettings(), MemoryObjectStore())
    for uri in ("http://example.com/a/", "file:///etc", "/etc", "ftp://example.com/"):
        with pytest.raises(UnsupportedSource):
            sources.list_tree(uri)
        with pytest.raises(UnsupportedSource):
            sources.open_tree(uri, [])
