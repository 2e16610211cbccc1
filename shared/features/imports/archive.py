"""Opening a source: what kind of archive it is, the table of its members, and from where shards will read them.

An archive that cannot be entered in the middle (no ranges, or compressed as a whole) is read once, in order, and
staged in the object store; a zip or tar that can be is used where it lies.
"""

import asyncio
import bz2
import hashlib
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from typing import Protocol, cast

from zlib_ng import zlib_ng

from shared.features.imports.models import ArchiveRefused, ChecksumMismatch, SourceRef, UnreadableArchive
from shared.formats.archives.detect import HEAD_BYTES, READ_KINDS, ArchiveKind, describe_unknown, detect_archive
from shared.formats.archives.directory import ArchiveDirectory, ArchiveLimits
from shared.formats.archives.entry import ArchiveEntry
from shared.formats.archives.errors import ArchiveTooLarge, BrokenArchive, NeedMoreTail
from shared.formats.archives.tar_stream import TarStreamParser
from shared.formats.archives.zip_directory import ZipDirectoryParser
from shared.formats.archives.zip_location import TAIL_BYTES, DirectoryLocation, locate_directory
from shared.formats.findings import Finding
from shared.foundation.urls import redact
from shared.ports.byte_source import ByteSource, ByteSources, SourceDescription, stored_uri
from shared.ports.object_store import ObjectStore

_SKIP_WORTH_A_REQUEST = 4 << 20
_RATIO_MATTERS_BYTES = 256 << 20
_STEP_BYTES = 1 << 20
_MAY_PRECEDE_A_ZIP = {"program", "plain text", "zero bytes only", "unknown"}


@dataclass(frozen=True, slots=True)
class OpenedArchive:
    """The members of an archive and the bytes they lie in."""

    kind: ArchiveKind
    directory: ArchiveDirectory
    source: SourceRef


class Decompressor(Protocol):
    """What zlib and bz2 objects have in common."""

    eof: bool
    unused_data: bytes

    def decompress(self, data: bytes, max_length: int = ..., /) -> bytes:
        """At most `max_length` bytes of output."""
        ...


@dataclass(slots=True)
class ArchiveOpener:
    """Opens one source for one job. `report` hears of members that are left out, `moved` of bytes staged."""

    sources: ByteSources
    store: ObjectStore
    limits: ArchiveLimits
    report: Callable[[Finding], None]
    moved: Callable[[int, int | None], None]
    staged_key: str
    _sha256: "hashlib._Hash" = field(default_factory=hashlib.sha256)

    async def open(self, uri: str, *, checksum: str | None) -> OpenedArchive:
        """The archive at `uri`. Raises UnreadableArchive, ArchiveRefused, ChecksumMismatch and what sources raise."""
        source = self.sources.open(uri)
        try:
            described = await source.describe()
            source = self.sources.open(uri, expected=described)
            return await self._open(uri, source, described, checksum)
        except BrokenArchive as error:
            raise UnreadableArchive(f"{redact(uri)}: {error}") from error
        except ArchiveTooLarge as error:
            raise ArchiveRefused(f"{redact(uri)}: {error}") from error
        finally:
            await source.close()

    async def _open(
        self, uri: str, source: ByteSource, described: SourceDescription, checksum: str | None
    ) -> OpenedArchive:
        if described.accepts_ranges:
            if checksum:
                await self._drain(source, described)
                self._compare(uri, checksum)
            head = await _whole(source, 0, min(HEAD_BYTES, described.size_bytes or 0))
            kind = _kind_of(head, uri)
            if kind in (ArchiveKind.ZIP, ArchiveKind.TAR):
                directory = await self._enter(kind, source, described.size_bytes or 0)
                return OpenedArchive(kind, directory, _reference(uri, described, raw=kind is ArchiveKind.TAR))
        return await self._stage(uri, source, described, checksum)

    async def _enter(self, kind: ArchiveKind, source: ByteSource, size_bytes: int) -> ArchiveDirectory:
        if kind is ArchiveKind.TAR:
            return await self._walk_tar(source, size_bytes)
        return await self._read_zip_directory(source, size_bytes)

    # -- zip

    async def _read_zip_directory(self, source: ByteSource, size_bytes: int) -> ArchiveDirectory:
        location = await _locate(source, size_bytes)
        directory = ArchiveDirectory(self.report, self.limits)
        parser = ZipDirectoryParser(location)
        if location.entries > self.limits.max_members:
            raise ArchiveTooLarge(f"its directory announces {location.entries} members")
        async for chunk in source.read(location.offset, location.offset + location.size_bytes):
            await asyncio.to_thread(_add_all, directory, parser.feed(chunk))
        parser.close()
        await asyncio.to_thread(directory.seal, location.offset)
        return directory

    # -- tar

    async def _walk_tar(self, source: ByteSource, size_bytes: int) -> ArchiveDirectory:
        """Hop from header to header; what lies between is skipped where that saves a good deal of reading."""
        directory = ArchiveDirectory(self.report, self.limits, header_bytes=0)
        parser = TarStreamParser()
        at = 0
        while at < size_bytes:
            async for chunk in source.read(at, size_bytes):
                at += len(chunk)
                _add_all(directory, parser.feed(chunk))
                if parser.wanted_skip > _SKIP_WORTH_A_REQUEST:
                    break
            skip = min(parser.wanted_skip, size_bytes - at)
            parser.skipped(skip)
            at += skip
        parser.close()
        directory.seal(size_bytes)
        return directory

    # -- staging

    async def _stage(
        self, uri: str, source: ByteSource, described: SourceDescription, checksum: str | None
    ) -> OpenedArchive:
        raw = self._counted(source.read(), described.size_bytes)
        head, stream = await _peeked(raw, HEAD_BYTES)
        kind = _kind_of(head, uri)
        if kind is ArchiveKind.ZIP:
            size = await self.store.write(self.staged_key, stream)
            directory = await self._of_staged_zip(size)
        else:
            directory = ArchiveDirectory(self.report, self.limits, header_bytes=0)
            size = await self.store.write(self.staged_key, self._tar_members(kind, stream, directory))
            directory.seal(size)
        if checksum:
            self._compare(uri, checksum)
        staged = SourceDescription(size, (await self.store.stat(self.staged_key)).etag, accepts_ranges=True)
        raw_members = kind is not ArchiveKind.ZIP
        return OpenedArchive(kind, directory, _reference(stored_uri(self.staged_key), staged, raw=raw_members))

    async def _of_staged_zip(self, size_bytes: int) -> ArchiveDirectory:
        staged = self.sources.open(stored_uri(self.staged_key))
        try:
            return await self._read_zip_directory(staged, size_bytes)
        finally:
            await staged.close()

    async def _tar_members(
        self, kind: ArchiveKind, stream: AsyncIterator[bytes], directory: ArchiveDirectory
    ) -> AsyncIterator[bytes]:
        """The plain tar inside the stream, its members added to the directory as they pass."""
        parser = TarStreamParser()
        async for chunk in self._decompressed(kind, stream):
            _add_all(directory, parser.feed(chunk))
            yield chunk
        parser.close()

    async def _decompressed(self, kind: ArchiveKind, stream: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        if kind is ArchiveKind.TAR:
            async for chunk in stream:
                yield chunk
            return
        taken = given = 0
        inflate = Inflation(kind)
        async for chunk in stream:
            taken += len(chunk)
            for piece in inflate.feed(chunk):
                given += len(piece)
                if given > _RATIO_MATTERS_BYTES and given > taken * self.limits.max_ratio:
                    raise ArchiveTooLarge(f"it expands more than {self.limits.max_ratio:g} times")
                yield piece
        inflate.close()

    async def _counted(self, stream: AsyncIterator[bytes], size_bytes: int | None) -> AsyncIterator[bytes]:
        async for chunk in stream:
            self._sha256.update(chunk)
            self.moved(len(chunk), size_bytes)
            yield chunk

    async def _drain(self, source: ByteSource, described: SourceDescription) -> None:
        async for _ in self._counted(source.read(0, described.size_bytes), described.size_bytes):
            pass

    def _compare(self, uri: str, checksum: str) -> None:
        found = f"sha256:{self._sha256.hexdigest()}"
        if found != checksum:
            raise ChecksumMismatch(f"{redact(uri)} has {found}, not {checksum}.")
        self._sha256 = hashlib.sha256()


class Inflation:
    """Decompresses a gzip or bzip2 stream of any number of members, in pieces of at most 1 MiB."""

    def __init__(self, kind: ArchiveKind) -> None:
        self._gzip = kind is ArchiveKind.TAR_GZ
        self._stream = self._fresh()

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        """What comes out for what goes in. Raises BrokenArchive for damaged data."""
        while chunk:
            if self._stream.eof:
                chunk = chunk.lstrip(b"\0")  # padding between or after members, as gzip(1) tolerates
                if not chunk:
                    return
                self._stream = self._fresh()
            yield from self._all_of(chunk)
            chunk = self._stream.unused_data

    def close(self) -> None:
        """Raises BrokenArchive when the stream ends in the middle of a member."""
        if not self._stream.eof:
            raise BrokenArchive("its compressed stream ends early: the file is cut off")

    def _all_of(self, chunk: bytes) -> Iterator[bytes]:
        try:
            while piece := self._stream.decompress(chunk, _STEP_BYTES):
                yield piece
                chunk = self._rest()
                if self._stream.eof:
                    return
        except (zlib_ng.error, OSError, ValueError) as error:  # type: ignore[misc] # the stub declares an instance
            raise BrokenArchive(f"its compressed stream is damaged ({error})") from error

    def _rest(self) -> bytes:
        return getattr(self._stream, "unconsumed_tail", b"")

    def _fresh(self) -> Decompressor:
        return cast(Decompressor, zlib_ng.decompressobj(31) if self._gzip else bz2.BZ2Decompressor())


def _kind_of(head: bytes, uri: str) -> ArchiveKind:
    kind = detect_archive(head)
    if kind in READ_KINDS:
        return kind
    looks_like = describe_unknown(head)
    if kind is None and looks_like in _MAY_PRECEDE_A_ZIP and uri.split("?", maxsplit=1)[0].lower().endswith(".zip"):
        return ArchiveKind.ZIP  # its directory will tell
    what = f"a {kind} archive, which is not read yet" if kind else looks_like
    raise UnreadableArchive(f"{redact(uri)} is not an archive that can be read (found: {what}).")


async def _locate(source: ByteSource, size_bytes: int) -> DirectoryLocation:
    wanted = TAIL_BYTES
    while True:
        tail = await _whole(source, max(0, size_bytes - wanted), size_bytes)
        try:
            return locate_directory(tail, file_bytes=size_bytes)
        except NeedMoreTail as more:
            if more.at_least <= wanted or more.at_least > 1 << 26:
                raise BrokenArchive("its directory's end record points nowhere") from more
            wanted = more.at_least


async def _whole(source: ByteSource, start: int, end: int) -> bytes:
    return b"".join([chunk async for chunk in source.read(start, end)]) if end > start else b""


async def _peeked(stream: AsyncIterator[bytes], count: int) -> tuple[bytes, AsyncIterator[bytes]]:
    """The first `count` bytes, and the stream with them still in front."""
    held: list[bytes] = []
    async for chunk in stream:
        held.append(chunk)
        if sum(map(len, held)) >= count:
            break

    async def again() -> AsyncIterator[bytes]:
        for chunk in held:
            yield chunk
        async for chunk in stream:
            yield chunk

    return b"".join(held)[:count], again()


def _add_all(directory: ArchiveDirectory, entries: Iterator[ArchiveEntry]) -> None:
    for entry in entries:
        directory.add(entry)


def _reference(uri: str, described: SourceDescription, *, raw: bool) -> SourceRef:
    return SourceRef(uri=uri, size_bytes=described.size_bytes, etag=described.etag, raw=raw)
