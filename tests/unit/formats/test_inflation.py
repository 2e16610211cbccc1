"""Compressed streams: any number of members, any chunking; damage is told from an early end."""

import bz2
import gzip
import lzma
import random
import zlib
from collections.abc import Callable, Iterator, Mapping

import pytest
from backports import zstd
from hypothesis import given
from hypothesis import strategies as st

from shared.formats.archives.detect import ArchiveKind
from shared.formats.archives.errors import BrokenArchive
from shared.formats.archives.inflation import Inflation

KINDS: Mapping[ArchiveKind, Callable[[bytes], bytes]] = {
    ArchiveKind.TAR_GZ: lambda data: gzip.compress(data, mtime=0),
    ArchiveKind.TAR_BZ2: bz2.compress,
    ArchiveKind.TAR_XZ: lzma.compress,
    ArchiveKind.TAR_ZST: lambda data: zstd.compress(data, options={zstd.CompressionParameter.checksum_flag: 1}),
}
PIECE_BYTES = 1 << 20
each_kind = pytest.mark.parametrize("kind", KINDS, ids=str)


def chunks(data: bytes, size: int) -> Iterator[bytes]:
    return (data[at : at + size] for at in range(0, len(data), size))


def inflate(kind: ArchiveKind, data: bytes, *, step: int = 1 << 16) -> bytes:
    inflation = Inflation(kind)
    out = b"".join(piece for chunk in chunks(data, step) for piece in inflation.feed(chunk))
    inflation.close()
    return out


@given(
    kind=st.sampled_from(list(KINDS)),
    members=st.lists(st.binary(max_size=200), min_size=1, max_size=4),
    step=st.integers(1, 300),
)
def test_members_are_read_as_one_stream_however_they_are_cut(
    kind: ArchiveKind, members: list[bytes], step: int
) -> None:
    data = b"".join(KINDS[kind](member) for member in members)
    assert inflate(kind, data, step=step) == b"".join(members)


@each_kind
def test_what_comes_out_comes_in_pieces(kind: ArchiveKind) -> None:
    inflation = Inflation(kind)
    sizes = [len(piece) for piece in inflation.feed(KINDS[kind](bytes(5 * PIECE_BYTES)))]
    inflation.close()
    assert sum(sizes) == 5 * PIECE_BYTES
    assert max(sizes) <= PIECE_BYTES


@each_kind
@pytest.mark.parametrize("step", [1, 7, 1 << 16])
def test_an_early_end_is_said_at_the_end(kind: ArchiveKind, step: int) -> None:
    whole = KINDS[kind](random.Random(1).randbytes(5000))
    for keep in (1, 5, len(whole) // 2, len(whole) - 1):
        with pytest.raises(BrokenArchive, match="ends early"):
            inflate(kind, whole[:keep], step=step)


@each_kind
def test_a_second_member_that_is_cut_off_counts_too(kind: ArchiveKind) -> None:
    with pytest.raises(BrokenArchive, match="ends early"):
        inflate(kind, KINDS[kind](b"one") + KINDS[kind](b"two")[:-3])


@each_kind
def test_nothing_is_no_stream(kind: ArchiveKind) -> None:
    with pytest.raises(BrokenArchive):
        inflate(kind, b"")


@each_kind
def test_damage_is_found(kind: ArchiveKind) -> None:
    data = bytearray(KINDS[kind](random.Random(1).randbytes(5000)))
    data[len(data) // 2] ^= 0xFF
    with pytest.raises(BrokenArchive):
        inflate(kind, bytes(data))


@each_kind
def test_a_wrong_checksum_is_found(kind: ArchiveKind) -> None:
    data = bytearray(KINDS[kind](b"content" * 100))
    data[-6] ^= 0xFF
    with pytest.raises(BrokenArchive):
        inflate(kind, bytes(data))


@each_kind
@pytest.mark.parametrize("step", [1, 1 << 16])
def test_garbage_after_the_stream_is_damage(kind: ArchiveKind, step: int) -> None:
    with pytest.raises(BrokenArchive):
        inflate(kind, KINDS[kind](b"content") + b"garbage garbage garbage", step=step)


@each_kind
@pytest.mark.parametrize("step", [1, 3, 1 << 16])
@pytest.mark.parametrize("zeros", [1, 8, 512, 100_000])
def test_zeros_after_a_stream_are_padding(kind: ArchiveKind, step: int, zeros: int) -> None:
    assert inflate(kind, KINDS[kind](b"content") + bytes(zeros), step=step) == b"content"


@each_kind
@pytest.mark.parametrize("step", [1, 3, 1 << 16])
def test_zeros_between_streams_are_padding(kind: ArchiveKind, step: int) -> None:
    assert inflate(kind, KINDS[kind](b"one") + bytes(100) + KINDS[kind](b"two"), step=step) == b"onetwo"


@pytest.mark.parametrize("step", [1, 3, 1 << 16])
def test_skippable_zstd_frames_are_skipped(step: int) -> None:
    frame = KINDS[ArchiveKind.TAR_ZST](b"content")
    skippable = b"\x52\x2a\x4d\x18" + (5).to_bytes(4, "little") + b"index"
    assert inflate(ArchiveKind.TAR_ZST, skippable + frame + skippable + frame, step=step) == b"content" * 2


@pytest.mark.parametrize("preset", [0, 6, 9])
def test_every_preset_of_xz_fits(preset: int) -> None:
    assert inflate(ArchiveKind.TAR_XZ, lzma.compress(b"content", preset=preset)) == b"content"


def xz_with_window(window: int) -> bytes:
    """An xz stream whose block asks for a dictionary of that many bytes, without the compressor having one."""
    small = bytearray(lzma.compress(b"content", filters=[{"id": lzma.FILTER_LZMA2, "dict_size": 1 << 12}]))
    header = small[12 : 12 + (small[12] + 1) * 4]
    at = header.index(b"\x21\x01") + 2  # filter LZMA2, one byte of properties
    header[at] = (window.bit_length() - 1 - 12) * 2
    header[-4:] = zlib.crc32(header[:-4]).to_bytes(4, "little")
    small[12 : 12 + len(header)] = header
    return bytes(small)


def zstd_with_window(log: int) -> bytes:
    """A zstd frame whose header asks for a window of 2**log bytes."""
    parameters = zstd.CompressionParameter
    packer = zstd.ZstdCompressor(options={parameters.window_log: 10, parameters.content_size_flag: 0})
    # in two parts, or the packer knows the size and leaves the window out
    frame = bytearray(packer.compress(b"con") + packer.compress(b"tent", zstd.ZstdCompressor.FLUSH_FRAME))
    assert not frame[4] & 0x20, "a single segment has no window"
    frame[5] = (log - 10) << 3
    return bytes(frame)


@pytest.mark.parametrize(
    ("kind", "data"),
    [(ArchiveKind.TAR_XZ, xz_with_window(1 << 27)), (ArchiveKind.TAR_ZST, zstd_with_window(27))],
    ids=str,
)
def test_a_window_of_128_mib_is_granted(kind: ArchiveKind, data: bytes) -> None:
    assert inflate(kind, data) == b"content"


@pytest.mark.parametrize(
    ("kind", "data"),
    [(ArchiveKind.TAR_XZ, xz_with_window(1 << 28)), (ArchiveKind.TAR_ZST, zstd_with_window(28))],
    ids=str,
)
def test_a_larger_window_is_refused_in_words(kind: ArchiveKind, data: bytes) -> None:
    with pytest.raises(BrokenArchive, match="needs a window of more than 128 MiB"):
        inflate(kind, data)
