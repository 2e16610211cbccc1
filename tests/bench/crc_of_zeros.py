"""The CRC-32 of bytes followed by zeros, without going through the zeros.

A CRC register is a vector over GF(2) and a zero byte changes it by a fixed matrix M, so n zero bytes change it by M^n,
found by squaring. Source: zlib's `crc32_combine`, M. Adler; the polynomial is that of ISO 3309.
"""

from collections.abc import Sequence
from functools import lru_cache

_POLYNOMIAL = 0xEDB88320
_ALL = 0xFFFFFFFF
_PAGE = 4096

Matrix = Sequence[int]  # the images of the 32 unit vectors
Table = tuple[Sequence[int], Sequence[int], Sequence[int], Sequence[int]]  # the matrix, applied to each byte


def crc_with_zeros(crc: int, zeros: int) -> int:
    """The CRC-32 of data whose CRC-32 is `crc`, followed by `zeros` zero bytes."""
    register = crc ^ _ALL
    for count in (zeros // _PAGE * _PAGE, zeros % _PAGE):
        first, second, third, fourth = _table(count)
        register = (
            first[register & 255] ^ second[register >> 8 & 255] ^ third[register >> 16 & 255] ^ fourth[register >> 24]
        )
    return register ^ _ALL


@lru_cache(maxsize=8192)
def _table(zeros: int) -> Table:
    """What `zeros` zero bytes do to each byte of the register."""
    matrix = _power(zeros)
    first, second, third, fourth = ([_apply(matrix, byte << shift) for byte in range(256)] for shift in (0, 8, 16, 24))
    return first, second, third, fourth


def _power(zeros: int) -> Matrix:
    result: Matrix = [1 << bit for bit in range(32)]
    square, left = _one_zero_byte(), zeros
    while left:
        if left & 1:
            result = [_apply(square, column) for column in result]
        square, left = [_apply(square, column) for column in square], left >> 1
    return result


def _one_zero_byte() -> Matrix:
    columns = [1 << bit for bit in range(32)]
    for _ in range(8):
        columns = [column >> 1 ^ (_POLYNOMIAL if column & 1 else 0) for column in columns]
    return columns


def _apply(matrix: Matrix, vector: int) -> int:
    image = 0
    for column in matrix:
        if vector & 1:
            image ^= column
        vector >>= 1
    return image
