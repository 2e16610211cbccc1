"""The content of one zip member, from its raw bytes. Source: APPNOTE.TXT 6.3.10, sections 4.3.7-8; RFC 1951."""

from collections.abc import Callable, Iterator
from struct import Struct
from typing import cast

from zlib_ng import zlib_ng

from shared.formats.archives.entry import DEFLATED, STORED
from shared.formats.archives.errors import BrokenMember

LOCAL_HEADER_BYTES = 30
PIECE_BYTES = 1 << 20

_LOCAL_HEADER = Struct("<4s22xHH")
# inflate copies what it has not read yet after each piece, so a chunk is handed over in steps
_STEP_BYTES = 1 << 18
_INFLATE_ERROR = cast(type[Exception], zlib_ng.error)  # the stub declares an instance


def local_data_offset(header: bytes) -> int:
    """How far behind the start of its local header (30 bytes suffice) a member's data starts."""
    if len(header) < LOCAL_HEADER_BYTES:
        raise BrokenMember("its local header is cut off")
    signature, name_bytes, extra_bytes = _LOCAL_HEADER.unpack_from(header)
    if signature != b"PK\x03\x04":
        raise BrokenMember("no local header stands where the directory says")
    return LOCAL_HEADER_BYTES + int(name_bytes) + int(extra_bytes)


class MemberDecoder:
    """Decodes one member from its raw bytes in order, in pieces of at most PIECE_BYTES.

    `produced` and `crc32` describe what came out so far; comparing the checksum is the caller's part.
    Every method raises BrokenMember for content that is damaged or larger than declared.
    """

    def __init__(self, method: int, size_bytes: int) -> None:
        if method not in (STORED, DEFLATED):
            raise BrokenMember(f"compression method {method} is not read")
        self.crc32 = 0
        self.produced = 0
        self._size_bytes = size_bytes
        self._inflate = zlib_ng.decompressobj(-15) if method == DEFLATED else None

    def decode(self, chunk: bytes) -> Iterator[bytes]:
        """The content that `chunk` yields; use it up before the next chunk. Bytes after its end are ignored."""
        split: Callable[[bytes], Iterator[bytes]] = _pieces if self._inflate is None else self._inflated
        for piece in split(chunk):
            self.produced += len(piece)
            if self.produced > self._size_bytes:
                raise BrokenMember("expands beyond its declared size")
            self.crc32 = zlib_ng.crc32(piece, self.crc32)
            yield piece

    def finish(self) -> Iterator[bytes]:
        """What is still to come after the last chunk (usually nothing); BrokenMember unless the member is complete."""
        yield from self.decode(b"")
        if self._inflate is not None and not self._inflate.eof:
            raise BrokenMember("its compressed data ends early")
        if self.produced != self._size_bytes:
            raise BrokenMember(f"has {self.produced} bytes where {self._size_bytes} are declared")

    def _inflated(self, chunk: bytes) -> Iterator[bytes]:
        if len(chunk) <= _STEP_BYTES:
            yield from self._inflated_step(chunk)
            return
        for start in range(0, len(chunk), _STEP_BYTES):
            yield from self._inflated_step(chunk[start : start + _STEP_BYTES])

    def _inflated_step(self, pending: bytes) -> Iterator[bytes]:
        inflate = self._inflate
        while inflate is not None and not inflate.eof:
            room = min(PIECE_BYTES, self._size_bytes - self.produced + 1)
            try:
                piece = inflate.decompress(pending, room)
            except _INFLATE_ERROR as error:
                raise BrokenMember("its compressed data is damaged") from error
            if piece:
                yield piece
            if len(piece) < room:
                return
            pending = inflate.unconsumed_tail


def _pieces(chunk: bytes) -> Iterator[bytes]:
    if 0 < len(chunk) <= PIECE_BYTES:
        yield chunk
        return
    for start in range(0, len(chunk), PIECE_BYTES):
        yield chunk[start : start + PIECE_BYTES]
