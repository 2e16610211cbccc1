"""Compressed streams: any number of members, any chunking; damage is told from an early end."""

import bz2
import gzip
import random
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.features.imports.archive import Inflation
from shared.formats.archives.detect import ArchiveKind
from shared.formats.archives.errors import BrokenArchive

KINDS = {ArchiveKind.TAR_GZ: lambda data: gzip.compress(data, mtime=0), ArchiveKind.TAR_BZ2: bz2.compress}
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


@pytest.mark.parametrize("step", [1, 3, 1 << 16])
@pytest.mark.parametrize("zeros", [1, 8, 512, 100_000])
def test_zeros_after_a_gzip_stream_are_padding(step: int, zeros: int) -> None:
    data = KINDS[ArchiveKind.TAR_GZ](b"content") + bytes(zeros)
    assert inflate(ArchiveKind.TAR_GZ, data, step=step) == b"content"


@pytest.mark.parametrize("step", [1, 3, 1 << 16])
def test_zeros_between_gzip_members_are_padding(step: int) -> None:
    data = KINDS[ArchiveKind.TAR_GZ](b"one") + bytes(100) + KINDS[ArchiveKind.TAR_GZ](b"two")
    assert inflate(ArchiveKind.TAR_GZ, data, step=step) == b"onetwo"
