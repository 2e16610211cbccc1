"""Names without repetition, known by their index: 30 bytes and its last part for a name, where a dict takes 200."""

from array import array

_FIRST_SLOTS = 1 << 10
_LOW = 0xFFFFFFFF
_MOST_FOLDERS = 0xFFFF


class NameTable:
    """Keeps names one behind the other and finds them by an open hash table. Holds up to 2**31 names.

    The first 65 535 folders are kept once, and names in them without; names in further folders are kept whole.
    A slot holds 32 bits of the hash over the index plus one. The hash is Python's own, seeded per process, so that
    nobody can make names that collide.
    """

    def __init__(self) -> None:
        self._text = bytearray()
        self._ends = array("Q")
        self._folders = [b""]
        self._folder_numbers = {b"": 0}
        self._folder_of = array("H")
        self._slots = array("Q", bytes(8 * _FIRST_SLOTS))
        self._room = _FIRST_SLOTS * 3 // 5

    def __len__(self) -> int:
        return len(self._ends)

    def __getitem__(self, index: int) -> bytes:
        """The name of that index; indices count from 0 in the order of adding."""
        start = self._ends[index - 1] if index else 0
        return self._folders[self._folder_of[index]] + self._text[start : self._ends[index]]

    def add(self, name: bytes) -> bool:
        """Append `name` under the next index; False if it is here already."""
        fragment = hash(name) & _LOW
        position = self._position(name, fragment)
        if self._slots[position]:
            return False
        self._append(name)
        self._ends.append(len(self._text))
        count = len(self._ends)
        self._slots[position] = fragment << 32 | count
        if count > self._room:
            self._grow()
        return True

    def find(self, name: bytes) -> int | None:
        """The name's index, or None."""
        slot = self._slots[self._position(name, hash(name) & _LOW)]
        return (slot & _LOW) - 1 if slot else None

    def _append(self, name: bytes) -> None:
        """Keep the name's text: without its folder, if that has a number or can get one."""
        cut = name.rfind(b"/") + 1
        number = self._folder_numbers.get(name[:cut])
        if number is None:
            number = self._new_folder(name[:cut])
        self._folder_of.append(number)
        self._text += name[cut:] if number else name

    def _new_folder(self, folder: bytes) -> int:
        """The number of a folder not seen before; 0 when all are taken."""
        number = len(self._folders)
        if number > _MOST_FOLDERS:
            return 0
        self._folders.append(folder)
        self._folder_numbers[folder] = number
        return number

    def _position(self, name: bytes, fragment: int) -> int:
        """The slot that holds `name`, else the free one where it belongs."""
        slots = self._slots
        mask = len(slots) - 1
        position = fragment & mask
        while slot := slots[position]:
            if slot >> 32 == fragment and self[(slot & _LOW) - 1] == name:
                break
            position = (position + 1) & mask
        return position

    def _grow(self) -> None:
        """Double the slots; the hash bits they hold suffice to place them anew."""
        mask = len(self._slots) * 2 - 1
        slots = array("Q", bytes(8 * (mask + 1)))
        for slot in filter(None, self._slots):
            position = slot >> 32 & mask
            while slots[position]:
                position = (position + 1) & mask
            slots[position] = slot
        self._slots = slots
        self._room *= 2
