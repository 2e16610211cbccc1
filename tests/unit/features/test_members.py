"""Members out of an archive, in the order they lie in, from a source in memory."""

import io
import random
import zipfile
from collections.abc import AsyncGenerator, Sequence

import pytest

from shared.features.imports.shards.members import (
    GAP_BYTES,
    OpenMember,
    WrongChecksum,
    read_members,
)
from shared.formats.archives.directory import Member
from shared.formats.archives.errors import BrokenMember
from shared.ports.byte_source import SourceDescription, SourceTruncated

CONTENT = {f"m{number}": bytes([65 + number]) * (50 + number) for number in range(6)}


class MemorySource:
    """A ByteSource over bytes that notes what is read; `announced` more than there is makes it end early."""

    def __init__(self, data: bytes, *, chunk: int = 37, announced: int | None = None) -> None:
        self.data, self.chunk = data, chunk
        self.announced = len(data) if announced is None else announced
        self.reads: list[tuple[int, int]] = []
        self.closed = 0

    async def describe(self) -> SourceDescription:
        return SourceDescription(self.announced, etag=None, accepts_ranges=True)

    async def read(self, start: int = 0, end: int | None = None) -> AsyncGenerator[bytes, None]:
        stop = self.announced if end is None else end
        self.reads.append((start, stop))
        try:
            for at in range(start, min(stop, len(self.data)), self.chunk):
                yield self.data[at : min(at + self.chunk, stop)]
            if stop > len(self.data):
                raise SourceTruncated("It ends early.")
        finally:
            self.closed += 1

    async def close(self) -> None:
        """Nothing is held."""


def zipped(content: dict[str, bytes], *, method: int = zipfile.ZIP_DEFLATED) -> tuple[bytes, list[Member]]:
    """A zip, and its members as a manifest has them."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, data in content.items():
            archive.writestr(name, data)
    with zipfile.ZipFile(out) as archive:
        members, directory_at = archive.infolist(), archive.start_dir
    ends = [member.header_offset for member in members[1:]] + [directory_at]
    return out.getvalue(), [
        Member(index, m.filename, m.header_offset, end, m.compress_size, m.file_size, m.compress_type, m.CRC)
        for index, (m, end) in enumerate(zip(members, ends, strict=True))
    ]


def changed(item: Member, **fields: object) -> Member:
    return item._replace(**fields)


async def contents(source: MemorySource, items: Sequence[Member], *, raw: bool = False) -> dict[str, bytes]:
    return {member.item.name: await member.whole() async for member in read_members(source, items, raw=raw)}


@pytest.mark.parametrize("chunk", [1, 7, 64, 1 << 20])
@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
async def test_members_come_whole_whatever_the_chunks(method: int, chunk: int) -> None:
    data, items = zipped(CONTENT, method=method)
    source = MemorySource(data, chunk=chunk)
    assert await contents(source, items) == CONTENT
    assert source.reads == [(0, items[-1].end)]


async def test_they_come_in_the_order_they_lie_in() -> None:
    data, items = zipped(CONTENT)
    shuffled = random.Random(1).sample(items, len(items))
    assert list(await contents(MemorySource(data), shuffled)) == list(CONTENT)


async def test_nothing_wanted_means_nothing_asked() -> None:
    source = MemorySource(b"")
    assert await contents(source, []) == {}
    assert source.reads == []


@pytest.mark.parametrize(("gap", "requests"), [(GAP_BYTES - 200, 1), (GAP_BYTES + 1, 2)])
async def test_a_gap_is_read_over_or_jumped(gap: int, requests: int) -> None:
    data, (first, between, last) = zipped({"a": b"a" * 90, "gap": bytes(gap), "z": b"z" * 90}, method=0)
    source = MemorySource(data, chunk=4096)
    assert await contents(source, [last, first]) == {"a": b"a" * 90, "z": b"z" * 90}
    assert len(source.reads) == requests
    if requests == 2:
        assert source.reads == [(first.header_offset, first.end), (last.header_offset, last.end)]
        assert between.end <= last.header_offset


async def test_every_read_is_closed_even_when_the_reader_leaves() -> None:
    data, items = zipped(CONTENT)
    source = MemorySource(data)
    members = read_members(source, items, raw=False)
    async for member in members:
        await member.whole()
        break
    await members.aclose()
    assert source.closed == len(source.reads) == 1


async def test_a_member_that_nobody_reads_is_passed() -> None:
    data, items = zipped(CONTENT)
    read = {}
    async for member in read_members(MemorySource(data), items, raw=False):
        if member.item.name in {"m1", "m4"}:
            read[member.item.name] = await member.whole()
    assert read == {name: CONTENT[name] for name in ("m1", "m4")}


async def test_a_member_read_in_part_is_passed_too() -> None:
    data, items = zipped({"large": random.Random(1).randbytes(5000), "next": b"n"}, method=0)
    read = {}
    async for member in read_members(MemorySource(data), items, raw=False):
        if member.item.name == "large":
            await anext(member.pieces())
        else:
            read[member.item.name] = await member.whole()
    assert read == {"next": b"n"}


async def test_one_broken_member_leaves_the_others_alone() -> None:
    data, items = zipped(CONTENT)
    items[2] = changed(items[2], crc32=(items[2].crc32 or 0) ^ 1)
    read, broken = {}, []
    async for member in read_members(MemorySource(data), items, raw=False):
        try:
            read[member.item.name] = await member.whole()
        except WrongChecksum as error:
            broken.append((member.item.name, str(error)))
    assert read == {name: text for name, text in CONTENT.items() if name != "m2"}
    assert [name for name, _ in broken] == ["m2"]
    assert "CRC-32" in broken[0][1]


async def test_without_a_checksum_there_is_none_to_compare() -> None:
    data, (item, *_) = zipped(CONTENT)
    assert await contents(MemorySource(data), [changed(item, crc32=None)]) == {"m0": CONTENT["m0"]}


async def test_a_source_that_became_shorter_is_no_matter_of_one_member() -> None:
    """The members' places come from its own directory: what is missing now was there, so the import must not go on."""
    data, items = zipped(CONTENT, method=0)
    source = MemorySource(data[: items[3].header_offset + 40], announced=len(data))
    with pytest.raises(SourceTruncated):
        await contents(source, items)


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"size_bytes": 10}, "beyond its declared size"),
        ({"size_bytes": 10_000}, "10000 are declared"),
        ({"end": 60}, "reaches into the next member"),
        ({"header_offset": 1}, "no local header"),
        ({"method": 98}, "method 98"),
    ],
)
async def test_a_directory_that_lies_is_found_out(fields: dict[str, object], says: str) -> None:
    data, (item, *_) = zipped({"a": b"a" * 500, "b": b"b" * 500}, method=0)
    with pytest.raises(BrokenMember, match=says):
        await contents(MemorySource(data), [changed(item, **fields)])


async def test_damaged_data_is_a_broken_member() -> None:
    data, (item, *_) = zipped({"a": random.Random(1).randbytes(500)})
    spoilt = bytearray(data)
    spoilt[item.header_offset + 31 : item.header_offset + 60] = b"\xff" * 29
    with pytest.raises(BrokenMember):
        await contents(MemorySource(bytes(spoilt)), [item])


async def test_members_of_a_tar_lie_bare() -> None:
    items = [Member(0, "a", 10, 15, 5, 5, 0, None), Member(1, "b", 20, 22, 2, 2, 0, None)]
    source = MemorySource(b"." * 10 + b"aaaaa" + b"." * 5 + b"bb")
    assert await contents(source, items, raw=True) == {"a": b"aaaaa", "b": b"bb"}


async def test_large_members_come_in_pieces() -> None:
    content = bytes(5 << 20)
    data, items = zipped({"large": content})

    async def sizes(member: OpenMember) -> list[int]:
        return [len(piece) async for piece in member.pieces()]

    async for member in read_members(MemorySource(data, chunk=1 << 16), items, raw=False):
        found = await sizes(member)
        assert sum(found) == len(content)
        assert max(found) <= 1 << 20
