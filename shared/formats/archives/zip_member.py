"""The content of one zip member, from its raw bytes. Source: APPNOTE.TXT 6.3.10, sections 4.3.7-8; RFC 1951."""

from collections.abc import Iterator
from struct import Struct

from zlib_ng import zlib_ng

from shared.formats.archives.codecs import CODEC_ERRORS, PIECE_BYTES, Inflate, codec_of, damage, may_go_on, unpacked
from shared.formats.archives.entry import DEFLATED, STORED
from shared.formats.archives.errors import BrokenMember, WrongChecksum

LOCAL_HEADER_BYTES = 30

_LOCAL_HEADER = Struct("<4s22xHH")


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
    Every method raises BrokenMember for content that is damaged, larger than declared, or in need of a window of more
    than 128 MiB; the constructor does for a method that is not read.
    """

    def __init__(self, method: int, size_bytes: int) -> None:
        self.crc32 = 0
        self.produced = 0
        self._method = method
        self._size_bytes = size_bytes
        self._codec = None if method == STORED else codec_of(method, size_bytes)

    def decode(self, chunk: bytes | memoryview) -> Iterator[bytes]:
        """The content that `chunk` yields; use it up before the next chunk. Bytes after its end are ignored."""
        for piece in _pieces(chunk) if self._codec is None else self._decompressed(chunk):
            self.produced += len(piece)
            if self.produced > self._size_bytes:
                raise BrokenMember("expands beyond its declared size")
            self.crc32 = zlib_ng.crc32(piece, self.crc32)
            yield piece

    def finish(self) -> Iterator[bytes]:
        """What is still to come after the last chunk (usually nothing); BrokenMember unless the member is complete."""
        yield from self.decode(b"")
        if self._codec is not None and not self._codec.eof:
            raise BrokenMember("its compressed data ends early")
        _compare_size(self.produced, self._size_bytes)

    def _decompressed(self, data: bytes | memoryview) -> Iterator[bytes]:
        codec = self._codec
        while codec is not None:
            try:
                data = yield from unpacked(codec, data, self._room)
            except CODEC_ERRORS as error:
                raise BrokenMember(f"its compressed data {damage(error)}") from error
            if not (data and may_go_on(self._method) and self.produced < self._size_bytes):
                return
            codec = self._codec = codec_of(self._method, self._size_bytes)

    def _room(self) -> int:
        return min(PIECE_BYTES, self._size_bytes - self.produced + 1)


def decode_member(data: bytes | memoryview, *, method: int, size_bytes: int, crc32: int | None) -> bytes:
    """The whole content of a member that fits into memory, from all of its raw bytes; its size and CRC-32 are checked.

    Raises BrokenMember like MemberDecoder, and WrongChecksum. Takes no more memory than the declared size, however
    far the data would expand.
    """
    content = _decoded(data, method, size_bytes)
    _compare_size(len(content), size_bytes)
    if crc32 is not None and (found := zlib_ng.crc32(content)) != crc32:
        raise WrongChecksum(f"its CRC-32 is {found:08x}, the directory says {crc32:08x}")
    return content


def _decoded(data: bytes | memoryview, method: int, size_bytes: int) -> bytes:
    if method == STORED:
        return bytes(data)
    if method == DEFLATED:
        return _inflated(data, size_bytes)
    decoder = MemberDecoder(method, size_bytes)
    return b"".join([*decoder.decode(data), *decoder.finish()])


def _inflated(data: bytes | memoryview, size_bytes: int) -> bytes:
    """One call for all of it, with room for one byte more, which tells that the declared size is too small."""
    stream = Inflate(-15)
    try:
        content = stream.decompress(data, size_bytes + 1)
    except CODEC_ERRORS as error:
        raise BrokenMember(f"its compressed data {damage(error)}") from error
    if not stream.eof and len(content) <= size_bytes:
        raise BrokenMember("its compressed data ends early")
    return content


def _compare_size(found: int, declared: int) -> None:
    if found > declared:
        raise BrokenMember("expands beyond its declared size")
    if found != declared:
        raise BrokenMember(f"has {found} bytes where {declared} are declared")


def _pieces(chunk: bytes | memoryview) -> Iterator[bytes]:
    if 0 < len(chunk) <= PIECE_BYTES:
        yield bytes(chunk)
        return
    for start in range(0, len(chunk), PIECE_BYTES):
        yield bytes(chunk[start : start + PIECE_BYTES])
