"""Which bytes of an archive belong to which member, told from the offsets of all entries."""

from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from heapq import merge
from itertools import islice
from operator import le

from shared.formats.archives.columns import NarrowColumn

_RUN = 1 << 17


@dataclass(frozen=True, slots=True)
class Claim:
    """What one accepted entry claims: the bytes from `start` up to `need` at least."""

    index: int
    start: int
    need: int


@dataclass(slots=True)
class SpanSweep:
    """Walks over the entries by offset and gives each claim its end, unless it lies within an earlier one.

    `others` are the offsets of entries that claim nothing, ascending. `spans` receives the most bytes that each claim
    may have: up to the next entry's offset, or to `end_of_data`.
    """

    spans: NarrowColumn
    end_of_data: int
    others: Iterator[int]
    _open: Claim | None = None
    _other: int | None = None

    def __post_init__(self) -> None:
        self._other = next(self.others, None)

    def claim(self, claim: Claim) -> bool:
        """Whether the claim is free of the one before it; if so it is open until the next entry."""
        self._pass_others(claim.start)
        if not self._bound(claim.start):
            return False
        self._open = claim
        return True

    def _bound(self, offset: int) -> bool:
        """End the open claim at `offset`, where another entry starts; False if that lies within the claim."""
        current = self._open
        if current is None:
            return True
        if offset < current.need:
            return False
        self.spans[current.index] = offset - current.start
        self._open = None
        return True

    def _pass_others(self, limit: int) -> None:
        """Bound the open claim by the entries before `limit` that claim nothing."""
        while self._other is not None and self._other < limit:
            self._bound(self._other)
            self._other = next(self.others, None)

    def close(self) -> None:
        """End the last claim, at the latest with the data."""
        self._pass_others(self.end_of_data)
        if self._open is not None:
            self.spans[self._open.index] = self.end_of_data - self._open.start
            self._open = None


def ascending(offsets: Sequence[int]) -> Iterator[int]:
    """The offsets themselves in ascending order."""
    return map(offsets.__getitem__, by_offset(offsets))


def by_offset(offsets: Sequence[int]) -> Iterator[int]:
    """The indices of `offsets` in ascending order of offset and, among equals, of index; in bounded memory."""
    if all(map(le, offsets, islice(offsets, 1, None))):
        return iter(range(len(offsets)))
    runs = [_sorted_run(offsets, start) for start in range(0, len(offsets), _RUN)]
    return iter(merge(*runs, key=offsets.__getitem__))


def _sorted_run(offsets: Sequence[int], start: int) -> Iterable[int]:
    return array("I", sorted(range(start, min(start + _RUN, len(offsets))), key=offsets.__getitem__))
