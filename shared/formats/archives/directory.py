"""The members of an archive that are taken, as columns of numbers: about 100 bytes each, so millions fit."""

from array import array
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from shared.formats.archives.entry import DEFLATED, STORED, ArchiveEntry, EntryKind
from shared.formats.archives.errors import ArchiveTooLarge
from shared.formats.archives.name_table import NameTable
from shared.formats.archives.spans import Claim, SpanSweep, ascending, by_offset
from shared.formats.archives.verdict import LONGEST_NAME_BYTES, Refusal, plain_name, refusal, shortened
from shared.formats.archives.zip_member import LOCAL_HEADER_BYTES
from shared.formats.findings import Finding

_DIRECTORY = EntryKind.DIRECTORY
_DUPLICATE = Refusal("ARCHIVE_DUP_NAME", "has the name of an earlier member")
_LARGEST = (1 << 64) - 1
_DEFLATED, _HAS_CRC, _DROPPED = 1, 2, 4


@dataclass(frozen=True, slots=True)
class ArchiveLimits:
    """How much an archive may hold. `max_ratio` bounds how far one member of more than 10 MiB may expand."""

    max_members: int = 5_000_000
    max_ratio: float = 200.0
    max_total_bytes: int = 20 << 40


@dataclass(frozen=True, slots=True)
class Member:
    """One accepted member. Its bytes, local header included, lie within `header_offset` and `end` (exclusive)."""

    index: int
    name: str
    header_offset: int
    end: int
    compressed_bytes: int
    size_bytes: int
    method: int
    crc32: int | None


class ArchiveDirectory:
    """Judges entries as they come and keeps those that are read; `report` hears of every other one that matters.

    Fill it with `add`, then call `seal` once; members are known by their index from then on. `len` counts rows, of
    which those that `seal` dropped for overlapping are skipped by `names`, `members` and `find`.
    `header_bytes` is what stands before a member's data at least: 30 in a zip, 0 for a tar.
    """

    def __init__(
        self,
        report: Callable[[Finding], None],
        limits: ArchiveLimits | None = None,
        *,
        header_bytes: int = LOCAL_HEADER_BYTES,
    ) -> None:
        self.total_bytes = 0
        self.entries_seen = 0
        self._report = report
        limits = limits or ArchiveLimits()
        self._max_members, self._max_total_bytes = limits.max_members, limits.max_total_bytes
        self._max_ratio = limits.max_ratio
        self._header_bytes = header_bytes
        self._names = NameTable()
        self._offsets = array("Q")
        self._ends = array("Q")
        self._compressed = array("Q")
        self._sizes = array("Q")
        self._crcs = array("I")
        self._flags = bytearray()
        self._other_offsets = array("Q")

    def __len__(self) -> int:
        return len(self._offsets)

    def add(self, entry: ArchiveEntry) -> None:
        """Take the entry, or leave it out: silently (directories, system files) or with a finding.

        Raises ArchiveTooLarge at once when a limit of the archive as a whole is passed.
        """
        self._count(entry)
        if not self._takes(entry):
            self._other_offsets.append(min(entry.header_offset, _LARGEST))
            return
        if entry.name_is_guess:
            self._find_fault(entry.name, Refusal("ARCHIVE_NAME_ENCODING", "has a name that is not UTF-8"))
        self._append(entry)

    def seal(self, end_of_data: int) -> None:
        """Give every member its end, at most `end_of_data` (a zip: where the directory starts), and close the table.

        Members that reach beyond it, or that start within another one, are reported and dropped.
        """
        self._ends = array("Q", bytes(8 * len(self)))
        sweep = SpanSweep(self._ends, end_of_data, ascending(self._other_offsets))
        for index in by_offset(self._offsets):
            self._place(sweep, index)
        sweep.close()
        self._other_offsets = array("Q")

    def member(self, index: int) -> Member:
        """The member of that index, valid after `seal`; IndexError if there is none or it was dropped."""
        if not 0 <= index < len(self) or self.is_dropped(index):
            raise IndexError(f"the archive has no member {index}")
        flags = self._flags[index]
        return Member(
            index,
            self.name(index),
            self._offsets[index],
            self._ends[index],
            self._compressed[index],
            self._sizes[index],
            DEFLATED if flags & _DEFLATED else STORED,
            self._crcs[index] if flags & _HAS_CRC else None,
        )

    def members(self) -> Iterator[Member]:
        """All members in the archive's order, without dropped ones."""
        return (self.member(index) for index in range(len(self)) if not self.is_dropped(index))

    def name(self, index: int) -> str:
        """The member's name as a plain relative path."""
        return self._names[range(len(self))[index]].decode("utf-8", "surrogatepass")

    def names(self) -> Iterator[str]:
        """All names in the archive's order, without dropped ones."""
        return (self.name(index) for index in range(len(self)) if not self.is_dropped(index))

    def offset(self, index: int) -> int:
        """Where the member's bytes begin, header included."""
        return self._offsets[index]

    def find(self, name: str) -> int | None:
        """The index of the member of that very name, or None."""
        index = self._names.find(name.encode("utf-8", "surrogatepass"))
        return None if index is None or self.is_dropped(index) else index

    def is_dropped(self, index: int) -> bool:
        """Whether `seal` left the member out again."""
        return bool(self._flags[index] & _DROPPED)

    def _count(self, entry: ArchiveEntry) -> None:
        self.entries_seen += 1
        if self.entries_seen > self._max_members:
            raise ArchiveTooLarge(f"the archive has more than {self._max_members} members")
        self.total_bytes += entry.size_bytes
        if self.total_bytes > self._max_total_bytes:
            raise ArchiveTooLarge(f"the archive's members exceed {self._max_total_bytes} bytes in total")

    def _takes(self, entry: ArchiveEntry) -> bool:
        """Whether the entry is taken; its name is in the table then, else the reason is reported."""
        if entry.kind is _DIRECTORY:
            return False
        name = plain_name(entry.name)
        if name is None:
            return False
        fault = refusal(entry, max_ratio=self._max_ratio) or (self._named(name) if isinstance(name, str) else name)
        if fault is not None:
            self._find_fault(entry.name, fault)
        return fault is None

    def _named(self, name: str) -> Refusal | None:
        """Put the name into the table, or say why it cannot be there."""
        raw = name.encode("utf-8", "surrogatepass")
        if len(raw) > LONGEST_NAME_BYTES:
            return Refusal("ARCHIVE_NAME_LENGTH", f"has a name of {len(raw)} bytes")
        return None if self._names.add(raw) else _DUPLICATE

    def _append(self, entry: ArchiveEntry) -> None:
        crc = entry.crc32
        self._offsets.append(min(entry.header_offset, _LARGEST))
        self._compressed.append(entry.compressed_bytes)
        self._sizes.append(entry.size_bytes)
        self._crcs.append(crc or 0)
        self._flags.append((_DEFLATED if entry.method else 0) | (0 if crc is None else _HAS_CRC))

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
