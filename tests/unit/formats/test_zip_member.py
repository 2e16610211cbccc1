"""Members of a zip decoded piece by piece, and everything that can be wrong with them."""

import io
import random
import struct
import tracemalloc
import zipfile
import zlib
from functools import cache

import pytest
from backports import zstd

from shared.formats.archives.codecs import PIECE_BYTES
from shared.formats.archives.entry import BZIP2, DEFLATED, LZMA, STORED, XZ, ZSTD, ZSTD_OLD
from shared.formats.archives.errors import BrokenMember, WrongChecksum
from shared.formats.archives.zip_member import MemberDecoder, decode_member, local_data_offset
from tests.factories.packed_data import PACK, zip_lzma, zip_lzma_unmarked

NOISE = random.Random(7).randbytes((1 << 20) + (1 << 18))


@cache
def packed(method: int, data: bytes) -> bytes:
    return PACK[method](data)


COMPRESSED = [DEFLATED, BZIP2, LZMA, ZSTD_OLD, ZSTD, XZ]
each_method = pytest.mark.parametrize("method", [STORED, *COMPRESSED])
each_compression = pytest.mark.parametrize("method", COMPRESSED)


def decoded(decoder: MemberDecoder, raw: bytes, *, step: int = 1 << 16) -> bytes:
    pieces: list[bytes] = []
    for start in range(0, len(raw), step):
        pieces += decoder.decode(raw[start : start + step])
    pieces += decoder.finish()
    assert all(0 < len(piece) <= PIECE_BYTES for piece in pieces)
    return b"".join(pieces)


@each_method
@pytest.mark.parametrize("step", [1000, 134_000, 1 << 23])
@pytest.mark.parametrize("data", [b"", b"x", b"label\n" * 50, bytes(3 << 20), NOISE], ids=len)
def test_round_trip(method: int, step: int, data: bytes) -> None:
    decoder = MemberDecoder(method, len(data))
    assert decoded(decoder, packed(method, data), step=step) == data
    assert (decoder.produced, decoder.crc32) == (len(data), zlib.crc32(data))


@each_method
@pytest.mark.parametrize("data", [b"", b"x", b"label\n" * 50, bytes(3 << 20), NOISE], ids=len)
@pytest.mark.parametrize("view", [bytes, memoryview])
def test_a_whole_member_at_once(method: int, data: bytes, view: type) -> None:
    content = decode_member(view(packed(method, data)), method=method, size_bytes=len(data), crc32=zlib.crc32(data))
    assert content == data
    assert type(content) is bytes


@each_method
def test_byte_by_byte(method: int) -> None:
    data = b"0 0.5 0.5 0.1 0.1\n" * 100
    assert decoded(MemberDecoder(method, len(data)), packed(method, data), step=1) == data


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_agrees_with_zipfile(method: int) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        archive.writestr("a.txt", b"label\n" * 50)
        info = archive.getinfo("a.txt")
    data = out.getvalue()
    start = info.header_offset + local_data_offset(data[info.header_offset :][:30])
    raw = data[start : start + info.compress_size]
    assert decode_member(raw, method=method, size_bytes=info.file_size, crc32=info.CRC) == b"label\n" * 50


@pytest.mark.parametrize("size", [0, 1, 1000, 20_000])
@pytest.mark.parametrize("step", [1, 7, 1 << 16])
def test_lzma_without_an_end_marker_ends_with_its_size(size: int, step: int) -> None:
    data = NOISE[: size // 2] + bytes(size - size // 2)
    assert decoded(MemberDecoder(LZMA, size), zip_lzma_unmarked(data), step=step) == data
    with pytest.raises(BrokenMember, match="ends early"):
        decoded(MemberDecoder(LZMA, size + 50), zip_lzma_unmarked(data), step=step)


@pytest.mark.parametrize("header", [b"", b"\x10", b"\x10\x02\x05\0", b"\x10\x02\x05\0\x5d\0\0\1"])
def test_lzma_header_that_is_cut(header: bytes) -> None:
    with pytest.raises(BrokenMember, match="ends early"):
        decoded(MemberDecoder(LZMA, 5), header)


@pytest.mark.parametrize("header", [b"\x10\x02\x06\0" + bytes(20), b"\x10\x02\x05\0\xff" + bytes(20)])
def test_lzma_header_that_is_wrong(header: bytes) -> None:
    with pytest.raises(BrokenMember, match="is damaged"):
        decoded(MemberDecoder(LZMA, 5), header)


@each_method
@pytest.mark.parametrize("declared", [0, 1, 4999])
def test_stops_where_the_declared_size_is_passed(method: int, declared: int) -> None:
    data, raw = bytes(5000), packed(method, bytes(5000))
    expected = "its CRC-32 is" if method == LZMA else "expands beyond its declared size"  # LZMA ends with the size
    with pytest.raises(BrokenMember, match=expected):
        decode_member(raw, method=method, size_bytes=declared, crc32=zlib.crc32(data))
    if method != LZMA:
        with pytest.raises(BrokenMember, match=expected):
            decoded(MemberDecoder(method, declared), raw)


@each_compression
def test_a_bomb_costs_no_more_than_it_declares(method: int) -> None:
    decoder, bomb = MemberDecoder(method, 1000), packed(method, bytes(20 << 20))
    tracemalloc.start()
    if method == LZMA:
        assert decoded(decoder, bomb) == bytes(1000)
    else:
        with pytest.raises(BrokenMember):
            decoded(decoder, bomb)
        with pytest.raises(BrokenMember, match="expands beyond"):
            decode_member(bomb, method=method, size_bytes=1000, crc32=0)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert decoder.produced <= 1001
    assert peak < 4 << 20


@each_method
def test_notices_a_member_smaller_than_declared(method: int) -> None:
    with pytest.raises(BrokenMember, match="has 3 bytes where 4 are declared"):
        decoded(MemberDecoder(method, 4), packed(method, b"abc"))
    with pytest.raises(BrokenMember, match="has 3 bytes where 4 are declared"):
        decode_member(packed(method, b"abc"), method=method, size_bytes=4, crc32=None)


@each_compression
def test_notices_a_cut_and_a_damaged_stream(method: int) -> None:
    raw = packed(method, NOISE[:5000])
    for cut in (raw[: len(raw) // 2], raw[:1], b""):
        with pytest.raises(BrokenMember, match="ends early"):
            decoded(MemberDecoder(method, 5000), cut)
        with pytest.raises(BrokenMember, match="ends early"):
            decode_member(cut, method=method, size_bytes=5000, crc32=0)
    with pytest.raises(BrokenMember, match="is damaged"):
        decoded(MemberDecoder(method, 5000), b"\xff" * 100)
    with pytest.raises(BrokenMember, match="is damaged"):
        decode_member(b"\xff" * 100, method=method, size_bytes=5000, crc32=0)


@each_compression
def test_any_flipped_bit_is_broken_or_wrong(method: int) -> None:
    data, dice = NOISE[:300] + bytes(300), random.Random(method)
    raw = packed(method, data)
    for _ in range(300):
        spoilt = bytearray(raw)
        spoilt[dice.randrange(len(raw))] ^= 1 << dice.randrange(8)
        try:
            content = decode_member(spoilt, method=method, size_bytes=len(data), crc32=zlib.crc32(data))
        except BrokenMember:
            continue
        assert content == data  # a bit that means nothing


@each_method
def test_a_wrong_checksum(method: int) -> None:
    with pytest.raises(WrongChecksum, match="its CRC-32 is 352441c2, the directory says 00000007"):
        decode_member(packed(method, b"abc"), method=method, size_bytes=3, crc32=7)


@each_compression
def test_bytes_behind_the_stream_are_ignored(method: int) -> None:
    raw = packed(method, b"abc") + b"PK\7\x08 and more"
    assert decoded(MemberDecoder(method, 3), raw, step=4) == b"abc"
    assert decode_member(raw, method=method, size_bytes=3, crc32=None) == b"abc"


@pytest.mark.parametrize("method", [BZIP2, ZSTD, XZ])
@pytest.mark.parametrize("step", [1, 50, 1 << 16])
def test_a_member_packed_in_several_streams(method: int, step: int) -> None:
    raw = b"".join(packed(method, data) for data in (b"one", b"", b"two" * 1000))
    assert decoded(MemberDecoder(method, 3003), raw, step=step) == b"one" + b"two" * 1000


def test_windows_beyond_128_mib_are_refused_unless_the_content_is_small() -> None:
    raw = zip_lzma(b"content", stated=1 << 31)
    assert decode_member(raw, method=LZMA, size_bytes=7, crc32=None) == b"content"
    with pytest.raises(BrokenMember, match="needs a window of more than 128 MiB"):
        decode_member(raw, method=LZMA, size_bytes=200 << 20, crc32=None)
    long = zstd.ZstdCompressor(options={zstd.CompressionParameter.window_log: 28})
    frame = long.compress(b"x") + long.flush()
    with pytest.raises(BrokenMember, match="needs a window of more than 128 MiB"):
        decode_member(frame, method=ZSTD, size_bytes=200 << 20, crc32=None)


@pytest.mark.parametrize("method", [1, 6, 9, 19, 98, 99])
def test_other_methods_are_refused(method: int) -> None:
    with pytest.raises(BrokenMember, match=f"method {method} "):
        MemberDecoder(method, 10)
    with pytest.raises(BrokenMember, match=f"method {method} "):
        decode_member(b"", method=method, size_bytes=10, crc32=None)


def test_data_offset_is_that_of_the_local_header() -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive, archive.open("a name.txt", "w", force_zip64=True) as member:
        member.write(b"content")
    data = out.getvalue()
    offset = local_data_offset(data[:30])
    assert data[offset : offset + 7] == b"content"


def test_local_header_damage() -> None:
    with pytest.raises(BrokenMember, match="cut off"):
        local_data_offset(b"PK\3\4")
    with pytest.raises(BrokenMember, match="no local header"):
        local_data_offset(struct.pack("<4s26x", b"PK\1\2"))
