"""Zips of stored members, laid out from names, sizes and checksums alone: no content is needed to know every byte.

Source: APPNOTE.TXT 6.3.10, sections 4.3.7 (local header), 4.3.12 (directory), 4.3.14-16 (ends), 4.5.3 (zip64). Times
are 1 January 1980, names are UTF-8, there are no data descriptors: the same members always give the same bytes.
"""

from struct import Struct
from typing import NamedTuple

_LOCAL = Struct("<4s5H3I2H")
_CENTRAL = Struct("<4s6H3I5H2I")
_END64 = Struct("<4sQ2H2I4Q")
_LOCATOR64 = Struct("<4sIQI")
_END = Struct("<4s4H2IH")
_UTF8 = 0x0800
_STORED = 0
_PLAIN_VERSION, _ZIP64_VERSION = 20, 45
_MADE_BY_UNIX = 3 << 8
_REGULAR_FILE = 0o100644 << 16
_TIME, _DATE = 0, 0x21
_FULL32, _FULL16 = 0xFFFFFFFF, 0xFFFF
_ZIP64_FIELD = 1


class StoredMember(NamedTuple):
    """A member as the directory describes it; the offset is that of its local header."""

    name: str
    size_bytes: int
    crc32: int
    offset: int


def local_header(name: str, size_bytes: int, crc32: int) -> bytes:
    """What stands before a member's bytes."""
    encoded = name.encode()
    sizes, extra, version = size_bytes, b"", _PLAIN_VERSION
    if size_bytes >= _FULL32:
        sizes, extra, version = _FULL32, _zip64_field(size_bytes, size_bytes), _ZIP64_VERSION
    fields = (version, _UTF8, _STORED, _TIME, _DATE, crc32, sizes, sizes, len(encoded), len(extra))
    return _LOCAL.pack(b"PK\x03\x04", *fields) + encoded + extra


def directory_record(member: StoredMember) -> bytes:
    """The member's record of the central directory."""
    encoded = member.name.encode()
    size, offset = member.size_bytes, member.offset
    wide = ([size, size] if size >= _FULL32 else []) + ([offset] if offset >= _FULL32 else [])
    extra, version = (_zip64_field(*wide), _ZIP64_VERSION) if wide else (b"", _PLAIN_VERSION)
    shown = min(size, _FULL32)
    fields = (_MADE_BY_UNIX | version, version, _UTF8, _STORED, _TIME, _DATE, member.crc32, shown, shown, len(encoded))
    rest = (len(extra), 0, 0, 0, _REGULAR_FILE, min(offset, _FULL32))
    return _CENTRAL.pack(b"PK\x01\x02", *fields, *rest) + encoded + extra


def directory_end(count: int, *, offset: int, size_bytes: int) -> bytes:
    """What stands behind the central directory of `count` records."""
    narrow = _END.pack(
        b"PK\x05\x06", 0, 0, min(count, _FULL16), min(count, _FULL16), min(size_bytes, _FULL32), min(offset, _FULL32), 0
    )
    if count < _FULL16 and offset < _FULL32 and size_bytes < _FULL32:
        return narrow
    made_by = _MADE_BY_UNIX | _ZIP64_VERSION
    rest = _END64.size - 12
    wide = _END64.pack(b"PK\x06\x06", rest, made_by, _ZIP64_VERSION, 0, 0, count, count, size_bytes, offset)
    return wide + _LOCATOR64.pack(b"PK\x06\x07", 0, offset + size_bytes, 1) + narrow


def _zip64_field(*values: int) -> bytes:
    return Struct(f"<HH{len(values)}Q").pack(_ZIP64_FIELD, 8 * len(values), *values)
