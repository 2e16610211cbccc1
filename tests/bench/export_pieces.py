"""Looking at an export where it is served: a few members of a zip by ranges, a few shards, never the whole."""

import random
import struct
import zlib
from dataclasses import dataclass
from typing import Any

from tests.bench.yard_access import KeptConnection

_END64, _END64_BYTES = b"PK\x06\x06", 98
_END_BYTES = 22
_RECORD = struct.Struct("<4s6H3I5H2I")
_LOCAL_BYTES = 30
_WINDOW = 256 << 10
_BLOCK = 512


@dataclass
class ServedExport:
    """An export's files, read by ranges. Each method says what is wrong, or nothing."""

    connection: KeptConnection
    path: str
    export: dict[str, Any]

    def wrong(self) -> list[str]:
        """What is not as it must be: lengths, the beginning, a place in the middle, the end."""
        files = self.export["files"]
        picked = sorted({0, len(files) // 2, len(files) - 1})
        found = []
        for number in picked:
            size, name = files[number]["size_bytes"], files[number]["name"]
            look = self._zip if name.endswith(".zip") else self._tar
            try:
                found += [f"{name}: {fault}" for fault in (*self._ranges(number, size), *look(number, size))]
            except (AssertionError, struct.error, IndexError, ValueError) as error:
                found.append(f"{name}: {error!r}")
        return found

    def _ranges(self, number: int, size: int) -> list[str]:
        """Windows of the file are the same, however they are asked for."""
        dice = random.Random(size)
        starts = [0, max(0, size // 2 - _WINDOW // 2), max(0, size - _WINDOW)]
        starts += [dice.randrange(max(1, size - _WINDOW)) for _ in range(3)]
        faults = []
        for start in starts:
            end = min(size, start + _WINDOW)
            cut = dice.randrange(start + 1, end)
            if self._read(number, start, end) != self._read(number, start, cut) + self._read(number, cut, end):
                faults.append(f"bytes {start} to {end} differ when they are asked for in two parts")
        return faults

    def _zip(self, number: int, size: int) -> list[str]:
        """The first, a middle and the last records lead to members of that name, with that checksum."""
        tail = self._read(number, size - _END64_BYTES, size)
        if tail.startswith(_END64):
            ends, (count, directory_bytes, at) = _END64_BYTES, struct.unpack_from("<3Q", tail, 32)
        else:
            ends, (count, directory_bytes, at) = _END_BYTES, struct.unpack_from("<H2I", tail, _END64_BYTES - 12)
        faults = [] if at + directory_bytes + ends == size else ["the directory does not end at the end"]
        if count < self.export["progress"]["images_done"]:
            faults.append(f"only {count} members")
        for start in (0, directory_bytes // 2, max(0, directory_bytes - _WINDOW)):
            window = self._read(number, at + start, min(at + directory_bytes, at + start + _WINDOW))
            record = window[window.index(b"PK\x01\x02") :] if start else window
            faults += self._member(number, record)
        return faults

    def _member(self, number: int, record: bytes) -> list[str]:
        fields = _RECORD.unpack_from(record)
        crc32, size, name_bytes, extra_bytes, offset = fields[7], fields[9], fields[10], fields[11], fields[16]
        name = record[_RECORD.size : _RECORD.size + name_bytes]
        if offset == 0xFFFFFFFF:
            extra = record[_RECORD.size + name_bytes : _RECORD.size + name_bytes + extra_bytes]
            (offset,) = struct.unpack_from("<Q", extra, len(extra) - 8)
        found = self._read(number, offset, offset + _LOCAL_BYTES + name_bytes + size)
        same = found[_LOCAL_BYTES : _LOCAL_BYTES + name_bytes] == name
        intact = zlib.crc32(found[_LOCAL_BYTES + name_bytes :]) == crc32
        return [] if same and intact else [f"{name!r} is not where, or not what, its record says"]

    def _tar(self, number: int, size: int) -> list[str]:
        """The header of the first member, and the end of two empty blocks."""
        head = self._read(number, 0, _BLOCK)
        told, summed = int(head[148:155].rstrip(b"\0 "), 8), sum(head[:148]) + 8 * 32 + sum(head[156:])
        faults = [] if told == summed else ["the first header's checksum is wrong"]
        return faults if not any(self._read(number, size - 2 * _BLOCK, size)) else [*faults, "no end of the archive"]

    def _read(self, number: int, start: int, end: int) -> bytes:
        path = f"{self.path}?shard={number}"
        answer = self.connection.get(path, {"Range": f"bytes={start}-{end - 1}"})
        assert answer.status == 206, answer.body[:300]
        assert len(answer.body) == end - start, f"{len(answer.body)} bytes instead of {end - start}"
        return answer.body
