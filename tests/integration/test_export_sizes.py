"""Exports beyond what a plain zip holds: over 65 535 members, and over 4 GiB, read by another's zip reader."""

import zipfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import BinaryIO, cast

import pytest

from shared.adapters.object_store.local import LocalObjectStore
from shared.features.exports.models import Built, ExportFile
from shared.features.exports.pieces import layout_key
from shared.features.exports.reader import ExportReader
from shared.features.exports.sinks import PlacedImage, ZipSink
from shared.formats.annotations.writers.model import TextFile, Written
from shared.foundation.settings import SourceSettings
from shared.wiring.adapters import byte_sources

PREFIX = "datasets/d/exports/e/j/1/"
HUGE = 5 << 30


async def _built(store: LocalObjectStore, images: AsyncIterator[tuple[PlacedImage, Written]]) -> ExportFile:
    sink = ZipSink(store, PREFIX)
    async for image, written in images:
        await sink.add(image, written)
    layout, (file,) = await sink.close([TextFile("data.yaml", [b"names: [a]\n"])])
    await store.put(layout_key(PREFIX), layout.model_dump_json().encode())
    return file


async def _range(store: LocalObjectStore, file: ExportFile, start: int, end: int) -> bytes:
    reader = ExportReader(store, byte_sources(SourceSettings(), store))
    dataset = type("Dataset", (), {"archive": None})()
    chunks = reader.read(dataset, Built(PREFIX, (file,), (), 1), file, start, end)
    return b"".join([bytes(chunk) async for chunk in chunks])


async def test_more_members_than_sixteen_bits_count(tmp_path: Path) -> None:
    store, count = LocalObjectStore(tmp_path), 40_000
    await store.put("one", b"x")

    async def images() -> AsyncIterator[tuple[PlacedImage, Written]]:
        for number in range(count):
            name = f"images/train/{number:06d}"
            label = Written([(f"labels/train/{number:06d}.txt", b"%d\n" % number)])
            yield PlacedImage(f"{name}.jpg", "train", 1, 0x8CDC1683, "one"), label

    file = await _built(store, images())
    (tmp_path / "a.zip").write_bytes(await _range(store, file, 0, file.size_bytes))
    assert (tmp_path / "a.zip").stat().st_size == file.size_bytes
    with zipfile.ZipFile(tmp_path / "a.zip") as archive:
        assert len(archive.namelist()) == 2 * count + 1
        assert archive.read("labels/train/039999.txt") == b"39999\n"
        assert archive.testzip() is None


class _Served:
    """A file whose parts are asked for as they are read; the reader of zips is synchronous, so they come beforehand."""

    def __init__(self, size: int, parts: dict[int, bytes]) -> None:
        self._size, self._parts, self._at = size, parts, 0

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = 0) -> int:
        self._at = offset + (0, self._at, self._size)[whence]
        return self._at

    def read(self, count: int = -1) -> bytes:
        for start, data in self._parts.items():
            if start <= self._at <= start + len(data):
                inner = self._at - start
                found = data[inner : inner + count] if count >= 0 else data[inner:]
                self._at += len(found)
                return found
        raise AssertionError(f"nobody asked for {self._at}")


@pytest.mark.parametrize("names", [("a", "b"), ("b", "a")])
async def test_more_bytes_than_thirty_two_bits_count(tmp_path: Path, names: tuple[str, str]) -> None:
    store = LocalObjectStore(tmp_path)
    for key, size in (("huge", HUGE), ("small", 3)):
        await store.put(key, b"")
        with (tmp_path / key).open("r+b") as sparse:
            sparse.truncate(size)

    async def images() -> AsyncIterator[tuple[PlacedImage, Written]]:
        for name in names:
            place = ("huge", HUGE) if name == "a" else ("small", 3)
            label = Written([(f"{name}.txt", name.encode())])
            yield PlacedImage(f"{name}.jpg", None, place[1], 0xFF41D912 if name == "b" else 1, place[0]), label

    file = await _built(store, images())
    assert file.size_bytes > HUGE
    ends = {start: await _range(store, file, start, start + 1_000) for start in (0, HUGE // 2)}
    tail = file.size_bytes - 2_000
    ends[tail] = await _range(store, file, tail, file.size_bytes)
    with zipfile.ZipFile(cast("BinaryIO", _Served(file.size_bytes, ends))) as archive:
        sizes = {info.filename: (info.file_size, info.header_offset) for info in archive.infolist()}
        assert {name: size for name, (size, _offset) in sizes.items() if name.endswith("jpg")} == {
            "a.jpg": HUGE,
            "b.jpg": 3,
        }
        assert (sizes["b.jpg"][1] > 1 << 32) == (names == ("a", "b"))
        assert archive.read("b.jpg") == bytes(3)
        assert archive.read("a.txt") == b"a"
        with archive.open("a.jpg") as image:
            assert image.read(100) == bytes(100)
