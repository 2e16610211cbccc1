"""Files that GNU tar stored without their holes. Source: the GNU tar manual, "Storing Sparse Files".

A map says which parts of the file the data are; all else is zeros. It stands in the header and the blocks behind it
(old GNU format), in the pax header (0.0 and 0.1), or in front of the data (1.0).
"""

from collections import deque
from collections.abc import Iterator, Mapping, Sequence

SPARSE_NUMBERS = "GNU.sparse.map"
MOST_EXTENTS = 100_000

_PREFIX = "GNU.sparse."
_LONGEST_NUMBER = 20
_BLOCK_BYTES = 512
# where the map and the size stand in an old GNU header, and the map in the blocks that continue it
_HEADER_AT, _HEADER_EXTENTS, _BLOCK_EXTENTS = 386, 4, 21
_NUMBER_BYTES = 12
_SIZE_AT = 483

Extent = tuple[int, int]
"""Where in the file some data go, and how many bytes they are."""


def is_sparse(records: Mapping[str, bytes]) -> bool:
    """Whether a pax header with these records announces a sparse file."""
    return any(keyword.startswith(_PREFIX) for keyword in records)


def header_extents(block: bytes) -> list[Extent]:
    """The part of the map that an old GNU header holds."""
    return list(_extents_at(block, _HEADER_AT, _HEADER_EXTENTS))


def block_extents(block: bytes) -> list[Extent]:
    """The part of the map that a block behind an old GNU header holds."""
    return list(_extents_at(block, 0, _BLOCK_EXTENTS))


def header_size(block: bytes) -> int | None:
    """The size of the whole file by an old GNU header; None if that is no number."""
    return _number(block[_SIZE_AT : _SIZE_AT + _NUMBER_BYTES])


def pax_size(records: Mapping[str, bytes]) -> int | None:
    """The size of the whole file by a pax header; None if it says none."""
    stated = records.get(f"{_PREFIX}realsize") or records.get(f"{_PREFIX}size") or b""
    return int(stated) if stated.isdigit() and len(stated) <= _LONGEST_NUMBER else None


def pax_extents(records: Mapping[str, bytes]) -> list[Extent] | None:
    """The map by a pax header; None if it stands in front of the data. Raises ValueError if it is malformed."""
    if records.get(f"{_PREFIX}major", b"0") != b"0":
        return None
    text = records.get(SPARSE_NUMBERS, b"")
    return _paired(text.split(b",")) if text else []


class MapText:
    """Reads the map of format 1.0 off the front of the data: decimal numbers, one a line, in whole blocks."""

    def __init__(self) -> None:
        self._text = b""

    def feed(self, data: bytes | memoryview) -> tuple[list[Extent], bytes] | None:
        """The map and the data behind it once they are there. Raises ValueError if it is malformed."""
        self._text += data
        first, _, _ = self._text[: _LONGEST_NUMBER + 1].partition(b"\n")
        if first == self._text and len(first) <= _LONGEST_NUMBER:
            return None
        lines = 1 + 2 * _number_of(first)
        longest = lines * (_LONGEST_NUMBER + 1)
        if lines > 2 * MOST_EXTENTS:
            raise ValueError(f"a sparse file of {lines // 2} parts")
        numbers = self._text[:longest].split(b"\n", lines)
        if len(numbers) <= lines:
            if len(self._text) > longest:
                raise ValueError("a map of a sparse file that does not end")
            return None
        end = sum(len(number) + 1 for number in numbers[:lines])
        end = -(-end // _BLOCK_BYTES) * _BLOCK_BYTES
        return (_paired(numbers[1:lines]), self._text[end:]) if len(self._text) >= end else None


class Expansion:
    """A sparse file's content from its map and its data."""

    def __init__(self, extents: Sequence[Extent], size_bytes: int) -> None:
        self._parts = deque(_parts(extents, size_bytes))
        self._pending = b""

    @property
    def ended(self) -> bool:
        """Whether all of the file has been given."""
        return not self._parts

    def take(self, data: bytes | memoryview, most: int) -> bytes:
        """At most `most` bytes of content; none if more data are needed first."""
        self._pending = self._pending + data if self._pending else bytes(data)
        if not self._parts:
            return b""
        is_data, length = self._parts.popleft()
        count = min(length, most, len(self._pending)) if is_data else min(length, most)
        if count < length:
            self._parts.appendleft((is_data, length - count))
        if not is_data:
            return bytes(count)
        piece, self._pending = self._pending[:count], self._pending[count:]
        return piece


def _parts(extents: Sequence[Extent], size_bytes: int) -> Iterator[tuple[bool, int]]:
    """By turns holes and data, each with its length, that make up the file. Raises ValueError if they cannot."""
    at = 0
    for offset, length in (*extents, (size_bytes, 0)):
        if offset < at:
            raise ValueError("parts of a sparse file overlap or reach beyond its end")
        if offset > at:
            yield False, offset - at
        if length:
            yield True, length
        at = offset + length


def _extents_at(block: bytes, start: int, count: int) -> Iterator[Extent]:
    for at in range(start, start + count * 2 * _NUMBER_BYTES, 2 * _NUMBER_BYTES):
        offset = _number(block[at : at + _NUMBER_BYTES])
        length = _number(block[at + _NUMBER_BYTES : at + 2 * _NUMBER_BYTES])
        if offset is None or length is None:
            return
        yield offset, length


def _number(field: bytes) -> int | None:
    """A number of a tar header: octal text, or binary if the first bit is set; None if the field is neither."""
    if field[:1] >= b"\x80":
        return int.from_bytes(bytes((field[0] & 0x7F,)) + field[1:], "big")
    text = field.partition(b"\0")[0].strip()
    return int(text, 8) if text and not text.strip(b"01234567") else None


def _number_of(text: bytes) -> int:
    if not (text.isdigit() and len(text) <= _LONGEST_NUMBER):
        raise ValueError("a map of a sparse file holds what is no number")
    return int(text)


def _paired(texts: Sequence[bytes]) -> list[Extent]:
    numbers = [_number_of(text) for text in texts]
    return list(zip(numbers[::2], numbers[1::2], strict=True))
