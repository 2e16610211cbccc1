"""Content compressed by every method that a zip may use, for members written by hand."""

import bz2
import lzma
import zlib
from collections.abc import Callable, Mapping

from backports import zstd


def deflated(data: bytes) -> bytes:
    """Raw deflate (method 8)."""
    packer = zlib.compressobj(6, zlib.DEFLATED, -15)
    return packer.compress(data) + packer.flush()


def zip_lzma(data: bytes, *, dict_size: int = 1 << 20, stated: int | None = None) -> bytes:
    """LZMA as in a zip (method 14) with an end marker; `stated` is the dictionary's size as its header has it."""
    quick = {"mode": lzma.MODE_FAST, "mf": lzma.MF_HC3, "nice_len": 32}
    options = {"id": lzma.FILTER_LZMA1, "dict_size": dict_size, "lc": 3, "lp": 0, "pb": 2, **quick}
    properties = bytes([(2 * 5 + 0) * 9 + 3]) + (stated or dict_size).to_bytes(4, "little")
    return _zip_header(properties) + lzma.compress(data, lzma.FORMAT_RAW, filters=[options])


def zip_lzma_unmarked(data: bytes) -> bytes:
    """LZMA as in a zip without an end marker, which Python cannot write: literals only, range-coded here.

    Source: the LZMA specification of the 7-Zip project's LZMA SDK.
    """
    coder = _RangeCoder()
    matches, literals = [1024], [1024] * 0x300
    for byte in data:
        coder.encode(matches, 0, 0)
        symbol = 1
        for shift in range(7, -1, -1):
            bit = byte >> shift & 1
            coder.encode(literals, symbol, bit)
            symbol = symbol << 1 | bit
    return _zip_header(b"\0" + (1 << 16).to_bytes(4, "little")) + coder.finish()


def _zip_header(properties: bytes) -> bytes:
    return b"\x10\x02" + len(properties).to_bytes(2, "little") + properties


class _RangeCoder:
    def __init__(self) -> None:
        self._low, self._range, self._cache, self._held, self._out = 0, 0xFFFFFFFF, 0, 0, bytearray()

    def encode(self, chances: list[int], at: int, bit: int) -> None:
        bound = (self._range >> 11) * chances[at]
        if bit:
            self._low, self._range = self._low + bound, self._range - bound
            chances[at] -= chances[at] >> 5
        else:
            self._range = bound
            chances[at] += (2048 - chances[at]) >> 5
        while self._range < 1 << 24:
            self._range <<= 8
            self._shift()

    def finish(self) -> bytes:
        for _ in range(5):
            self._shift()
        return bytes(self._out)

    def _shift(self) -> None:
        if not 0xFF000000 <= self._low < 1 << 32:
            carry = self._low >> 32
            self._out.append(self._cache + carry & 0xFF)
            self._out += bytes([0xFF + carry & 0xFF]) * self._held
            self._cache, self._held = self._low >> 24 & 0xFF, 0
        else:
            self._held += 1
        self._low = (self._low & 0x00FFFFFF) << 8


PACK: Mapping[int, Callable[[bytes], bytes]] = {
    0: lambda data: data,
    8: deflated,
    12: lambda data: bz2.compress(data, 1),
    14: zip_lzma,
    20: zstd.compress,
    93: zstd.compress,
    95: lambda data: lzma.compress(data, preset=0),
}
