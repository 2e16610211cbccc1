"""Columns of whole numbers for millions of rows: compact, and made in one piece so that growing leaves no holes."""

from array import array
from collections.abc import Iterable, Sequence
from operator import itemgetter

_FIRST = 1 << 10
_LARGE = (1 << 32) - 1


class Column:
    """Whole numbers of one size, by the type codes of `array`. Room for `expected` rows is taken once, and only used
    when it is filled: the system gives out memory page by page."""

    def __init__(self, code: str, *, expected: int = 0) -> None:
        self._code = code
        self._width = array(code).itemsize
        self._items = self._room(max(expected, _FIRST))
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, index: int) -> int:
        return self._items[index]

    def __setitem__(self, index: int, value: int) -> None:
        self._items[index] = value

    def append(self, value: int) -> None:
        """Add a number."""
        if self._count == len(self._items):
            self._grow(self._count + 1)
        self._items[self._count] = value
        self._count += 1

    def extend(self, values: Iterable[int]) -> None:
        """Add many numbers."""
        added = array(self._code, values)
        end = self._count + len(added)
        if end > len(self._items):
            self._grow(end)
        self._items[self._count : end] = memoryview(added)
        self._count = end

    def pick(self, indexes: Sequence[int]) -> Sequence[int]:
        """The numbers at many indexes."""
        return [self._items[indexes[0]]] if len(indexes) == 1 else itemgetter(*indexes)(self._items) if indexes else ()

    def fill(self, count: int) -> None:
        """Add zeros until there are `count` numbers."""
        if count > len(self._items):
            self._grow(count)
        self._count = max(count, self._count)

    def view(self) -> "memoryview[int]":
        """The numbers, not copied."""
        return self._items[: self._count]

    def _grow(self, least: int) -> None:
        items = self._room(max(least, 2 * len(self._items)))
        items[: self._count] = self._items[: self._count]
        self._items = items

    def _room(self, count: int) -> "memoryview[int]":
        return memoryview(bytearray(self._width * count)).cast(self._code)  # type: ignore[call-overload,no-any-return]


class NarrowColumn:
    """Whole numbers that nearly all fit four bytes; those from 2**32 - 1 on are kept beside."""

    def __init__(self, *, expected: int = 0) -> None:
        self._small = Column("I", expected=expected)
        self._large: dict[int, int] = {}

    def __len__(self) -> int:
        return len(self._small)

    def __getitem__(self, index: int) -> int:
        value = self._small[index]
        return value if value != _LARGE else self._large[index]

    def __setitem__(self, index: int, value: int) -> None:
        self._small[index] = min(value, _LARGE)
        if value >= _LARGE:
            self._large[index] = value

    def append(self, value: int) -> None:
        """Add a number."""
        self._small.append(min(value, _LARGE))
        if value >= _LARGE:
            self._large[len(self._small) - 1] = value

    def extend(self, values: Sequence[int]) -> None:
        """Add many numbers."""
        if values and max(values) >= _LARGE:
            for value in values:
                self.append(value)
        else:
            self._small.extend(values)

    def small_view(self) -> "memoryview[int]":
        """The numbers, not copied; 2**32 - 1 stands for that and any larger one."""
        return self._small.view()

    def extend_small(self, values: "array[int]") -> None:
        """Add many numbers below 2**32 - 1, given with the type code `I`."""
        self._small.extend(values)

    def pick(self, indexes: Sequence[int]) -> Sequence[int]:
        """The numbers at many indexes."""
        found = self._small.pick(indexes)
        return [self[index] for index in indexes] if _LARGE in found else found

    def fill(self, count: int) -> None:
        """Add zeros until there are `count` numbers."""
        self._small.fill(count)
