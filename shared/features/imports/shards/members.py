"""Reading members out of an archive in the order they lie in, with as few requests as that allows."""

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import aclosing

from shared.features.images.models import MemberPlace
from shared.formats.archives.directory import Member
from shared.formats.archives.errors import BrokenMember, WrongChecksum
from shared.formats.archives.zip_member import LOCAL_HEADER_BYTES, MemberDecoder, local_data_offset
from shared.formats.findings import Finding
from shared.foundation.streams import ByteReader, StreamEnded, whole
from shared.ports.byte_source import ByteSource

GAP_BYTES = 64 << 10
"""Reading on over so many bytes costs less than another request."""


class MemberCutOff(BrokenMember):
    """The archive ends before the member does."""


def place_of(item: Member) -> MemberPlace:
    """Where a file lies in its archive, as its document says it."""
    return MemberPlace(item.header_offset, item.compressed_bytes, item.method)


def broken_member(item: Member, error: BrokenMember) -> Finding:
    """What to say of a member that was left out because its bytes cannot be read."""
    rule = "ARCHIVE_CRC" if isinstance(error, WrongChecksum) else "ARCHIVE_TRUNCATED"
    return Finding(rule, item.name, f"Not taken: {error}.")


class OpenMember:
    """One member at hand; read it by `whole` or by `pieces`, once, before asking for the next one."""

    def __init__(self, item: Member, reader: ByteReader, *, raw: bool) -> None:
        self.item = item
        self._reader = reader
        self._raw = raw

    async def whole(self) -> bytes:
        """The content, checked. Raises BrokenMember (MemberCutOff, WrongChecksum)."""
        return await whole(self.pieces())

    async def pieces(self) -> AsyncIterator[bytes]:
        """The content as it comes; the checks are done after the last piece. Raises like `whole`."""
        decoder = MemberDecoder(self.item.method, self.item.size_bytes)
        try:
            await self._pass_header()
            async for raw in self._reader.pieces(self.item.compressed_bytes):
                for piece in decoder.decode(bytes(raw)):
                    yield piece
        except StreamEnded as error:
            raise MemberCutOff("its bytes end early") from error
        for piece in decoder.finish():
            yield piece
        if self.item.crc32 is not None and decoder.crc32 != self.item.crc32:
            raise WrongChecksum(f"its CRC-32 is {decoder.crc32:08x}, the directory says {self.item.crc32:08x}")

    async def _pass_header(self) -> None:
        if self._raw:
            return
        data_offset = local_data_offset(await self._reader.exactly(LOCAL_HEADER_BYTES))
        if self.item.header_offset + data_offset + self.item.compressed_bytes > self.item.end:
            raise BrokenMember("it reaches into the next member")
        await self._reader.skip(data_offset - LOCAL_HEADER_BYTES)


async def read_members(source: ByteSource, items: Sequence[Member], *, raw: bool) -> AsyncIterator[OpenMember]:
    """Each item's member, in the order of their offsets; neighbours closer than GAP_BYTES share one request."""
    for run in runs_of(sorted(items, key=lambda item: item.header_offset)):
        start = run[0].header_offset
        async with aclosing(source.read(start, max(item.end for item in run))) as chunks:
            reader = ByteReader(chunks, position=start)
            for item in run:
                await _advance(reader, item)
                yield OpenMember(item, reader, raw=raw)


async def _advance(reader: ByteReader, item: Member) -> None:
    try:
        await reader.skip(item.header_offset - reader.position)
    except StreamEnded:
        return  # reading the member will say that it is cut off


def runs_of(
    items: Sequence[Member], *, gap_bytes: int = GAP_BYTES, most_bytes: int | None = None
) -> Iterator[list[Member]]:
    """Items, given in the order of their offsets, that are worth one request; `most_bytes` long where that is given."""
    run: list[Member] = []
    for item in items:
        if run and _breaks(run, item, gap_bytes, most_bytes):
            yield run
            run = []
        run.append(item)
    if run:
        yield run


def _breaks(run: list[Member], item: Member, gap_bytes: int, most_bytes: int | None) -> bool:
    too_far = item.header_offset - run[-1].end > gap_bytes
    return too_far or (most_bytes is not None and item.end - run[0].header_offset > most_bytes)
