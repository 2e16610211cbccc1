"""Zips written byte by byte, for what `zipfile` refuses to write. Source: APPNOTE.TXT 6.3.10, section 4.3."""

import struct
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from tests.factories.packed_data import PACK

_LOCAL = struct.Struct("<4s5H3L2H")
_CENTRAL = struct.Struct("<4s6H3L5H2L")
_END = struct.Struct("<4s4H2LH")
_END64 = struct.Struct("<4sQ2H2L4Q")
_LOCATOR = struct.Struct("<4sLQL")
UTF8, DESCRIPTOR, ENCRYPTED = 0x0800, 0x0008, 0x0001
SYMLINK, DEVICE = 0o120777 << 16, 0o060666 << 16


@dataclass(frozen=True)
class RawMember:
    """One member as its headers state it; what is None is told truly. Methods that nobody reads leave data as it is."""

    name: bytes
    data: bytes = b""
    method: int = 8
    flags: int = 0
    crc: int | None = None
    size: int | None = None
    attributes: int = 0o644 << 16


def raw_zip(path: Path, members: Iterable[RawMember]) -> Path:
    """Write the members in this order."""
    path.write_bytes(raw_zip_bytes(members))
    return path


def raw_zip_bytes(members: Iterable[RawMember]) -> bytes:
    """A zip of the members in this order."""
    body, directory, count = bytearray(), bytearray(), 0
    for member in members:
        packed = PACK.get(member.method, bytes)(member.data)
        crc = zlib.crc32(member.data) if member.crc is None else member.crc
        size = len(member.data) if member.size is None else member.size
        at, described = len(body), member.flags & DESCRIPTOR
        sizes = (0, 0, 0) if described else (crc, len(packed), size)
        body += _LOCAL.pack(b"PK\3\4", 20, member.flags, member.method, 0, 0x21, *sizes, len(member.name), 0)
        body += member.name + packed
        if described:
            body += struct.pack("<4s3L", b"PK\7\x08", crc, len(packed), size)
        facts = (20, 20, member.flags, member.method, 0, 0x21, crc, len(packed), size, len(member.name), 0, 0, 0, 0)
        directory += _CENTRAL.pack(b"PK\1\2", *facts, member.attributes, at) + member.name
        count += 1
    end = _end(count, len(directory), len(body))
    return bytes(body + directory) + end


def _end(count: int, size: int, at: int) -> bytes:
    narrow = _END.pack(b"PK\5\6", 0, 0, min(count, 0xFFFF), min(count, 0xFFFF), size, at, 0)
    if count < 0xFFFF:
        return narrow
    wide = _END64.pack(b"PK\6\6", 44, 45, 45, 0, 0, count, count, size, at)
    return wide + _LOCATOR.pack(b"PK\6\7", 0, at + size, 1) + narrow


def million_members(path: Path, *, count: int = 1_000_000, config: bytes | None = None) -> Path:
    """A zip64 of `count` one-byte images, written quickly; with `config`, that is its data.yaml."""
    crc, width = zlib.crc32(b"x"), len(b"images/train/0000000.jpg")
    local_head = _LOCAL.pack(b"PK\3\4", 20, 0, 0, 0, 0x21, crc, 1, 1, width, 0)
    central_head = _CENTRAL.pack(b"PK\1\2", 20, 20, 0, 0, 0, 0x21, crc, 1, 1, width, 0, 0, 0, 0, 0o644 << 16, 0)[:-4]
    step = len(local_head) + width + 1
    names = [b"images/train/%07d.jpg" % number for number in range(count)]
    body = b"".join([local_head + name + b"x" for name in names])
    directory = b"".join(
        [central_head + (number * step).to_bytes(4, "little") + name for number, name in enumerate(names)]
    )
    if config is not None:
        head = _LOCAL.pack(b"PK\3\4", 20, 0, 0, 0, 0x21, zlib.crc32(config), len(config), len(config), 9, 0)
        facts = (20, 20, 0, 0, 0, 0x21, zlib.crc32(config), len(config), len(config), 9, 0, 0, 0, 0, 0o644 << 16)
        directory += _CENTRAL.pack(b"PK\1\2", *facts, len(body)) + b"data.yaml"
        body += head + b"data.yaml" + config
        count += 1
    with path.open("wb") as file:
        file.writelines((body, directory, _end(count, len(directory), len(body))))
    return path
