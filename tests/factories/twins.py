"""Images that are not the same, though their size and CRC-32 say so."""

import zlib

_BITS = 32


def with_crc_of(other: bytes, image: bytes) -> bytes:
    """The image, as long as `other` and with its CRC-32: the four bytes before its last two make up for it."""
    assert len(image) + 4 <= len(other)
    start, end = image[:-2] + bytes(len(other) - len(image) - 4), image[-2:]
    return start + _patch(start, end, zlib.crc32(other)) + end


def _patch(start: bytes, end: bytes, wanted: int) -> bytes:
    """Four bytes between `start` and `end`. A CRC is linear: what each bit changes is eliminated one by one."""

    def crc(middle: int) -> int:
        return zlib.crc32(start + middle.to_bytes(4, "big") + end)

    plain = crc(0)
    rows: dict[int, tuple[int, int]] = {}
    for bit in range(_BITS):
        change, bits = _reduced(crc(1 << bit) ^ plain, 1 << bit, rows)
        rows[change.bit_length()] = change, bits
    left, bits = _reduced(wanted ^ plain, 0, rows)
    assert left == 0
    return bits.to_bytes(4, "big")


def _reduced(change: int, bits: int, rows: dict[int, tuple[int, int]]) -> tuple[int, int]:
    while change and (row := rows.get(change.bit_length())):
        change, bits = change ^ row[0], bits ^ row[1]
    return change, bits
