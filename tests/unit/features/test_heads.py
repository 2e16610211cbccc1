"""Heads of images that stay in their archive: how much is read before anything is said of them."""

import bz2
import io
import struct
from collections.abc import AsyncGenerator, Sequence

import pytest
from PIL import Image

from shared.features.imports.image_bytes.heads import HeadReader
from shared.features.imports.image_bytes.probe import ImageFacts
from shared.features.imports.models import SourceRef
from shared.formats.archives.directory import Member
from shared.formats.findings import Finding, FindingLog
from shared.foundation.settings import LimitSettings
from shared.ports.byte_source import ByteSource, SourceDescription

JPEG_BYTES = io.BytesIO()
Image.effect_noise((200, 100), 90).save(JPEG_BYTES, "JPEG")
JPEG = JPEG_BYTES.getvalue()


class _Bytes(ByteSource):
    """A source in memory that counts what was read."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.read_bytes = 0

    async def describe(self) -> SourceDescription:
        raise NotImplementedError

    async def read(self, start: int = 0, end: int | None = None) -> AsyncGenerator[bytes, None]:
        self.read_bytes += len(self._data[start:end])
        yield self._data[start:end]

    async def read_spans(self, spans: Sequence[tuple[int, int]]) -> list[bytes]:
        self.read_bytes += sum(end - start for start, end in spans)
        return [self._data[start:end] for start, end in spans]

    async def close(self) -> None:
        return


async def facts_of(
    name: str, data: bytes, *, packed: bytes | None = None, method: int = 0, extra_bytes: int = 0
) -> tuple[ImageFacts | None, list[Finding], int]:
    """What is known of an image in a zip, what was said, and how much was read."""
    packed = data if packed is None else packed
    local = b"PK\3\4" + bytes(22) + struct.pack("<HH", len(name), extra_bytes) + name.encode() + bytes(extra_bytes)
    source = _Bytes(local + packed)
    item = Member(0, name, 0, len(local + packed), len(packed), len(data), method, None)
    log = FindingLog(9)
    reference = SourceRef(uri="memory:", size_bytes=item.end, etag=None, raw=False, cheap_ranges=True)
    found = await HeadReader(source, reference, LimitSettings(), log).facts([item])
    return found.get(0), log.kept, source.read_bytes


@pytest.mark.parametrize("extra_bytes", [0, 3_000, 4_040, 4_060, 5_000, 65_535])
async def test_a_local_header_of_any_length(extra_bytes: int) -> None:
    facts, said, _ = await facts_of("a.jpg", JPEG, extra_bytes=extra_bytes)
    assert said == []
    assert facts is not None
    assert (facts.width, facts.height) == (200, 100)


async def test_an_ordinary_image_takes_a_short_read_at_either_end() -> None:
    assert (await facts_of("a.jpg", JPEG * 9))[2] == 4096 + 128


async def test_a_method_that_gives_nothing_before_it_has_read_much() -> None:
    facts, said, _ = await facts_of("a.jpg", JPEG * 9, packed=bz2.compress(JPEG * 9), method=12)
    assert said == []
    assert facts is not None
    assert facts.width == 200


async def test_of_a_tiff_that_describes_itself_last_only_the_description_is_read() -> None:
    at = 20 << 20
    directory = struct.pack("<HHHLLHHLL", 2, 256, 3, 1, 40, 257, 3, 1, 30)
    tiff = b"II*\0" + struct.pack("<L", at) + bytes(at - 8) + directory + bytes(1000)
    facts, said, read_bytes = await facts_of("a.tif", tiff)
    assert said == []
    assert facts is not None
    assert (facts.width, facts.height) == (40, 30)
    assert read_bytes < 10_000


async def test_what_is_no_image_is_left_out() -> None:
    facts, said, _ = await facts_of("a.jpg", b"")
    assert facts is None
    assert [found.rule for found in said] == ["IMG_UNREADABLE"]
