"""Which of many perceptual hashes differ in few bits, without comparing each with each.

The 64 bits are cut into five bands. Where no more than three bits differ, at least two bands are equal; so it is enough
to put together, for each two bands, what is equal there. The method of Manku, Jain and Das Sarma, "Detecting
Near-Duplicates for Web Crawling" (2007), 3.
"""

from collections.abc import Iterator, Sequence
from itertools import combinations, pairwise

MOST_BITS = 3
"""Hashes that differ in no more bits belong together; see docs/rules.md for what was measured."""

_BITS, _BANDS = 64, 5
_COMPARED = 512
_NEIGHBOURS = 64


def _masks() -> list[int]:
    bounds = [_BITS * band // _BANDS for band in range(_BANDS + 1)]
    bands = [(1 << end) - (1 << start) for start, end in pairwise(bounds)]
    return [sum(some) for some in combinations(bands, _BANDS - MOST_BITS)]


_MASKS = _masks()


def near_pairs(hashes: Sequence[int], *, most_compared: int = _COMPARED) -> Iterator[tuple[int, int]]:
    """Pairs that differ in up to `MOST_BITS` bits, some several times; `hashes` are in order, each is there once.

    Of hashes that are equal in two bands, if they are more than `most_compared`, each is compared with its next
    neighbours alone; what it takes does not grow with their square, and pairs may be missed.
    """
    for mask in _MASKS:
        for some in _equal(hashes, mask):
            reach = len(some) if len(some) <= most_compared else _NEIGHBOURS
            for at, one in enumerate(some):
                for other in some[at + 1 : at + 1 + reach]:
                    if (one ^ other).bit_count() <= MOST_BITS:
                        yield one, other


def _equal(hashes: Sequence[int], mask: int) -> Iterator[list[int]]:
    """Hashes that are equal under the mask, two and more of them, each time in their order."""
    ordered = sorted(hashes, key=mask.__and__)
    start, key = 0, None
    for end, one in enumerate(ordered):
        if one & mask != key:
            if end - start > 1:
                yield ordered[start:end]
            start, key = end, one & mask
    if len(ordered) - start > 1:
        yield ordered[start:]


class Families:
    """Sets of numbers that grow together: each has a head, the smallest of its set. Of lone numbers nothing is held."""

    def __init__(self) -> None:
        self._nearer: dict[int, int] = {}

    def join(self, one: int, other: int) -> None:
        """Put two numbers, with all that belong to them, into one set."""
        first, second = sorted((self.head(one), self.head(other)))
        self._nearer[first] = first
        self._nearer[second] = first

    def head(self, number: int) -> int:
        """The head of its set; the number itself if it is alone."""
        while (nearer := self._nearer.get(number, number)) != number:
            self._nearer[number] = number = self._nearer[nearer]
        return number

    def __contains__(self, number: int) -> bool:
        """Whether it was joined."""
        return number in self._nearer
