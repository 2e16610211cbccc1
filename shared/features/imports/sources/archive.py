"""Opening one address: what kind of archive it is, the table of its members, and from where shards will read them.

An archive that cannot be entered in the middle (no ranges, or compressed as a whole) is read once, in order, and
staged in the object store; a directory, and a zip or tar that can be entered, is used where it lies.
"""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import aclosing
from dataclasses import dataclass, field
from itertools import islice
from pathlib import PurePosixPath
from urllib.parse import unquote, urlsplit

from shared.features.imports.models import ArchiveRefused, ChecksumMismatch, NotInPlace, SourceRef, UnreadableArchive
from shared.features.imports.sources.folders import FolderFiles, list_folder
from shared.formats.archives.detect import HEAD_BYTES, READ_KINDS, ArchiveKind, describe_unknown, detect_archive
from shared.formats.archives.directory import ArchiveDirectory, ArchiveLimits
from shared.formats.archives.entry import STORED, ArchiveEntry, EntryKind, PlainEntries
from shared.formats.archives.errors import ArchiveTooLarge, BrokenArchive, NeedMoreTail
from shared.formats.archives.inflation import Inflation
from shared.formats.archives.tar_stream import TarStreamParser
from shared.formats.archives.verdict import plain_name
from shared.formats.archives.zip_directory import ZipDirectoryParser
from shared.formats.archives.zip_location import TAIL_BYTES, DirectoryLocation, locate_directory
from shared.formats.findings import Finding
from shared.foundation.streams import whole
from shared.foundation.urls import redact
from shared.ports.byte_source import ByteSource, ByteSources, SourceDescription, UnsupportedSource, stored_uri
from shared.ports.object_store import ObjectStore

_SKIP_WORTH_A_REQUEST = 4 << 20
_RATIO_MATTERS_BYTES = 256 << 20
_LINKS_AT_ONCE = 512
_MAY_PRECEDE_A_ZIP = {"program", "plain text", "zero bytes only", "unknown"}


@dataclass(frozen=True, slots=True)
class OpenedArchive:
    """The members of an archive and the bytes they lie in; of a directory, also which file each member is."""

    directory: ArchiveDirectory
    source: SourceRef
    files: FolderFiles | None = None


@dataclass(slots=True)
class ArchiveOpener:
    """Opens one source for one job. `report` hears of members that are left out, `moved` of bytes staged.

    With `single`, what is no archive is the only member of one, under its own name if that is a YAML file's.
    """

    sources: ByteSources
    store: ObjectStore
    limits: ArchiveLimits
    report: Callable[[Finding], None]
    moved: Callable[[int, int | None], None]
    staged_key: str
    single: bool = False
    _sha256: "hashlib._Hash" = field(default_factory=hashlib.sha256)

    async def open(self, uri: str, *, checksum: str | None, in_place: bool = False) -> OpenedArchive:
        """The archive at `uri`.

        Raises UnreadableArchive, ArchiveRefused, ChecksumMismatch, what sources raise, and NotInPlace if it has to be
        used where it lies and is a directory, or cannot be entered in the middle.
        """
        described = await self._describe(uri)
        source = self.sources.open(uri, expected=described)
        try:
            return await self._open(uri, source, described, checksum, in_place=in_place)
        except BrokenArchive as error:
            raise UnreadableArchive(f"{redact(uri)}: {error}") from error
        except ArchiveTooLarge as error:
            raise ArchiveRefused(f"{redact(uri)}: {error}") from error
        finally:
            await source.close()

    async def _open(
        self, uri: str, source: ByteSource, described: SourceDescription, checksum: str | None, *, in_place: bool
    ) -> OpenedArchive:
        if described.tree:
            return await self._list(uri, described, plainly=not checksum, in_place=in_place)
        if described.accepts_ranges:
            if checksum:
                await self._drain(source, described)
                self._compare(uri, checksum)
            head = await _whole(source, 0, min(HEAD_BYTES, described.size_bytes or 0))
            kind = self._kind_of(head, uri)
            if kind is None:
                return self._only_member(uri, uri, described)
            if kind in (ArchiveKind.ZIP, ArchiveKind.TAR):
                directory = await self._enter(kind, source, described.size_bytes or 0)
                return OpenedArchive(directory, _reference(uri, described, raw=kind is ArchiveKind.TAR))
        if in_place:
            raise NotInPlace(f"{redact(uri)} cannot be entered in the middle; import it without in_place.")
        return await self._stage(uri, source, described, checksum)

    async def _enter(self, kind: ArchiveKind, source: ByteSource, size_bytes: int) -> ArchiveDirectory:
        if kind is ArchiveKind.TAR:
            return await self._walk_tar(source, size_bytes)
        return await self._read_zip_directory(source, size_bytes)

    def _kind_of(self, head: bytes, uri: str) -> ArchiveKind | None:
        return None if self.single and detect_archive(head) is None else _kind_of(head, uri)

    # -- what is no archive

    async def _list(self, uri: str, described: SourceDescription, *, plainly: bool, in_place: bool) -> OpenedArchive:
        if in_place:
            raise NotInPlace(f"{redact(uri)} is a directory, whose files may change at any time; leave in_place out.")
        if not plainly:
            raise UnsupportedSource(f"{redact(uri)} is a directory, which has no checksum.")
        directory = self._bare_directory()
        entries = self.sources.list_tree(uri)
        files, size_bytes = await list_folder(entries, directory, self.report, lambda: self.moved(0, None))
        listed = SourceDescription(size_bytes, None, accepts_ranges=True, cheap_ranges=described.cheap_ranges)
        reference = _reference(uri, listed, raw=True).model_copy(update={"tree": True})
        return OpenedArchive(directory, reference, files)

    def _only_member(self, given: str, uri: str, described: SourceDescription) -> OpenedArchive:
        size = described.size_bytes or 0
        directory = self._bare_directory()
        directory.add(ArchiveEntry(_file_name(given), 0, size, size, STORED, None, EntryKind.FILE))
        directory.seal(size)
        return OpenedArchive(directory, _reference(uri, described, raw=True))

    def _bare_directory(self) -> ArchiveDirectory:
        """A table of members that have no header in front of them."""
        return ArchiveDirectory(self.report, self.limits, header_bytes=0)

    # -- zip

    async def _read_zip_directory(self, source: ByteSource, size_bytes: int) -> ArchiveDirectory:
        location = await _locate(source, size_bytes)
        directory = ArchiveDirectory(self.report, self.limits, expected=location.entries)
        parser = ZipDirectoryParser(location)
        if location.entries > self.limits.max_members:
            raise ArchiveTooLarge(f"its directory announces {location.entries} members")
        async for chunk in source.read(location.offset, location.offset + location.size_bytes):
            await asyncio.to_thread(_add_all, directory, parser.feed_many(chunk))
        parser.close()
        await asyncio.to_thread(directory.seal, location.offset)
        await self._read_links(source, directory)
        await asyncio.to_thread(directory.follow_links)
        return directory

    async def _read_links(self, source: ByteSource, directory: ArchiveDirectory) -> None:
        """Read the targets of links, which are members of some bytes each."""
        links = directory.unread_links()
        while batch := list(islice(links, _LINKS_AT_ONCE)):
            self.moved(0, None)
            contents = await source.read_spans([(link.start, link.end) for link in batch])
            for link, data in zip(batch, contents, strict=True):
                directory.read_link(link, data)

    # -- tar

    async def _walk_tar(self, source: ByteSource, size_bytes: int) -> ArchiveDirectory:
        """Hop from header to header; what lies between is skipped where that saves a good deal of reading."""
        directory = self._bare_directory()
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
        await asyncio.to_thread(directory.follow_links)
        return directory

    # -- staging

    async def _stage(
        self, uri: str, source: ByteSource, described: SourceDescription, checksum: str | None
    ) -> OpenedArchive:
        async with aclosing(source.read()) as answer:  # also where it is no archive, and the rest is not wanted
            raw = self._counted(answer, described.size_bytes)
            return await self._stage_stream(uri, raw, checksum)

    async def _stage_stream(self, uri: str, raw: AsyncIterator[bytes], checksum: str | None) -> OpenedArchive:
        head, stream = await _peeked(raw, HEAD_BYTES)
        kind, staged_uri = self._kind_of(head, uri), stored_uri(self.staged_key)
        if kind is None:
            await self._write_staged(stream)
            return self._only_member(uri, staged_uri, await self._describe(staged_uri))
        if kind is ArchiveKind.ZIP:
            size = await self._write_staged(stream)
            directory = await self._of_staged_zip(size)
        else:
            directory = self._bare_directory()
            size = await self._write_staged(self._tar_members(kind, stream, directory))
            directory.seal(size)
            await asyncio.to_thread(directory.follow_links)
        if checksum:
            self._compare(uri, checksum)
        staged = await self._describe(staged_uri)
        return OpenedArchive(directory, _reference(staged_uri, staged, raw=kind is not ArchiveKind.ZIP))

    async def _write_staged(self, stream: AsyncIterator[bytes]) -> int:
        """Stage the stream; its size. A server may go on for ever: what is larger than members may be is refused."""
        return await self.store.write(self.staged_key, _bounded(stream, self.limits.max_total_bytes))

    async def _describe(self, uri: str) -> SourceDescription:
        source = self.sources.open(uri)
        try:
            return await source.describe()
        finally:
            await source.close()

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


def _kind_of(head: bytes, uri: str) -> ArchiveKind:
    kind = detect_archive(head)
    if kind in READ_KINDS:
        return kind
    looks_like = describe_unknown(head)
    if kind is None and looks_like in _MAY_PRECEDE_A_ZIP and uri.split("?", maxsplit=1)[0].lower().endswith(".zip"):
        return ArchiveKind.ZIP  # its directory will tell
    what = f"a {kind} archive, which is not read yet" if kind else looks_like
    raise UnreadableArchive(f"{redact(uri)} is not an archive that can be read (found: {what}).")


def _file_name(uri: str) -> str:
    """The name that the one file of a description has, if it is that of a YAML file; else `data.yaml`."""
    name = PurePosixPath(unquote(urlsplit(uri).path)).name
    return name if name.lower().endswith((".yaml", ".yml")) and plain_name(name) == name else "data.yaml"


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
    return await whole(source.read(start, end)) if end > start else b""


async def _bounded(stream: AsyncIterator[bytes], most: int) -> AsyncIterator[bytes]:
    passed = 0
    async for chunk in stream:
        passed += len(chunk)
        if passed > most:
            raise ArchiveTooLarge(f"it has more than {most} bytes")
        yield chunk


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


def _add_all(directory: ArchiveDirectory, found: Iterator[PlainEntries | ArchiveEntry]) -> None:
    for one in found:
        if isinstance(one, PlainEntries):
            directory.add_plain(one)
        else:
            directory.add(one)


def _reference(uri: str, described: SourceDescription, *, raw: bool) -> SourceRef:
    return SourceRef(
        uri=uri, size_bytes=described.size_bytes, etag=described.etag, raw=raw, cheap_ranges=described.cheap_ranges
    )
