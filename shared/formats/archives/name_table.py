"""Names without repetition, known by their index: 20 bytes and its last part for a name, where a dict takes 200."""

from collections.abc import Iterator, Sequence

from shared.formats.archives.columns import Column

_AT_ONCE = 1 << 12
_FIRST_SLOTS = 1 << 10
_FILLED_FIFTHS = 3
_MOST_FOLDERS = 0xFFFF
_MOST_TEXT_BYTES = (1 << 32) - 1


class NameTable:
    """Keeps names one behind the other and finds them by an open hash table. Holds up to 4 GiB of names.

    The first 65 535 folders are kept once, and names in them without; names in further folders are kept whole.
    A slot holds the index plus one, and beside it 8 bits of the hash that did not place it. The hash is Python's own,
    seeded per process, so that nobody can make names that collide. `expected` names make room once instead of often.
    """

    def __init__(self, *, expected: int = 0) -> None:
        self._text = bytearray()
        self._ends = Column("I", expected=expected)
        self._folders = [b""]
        self._folder_numbers = {b"": 0}
        self._folder_of = Column("H", expected=expected)
        self._make_slots(_FIRST_SLOTS, expected)

    def __len__(self) -> int:
        return len(self._ends)

    def __getitem__(self, index: int) -> bytes:
        """The name of that index; indices count from 0 in the order of adding."""
        start = self._ends[index - 1] if index else 0
        return self._folders[self._folder_of[index]] + self._text[start : self._ends[index]]

    def add(self, name: bytes) -> bool:
        """Append `name` under the next index; False if it is here already."""
        return not self.add_many((name,))

    def add_many(self, names: Sequence[bytes]) -> list[int]:
        """Append names under the next indexes; the positions in `names` of those that are here already.

        Raises OverflowError beyond 4 GiB. The loop is written out, as millions pass through it.
        """
        repeated: list[int] = []
        ends, keep = self._ends, self._keep
        slots, marks, mask = self._slots, self._marks, self._mask
        for place, name in enumerate(names):
            if len(ends) >= self._room:
                self._grow()
                slots, marks, mask = self._slots, self._marks, self._mask
            hashed = hash(name)
            mark, position = hashed >> 56 & 0xFF, hashed & mask
            while slots[position] and (marks[position] != mark or self[slots[position] - 1] != name):
                position = position + 1 & mask
            if slots[position]:
                repeated.append(place)
                continue
            keep(name)
            slots[position] = len(ends)
            marks[position] = mark
        return repeated

    def find(self, name: bytes) -> int | None:
        """The name's index, or None."""
        slots, marks, mask = self._slots, self._marks, self._mask
        hashed = hash(name)
        mark, position = hashed >> 56 & 0xFF, hashed & mask
        while slot := slots[position]:
            if marks[position] == mark and self[slot - 1] == name:
                return slot - 1
            position = position + 1 & mask
        return None

    def pick(self, indexes: Sequence[int]) -> list[str]:
        """The names of many indexes, as text."""
        ends = self._ends.pick(indexes)
        starts = self._ends.pick([max(0, index - 1) for index in indexes])
        folders, text = self._folders, self._text
        raw = [
            folders[folder] + text[start if index else 0 : end]
            for index, folder, start, end in zip(indexes, self._folder_of.pick(indexes), starts, ends, strict=True)
        ]
        return [name.decode("utf-8", "surrogatepass") for name in raw]

    def texts(self) -> Iterator[str]:
        """All names in their order, as text: a quarter of the time that asking for each takes."""
        folders = [folder.decode("utf-8", "surrogatepass") for folder in self._folders]
        for first in range(0, len(self), _AT_ONCE):
            last = min(first + _AT_ONCE, len(self))
            start = self._ends[first - 1] if first else 0
            yield from self._texts(folders, first, last, bytes(self._text[start : self._ends[last - 1]]))

    def _texts(self, folders: list[str], first: int, last: int, raw: bytes) -> Iterator[str]:
        if not raw.isascii():
            yield from (self[index].decode("utf-8", "surrogatepass") for index in range(first, last))
            return
        text, at = raw.decode(), 0
        start = self._ends[first - 1] if first else 0
        for number, end in zip(self._folder_of.view()[first:last], self._ends.view()[first:last], strict=True):
            yield folders[number] + text[at : end - start]
            at = end - start

    def _keep(self, name: bytes) -> None:
        """Append the name's text: without its folder, if that has a number or can get one."""
        cut = name.rfind(b"/") + 1
        number = self._folder_numbers.get(name[:cut])
        if number is None:
            number = self._new_folder(name[:cut])
        self._folder_of.append(number)
        self._text += name[cut:] if number else name
        if len(self._text) > _MOST_TEXT_BYTES:
            raise OverflowError
        self._ends.append(len(self._text))

    def _new_folder(self, folder: bytes) -> int:
        """The number of a folder not seen before; 0 when all are taken."""
        number = len(self._folders)
        if number > _MOST_FOLDERS:
            return 0
        self._folders.append(folder)
        self._folder_numbers[folder] = number
        return number

    def _make_slots(self, slots: int, names: int) -> None:
        """Room for `names`: a power of two of slots, at most three fifths filled."""
        while slots * _FILLED_FIFTHS // 5 <= names:
            slots *= 2
        self._slots = memoryview(bytearray(4 * slots)).cast("I")
        self._marks = bytearray(slots)
        self._mask = slots - 1
        self._room = slots * _FILLED_FIFTHS // 5

    def _grow(self) -> None:
        """Double the slots and place every name anew."""
        self._make_slots(len(self._slots) * 2, 0)
        slots, marks, mask = self._slots, self._marks, self._mask
        for index in range(len(self)):
            hashed = hash(self[index])
            position = hashed & mask
            while slots[position]:
                position = position + 1 & mask
            slots[position] = index + 1
            marks[position] = hashed >> 56 & 0xFF
