"""Files of packed datasets: unpacking one does not keep others waiting."""

import asyncio
import bz2
import contextlib
from collections.abc import AsyncGenerator, Sequence

import pytest

from shared.features.datasets.models import ArchiveRef
from shared.features.images.models import PackedMember
from shared.features.images.packed import PackedFileBroken, PackedFiles
from shared.formats.archives.entry import BZIP2
from shared.foundation.streams import whole
from shared.ports.byte_source import SourceDescription, TreeEntry, TreeFile

MIB = 1 << 20


class InMemory:
    """One archive in memory, which is read without ever waiting."""

    def __init__(self, data: bytes) -> None:
        self.data = data

    def check(self, uri: str) -> None:
        raise NotImplementedError

    def open(self, uri: str, *, expected: SourceDescription | None = None) -> "InMemory":
        return self

    def list_tree(self, uri: str) -> AsyncGenerator[TreeEntry, None]:
        raise NotImplementedError

    def open_tree(self, uri: str, files: Sequence[tuple[int, TreeFile]]) -> "InMemory":
        raise NotImplementedError

    async def describe(self) -> SourceDescription:
        return SourceDescription(len(self.data), None, accepts_ranges=True)

    async def read(self, start: int = 0, end: int | None = None) -> AsyncGenerator[bytes, None]:
        yield self.data[start:end]

    async def read_spans(self, spans: Sequence[tuple[int, int]]) -> list[bytes]:
        return [self.data[start:end] for start, end in spans]

    async def close(self) -> None:
        pass


def packed(data: bytes) -> tuple[PackedFiles, ArchiveRef, PackedMember]:
    """The data as the one member of an archive, without a header."""
    content = bz2.compress(data)
    archive = ArchiveRef(uri="file:///a", size_bytes=len(content), etag=None, raw=True)
    return PackedFiles(InMemory(content)), archive, PackedMember(0, len(content), BZIP2)


async def test_unpacking_a_large_image_lets_others_work() -> None:
    size = 12 * MIB
    files, archive, member = packed(bytes(size))
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    working = asyncio.create_task(others())
    last = await whole(files.read(archive, member, size, start=size - 1, end=size))
    working.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await working
    assert last == b"\0"
    assert turns >= size // MIB


@pytest.mark.parametrize("size", [0, 10, 3 * MIB + 1])
async def test_small_and_large_images_come_whole_and_in_ranges(size: int) -> None:
    data = bytes(number % 251 for number in range(1000)) * (size // 1000 + 1)
    files, archive, member = packed(data[:size])
    assert await whole(files.read(archive, member, size, start=0, end=size)) == data[:size]
    assert await whole(files.read(archive, member, size, start=size // 2, end=size)) == data[size // 2 : size]


@pytest.mark.parametrize("size", [10, 3 * MIB])
async def test_damage_is_a_problem(size: int) -> None:
    files, archive, member = packed(bytes(size))
    with pytest.raises(PackedFileBroken):
        await whole(files.read(archive, member, size + 1, start=0, end=size + 1))
