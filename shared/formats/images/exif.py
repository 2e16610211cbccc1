"""The first directory of a TIFF structure, which is a TIFF image's header and also what EXIF blocks are made of.

Source: TIFF 6.0, section 2; BigTIFF as in libtiff's design note; EXIF 2.32, section 4.6.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from struct import Struct
from types import MappingProxyType

from shared.formats.images.header import NeedMoreBytes, UnreadableImage, require

WIDTH, HEIGHT, BITS, ORIENTATION, SAMPLE_FORMAT = 256, 257, 258, 274, 339
EXIF_MARK = b"Exif\0\0"

_WANTED = frozenset((WIDTH, HEIGHT, ORIENTATION))
_OF_EACH_SAMPLE = frozenset((BITS, SAMPLE_FORMAT))
_SHORT, _MOST_SAMPLES = 3, 64
_BITS_OF_TYPE = MappingProxyType({1: 8, 3: 16, 4: 32, 13: 32, 16: 64})
_MOST_ENTRIES = 65_535
_WHAT = "TIFF directory"


@dataclass(frozen=True, slots=True)
class _Layout:
    """How one of the four TIFF dialects writes its pointer, its entry count and its entries."""

    pointer: Struct
    pointer_at: int
    count: Struct
    entry: Struct
    value_bits: int
    big_endian: bool

    def value(self, field_type: int, field: int) -> int | None:
        """The number in an entry's value field, or None for a type that holds no single whole number."""
        bits = _BITS_OF_TYPE.get(field_type, self.value_bits + 1)
        if bits > self.value_bits:
            return None
        return field >> (self.value_bits - bits) if self.big_endian else field & ((1 << bits) - 1)


def _layout(order: str, *, big: bool) -> _Layout:
    pointer, count, entry = ("Q", "Q", "HHQQ") if big else ("L", "H", "HHLL")
    structs = Struct(order + pointer), Struct(order + count), Struct(order + entry)
    return _Layout(structs[0], 8 if big else 4, structs[1], structs[2], 64 if big else 32, order == ">")


_LAYOUTS: Mapping[bytes, _Layout] = MappingProxyType(
    {
        b"II*\0": _layout("<", big=False),
        b"MM\0*": _layout(">", big=False),
        b"II+\0": _layout("<", big=True),
        b"MM\0+": _layout(">", big=True),
    }
)
TIFF_MAGICS = tuple(_LAYOUTS)


def first_directory(data: bytes) -> dict[int, int]:
    """Width, height, orientation, and bits and kind of the first sample (by tag number), as far as `data` holds them.

    Raises UnreadableImage where there is no such directory and NeedMoreBytes where it lies beyond `data`.
    """
    layout = _LAYOUTS.get(data[:4])
    if layout is None:
        raise UnreadableImage("no TIFF header")
    start, end = _span(data, layout)
    found = {}
    for tag, field_type, count, field in layout.entry.iter_unpack(data[start:end]):
        if tag in _WANTED and count == 1 and (value := layout.value(field_type, field)) is not None:
            found[tag] = value
        elif tag in _OF_EACH_SAMPLE and field_type == _SHORT and 0 < count <= _MOST_SAMPLES:
            found |= _first_of(data, layout, (tag, count, field))
    return found


def _first_of(data: bytes, layout: _Layout, entry: tuple[int, int, int]) -> dict[int, int]:
    """The first of an entry's short numbers: in its value field, or where that points; nothing beyond `data`."""
    tag, count, field = entry
    if count * 16 <= layout.value_bits:
        return {tag: field >> (layout.value_bits - 16) if layout.big_endian else field & 0xFFFF}
    if field + 2 > len(data):
        return {}
    return {tag: int.from_bytes(data[field : field + 2], "big" if layout.big_endian else "little")}


def directory_offset(head: bytes) -> int | None:
    """Where the first directory of a TIFF starts; None for what is none, or too short to say so."""
    layout = _LAYOUTS.get(head[:4])
    if layout is None or len(head) < layout.pointer_at + layout.pointer.size:
        return None
    return int(layout.pointer.unpack_from(head, layout.pointer_at)[0])


def with_directory(head: bytes, directory: bytes) -> bytes:
    """A TIFF that is only described: the header of one whose directory is far behind, with that directory moved here.

    `directory_offset` gave a number for `head`, and `directory` are the bytes from there on.
    """
    layout = _LAYOUTS[head[:4]]
    moved = layout.pointer_at + layout.pointer.size
    lead = head[: layout.pointer_at] + layout.pointer.pack(moved)
    return lead + _moved_samples(directory, layout, moved - (directory_offset(head) or 0))


def _moved_samples(directory: bytes, layout: _Layout, by: int) -> bytes:
    """The directory, with what it says of each sample where it is moved to, as far as it was near."""
    moved = bytearray(directory)
    if len(moved) < layout.count.size:
        return directory
    (count,) = layout.count.unpack_from(moved)
    for number in range(min(count, (len(moved) - layout.count.size) // layout.entry.size)):
        at = layout.count.size + number * layout.entry.size
        tag, field_type, values, field = layout.entry.unpack_from(moved, at)
        if tag in _OF_EACH_SAMPLE and values * 16 > layout.value_bits:
            place = field + by if 0 <= field + by < 1 << layout.value_bits else (1 << layout.value_bits) - 1
            layout.entry.pack_into(moved, at, tag, field_type, values, place)
    return bytes(moved)


def _span(data: bytes, layout: _Layout) -> tuple[int, int]:
    """Where the first directory's entries start and end."""
    require(data, layout.pointer_at + layout.pointer.size, _WHAT)
    (offset,) = layout.pointer.unpack_from(data, layout.pointer_at)
    start = offset + layout.count.size
    require(data, start, _WHAT)
    (count,) = layout.count.unpack_from(data, offset)
    if not 0 < count <= _MOST_ENTRIES:
        raise UnreadableImage(f"TIFF directory of {count} entries")
    end = start + count * layout.entry.size
    require(data, end, _WHAT)
    return start, end


def orientation_in(found: Mapping[int, int]) -> int:
    """The orientation among a directory's values; 1 where it is missing or none of 1 to 8."""
    orientation = found.get(ORIENTATION, 1)
    return orientation if 1 <= orientation <= 8 else 1


def exif_orientation(block: bytes) -> int:
    """The orientation of an EXIF block (with or without its `Exif` mark); 1 where it has none or is broken."""
    try:
        return orientation_in(first_directory(block.removeprefix(EXIF_MARK)))
    except (UnreadableImage, NeedMoreBytes):
        return 1
