"""A tar as it streams by: its entries, and how much to skip between them.

Sources: POSIX.1-2017, pax (ustar and pax formats); the GNU tar manual, "Basic Tar Format".
"""

from collections.abc import Callable, Iterator
from functools import partial
from tarfile import HeaderError, TarInfo

from shared.formats.archives.entry import STORED, ArchiveEntry, EntryKind, decode_name
from shared.formats.archives.errors import BrokenArchive
from shared.formats.archives.pax import parse_pax

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
    b"S": EntryKind.SPARSE,
    b"V": EntryKind.DEVICE,
}
_WITHOUT_DATA = frozenset((b"1", b"2", b"3", b"4", b"5", b"6"))


class TarStreamParser:
    """Turns an uncompressed tar, fed in chunks of any size, into entries; holds one header at most.

    A reader that can seek asks `wanted_skip`, jumps that far and says so with `skipped`.
    """

    def __init__(self) -> None:
        self.finished = False
        self._block = bytearray()
        self._need = BLOCK_BYTES
        self._on_block: Callable[[bytes], ArchiveEntry | None] = self._header
        self._offset = 0
        self._skip = 0
        self._padding = 0
        self._zero_blocks = 0
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
        self._offset += count

    def feed(self, chunk: bytes) -> Iterator[ArchiveEntry]:
        """The entries whose headers `chunk` completes; use them up before the next chunk.

        `header_offset` is where the member's data starts in the uncompressed stream. Raises BrokenArchive where a
        header is damaged. Bytes after the end marker are ignored.
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
        if not self._offset:
            raise BrokenArchive("the tar is empty")
        whole = not self._block and self._skip <= self._padding and self._need == BLOCK_BYTES
        if not whole or self._for_next or self._on_block != self._header:
            raise BrokenArchive(f"the tar is cut off after {self._offset} bytes")

    def _take(self, chunk: bytes, position: int) -> int:
        """Skip or keep as much as is wanted of the chunk; how much that was."""
        available = len(chunk) - position
        if self._skip:
            count = min(self._skip, available)
            self._skip -= count
        else:
            count = min(self._need - len(self._block), available)
            self._block += chunk[position : position + count]
        self._offset += count
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
        if info.type in _EXTENSIONS:
            self._expect_extension(info)
            return None
        return self._member(info, block)

    def _parsed(self, block: bytes) -> TarInfo:
        try:
            # latin-1 keeps the bytes of names, which are decoded later
            return TarInfo.frombuf(block, "latin-1", "strict")
        except HeaderError as error:
            place = self._offset - BLOCK_BYTES
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

    def _member(self, info: TarInfo, block: bytes) -> ArchiveEntry:
        said = self._for_all | self._for_next
        self._for_next = {}
        size = _size(said, info)
        kind = EntryKind.SPARSE if any(map(_is_sparse, said)) else _KINDS.get(info.type, EntryKind.FILE)
        self._expect_data(size, more_map=info.type == b"S" and bool(block[_SPARSE_CONTINUES]))
        name, guessed = decode_name(said.get("GNU.sparse.name") or said.get("path") or info.name.encode("latin-1"))
        target = decode_name(said.get("linkpath") or info.linkname.encode("latin-1"))[0] or None
        entry = ArchiveEntry(name, self._offset, size, size, STORED, None, kind)
        return entry._replace(name_is_guess=guessed, link_target=target)

    def _expect_data(self, size: int, *, more_map: bool) -> None:
        """Skip the member's data next, or after the blocks that continue a sparse member's map."""
        if more_map:
            self._on_block = partial(self._sparse_map, size)
            return
        self._skip = _padded(size)
        self._padding = self._skip - size

    def _sparse_map(self, size: int, block: bytes) -> None:
        self._expect_data(size, more_map=bool(block[_MAP_CONTINUES]))


def _is_sparse(keyword: str) -> bool:
    return keyword.startswith("GNU.sparse.")


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
