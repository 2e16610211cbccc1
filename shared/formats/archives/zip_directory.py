"""The central directory of a zip, parsed from chunks of any size. Source: APPNOTE.TXT 6.3.10, section 4.3.12."""

from collections.abc import Iterator, Sequence
from struct import Struct
from zlib import crc32

from shared.formats.archives.entry import ArchiveEntry, EntryKind, PlainEntries
from shared.formats.archives.errors import BrokenArchive
from shared.formats.archives.name_encoding import HeldEntries, undecided_name
from shared.formats.archives.zip_batch import Record, plain_entries
from shared.formats.archives.zip_location import DirectoryLocation, locate_directory

__all__ = ["DirectoryLocation", "ZipDirectoryParser", "locate_directory"]

# signature, flags, method, CRC-32, sizes, lengths of name, extra field and comment, external attributes, offset
_RECORD = Struct("<L4xHH4xLLLHHH4xLL")
_RECORD_BYTES = _RECORD.size
_SIGNATURE = 0x02014B50
_DIGITAL_SIGNATURE = b"PK\x05\x05"
_EXTRA = Struct("<HH")
_UNSIGNED = {8: Struct("<Q"), 16: Struct("<QQ"), 24: Struct("<QQQ")}
_ZIP64, _UNICODE_PATH = 0x0001, 0x7075
_SATURATED = 0xFFFFFFFF
_UTF8_FLAG, _ENCRYPTED_FLAGS, _HIDDEN_DIRECTORY_FLAG = 0x0800, 0x0041, 0x2000
_FILE, _DIRECTORY = EntryKind.FILE, EntryKind.DIRECTORY

# the file type of the Unix mode, which is the top nibble of the external attributes
_KIND_OF_TYPE = {
    0x1: EntryKind.DEVICE,
    0x2: EntryKind.DEVICE,
    0x4: EntryKind.DIRECTORY,
    0x6: EntryKind.DEVICE,
    0xA: EntryKind.LINK,
    0xC: EntryKind.DEVICE,
}


class ZipDirectoryParser:
    """Turns the directory's bytes into entries as they come; holds at most one chunk and one record.

    Entries are held back, too, until it is known which encoding names that are not UTF-8 are in.
    """

    def __init__(self, location: DirectoryLocation) -> None:
        self._location = location
        self._buffer = bytearray()
        self._left = location.size_bytes
        self._seen = 0
        self._used = 0
        self._held = HeldEntries()

    def feed(self, chunk: bytes) -> Iterator[ArchiveEntry]:
        """The entries that `chunk` completes; use them up before the next chunk. Bytes after the end are ignored.

        `header_offset` counts from the start of the file. Raises BrokenArchive where no record stands.
        """
        buffer = self._buffer
        for record, start in self._records(chunk):
            yield from _entries(self._held.pass_on(self._entry(record, buffer, start)))
        yield from _entries(self._at_end())

    def feed_many(self, chunk: bytes) -> Iterator[PlainEntries | ArchiveEntry]:
        """Like `feed`, but entries about which nothing is to be said come together where they can."""
        records = list(self._records(chunk, keep=True))
        if plain := plain_entries(records, self._buffer, self._location.prefix_bytes):
            yield from self._held.pass_on(plain)
        else:
            for record, start in records:
                yield from self._held.pass_on(self._entry(record, self._buffer, start))
        self._forget()
        yield from self._at_end()

    def _at_end(self) -> Sequence[PlainEntries | ArchiveEntry]:
        """What was held until now, if no more bytes will come."""
        return () if self._left else self._held.release()

    def _records(self, chunk: bytes, *, keep: bool = False) -> Iterator[tuple[Record, int]]:
        """The records that `chunk` completes, each with the place of its name in the buffer.

        With `keep`, the buffer stays as it is until `_forget`.
        """
        buffer = self._buffer
        buffer += chunk if len(chunk) <= self._left else chunk[: self._left]
        self._left -= min(len(chunk), self._left)
        position, last, length = 0, len(buffer) - _RECORD_BYTES, len(buffer)
        try:
            while position <= last:
                record: Record = _RECORD.unpack_from(buffer, position)
                end = position + _RECORD_BYTES + record[6] + record[7] + record[8]
                if record[0] != _SIGNATURE:
                    self._end_at(position)
                    return
                if end > length:
                    return
                start, position = position + _RECORD_BYTES, end
                self._seen += 1
                yield record, start
        finally:
            self._used = position
            if not keep:
                self._forget()

    def _forget(self) -> None:
        del self._buffer[: self._used]
        self._used = 0

    def close(self) -> None:
        """Raise BrokenArchive if the directory ended early or has not as many entries as were announced."""
        announced = self._location.entries
        if (self._left or self._buffer) and not self._buffer.startswith(_DIGITAL_SIGNATURE):
            raise BrokenArchive(f"the directory is cut off after {self._seen} of {announced} members")
        # without zip64 the count has 16 bits, and some writers let it overflow
        if self._seen != announced and (announced > 0xFFFF or (self._seen - announced) % 0x10000):
            raise BrokenArchive(f"the directory announces {announced} members but lists {self._seen}")

    def _end_at(self, position: int) -> None:
        """Accept the end of the records at a digital signature; anything else there is damage."""
        if not self._buffer.startswith(_DIGITAL_SIGNATURE, position):
            raise BrokenArchive(f"the directory is damaged after {self._seen} members")

    def _entry(self, record: Record, buffer: bytearray, start: int) -> ArchiveEntry:
        _, flags, method, crc, compressed, size, name_bytes, extra_bytes, _, attributes, offset = record
        if flags & _HIDDEN_DIRECTORY_FLAG:
            raise BrokenArchive("central directory is encrypted")
        raw = bytes(buffer[start : start + name_bytes])
        name, guessed = undecided_name(raw)
        if extra_bytes:
            extra = bytes(buffer[start + name_bytes : start + name_bytes + extra_bytes])
            if _SATURATED in (size, compressed, offset):
                size, compressed, offset = _wide(extra, (size, compressed, offset))
            if guessed or (not flags & _UTF8_FLAG and b"up" in extra):
                name, guessed = _unicode_name(extra, raw, (name, guessed))
        kind = _DIRECTORY if name.endswith("/") else _KIND_OF_TYPE.get(attributes >> 28, _FILE)
        offset += self._location.prefix_bytes
        encrypted = bool(flags & _ENCRYPTED_FLAGS)
        return ArchiveEntry(name, offset, compressed, size, method, crc, kind, encrypted, guessed)


def _entries(items: Sequence[PlainEntries | ArchiveEntry]) -> Iterator[ArchiveEntry]:
    return (item for item in items if isinstance(item, ArchiveEntry))


def _extra_field(extra: bytes, wanted: int) -> bytes:
    """The body of one extra field; empty where it is missing or cut."""
    position = 0
    while position + 4 <= len(extra):
        kind, length = _EXTRA.unpack_from(extra, position)
        position += 4
        if kind == wanted:
            return extra[position : position + length]
        position += length
    return b""


def _wide(extra: bytes, narrow: tuple[int, int, int]) -> tuple[int, int, int]:
    """Size, compressed size and offset, each from the zip64 field where the narrow one is saturated.

    A value that the zip64 field lacks stays as it was: the member then fails alone when it is read.
    """
    body = _extra_field(extra, _ZIP64)
    fields = _UNSIGNED.get(min(len(body), 24) & ~7)
    values = iter(fields.unpack_from(body)) if fields else iter(())
    size, compressed, offset = (next(values, value) if value == _SATURATED else value for value in narrow)
    return size, compressed, offset


def _unicode_name(extra: bytes, raw: bytes, otherwise: tuple[str, str]) -> tuple[str, str]:
    """The name in Info-ZIP's Unicode path field if that belongs to `raw`, else `otherwise`."""
    body = _extra_field(extra, _UNICODE_PATH)
    if len(body) < 6 or body[0] != 1 or int.from_bytes(body[1:5], "little") != crc32(raw):
        return otherwise
    name, guessed = undecided_name(body[5:])
    return otherwise if guessed else (name, "")
