"""A tar as it streams by: its entries, and how much to skip between them.

Sources: POSIX.1-2017, pax (ustar and pax formats); the GNU tar manual, "Basic Tar Format".
"""

from collections.abc import Callable, Iterator
from functools import partial
from tarfile import HeaderError, TarInfo

from shared.formats.archives.detect import describe
from shared.formats.archives.entry import SPARSE, STORED, ArchiveEntry, EntryKind
from shared.formats.archives.errors import BrokenArchive
from shared.formats.archives.name_encoding import NameDecoder
from shared.formats.archives.pax import parse_pax
from shared.formats.archives.sparse import (
    MOST_EXTENTS,
    Extent,
    block_extents,
    header_extents,
    header_size,
    is_sparse,
    pax_extents,
    pax_size,
)

BLOCK_BYTES = 512

_ZEROS = bytes(BLOCK_BYTES)
_LONGEST_EXTENSION = 1 << 20
_LARGEST_SIZE = (1 << 63) - 1
_SPARSE_CONTINUES, _MAP_CONTINUES = 482, 504
_EXTENSIONS = {b"L": "path", b"K": "linkpath", b"x": "", b"X": "", b"g": ""}
_KINDS = {
    b"1": EntryKind.LINK,
    b"2": EntryKind.LINK,
    b"3": EntryKind.DEVICE,
    b"4": EntryKind.DEVICE,
    b"5": EntryKind.DIRECTORY,
    b"6": EntryKind.DEVICE,
    b"D": EntryKind.DIRECTORY,
    b"M": EntryKind.DEVICE,
    b"V": EntryKind.DEVICE,
}
_WITHOUT_DATA = frozenset((b"1", b"2", b"3", b"4", b"5", b"6"))


class TarStreamParser:
    """Turns an uncompressed tar, fed in chunks of any size, into entries; holds one header at most.

    A reader that can seek asks `wanted_skip`, jumps that far and says so with `skipped`. `offset` is how much was fed
    or skipped. `extents` is the map of the sparse member given last, or None if that stands in front of its data.
    """

    def __init__(self) -> None:
        self.finished = False
        self.offset = 0
        self.extents: list[Extent] | None = None
        self._block = bytearray()
        self._need = BLOCK_BYTES
        self._on_block: Callable[[bytes], ArchiveEntry | None] = self._header
        self._start: int | None = None
        self._skip = 0
        self._padding = 0
        self._zero_blocks = 0
        self._names = NameDecoder()
        self._for_all: dict[str, bytes] = {}
        self._for_next: dict[str, bytes] = {}

    @property
    def wanted_skip(self) -> int:
        """How many of the next bytes are ignored: what is left of a member's data and its padding."""
        return self._skip

    def skipped(self, count: int) -> None:
        """Take note that the next `count` bytes, at most `wanted_skip`, will not be fed."""
        if not 0 <= count <= self._skip:
            raise ValueError(f"{count} bytes skipped where {self._skip} may be")
        self._skip -= count
        self.offset += count

    def feed(self, chunk: bytes) -> Iterator[ArchiveEntry]:
        """The entries whose headers `chunk` completes; use them up before the next chunk.

        `header_offset` is where the member's data starts in the uncompressed stream. Raises BrokenArchive where a
        header is damaged. Bytes after the end marker are ignored. A sparse member begins with its first header.
        """
        position = 0
        while position < len(chunk) and not self.finished:
            position += self._take(chunk, position)
            if len(self._block) == self._need:
                entry = self._complete()
                if entry is not None:
                    yield entry

    def close(self) -> None:
        """Raise BrokenArchive if the tar is cut off. A missing end marker after a whole member is no damage."""
        if self.finished:
            return
        if not self.offset:
            raise BrokenArchive("the tar is empty")
        whole = not self._block and self._skip <= self._padding and self._need == BLOCK_BYTES
        if not whole or self._for_next or self._on_block != self._header:
            doubt = "" if self.offset >= BLOCK_BYTES else f", or it is none (found: {describe(bytes(self._block))})"
            raise BrokenArchive(f"the tar is cut off after {self.offset} bytes{doubt}")

    def _take(self, chunk: bytes, position: int) -> int:
        """Skip or keep as much as is wanted of the chunk; how much that was."""
        available = len(chunk) - position
        if self._skip:
            count = min(self._skip, available)
            self._skip -= count
        else:
            count = min(self._need - len(self._block), available)
            self._block += chunk[position : position + count]
        self.offset += count
        return count

    def _complete(self) -> ArchiveEntry | None:
        block, handle = bytes(self._block), self._on_block
        self._block.clear()
        self._need, self._on_block = BLOCK_BYTES, self._header
        return handle(block)

    def _header(self, block: bytes) -> ArchiveEntry | None:
        if block == _ZEROS:
            self._zero_blocks += 1
            self.finished = self._zero_blocks == 2
            return None
        self._zero_blocks = 0
        info = self._parsed(block)
        if self._start is None and info.type != b"g":
            self._start = self.offset - BLOCK_BYTES
        if info.type in _EXTENSIONS:
            self._expect_extension(info)
            return None
        return self._member(info, block)

    def _parsed(self, block: bytes) -> TarInfo:
        try:
            # latin-1 keeps the bytes of names, which are decoded later
            return TarInfo.frombuf(block, "latin-1", "strict")
        except HeaderError as error:
            place = self.offset - BLOCK_BYTES
            if not place:
                raise BrokenArchive(f"it holds no tar (found: {describe(block)})") from error
            raise BrokenArchive(f"no tar header stands at byte {place}: the tar is damaged or is none") from error

    def _expect_extension(self, info: TarInfo) -> None:
        """Read the body of a header that describes the next one, or all that follow."""
        if not 0 <= info.size <= _LONGEST_EXTENSION:
            raise BrokenArchive(f"a tar header announces a name of {info.size} bytes")
        if info.size:
            self._need = _padded(info.size)
            self._on_block = partial(self._extension, info.type, info.size)

    def _extension(self, kind: bytes, size: int, block: bytes) -> None:
        body = block[:size]
        if _EXTENSIONS[kind]:
            self._for_next[_EXTENSIONS[kind]] = body.partition(b"\0")[0]
        else:
            (self._for_all if kind == b"g" else self._for_next).update(parse_pax(body))

    def _member(self, info: TarInfo, block: bytes) -> ArchiveEntry | None:
        own, self._for_next = self._for_next, {}
        said = self._for_all | own
        size = _size(said, info)
        name, guessed = self._names.decode(
            said.get("GNU.sparse.name") or said.get("path") or info.name.encode("latin-1")
        )
        target = self._names.decode(said.get("linkpath") or info.linkname.encode("latin-1"))[0] or None
        kind = _KINDS.get(info.type, EntryKind.FILE)
        entry = ArchiveEntry(name, self.offset, size, size, STORED, None, kind)
        entry = entry._replace(guessed_encoding=guessed, link_target=target, hard_link=info.type == b"1")
        start, self._start = self._start or 0, None
        if info.type == b"S":
            whole = header_size(block)
            entry = _sparse(entry, start, size if whole is None else whole)
            return self._mapped(entry, size, header_extents(block), more=bool(block[_SPARSE_CONTINUES]))
        if is_sparse(own):
            self.extents = _pax_map(own)
            entry = _sparse(entry, start, pax_size(own) or 0)._replace(compressed_bytes=self.offset + size - start)
        self._expect_data(size)
        return entry

    def _mapped(self, entry: ArchiveEntry, size: int, extents: list[Extent], *, more: bool) -> ArchiveEntry | None:
        """The sparse member once all the blocks of its map have passed."""
        if more:
            self._on_block = partial(self._map_block, entry, size, extents)
            return None
        self.extents = extents
        self._expect_data(size)
        return entry._replace(compressed_bytes=self.offset + size - entry.header_offset)

    def _map_block(self, entry: ArchiveEntry, size: int, extents: list[Extent], block: bytes) -> ArchiveEntry | None:
        extents += block_extents(block)
        if len(extents) > MOST_EXTENTS:
            raise BrokenArchive(f"a sparse member has more than {MOST_EXTENTS} parts")
        return self._mapped(entry, size, extents, more=bool(block[_MAP_CONTINUES]))

    def _expect_data(self, size: int) -> None:
        """Skip the member's data next."""
        self._skip = _padded(size)
        self._padding = self._skip - size


def _sparse(entry: ArchiveEntry, start: int, size_bytes: int) -> ArchiveEntry:
    return entry._replace(header_offset=start, size_bytes=size_bytes, method=SPARSE, kind=EntryKind.SPARSE)


def _pax_map(records: dict[str, bytes]) -> list[Extent] | None:
    try:
        return pax_extents(records)
    except ValueError:
        return []  # the member will not have the size it should


def _padded(size: int) -> int:
    return -(-size // BLOCK_BYTES) * BLOCK_BYTES


def _size(said: dict[str, bytes], info: TarInfo) -> int:
    """How much data follows the header; BrokenArchive for a size that no file has."""
    stated = said.get("size")
    if stated and not (stated.isdigit() and len(stated) <= 20):
        raise BrokenArchive("a pax header holds a size that is no number")
    size = int(stated) if stated else info.size
    if not 0 <= size <= _LARGEST_SIZE:
        raise BrokenArchive(f"a tar header announces a member of {size} bytes")
    return 0 if info.type in _WITHOUT_DATA else size
