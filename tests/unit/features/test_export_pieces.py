"""The bytes of an export are the same whatever the parts are in which its pieces are kept."""

import io
import zipfile
import zlib
from collections.abc import AsyncIterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.adapters.object_store.memory import MemoryObjectStore
from shared.features.datasets.models import Dataset
from shared.features.exports import pieces, reader
from shared.features.exports.models import Built, ExportFile
from shared.features.exports.pieces import Spool, layout_key
from shared.features.exports.reader import ExportReader
from shared.features.exports.sinks import PlacedImage, ZipSink
from shared.formats.annotations.writers.model import TextFile, Written
from shared.foundation.settings import SourceSettings
from shared.foundation.streams import whole
from shared.wiring.adapters import byte_sources

IMAGES = 40


def _served(store: MemoryObjectStore, file: ExportFile, start: int, end: int) -> AsyncIterator[bytes | memoryview]:
    served = ExportReader(store, byte_sources(SourceSettings(), store))
    return served.read(Dataset.model_construct(archive=None), Built("e/", (file,), (), IMAGES), file, start, end)


async def spooled(chunks: list[bytes], part_bytes: int) -> tuple[str, int, int, bytes]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pieces, "PIECE_BYTES", part_bytes)
        spool = Spool(MemoryObjectStore(), "e/", "s")
        for chunk in chunks:
            await spool.append(chunk)
            spool.mix(f"{len(chunk)} ")
        await spool.close()
        return spool.digest(), spool.crc32, spool.size_bytes, await whole(spool.pieces())


@given(st.lists(st.binary(max_size=40)), st.integers(1, 50))
async def test_a_spool_is_the_same_in_parts_of_any_size(chunks: list[bytes], part_bytes: int) -> None:
    data = b"".join(chunks)
    found = await spooled(chunks, part_bytes)
    assert found[1:] == (zlib.crc32(data), len(data), data)
    assert found == await spooled(chunks, 1 << 20)


@given(st.lists(st.binary(min_size=1, max_size=9), min_size=1), st.data())
async def test_a_digest_depends_on_every_byte_and_on_what_is_mixed_in(chunks: list[bytes], data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(chunks) - 1))
    other = [*chunks[:at], bytes([chunks[at][0] ^ 1]) + chunks[at][1:], *chunks[at + 1 :]]
    assert (await spooled(other, 8))[0] != (await spooled(chunks, 8))[0]
    cut = [piece for chunk in chunks for piece in (chunk, b"")]
    assert (await spooled(cut, 8))[0] != (await spooled(chunks, 8))[0], "the same bytes, other images"


@pytest.mark.parametrize("part_bytes", [23, 100, 1 << 20])
async def test_a_zip_is_the_same_in_parts_of_any_size(monkeypatch: pytest.MonkeyPatch, part_bytes: int) -> None:
    monkeypatch.setattr(pieces, "PIECE_BYTES", part_bytes)
    monkeypatch.setattr(reader, "PIECE_BYTES", part_bytes)
    monkeypatch.setattr(reader, "_SENT_TOGETHER", 300)
    store = MemoryObjectStore()
    sink, contents = ZipSink(store, "e/"), {"data.yaml": b"names: [a]\n"}
    for number in range(IMAGES):
        name, data, label = f"images/ä{number}.jpg", bytes([number]) * (number * 20), b"0 .5 .5 .5 .5\n" * number
        await store.put(f"objects/{number}", data)
        image = PlacedImage(name, "train", len(data), zlib.crc32(data), f"objects/{number}")
        await sink.add(image, Written(((f"labels/{number}.txt", label),)))
        contents |= {name: data, f"labels/{number}.txt": label}
    layout, (file,) = await sink.close([TextFile("data.yaml", [contents["data.yaml"]])])
    await store.put(layout_key("e/"), layout.model_dump_json().encode())

    made = await whole(_served(store, file, 0, file.size_bytes))
    with zipfile.ZipFile(io.BytesIO(made)) as archive:
        assert {one.filename: archive.read(one) for one in archive.infolist()} == contents
    for start in range(0, file.size_bytes, 611):
        assert (
            await whole(_served(store, file, start, min(file.size_bytes, start + 1_000))) == made[start : start + 1_000]
        )
