"""Zips whose records may say anything: each header field can be overridden. Source: APPNOTE.TXT 6.3.10, section 4.3."""

import struct
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

LOCAL, CENTRAL = struct.Struct("<4s5H3L2H"), struct.Struct("<4s6H3L5H2L")
END, END64, LOCATOR = struct.Struct("<4s4H2LH"), struct.Struct("<4sQ2H2L4Q"), struct.Struct("<4sLQL")
_COMMON_FIELDS = ["version", "flags", "method", "time", "date", "crc", "packed", "size", "name_bytes", "extra_bytes"]
_LOCAL_FIELDS = ["mark", *_COMMON_FIELDS]
_CENTRAL_FIELDS = ["mark", "made", *_COMMON_FIELDS, "comment_bytes", "disk", "internal", "attributes", "offset"]
_END_FIELDS = ["mark", "disk", "directory_disk", "here", "entries", "size", "offset", "comment_bytes"]
_END64_FIELDS = [
    "mark",
    "record_bytes",
    "made",
    "version",
    "disk",
    "directory_disk",
    "here",
    "entries",
    "size",
    "offset",
]
_LOCATOR_FIELDS = ["mark", "disk", "offset", "disks"]
SATURATED = 0xFFFFFFFF

Fields = Mapping[str, int | bytes]


@dataclass(frozen=True)
class Forged:
    """One member. `local` and `central` override fields of its two headers; `behind` follows its data."""

    name: bytes
    data: bytes = b""
    method: int = 8
    flags: int = 0
    local: Fields = field(default_factory=dict)
    central: Fields = field(default_factory=dict)
    local_name: bytes | None = None
    extra: bytes = b""
    local_extra: bytes = b""
    comment: bytes = b""
    packed: bytes | None = None
    behind: bytes = b""


@dataclass(frozen=True)
class Ending:
    """What stands behind the directory: the end record, and a zip64 one if `wide` is given."""

    end: Fields = field(default_factory=dict)
    wide: Fields | None = None
    locator: Fields = field(default_factory=dict)
    comment: bytes = b""
    before: bytes = b""
    behind: bytes = b""


def forged_zip(path: Path, members: Sequence[Forged], ending: Ending | None = None, *, prefix: bytes = b"") -> Path:
    """Write the members in this order, the directory, and its end."""
    body, directory = bytearray(prefix), bytearray()
    for member in members:
        facts = _facts(member)
        directory += _central(member, facts, at=len(body) - len(prefix))
        body += _local(member, facts) + _packed(member) + member.behind
    at = len(body) - len(prefix)
    said = {"here": len(members), "entries": len(members), "size": len(directory), "offset": at}
    path.write_bytes(bytes(body + directory) + _tail(ending or Ending(), said, len(body) + len(directory)))
    return path


def zip64_extra(*values: int) -> bytes:
    """The extra field that holds what 32 bits cannot: size, compressed size, offset, in this order."""
    return struct.pack(f"<HH{len(values)}Q", 1, 8 * len(values), *values)


def descriptor(crc: int, packed: int, size: int) -> bytes:
    """What stands behind the data of a member whose sizes were not known before."""
    return struct.pack("<4s3L", b"PK\7\x08", crc, packed, size)


def deflated(data: bytes) -> bytes:
    """A raw deflate stream."""
    packer = zlib.compressobj(6, zlib.DEFLATED, -15)
    return packer.compress(data) + packer.flush()


def _packed(member: Forged) -> bytes:
    if member.packed is not None:
        return member.packed
    return deflated(member.data) if member.method == 8 else member.data


def _facts(member: Forged) -> dict[str, int | bytes]:
    return {
        "version": 20,
        "flags": member.flags,
        "method": member.method,
        "time": 0,
        "date": 0x21,
        "crc": zlib.crc32(member.data),
        "packed": len(_packed(member)),
        "size": len(member.data),
    }


def _local(member: Forged, facts: Fields) -> bytes:
    name = member.name if member.local_name is None else member.local_name
    lengths: Fields = {"mark": b"PK\3\4", "name_bytes": len(name), "extra_bytes": len(member.local_extra)}
    return _record(LOCAL, _LOCAL_FIELDS, {**facts, **lengths, **member.local}) + name + member.local_extra


def _central(member: Forged, facts: Fields, *, at: int) -> bytes:
    own: Fields = {
        "mark": b"PK\1\2",
        "made": 20,
        "name_bytes": len(member.name),
        "extra_bytes": len(member.extra),
        "comment_bytes": len(member.comment),
        "disk": 0,
        "internal": 0,
        "attributes": 0o644 << 16,
        "offset": at,
    }
    record = _record(CENTRAL, _CENTRAL_FIELDS, {**facts, **own, **member.central})
    return record + member.name + member.extra + member.comment


def _tail(ending: Ending, said: Fields, at: int) -> bytes:
    disks: Fields = {"disk": 0, "directory_disk": 0, "comment_bytes": len(ending.comment)}
    narrow = _record(END, _END_FIELDS, {"mark": b"PK\5\6", **disks, **said, **ending.end})
    wide = b""
    if ending.wide is not None:
        own: Fields = {"mark": b"PK\6\6", "record_bytes": 44, "made": 45, "version": 45, **disks}
        wide = _record(END64, _END64_FIELDS, {**own, **said, **ending.wide})
        place: Fields = {"mark": b"PK\6\7", "disk": 0, "offset": at + len(ending.before), "disks": 1}
        wide += _record(LOCATOR, _LOCATOR_FIELDS, {**place, **ending.locator})
    return ending.before + wide + narrow + ending.comment + ending.behind


def _record(layout: struct.Struct, names: Sequence[str], values: Fields) -> bytes:
    return layout.pack(*(values[name] for name in names))
