"""Reading one file out of the archive that a packed dataset's files lie in."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import aclosing

from shared.features.datasets.models import ArchiveRef
from shared.features.images.models import PackedMember
from shared.formats.archives.entry import STORED
from shared.formats.archives.errors import BrokenMember
from shared.formats.archives.zip_member import LOCAL_HEADER_BYTES, MemberDecoder, local_data_offset
from shared.foundation.errors import Invalid
from shared.foundation.streams import whole
from shared.ports.byte_source import ByteSource, ByteSources, SourceDescription

_WORTH_A_THREAD = 1 << 20


class PackedFileBroken(Invalid):
    """The archive does not hold what its directory promised."""

    slug, title = "packed-file-broken", "The file is damaged in its archive"


class PackedFiles:
    """Reads members of packed datasets' archives by range."""

    def __init__(self, sources: ByteSources) -> None:
        self._sources = sources

    async def read(
        self, archive: ArchiveRef, member: PackedMember, size_bytes: int, *, start: int, end: int
    ) -> AsyncIterator[bytes]:
        """The file's bytes from `start` up to but without `end`; what is compressed is unpacked from its beginning.

        Raises PackedFileBroken, SourceChanged when the archive was replaced, and what sources raise.
        """
        expected = SourceDescription(archive.size_bytes, archive.etag, accepts_ranges=True)
        source = self._sources.open(archive.uri, expected=expected)
        try:
            at = member.header_offset if archive.raw else await _data_offset(source, member)
            pieces = (
                source.read(at + start, at + end)
                if member.method == STORED
                else _cut(_unpacked(source, at, member, size_bytes), start, end)
            )
            async with aclosing(pieces):
                async for piece in pieces:
                    yield piece
        except BrokenMember as error:
            raise PackedFileBroken(f"The file cannot be read: {error}.") from error
        finally:
            await source.close()


async def _data_offset(source: ByteSource, member: PackedMember) -> int:
    start = member.header_offset
    header = await whole(source.read(start, start + LOCAL_HEADER_BYTES))
    return start + local_data_offset(header)


async def _unpacked(source: ByteSource, at: int, member: PackedMember, size_bytes: int) -> AsyncGenerator[bytes, None]:
    """The whole content. What is large is unpacked beside the event loop: others are served meanwhile."""
    decoder = MemberDecoder(member.method, size_bytes)
    threaded = max(size_bytes, member.compressed_bytes) > _WORTH_A_THREAD
    async with aclosing(source.read(at, at + member.compressed_bytes)) as chunks:
        async for chunk in chunks:
            async for piece in _pulled(decoder.decode(chunk), threaded=threaded):
                yield piece
    async for piece in _pulled(decoder.finish(), threaded=threaded):
        yield piece


async def _pulled(pieces: Iterator[bytes], *, threaded: bool) -> AsyncGenerator[bytes, None]:
    while (piece := await asyncio.to_thread(next, pieces, None) if threaded else next(pieces, None)) is not None:
        yield piece


async def _cut(pieces: AsyncGenerator[bytes, None], start: int, end: int) -> AsyncGenerator[bytes, None]:
    """The bytes from `start` up to but without `end` of all the pieces; no more of them than needed are made."""
    at = 0
    async for piece in pieces:
        part = piece[max(0, start - at) : max(0, end - at)]
        at += len(piece)
        if part:
            yield part
        if at >= end:
            return
