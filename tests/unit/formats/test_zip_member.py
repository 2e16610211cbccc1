"""Members of a zip decoded piece by piece, and everything that can be wrong with them."""

import io
import random
import struct
import zipfile
import zlib

import pytest

from shared.formats.archives.entry import DEFLATED, STORED
from shared.formats.archives.errors import BrokenMember
from shared.formats.archives.zip_member import PIECE_BYTES, MemberDecoder, local_data_offset

NOISE = random.Random(7).randbytes(3 << 20)


def deflated(data: bytes) -> bytes:
    packer = zlib.compressobj(6, zlib.DEFLATED, -15)
    return packer.compress(data) + packer.flush()


def decoded(decoder: MemberDecoder, raw: bytes, *, step: int = 1 << 16) -> bytes:
    pieces: list[bytes] = []
    for start in range(0, len(raw), step):
        pieces += decoder.decode(raw[start : start + step])
    pieces += decoder.finish()
    assert all(0 < len(piece) <= PIECE_BYTES for piece in pieces)
    return b"".join(pieces)


@pytest.mark.parametrize("method", [STORED, DEFLATED])
@pytest.mark.parametrize("step", [1000, 134_000, 1 << 23])
@pytest.mark.parametrize("data", [b"", b"x", b"label\n" * 50, bytes(5 << 20), NOISE], ids=len)
def test_round_trip(method: int, step: int, data: bytes) -> None:
    decoder = MemberDecoder(method, len(data))
    raw = deflated(data) if method == DEFLATED else data
    assert decoded(decoder, raw, step=step) == data
    assert (decoder.produced, decoder.crc32) == (len(data), zlib.crc32(data))


def test_byte_by_byte() -> None:
    data = b"0 0.5 0.5 0.1 0.1\n" * 100
    assert decoded(MemberDecoder(DEFLATED, len(data)), deflated(data), step=1) == data


@pytest.mark.parametrize("declared", [0, 1, 4999])
@pytest.mark.parametrize("method", [STORED, DEFLATED])
def test_stops_where_the_declared_size_is_passed(method: int, declared: int) -> None:
    raw = deflated(bytes(5000)) if method == DEFLATED else bytes(5000)
    decoder = MemberDecoder(method, declared)
    with pytest.raises(BrokenMember, match="expands beyond its declared size"):
        decoded(decoder, raw)


def test_a_bomb_costs_no_more_than_it_declares() -> None:
    decoder = MemberDecoder(DEFLATED, 1000)
    with pytest.raises(BrokenMember):
        decoded(decoder, deflated(bytes(50 << 20)))
    assert decoder.produced == 1001


@pytest.mark.parametrize("method", [STORED, DEFLATED])
def test_notices_a_member_smaller_than_declared(method: int) -> None:
    raw = deflated(b"abc") if method == DEFLATED else b"abc"
    with pytest.raises(BrokenMember, match="has 3 bytes where 4 are declared"):
        decoded(MemberDecoder(method, 4), raw)


def test_notices_a_cut_and_a_damaged_stream() -> None:
    raw = deflated(NOISE[:5000])
    with pytest.raises(BrokenMember, match="ends early"):
        decoded(MemberDecoder(DEFLATED, 5000), raw[:-10])
    with pytest.raises(BrokenMember, match="is damaged"):
        decoded(MemberDecoder(DEFLATED, 5000), b"\xff" * 100)


def test_bytes_behind_the_stream_are_ignored() -> None:
    assert decoded(MemberDecoder(DEFLATED, 3), deflated(b"abc") + b"PK\7\x08 and more", step=4) == b"abc"


def test_other_methods_are_refused() -> None:
    with pytest.raises(BrokenMember, match="method 9 "):
        MemberDecoder(9, 10)


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
