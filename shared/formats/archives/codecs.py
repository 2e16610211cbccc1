"""The compressions that archives use, behind one face: bytes in, bounded pieces out, in bounded memory."""

import lzma
import sys
from bz2 import BZ2Decompressor
from collections.abc import Callable, Generator, Mapping
from typing import Protocol, cast

from zlib_ng import zlib_ng

from shared.formats.archives.entry import BZIP2, DEFLATED, LZMA, SPARSE, XZ, ZSTD, ZSTD_OLD
from shared.formats.archives.errors import BrokenMember
from shared.formats.archives.sparse import Expansion, MapText
from shared.formats.archives.tar_stream import TarStreamParser

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

PIECE_BYTES = 1 << 20
WINDOW_LOG = 27
WINDOW_BYTES = 1 << WINDOW_LOG

_INFLATE_ERROR = cast(type[Exception], zlib_ng.error)  # the stub declares an instance
CODEC_ERRORS: tuple[type[Exception], ...] = (_INFLATE_ERROR, OSError, lzma.LZMAError, zstd.ZstdError, ValueError)

# xz counts its own structures too
_XZ_MEMORY_BYTES = WINDOW_BYTES + (4 << 20)
# inflate copies what it has not read yet after each piece, so a chunk is handed over in steps
_STEP_BYTES = 1 << 18
_LZMA_HEAD_BYTES = 4
_LZMA_PROPERTIES_BYTES = 5


class Codec(Protocol):
    """A decompressor as the standard library's bz2, lzma and zstd modules have it. Reads one stream."""

    @property
    def eof(self) -> bool:
        """Whether the stream's end was reached."""
        ...

    @property
    def needs_input(self) -> bool:
        """Whether all that was given is used up; if not, `decompress` goes on with an empty input."""
        ...

    @property
    def unused_data(self) -> bytes:
        """What was given beyond the stream's end."""
        ...

    def decompress(self, data: bytes | memoryview, max_length: int, /) -> bytes:
        """At most `max_length` bytes of output. Raises one of CODEC_ERRORS for damaged data."""
        ...


class Inflate:
    """A zlib stream as a Codec; `window_bits` -15 for raw deflate, 31 for gzip."""

    def __init__(self, window_bits: int) -> None:
        self.needs_input = True
        self._stream = zlib_ng.decompressobj(window_bits)
        self._pending = b""

    @property
    def eof(self) -> bool:
        """See Codec."""
        return self._stream.eof

    @property
    def unused_data(self) -> bytes:
        """See Codec."""
        return self._stream.unused_data

    def decompress(self, data: bytes | memoryview, max_length: int, /) -> bytes:
        """See Codec."""
        piece = self._stream.decompress(self._pending + data if self._pending else data, max_length)
        self._pending = self._stream.unconsumed_tail
        self.needs_input = len(piece) < max_length
        return piece


class ZipLzma:
    """LZMA as a zip member has it, as a Codec. Source: APPNOTE.TXT 6.3.10, section 5.8.8.

    The member may end with a marker or with its size alone, so it is complete when it has all of its size. The
    window is never larger than the content, whatever the properties ask for.
    """

    unused_data = b""

    def __init__(self, size_bytes: int) -> None:
        self._left = size_bytes
        self._head = b""
        self._stream: lzma.LZMADecompressor | None = None

    @property
    def eof(self) -> bool:
        """See Codec."""
        return not self._left or (self._stream is not None and self._stream.eof)

    @property
    def needs_input(self) -> bool:
        """See Codec."""
        return self._stream is None or self._stream.needs_input

    def decompress(self, data: bytes | memoryview, max_length: int, /) -> bytes:
        """See Codec."""
        if self._stream is None:
            data = self._begin(data)
        if self._stream is None:
            return b""
        # beyond the size an unmarked stream decodes to whatever its last bits happen to mean
        piece = self._stream.decompress(data, min(max_length, self._left))
        self._left -= len(piece)
        return piece

    def _begin(self, data: bytes | memoryview) -> bytes:
        """Collect the header and start the stream behind it; what follows the header."""
        self._head += data
        count = int.from_bytes(self._head[2:4], "little")
        if len(self._head) >= _LZMA_HEAD_BYTES and count != _LZMA_PROPERTIES_BYTES:
            raise ValueError(f"{count} bytes of LZMA properties")
        start = _LZMA_HEAD_BYTES + _LZMA_PROPERTIES_BYTES
        if len(self._head) < start:
            return b""
        self._stream = _raw_lzma(self._head[_LZMA_HEAD_BYTES:start], self._left)
        return self._head[start:]


def _raw_lzma(properties: bytes, size_bytes: int) -> lzma.LZMADecompressor:
    packed, window = properties[0], int.from_bytes(properties[1:], "little")
    window = max(min(window, size_bytes), 1 << 12)
    if window > WINDOW_BYTES:
        raise ValueError("it asks for too much memory")
    packing = {"lc": packed % 9, "lp": packed // 9 % 5, "pb": packed // 45}
    options = {"id": lzma.FILTER_LZMA1, "dict_size": window, **packing}
    return lzma.LZMADecompressor(lzma.FORMAT_RAW, filters=[options])


class SparseTar:
    """A sparse tar member, its headers first, as a Codec: what comes out is the file with its holes."""

    unused_data = b""

    def __init__(self, size_bytes: int) -> None:
        self.needs_input = True
        self._size_bytes = size_bytes
        self._headers = TarStreamParser()
        self._map_text: MapText | None = None
        self._content: Expansion | None = None

    @property
    def eof(self) -> bool:
        """See Codec."""
        return self._content is not None and self._content.ended

    def decompress(self, data: bytes | memoryview, max_length: int, /) -> bytes:
        """See Codec."""
        if self._content is None:
            data = self._begin(bytes(data))
        piece = b"" if self._content is None else self._content.take(data, max_length)
        self.needs_input = not piece
        return piece

    def _begin(self, data: bytes) -> bytes:
        """Read headers and map as far as they are in `data`; what follows them."""
        if self._map_text is None:
            before = self._headers.offset
            if next(self._headers.feed(data), None) is None:
                return b""
            data = data[self._headers.offset - before :]
            if self._headers.extents is not None:
                self._content = Expansion(self._headers.extents, self._size_bytes)
                return data
            self._map_text = MapText()
        if (found := self._map_text.feed(data)) is None:
            return b""
        self._content = Expansion(found[0], self._size_bytes)
        return found[1]


def zstd_codec() -> Codec:
    """One Zstandard frame."""
    return zstd.ZstdDecompressor(options={zstd.DecompressionParameter.window_log_max: WINDOW_LOG})


def xz_codec() -> Codec:
    """One xz stream."""
    return lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_XZ_MEMORY_BYTES)


# by method, made with the size that the member shall have; stored members need none
_OF_METHOD: Mapping[int, Callable[[int], Codec]] = {
    DEFLATED: lambda _: Inflate(-15),
    BZIP2: lambda _: BZ2Decompressor(),
    LZMA: ZipLzma,
    ZSTD_OLD: lambda _: zstd_codec(),
    ZSTD: lambda _: zstd_codec(),
    XZ: lambda _: xz_codec(),
    SPARSE: SparseTar,
}
CODEC_METHODS = frozenset(_OF_METHOD) - {SPARSE}
# whose content may be several streams, one behind the other
_IN_FRAMES = frozenset((BZIP2, ZSTD_OLD, ZSTD, XZ))


def codec_of(method: int, size_bytes: int) -> Codec:
    """The codec of a zip method; BrokenMember if there is none."""
    if method not in _OF_METHOD:
        raise BrokenMember(f"compression method {method} is not read")
    return _OF_METHOD[method](size_bytes)


def unpacked(
    codec: Codec, data: bytes | memoryview, room: Callable[[], int] = lambda: PIECE_BYTES
) -> Generator[bytes, None, bytes | memoryview]:
    """What `data` yields, each piece at most `room()` bytes (asked before each); returns what lies behind the end.

    Raises one of CODEC_ERRORS for damaged data.
    """
    if codec.eof:
        return data
    for start in range(0, len(data) or 1, _STEP_BYTES):
        chunk = data if len(data) <= _STEP_BYTES else data[start : start + _STEP_BYTES]
        ended = yield from _step(codec, chunk, room)
        if ended:
            return codec.unused_data + data[start + _STEP_BYTES :]
    return b""


def _step(codec: Codec, chunk: bytes | memoryview, room: Callable[[], int]) -> Generator[bytes, None, bool]:
    """All that the chunk yields; whether the stream ended."""
    while True:
        piece = codec.decompress(chunk, room())
        if piece:
            yield piece
        if codec.eof or codec.needs_input:
            return codec.eof
        chunk = b""


def may_go_on(method: int) -> bool:
    """Whether another stream may follow the end of one, as packers with several threads write them."""
    return method in _IN_FRAMES


def damage(error: Exception) -> str:
    """What is wrong with the compressed data, to follow its name: damaged, or beyond what it may take."""
    if "memory" in str(error).lower():
        return f"needs a window of more than {WINDOW_BYTES >> 20} MiB"
    return "is damaged"
