"""Records of a zip's central directory, taken together where there is nothing to say about any of them.

Checking columns costs a third of judging each entry; an archive of millions nearly always passes.
"""

from collections.abc import Sequence
from struct import Struct
from typing import TypeAlias

from shared.formats.archives.entry import PlainEntries
from shared.formats.archives.plain_names import all_plain
from shared.formats.archives.verdict import RATIO_MATTERS_BYTES, READ_METHODS

Record: TypeAlias = tuple[int, int, int, int, int, int, int, int, int, int, int]
"""Signature, flags, method, CRC-32, sizes, lengths of name, extra field and comment, external attributes, offset."""

_SATURATED = 0xFFFFFFFF
_ODD_FLAGS = 0x2041  # encrypted, in one way or another
_FILE_TYPES = frozenset((0x0, 0x8))  # of the Unix mode: unknown, and regular file
_WIDE_OFFSET = Struct("<HHQ")


def plain_entries(records: Sequence[tuple[Record, int]], buffer: bytearray, prefix_bytes: int) -> PlainEntries | None:
    """The entries of the records, or None when any of them has to be looked at by itself.

    Each record comes with the place of its name in `buffer`.
    """
    if not records:
        return None
    rows, starts = zip(*records, strict=True)
    _, flags, methods, crcs, compressed, sizes, lengths, extras, _, attributes, offsets = zip(*rows, strict=True)
    if not _is_plain(flags, methods, sizes, attributes) or _SATURATED in compressed:
        return None
    names = [bytes(buffer[start : start + length]) for start, length in zip(starts, lengths, strict=True)]
    if not all_plain(names):
        return None
    if any(extras):
        fields = [(start + length, extra) for start, length, extra in zip(starts, lengths, extras, strict=True)]
        wide = _offsets(offsets, fields, buffer)
        if wide is None:
            return None
        offsets = tuple(wide)
    if prefix_bytes:
        offsets = tuple(offset + prefix_bytes for offset in offsets)
    return None if _SATURATED in offsets else PlainEntries(names, offsets, compressed, sizes, bytes(methods), crcs)


def _is_plain(flags: Sequence[int], methods: Sequence[int], sizes: Sequence[int], attributes: Sequence[int]) -> bool:
    return (
        not any(flag & _ODD_FLAGS for flag in set(flags))
        and READ_METHODS.issuperset(methods)
        and max(sizes) <= RATIO_MATTERS_BYTES
        and _FILE_TYPES.issuperset(attribute >> 28 for attribute in set(attributes))
    )


def _offsets(offsets: Sequence[int], fields: Sequence[tuple[int, int]], buffer: bytearray) -> list[int] | None:
    """The offsets, from the zip64 field where that is all an extra field holds; None for any other that matters."""
    found = []
    for narrow, (start, length) in zip(offsets, fields, strict=True):
        offset = narrow
        if narrow == _SATURATED:
            kind, size, offset = _WIDE_OFFSET.unpack_from(buffer, start) if length == _WIDE_OFFSET.size else (0, 0, 0)
            if (kind, size) != (1, 8):
                return None
        elif length and b"up" in buffer[start : start + length]:
            return None  # perhaps another name, in Unicode
        found.append(offset)
    return found
