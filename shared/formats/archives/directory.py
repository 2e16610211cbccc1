"""The members of an archive that are taken, as columns of numbers: about 60 bytes each, so millions fit."""

from array import array
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from operator import add, ge, sub
from typing import NamedTuple

from shared.formats.archives.columns import Column, NarrowColumn
from shared.formats.archives.entry import ArchiveEntry, EntryKind, PlainEntries
from shared.formats.archives.errors import ArchiveTooLarge
from shared.formats.archives.link_entries import LinkEntries, UnreadLink
from shared.formats.archives.name_table import NameTable
from shared.formats.archives.spans import Claim, SpanSweep, ascending, by_offset
from shared.formats.archives.verdict import LONGEST_NAME_BYTES, Refusal, guessed_name, plain_name, refusal, shortened
from shared.formats.archives.zip_member import LOCAL_HEADER_BYTES
from shared.formats.findings import Finding

_DIRECTORY, _LINK = EntryKind.DIRECTORY, EntryKind.LINK
_DUPLICATE = Refusal("ARCHIVE_DUP_NAME", "has the name of an earlier member")
_LARGEST = (1 << 64) - 1
_LARGEST_SMALL = (1 << 32) - 1
_HAS_CRC, _DROPPED = 1, 2


@dataclass(frozen=True, slots=True)
class ArchiveLimits:
    """How much an archive may hold. `max_ratio` bounds how far one member of more than 10 MiB may expand."""

    max_members: int = 5_000_000
    max_ratio: float = 200.0
    max_total_bytes: int = 20 << 40


# a tuple like ArchiveEntry, and for the same reason
class Member(NamedTuple):
    """One accepted member. Its bytes, local header included, lie within `header_offset` and `end` (exclusive)."""

    number: int
    name: str
    header_offset: int
    end: int
    compressed_bytes: int
    size_bytes: int
    method: int
    crc32: int | None


class ArchiveDirectory:
    """Judges entries as they come and keeps those that are read; `report` hears of every other one that matters.

    Fill it with `add`, then call `seal` once; members are known by their index from then on. Then `read_link` what is
    in `unread_links`, and `follow_links`: each name that a link gives to a member is one more row, with the same bytes.
    `len` counts rows, of which those that `seal` dropped for overlapping are skipped by `names`, `members` and `find`.
    `header_bytes` is what stands before a member's data at least: 30 in a zip, 0 for a tar.
    """

    def __init__(
        self,
        report: Callable[[Finding], None],
        limits: ArchiveLimits | None = None,
        *,
        header_bytes: int = LOCAL_HEADER_BYTES,
        expected: int = 0,
    ) -> None:
        self.total_bytes = 0
        self.entries_seen = 0
        self._report = report
        limits = limits or ArchiveLimits()
        self._max_members, self._max_total_bytes = limits.max_members, limits.max_total_bytes
        self._max_ratio = limits.max_ratio
        self._header_bytes = header_bytes
        expected = min(expected, self._max_members)
        self._names = NameTable(expected=expected)
        self._offsets = Column("Q", expected=expected)
        self._spans = NarrowColumn(expected=expected)
        self._compressed = NarrowColumn(expected=expected)
        self._sizes = NarrowColumn(expected=expected)
        self._crcs = Column("I", expected=expected)
        self._methods = bytearray()
        self._flags = bytearray()
        self._other_offsets = array("Q")
        self._own = self._end_of_data = 0
        self._links = LinkEntries()

    def __len__(self) -> int:
        return len(self._offsets)

    def add(self, entry: ArchiveEntry) -> None:
        """Take the entry, or leave it out: silently (directories, system files) or with a finding.

        Raises ArchiveTooLarge at once when a limit of the archive as a whole is passed.
        """
        self._count(1, entry.size_bytes)
        if not self._takes(entry):
            self._other_offsets.append(min(entry.header_offset, _LARGEST))
            return
        if fault := guessed_name(entry):
            self._find_fault(entry.name, fault)
        self._append(entry)

    def seal(self, end_of_data: int) -> None:
        """Give every member its end, at most `end_of_data` (a zip: where the directory starts), and close the table.

        Members that reach beyond it, or that start within another one, are reported and dropped.
        """
        self._own, self._end_of_data = len(self), end_of_data
        if not self._other_offsets and self._seal_in_order(end_of_data):
            return
        self._spans.fill(len(self))
        sweep = SpanSweep(self._spans, end_of_data, ascending(self._other_offsets))
        for index in by_offset(self._offsets.view()):
            self._place(sweep, index)
        sweep.close()
        self._other_offsets = array("Q")

    def unread_links(self) -> Iterator[UnreadLink]:
        """The links whose targets are the contents of their members, after `seal`."""
        return self._links.unread(self._end_of_data)

    def read_link(self, link: UnreadLink, data: bytes) -> None:
        """Take the bytes between the link's start and end."""
        if fault := self._links.give(link, data):
            self._find_fault(link.name, fault)

    def follow_links(self) -> None:
        """Add a row for each name that links give to a member, and report the links that give none. Once.

        Raises ArchiveTooLarge like `add`: such rows count, too.
        """
        for found in self._links.resolve(self._is_own, self._own_names):
            if isinstance(found, Finding):
                self._report(found)
            else:
                self._add_alias(*found)

    def drop_repeated(self, index: int) -> None:
        """Leave the member out because its name belongs to another one, and report it."""
        self._drop(index, _DUPLICATE)

    def _seal_in_order(self, end_of_data: int) -> bool:
        """Seal members that lie one behind the other and overlap nowhere, as in nearly all archives; else False."""
        offsets = self._offsets.view()
        try:
            spans = array("I", map(sub, chain(islice(offsets, 1, None), (end_of_data,)), offsets))
        except OverflowError:  # a member of 4 GiB, or one that begins before its predecessor
            return False
        if spans and max(spans) == _LARGEST_SMALL:
            return False
        if not all(map(ge, spans, map(self._header_bytes.__add__, self._compressed.small_view()))):
            return False
        self._spans.extend_small(spans)
        return True

    def member(self, index: int) -> Member:
        """The member of that index, valid after `seal`; IndexError if there is none or it was dropped."""
        if not 0 <= index < len(self) or self.is_dropped(index):
            raise IndexError(f"the archive has no member {index}")
        flags = self._flags[index]
        return Member(
            index,
            self.name(index),
            self._offsets[index],
            self.end(index),
            self._compressed[index],
            self._sizes[index],
            self._methods[index],
            self._crcs[index] if flags & _HAS_CRC else None,
        )

    def pick(self, indexes: Sequence[int]) -> list[Member]:
        """The members of many indexes, none of them dropped; a third of the time that asking for each takes."""
        offsets, spans = self._offsets.pick(indexes), self._spans.pick(indexes)
        crcs = self._crcs.pick(indexes)
        return list(
            map(
                Member,
                indexes,
                self._names.pick(indexes),
                offsets,
                map(add, offsets, spans),
                self._compressed.pick(indexes),
                self._sizes.pick(indexes),
                [self._methods[index] for index in indexes],
                [crc if self._flags[index] & _HAS_CRC else None for index, crc in zip(indexes, crcs, strict=True)],
            )
        )

    def members(self) -> Iterator[Member]:
        """All members in the archive's order, without dropped ones."""
        return (self.member(index) for index in range(len(self)) if not self.is_dropped(index))

    def name(self, index: int) -> str:
        """The member's name as a plain relative path."""
        return self._names[range(len(self))[index]].decode("utf-8", "surrogatepass")

    def each_name(self) -> Iterator[str]:
        """The name of every row, those of dropped ones included."""
        return self._names.texts()

    def names(self) -> Iterator[str]:
        """All names in the archive's order, without dropped ones."""
        return (self.name(index) for index in range(len(self)) if not self.is_dropped(index))

    def offset(self, index: int) -> int:
        """Where the member's bytes begin, header included."""
        return self._offsets[index]

    def end(self, index: int) -> int:
        """Where the member's bytes end at the latest, valid after `seal`."""
        return self._offsets[index] + self._spans[index]

    def find(self, name: str) -> int | None:
        """The index of the member of that very name, or None."""
        index = self._names.find(name.encode("utf-8", "surrogatepass"))
        return None if index is None or self.is_dropped(index) else index

    def is_dropped(self, index: int) -> bool:
        """Whether `seal` left the member out again."""
        return bool(self._flags[index] & _DROPPED)

    def add_plain(self, entries: PlainEntries) -> None:
        """Take many entries about which there is nothing to say but that a name may be repeated.

        Gives the same as adding them one by one, in a third of the time.
        """
        self._count(len(entries.names), sum(entries.sizes))
        repeated = self._named_all(entries.names)
        if repeated:
            self._leave_out(entries, repeated)
            entries = entries.without(repeated)
        self._offsets.extend(entries.offsets)
        self._compressed.extend(entries.compressed)
        self._sizes.extend(entries.sizes)
        self._crcs.extend(entries.crcs)
        self._methods.extend(entries.methods)
        self._flags.extend(bytes((_HAS_CRC,)) * len(entries.names))

    def _leave_out(self, entries: PlainEntries, repeated: Sequence[int]) -> None:
        for place in repeated:
            self._other_offsets.append(entries.offsets[place])
            self._find_fault(entries.names[place].decode(), _DUPLICATE)

    def _named_all(self, names: Sequence[bytes]) -> list[int]:
        try:
            return self._names.add_many(names)
        except OverflowError:
            raise ArchiveTooLarge("the archive's names take more than 4 GiB") from None

    def _count(self, entries: int, size_bytes: int) -> None:
        self.entries_seen += entries
        if self.entries_seen > self._max_members:
            raise ArchiveTooLarge(f"the archive has more than {self._max_members} members")
        self.total_bytes += size_bytes
        if self.total_bytes > self._max_total_bytes:
            raise ArchiveTooLarge(f"the archive's members exceed {self._max_total_bytes} bytes in total")

    def _takes(self, entry: ArchiveEntry) -> bool:
        """Whether the entry is taken; its name is in the table then, else the reason is reported."""
        if entry.kind is _DIRECTORY:
            return False
        name = plain_name(entry.name)
        if name is None:
            return False
        if entry.kind is _LINK and isinstance(name, str):
            self._take_link(entry, name)
            return False
        fault = refusal(entry, max_ratio=self._max_ratio) or (self._named(name) if isinstance(name, str) else name)
        if fault is not None:
            self._find_fault(entry.name, fault)
        return fault is None

    def _take_link(self, entry: ArchiveEntry, name: str) -> None:
        """Keep the link until all members are known; one that could not be read is refused like any member."""
        fault = refusal(entry._replace(kind=EntryKind.FILE), max_ratio=self._max_ratio) or self._links.take(name, entry)
        if fault := fault or guessed_name(entry):
            self._find_fault(entry.name, fault)

    def _is_own(self, name: str) -> bool:
        """Whether a member has that name, not only a link."""
        index = self.find(name)
        return index is not None and index < self._own

    def _own_names(self) -> Iterator[str]:
        return (self.name(index) for index in range(self._own) if not self.is_dropped(index))

    def _add_alias(self, name: str, target: str) -> None:
        """One more row for the member `target`, unless the name is there already or too long."""
        index, raw = self.find(target), name.encode("utf-8", "surrogatepass")
        if index is None or len(raw) > LONGEST_NAME_BYTES or self._named_all((raw,)):
            return
        self._count(1, self._sizes[index])
        for column in (self._offsets, self._spans, self._compressed, self._sizes, self._crcs):
            column.append(column[index])
        self._methods.append(self._methods[index])
        self._flags.append(self._flags[index])

    def _named(self, name: str) -> Refusal | None:
        """Put the name into the table, or say why it cannot be there."""
        raw = name.encode("utf-8", "surrogatepass")
        if len(raw) > LONGEST_NAME_BYTES:
            return Refusal("ARCHIVE_NAME_LENGTH", f"has a name of {len(raw)} bytes")
        return _DUPLICATE if self._named_all((raw,)) else None

    def _append(self, entry: ArchiveEntry) -> None:
        crc = entry.crc32
        self._offsets.append(min(entry.header_offset, _LARGEST))
        self._compressed.append(entry.compressed_bytes)
        self._sizes.append(entry.size_bytes)
        self._crcs.append(crc or 0)
        self._methods.append(entry.method)
        self._flags.append(0 if crc is None else _HAS_CRC)

    def _place(self, sweep: SpanSweep, index: int) -> None:
        """Let the member claim its span, or drop it."""
        start = self._offsets[index]
        need = start + self._header_bytes + self._compressed[index]
        if need > sweep.end_of_data:
            self._drop(index, Refusal("ARCHIVE_TRUNCATED", "reaches beyond the end of the archive's data"))
        elif not sweep.claim(Claim(index, start, need)):
            self._drop(index, Refusal("ARCHIVE_BOMB", "overlaps another member"))

    def _drop(self, index: int, reason: Refusal) -> None:
        self._flags[index] |= _DROPPED
        self._find_fault(self.name(index), reason)

    def _find_fault(self, name: str, fault: Refusal) -> None:
        shown = shortened(name)
        self._report(Finding(fault.rule, shown, f"{shown}: {fault.message}"))
