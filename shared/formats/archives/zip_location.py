"""Where a zip's central directory is, told by the end of the file. Source: APPNOTE.TXT 6.3.10, sections 4.3.14-16."""

from collections.abc import Iterator
from dataclasses import dataclass
from struct import Struct

from shared.formats.archives.errors import BrokenArchive, NeedMoreTail

TAIL_BYTES = 65_535 + 22 + 20 + 56
"""How much of the file's end `locate_directory` wants at first: the longest comment and the three end records."""

_END = Struct("<4sHHHHLLH")
_LOCATOR = Struct("<4sLQL")
_END64 = Struct("<4sQ4xLLQQQQ")
_END_MARK, _LOCATOR_MARK, _END64_MARK, _RECORD_MARK = b"PK\x05\x06", b"PK\x06\x07", b"PK\x06\x06", b"PK\x01\x02"
_RECORD_BYTES = 46
_LONGEST_END64 = 1 << 20  # the record may carry data of its own, but no file makes a reader fetch gigabytes


@dataclass(frozen=True, slots=True)
class DirectoryLocation:
    """The central directory's place in the file, and how many entries it announces.

    `prefix_bytes` stand before the zip itself (a self-extractor); `offset` already contains them.
    """

    offset: int
    size_bytes: int
    entries: int
    prefix_bytes: int


@dataclass(frozen=True, slots=True)
class _Tail:
    """The last bytes of a file, addressed by offsets of the file."""

    data: bytes
    start: int

    def starts_with(self, mark: bytes, offset: int) -> bool:
        return offset >= self.start and self.data.startswith(mark, offset - self.start)


@dataclass(frozen=True, slots=True)
class _EndRecord:
    """The fields of an end record, narrow or zip64. `end` is where the directory must have ended."""

    disks: tuple[int, int]
    entries_here: int
    entries: int
    size_bytes: int
    offset: int
    end: int

    @property
    def saturated(self) -> bool:
        return self.entries == 0xFFFF or 0xFFFFFFFF in (self.size_bytes, self.offset)


def locate_directory(tail: bytes, *, file_bytes: int) -> DirectoryLocation:
    """The directory's place, from the last bytes of a zip of `file_bytes` bytes (TAIL_BYTES, or all if it is smaller).

    Raises NeedMoreTail if the zip64 record lies before `tail`, BrokenArchive if this is no zip, a cut one, one that
    is spread over several disks, or one that contradicts itself.
    """
    view = _Tail(tail, file_bytes - len(tail))
    found = [_location(view, end) for end in _end_records(view)]
    plausible = [location for location in found if location is not None]
    if plausible:
        # a comment may contain whole end records: those do not fit the file, or describe nothing
        return min(plausible, key=lambda location: (location.prefix_bytes > 0, location.entries == 0))
    if any(any(end.disks) for end in _end_records(view)):
        raise BrokenArchive("the zip is spread over several disks; join its parts first")
    if found:
        raise BrokenArchive("the end-of-central-directory record does not fit the file: it is cut or damaged")
    raise BrokenArchive("no end-of-central-directory record: the file is cut off or is not a zip")


def _end_records(tail: _Tail) -> list[_EndRecord]:
    """All records that could be the last one: those whose comment ends with the file, else those before other bytes."""
    exact: list[_EndRecord] = []
    followed: list[_EndRecord] = []
    for position in _positions(tail.data):
        *fields, comment_bytes = _END.unpack_from(tail.data, position)[1:]
        end = position + _END.size + comment_bytes
        if end <= len(tail.data):
            (exact if end == len(tail.data) else followed).append(_end_record(fields, tail.start + position))
    return exact or followed


def _positions(data: bytes) -> Iterator[int]:
    position = data.rfind(_END_MARK, 0, max(0, len(data) - _END.size + len(_END_MARK)))
    while position >= 0:
        yield position
        position = data.rfind(_END_MARK, 0, position)


def _end_record(fields: list[int], end: int) -> _EndRecord:
    disk, directory_disk, entries_here, entries, size_bytes, offset = fields
    return _EndRecord((disk, directory_disk), entries_here, entries, size_bytes, offset, end)


def _location(tail: _Tail, narrow: _EndRecord) -> DirectoryLocation | None:
    """The directory that an end record describes, or None if none can be there."""
    record = _widened(tail, narrow)
    if record is None or any(record.disks) or record.entries_here != record.entries:
        return None
    prefix = _prefix(tail, record)
    if prefix is None or record.size_bytes < record.entries * _RECORD_BYTES:
        return None
    return DirectoryLocation(record.offset + prefix, record.size_bytes, record.entries, prefix)


def _prefix(tail: _Tail, record: _EndRecord) -> int | None:
    """What to add to the archive's offsets; None if the directory would end behind its end record."""
    prefix = record.end - record.size_bytes - record.offset
    if prefix > 0 and tail.starts_with(_RECORD_MARK, record.offset):
        return 0  # something stands between the directory and its end record
    return prefix if prefix >= 0 else None


def _widened(tail: _Tail, narrow: _EndRecord) -> _EndRecord | None:
    """The zip64 record that stands before `narrow`, else `narrow`; None if it is needed but not there."""
    locator = narrow.end - _LOCATOR.size
    if locator < 0:
        return narrow
    if locator < tail.start:
        raise NeedMoreTail(_bytes_from(tail, locator - _END64.size))
    if not tail.starts_with(_LOCATOR_MARK, locator):
        return narrow
    _, _, stated, _ = _LOCATOR.unpack_from(tail.data, locator - tail.start)
    record = _zip64(tail, locator, stated)
    return narrow if record is None and not narrow.saturated else record


def _zip64(tail: _Tail, locator: int, stated: int) -> _EndRecord | None:
    """The zip64 record: usually right before its locator (which a prefix does not disturb), else where it is stated."""
    for offset in (locator - _END64.size, stated):
        if not max(0, locator - _LONGEST_END64) <= offset <= locator - _END64.size:
            continue
        if offset < tail.start:
            raise NeedMoreTail(_bytes_from(tail, offset))
        if tail.starts_with(_END64_MARK, offset):
            fields = list(_END64.unpack_from(tail.data, offset - tail.start))
            return _end_record(fields[2:], offset)
    return None


def _bytes_from(tail: _Tail, offset: int) -> int:
    return tail.start + len(tail.data) - max(offset, 0)
