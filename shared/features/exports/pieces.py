"""The bytes of an export that are not those of images, in the store in parts of one size; and where images go.

A `Spool` is a stream of bytes. A `Weave` is a spool with images in it: of these only the place is kept, in blocks of an
index, so that nothing is copied and any range is found by bisection.
"""

import hashlib
from bisect import bisect_right
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias

from pydantic import BaseModel, ConfigDict
from zlib_ng import zlib_ng

from shared.features.images.models import Image, PackedMember
from shared.foundation.streams import whole
from shared.ports.object_store import ObjectStore

PIECE_BYTES = 1 << 20
ROWS = 2_000
"""Images of one block of the index."""

Place: TypeAlias = str | tuple[int, int, int]
"""Where an image's bytes are: the key of an object, or header offset, compressed size and method in the archive."""


class Block(BaseModel):
    """Some images of a weave, column by column. `before` are the bytes of the spool that come before each of them."""

    offsets: list[int] = []
    sizes: list[int] = []
    before: list[int] = []
    places: list[Place] = []


class Segment(BaseModel):
    """A stretch of an export's bytes: of a spool from `start` on, or a weave as a whole."""

    model_config = ConfigDict(frozen=True)

    name: str
    size_bytes: int
    start: int = 0
    blocks: tuple[int, ...] | None = None
    spool_bytes: int = 0


class Layout(BaseModel):
    """What an export's bytes are made of, one behind the other."""

    model_config = ConfigDict(frozen=True)

    segments: tuple[Segment, ...]


class Text(NamedTuple):  # thousands are made in a row
    """A range of a spool."""

    spool: str
    start: int
    end: int


class ImageBytes(NamedTuple):
    """A range of an image."""

    place: Place
    size_bytes: int
    start: int
    end: int


Run: TypeAlias = Text | ImageBytes


def place_of(image: Image) -> Place | None:
    """Where the image's bytes are; None while they are nowhere."""
    if image.object_key is not None:
        return image.object_key
    member = image.member
    return None if member is None else (member.header_offset, member.compressed_bytes, member.method)


def member_of(place: tuple[int, int, int]) -> PackedMember:
    """The member of an archive that a place is."""
    return PackedMember(*place)


class Spool:
    """Bytes that are appended. Holds little more than a part in memory; `digest` depends on the bytes alone.

    `add` as long as it does not say that it is time to `drain`: thousands of small pieces wait for the store once.
    """

    def __init__(self, store: ObjectStore, prefix: str, name: str) -> None:
        self.name = name
        self.size_bytes = 0
        self.crc32 = 0
        self._store, self._prefix = store, prefix
        self._hash, self._beside = hashlib.blake2b(digest_size=16), hashlib.blake2b(digest_size=16)
        self._rest = bytearray()
        self._mixed: list[str] = []
        self._seen = self._parts = 0

    def add(self, data: bytes) -> bool:
        """Add bytes; whether there are enough of them to be put down."""
        self._rest += data
        self.size_bytes += len(data)
        return len(self._rest) >= PIECE_BYTES

    async def append(self, data: bytes) -> None:
        """Add bytes, and put down what has to be."""
        if self.add(data):
            await self.drain()

    async def drain(self) -> None:
        """Put down all whole parts."""
        self._see()
        whole_bytes = len(self._rest) // PIECE_BYTES * PIECE_BYTES
        for start in range(0, whole_bytes, PIECE_BYTES):
            await self._put(bytes(self._rest[start : start + PIECE_BYTES]))
        del self._rest[:whole_bytes]
        self._seen -= whole_bytes

    async def close(self) -> None:
        """All was appended."""
        await self.drain()
        if self._rest:
            await self._put(bytes(self._rest))
            self._rest.clear()
            self._seen = 0

    def mix(self, text: str) -> None:
        """Let the digest depend on this too."""
        self._mixed.append(text)

    def digest(self) -> str:
        """What depends on all that was appended and mixed in so far."""
        self._see()
        both = self._hash.digest() + self._beside.digest()
        return hashlib.blake2b(both, digest_size=16).hexdigest()

    async def pieces(self) -> AsyncIterator[bytes]:
        """Everything, once it is closed."""
        for part in range(self._parts):
            yield await whole(self._store.read(part_key(self._prefix, self.name, part)))

    def _see(self) -> None:
        """Take what has come since into checksum and digest."""
        with memoryview(self._rest) as rest, rest[self._seen :] as fresh:
            self.crc32 = zlib_ng.crc32(fresh, self.crc32)
            self._hash.update(fresh)
        self._seen = len(self._rest)
        self._beside.update("".join(self._mixed).encode())
        self._mixed.clear()

    async def _put(self, data: bytes) -> None:
        await self._store.put(part_key(self._prefix, self.name, self._parts), data)
        self._parts += 1


@dataclass(slots=True)
class Weave:
    """A spool with images in it."""

    store: ObjectStore
    prefix: str
    name: str
    size_bytes: int = 0
    spool: Spool = field(init=False)
    _block: Block = field(default_factory=Block, init=False)
    _blocks: list[int] = field(default_factory=list, init=False)

    def __post_init__(self) -> None:
        self.spool = Spool(self.store, self.prefix, self.name)

    async def text(self, data: bytes) -> None:
        """Add bytes that are kept."""
        self.size_bytes += len(data)
        if self.spool.add(data):
            await self.spool.drain()

    async def image(self, place: Place, size_bytes: int, crc32: int) -> None:
        """Add an image, by its place."""
        block = self._block
        block.offsets.append(self.size_bytes)
        block.sizes.append(size_bytes)
        block.before.append(self.spool.size_bytes)
        block.places.append(place)
        self.size_bytes += size_bytes
        self.spool.mix(f"{size_bytes}-{crc32:08x} ")
        if len(block.offsets) >= ROWS:
            await self._put()

    async def close(self) -> Segment:
        """All was added."""
        await self.spool.close()
        if self._block.offsets:
            await self._put()
        blocks, spooled = tuple(self._blocks), self.spool.size_bytes
        return Segment(name=self.name, size_bytes=self.size_bytes, blocks=blocks, spool_bytes=spooled)

    async def _put(self) -> None:
        key = block_key(self.prefix, self.name, len(self._blocks))
        self._blocks.append(self._block.offsets[0])
        await self.store.put(key, self._block.model_dump_json().encode())
        self._block = Block()


def runs_of_block(block: Block, segment: Segment, start: int, end: int) -> Iterator[Run]:
    """What the bytes from `start` up to but without `end` of a weave are, as far as this block's images lead.

    The range must not begin before the first image of the block, unless that is the first of all.
    """
    at = start
    for row in range(max(0, bisect_right(block.offsets, start) - 1), len(block.offsets)):
        offset, size, before = block.offsets[row], block.sizes[row], block.before[row]
        if at < min(offset, end):
            yield Text(segment.name, before - (offset - at), before - (offset - min(offset, end)))
            at = min(offset, end)
        if at >= end:
            return
        if at < offset + size:
            stop = min(end, offset + size)
            yield ImageBytes(block.places[row], size, at - offset, stop - offset)
            at = stop


def last_of(block: Block) -> int:
    """Where the last image of a block ends."""
    return block.offsets[-1] + block.sizes[-1]


def part_key(prefix: str, spool: str, part: int) -> str:
    """Where a part of a spool lies."""
    return f"{prefix}{spool}/{part:06d}.part"


def block_key(prefix: str, weave: str, block: int) -> str:
    """Where a block of a weave's index lies."""
    return f"{prefix}{weave}/{block:06d}.json"


def layout_key(prefix: str) -> str:
    """Where the layout lies."""
    return f"{prefix}layout.json"


def block_at(blocks: Sequence[int], offset: int) -> int:
    """The block that leads to an offset."""
    return max(0, bisect_right(blocks, offset) - 1)
