"""The CRC-32 of appended zeros, against the one that goes through them."""

import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.bench.crc_of_zeros import crc_with_zeros


@given(st.binary(max_size=100), st.integers(0, 20_000))
def test_it_is_the_crc_of_the_whole(data: bytes, zeros: int) -> None:
    assert crc_with_zeros(zlib.crc32(data), zeros) == zlib.crc32(bytes(zeros), zlib.crc32(data))


@pytest.mark.parametrize("zeros", [0, 1, 4095, 4096, 4097, 3_000_001])
def test_at_the_edges(zeros: int) -> None:
    assert crc_with_zeros(zlib.crc32(b"head"), zeros) == zlib.crc32(b"head" + bytes(zeros))
