"""What exports are put together in: one zip, or tars of bounded size. Files go in, pieces and a layout come out.

A zip begins with the files about all images, then come the labels, then the images, each in the order of their paths.
"""

import hashlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from struct import Struct
from typing import Protocol

from zlib_ng import zlib_ng

from shared.features.exports.models import ExportFile
from shared.features.exports.pieces import Layout, Place, Segment, Spool, Weave
from shared.formats.annotations.writers.model import TextFile, Written
from shared.formats.annotations.writers.webdataset import shard_prefix
from shared.formats.archives.tar_layout import END, tar_header, tar_padding
from shared.formats.archives.zip_layout import StoredMember, directory_end, directory_record, local_header
from shared.ports.object_store import ObjectStore

_NOTE = Struct("<QQIH")


@dataclass(frozen=True, slots=True)
class PlacedImage:
    """An image of an export: its name there, its split, and the bytes it consists of."""

    name: str
    split: str | None
    size_bytes: int
    crc32: int
    place: Place


class Sink(Protocol):
    """Takes images with their files, in the order of paths."""

    async def add(self, image: PlacedImage, written: Written) -> None:
        """Take an image."""
        ...

    async def close(self, files: Sequence[TextFile]) -> tuple[Layout, list[ExportFile]]:
        """Take the files about all images; what it all has become."""
        ...


class ZipSink:
    """One zip of stored members."""

    def __init__(self, store: ObjectStore, prefix: str) -> None:
        self._store, self._prefix = store, prefix
        self._labels, self._label_notes = self._spool("labels"), self._spool("label-notes")
        self._images, self._image_notes = Weave(store, prefix, "images"), self._spool("image-notes")
        self._streams: dict[str, Spool] = {}
        self._members = 0

    async def add(self, image: PlacedImage, written: Written) -> None:
        """Take an image and its label file; what it adds to larger files is kept apart."""
        note = _noted(image.name, image.size_bytes, image.crc32, self._images.size_bytes)
        await self._images.text(local_header(image.name, image.size_bytes, image.crc32))
        await self._images.image(image.place, image.size_bytes, image.crc32)
        if self._image_notes.add(note):
            await self._image_notes.drain()
        for name, data in written.files:
            await self._label(name, data)
        for stream, data in written.added:
            if stream not in self._streams:
                self._streams[stream] = self._spool(f"stream-{len(self._streams)}")
            if self._streams[stream].add(data):
                await self._streams[stream].drain()

    async def close(self, files: Sequence[TextFile]) -> tuple[Layout, list[ExportFile]]:
        """The zip as one file."""
        for spool in (self._labels, self._label_notes, self._image_notes, *self._streams.values()):
            await spool.close()
        text, heads, members = self._spool("text"), [], []
        offset = 0
        for file in files:
            segments, member = await self._about_all(file, text, offset)
            heads += segments
            members.append(member)
            offset += sum(segment.size_bytes for segment in segments)
        await text.close()
        images = await self._images.close()
        labels = Segment(name=self._labels.name, size_bytes=self._labels.size_bytes)
        directory = await self._directory(members, offset, offset + labels.size_bytes, images.size_bytes)
        end = Segment(name=directory.name, size_bytes=directory.size_bytes)
        layout = Layout(segments=(*heads, labels, images, end))
        spools = (text, *self._streams.values(), self._labels, self._images.spool, directory)
        digests = [spool.digest() for spool in spools]
        size = sum(segment.size_bytes for segment in layout.segments)
        return layout, [ExportFile("export.zip", 0, size, _etag(digests))]

    def _spool(self, name: str) -> Spool:
        return Spool(self._store, self._prefix, name)

    async def _label(self, name: str, data: bytes) -> None:
        crc32 = zlib_ng.crc32(data)
        if self._label_notes.add(_noted(name, len(data), crc32, self._labels.size_bytes)):
            await self._label_notes.drain()
        if self._labels.add(local_header(name, len(data), crc32) + data):
            await self._labels.drain()

    async def _about_all(self, file: TextFile, text: Spool, offset: int) -> tuple[list[Segment], StoredMember]:
        """A file of literal bytes and streams: its segments, header first, and its record."""
        size_bytes, crc32, segments = 0, 0, list[Segment]()
        for part in file.parts:
            stream = self._streams.get(part) if isinstance(part, str) else None
            if isinstance(part, bytes):
                segments.append(Segment(name=text.name, size_bytes=len(part), start=text.size_bytes))
                await text.append(part)
                crc32, size_bytes = zlib_ng.crc32(part, crc32), size_bytes + len(part)
            elif stream is not None:
                segments.append(Segment(name=stream.name, size_bytes=stream.size_bytes))
                crc32 = zlib_ng.crc32_combine(crc32, stream.crc32, stream.size_bytes)
                size_bytes += stream.size_bytes
        header = local_header(file.name, size_bytes, crc32)
        segments.insert(0, Segment(name=text.name, size_bytes=len(header), start=text.size_bytes))
        await text.append(header)
        return segments, StoredMember(file.name, size_bytes, crc32, offset)

    async def _directory(
        self, first: Sequence[StoredMember], labels_at: int, images_at: int, images_bytes: int
    ) -> Spool:
        """The central directory: notes say where members are in their stretch, and it is known now where that is."""
        directory, count = self._spool("directory"), len(first)
        for member in first:
            await directory.append(directory_record(member))
        for notes, start in ((self._label_notes, labels_at), (self._image_notes, images_at)):
            async for records, members in _records(notes, start):
                await directory.append(records)
                count += members
        at, size = images_at + images_bytes, directory.size_bytes
        await directory.append(directory_end(count, offset=at, size_bytes=size))
        await directory.close()
        return directory


@dataclass(slots=True)
class _Shards:
    """The shards of one split: where each begins among the bytes of all, and what its tag is made of."""

    prefix: str
    weave: Weave
    starts: list[int] = field(default_factory=lambda: [0])
    digests: list[str] = field(default_factory=list)


class ShardSink:
    """Tars of whole samples, a row of them for each split; one is closed before it would become larger than asked."""

    def __init__(self, store: ObjectStore, prefix: str, *, shard_bytes: int) -> None:
        self._store, self._prefix, self._most = store, prefix, shard_bytes
        self._splits: dict[str, _Shards] = {}

    async def add(self, image: PlacedImage, written: Written) -> None:
        """Take a sample."""
        prefix = shard_prefix(image.split)
        if prefix not in self._splits:
            weave = Weave(self._store, self._prefix, f"shards-{len(self._splits)}")
            self._splits[prefix] = _Shards(prefix, weave)
        shards = self._splits[prefix]
        small = [(_base(name), data) for name, data in written.files]
        head = tar_header(_base(image.name), image.size_bytes)
        rest = [tar_padding(image.size_bytes)]
        rest += [tar_header(name, len(data)) + data + tar_padding(len(data)) for name, data in small]
        size = len(head) + image.size_bytes + sum(map(len, rest))
        begun = shards.weave.size_bytes - shards.starts[-1]
        if begun and begun + size + len(END) > self._most:
            await self._end(shards)
            shards.starts.append(shards.weave.size_bytes)
        await shards.weave.text(head)
        await shards.weave.image(image.place, image.size_bytes, image.crc32)
        await shards.weave.text(b"".join(rest))

    async def close(self, files: Sequence[TextFile]) -> tuple[Layout, list[ExportFile]]:  # noqa: ARG002 - samples say all
        """The shards as files, split by split."""
        segments, found, offset = [], [], 0
        for shards in (self._splits[prefix] for prefix in sorted(self._splits)):
            await self._end(shards)
            segment = await shards.weave.close()
            ends = [*shards.starts[1:], segment.size_bytes]
            for number, (start, end) in enumerate(zip(shards.starts, ends, strict=True)):
                name, etag = f"{shards.prefix}-{number:06d}.tar", _etag([shards.digests[number]])
                found.append(ExportFile(name, offset + start, end - start, etag))
            segments.append(segment)
            offset += segment.size_bytes
        return Layout(segments=tuple(segments)), found

    async def _end(self, shards: _Shards) -> None:
        await shards.weave.text(END)
        shards.digests.append(shards.weave.spool.digest())


def _base(name: str) -> str:
    return name.rpartition("/")[2]


def _etag(digests: Sequence[str]) -> str:
    return hashlib.blake2b(" ".join(digests).encode(), digest_size=16).hexdigest()


def _noted(name: str, size_bytes: int, crc32: int, offset: int) -> bytes:
    encoded = name.encode()
    return _NOTE.pack(offset, size_bytes, crc32, len(encoded)) + encoded


async def _records(spool: Spool, start: int) -> AsyncIterator[tuple[bytes, int]]:
    """The directory's records of what `_noted` wrote, many at a time, and how many they are."""
    rest = b""
    async for piece in spool.pieces():
        data = rest + piece
        records, read = _whole_records(data, start)
        rest = data[read:]
        yield b"".join(records), len(records)


def _whole_records(data: bytes, start: int) -> tuple[list[bytes], int]:
    """The records of the notes that are there as a whole, and where the next one begins."""
    records, at, end = list[bytes](), 0, len(data)
    while at + _NOTE.size <= end:
        offset, size_bytes, crc32, length = _NOTE.unpack_from(data, at)
        name_at = at + _NOTE.size
        if name_at + length > end:
            break
        at = name_at + length
        records.append(directory_record(StoredMember(data[name_at:at].decode(), size_bytes, crc32, start + offset)))
    return records, at
