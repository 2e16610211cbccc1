"""Several archives that make up one dataset, as one table of members: their bytes lie one archive behind another."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, chain, groupby

from shared.formats.archives.directory import ArchiveDirectory, Member


@dataclass(frozen=True, slots=True)
class JoinedPart:
    """One archive: its bytes begin at `start` of them all. `lead` is taken off names that begin so, then `prefix` put.

    Both end in a slash or are empty, and one of them is.
    """

    directory: ArchiveDirectory
    start: int = 0
    lead: str = ""
    prefix: str = ""

    def outer(self, name: str) -> str:
        """What the member of that name is called among all."""
        return self.prefix + name.removeprefix(self.lead)

    def find(self, outer: str) -> int | None:
        """The member that is called so among all."""
        if not outer.startswith(self.prefix):
            return None
        name = outer[len(self.prefix) :]
        found = self.directory.find(self.lead + name)
        return found if found is not None or not self.lead or name.startswith(self.lead) else self.directory.find(name)


class JoinedDirectory:
    """The members of all parts, those of the first part first; see MemberTable. The parts are sealed.

    Where several members come to have one name, the first one has it, and the others are reported and dropped.
    """

    def __init__(self, parts: Sequence[JoinedPart]) -> None:
        self._parts = parts
        self._firsts = [0, *accumulate(len(part.directory) for part in parts)]
        for index, name in enumerate(self.each_name()):
            if not self.is_dropped(index) and self.find(name) != index:
                part, row = self._at(index)
                part.directory.drop_repeated(row)

    @property
    def total_bytes(self) -> int:
        """The sizes of all members together."""
        return sum(part.directory.total_bytes for part in self._parts)

    def __len__(self) -> int:
        return self._firsts[-1]

    def member(self, index: int) -> Member:
        """The member; IndexError if there is none or it was dropped."""
        part, row = self._at(index)
        return _moved(part, part.directory.member(row), index)

    def pick(self, indexes: Sequence[int]) -> list[Member]:
        """The members of many indexes, none of them dropped; quickest where neighbours are of one part."""
        return list(
            chain.from_iterable(self._pick(number, list(some)) for number, some in groupby(indexes, self._part))
        )

    def name(self, index: int) -> str:
        """The member's name as a plain relative path."""
        part, row = self._at(index)
        return part.outer(part.directory.name(row))

    def each_name(self) -> Iterator[str]:
        """The name of every row, those of dropped ones included."""
        return (part.outer(name) for part in self._parts for name in part.directory.each_name())

    def find(self, name: str) -> int | None:
        """The index of the member of that very name, or None."""
        found = ((first, part.find(name)) for first, part in zip(self._firsts, self._parts, strict=False))
        return next((first + row for first, row in found if row is not None), None)

    def offset(self, index: int) -> int:
        """Where the member's bytes begin among all, header included."""
        part, row = self._at(index)
        return part.start + part.directory.offset(row)

    def end(self, index: int) -> int:
        """Where the member's bytes end at the latest."""
        part, row = self._at(index)
        return part.start + part.directory.end(row)

    def is_dropped(self, index: int) -> bool:
        """Whether the member was left out after all."""
        part, row = self._at(index)
        return part.directory.is_dropped(row)

    def _part(self, index: int) -> int:
        return bisect_right(self._firsts, index) - 1

    def _at(self, index: int) -> tuple[JoinedPart, int]:
        """The part and the member's index there."""
        if not 0 <= index < len(self):
            raise IndexError(f"the archives have no member {index}")
        number = self._part(index)
        return self._parts[number], index - self._firsts[number]

    def _pick(self, number: int, indexes: Sequence[int]) -> Iterable[Member]:
        part, first = self._parts[number], self._firsts[number]
        members = part.directory.pick([index - first for index in indexes])
        return map(_moved, [part] * len(members), members, indexes)


def _moved(part: JoinedPart, member: Member, index: int) -> Member:
    return member._replace(
        number=index,
        name=part.outer(member.name),
        header_offset=part.start + member.header_offset,
        end=part.start + member.end,
    )
