"""Names of files in an export: the image's own, unless another has it in the same folder, or it cannot be written.

What an image is called depends on the paths of the export's images alone. Of several that want one name the first, in
the order of paths, has it; the others get a mark made from their path. Names that differ in the case of letters alone,
or in how accents are composed, are one name: they would be one file where most people unpack them.
"""

import hashlib
import re
import unicodedata
from array import array
from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass

_UNWRITABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\\]")
_MARK_CHARACTERS = 8
_MOST_BYTES = 240
_LONGEST_ENDING = 10
_KEY_BITS = 64
_SORTED_AT_ONCE = 1 << 20


def writable(name: str) -> str:
    """The name with what breaks lists of files, or is a separator elsewhere, as `_`; it may stand in a line by itself.

    >>> writable(" a\\nb.jpg")
    '_a_b.jpg'
    """
    if name.isprintable() and "\\" not in name and name == name.strip():
        return name
    clean = _UNWRITABLE.sub("_", name)
    if clean != clean.strip():
        clean = f"{'_' if clean[0].isspace() else ''}{clean.strip()}{'_' if clean[-1].isspace() else ''}"
    return clean


def shortened(name: str) -> str:
    """The name, or its beginning with a mark and its ending: file systems take 255 bytes, and an ending may grow.

    >>> len(shortened("x" * 300 + ".jpg")), shortened("a.jpg")
    (240, 'a.jpg')
    """
    if len(name.encode()) <= _MOST_BYTES:
        return name
    stem = stem_of(name)
    ending = f"-{_mark(name)}{name[len(stem) :]}" if len(name[len(stem) :]) <= _LONGEST_ENDING else f"-{_mark(name)}"
    return stem.encode()[: _MOST_BYTES - len(ending.encode())].decode(errors="ignore") + ending


def _mark(text: str) -> str:
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()[:_MARK_CHARACTERS]


def folder_name(name: str) -> str:
    """The name of a split or category as that of one folder, neither hidden nor a way up.

    >>> folder_name("../a/b"), folder_name("")
    ('_.._a_b', '_')
    """
    clean = writable(name.replace("/", "_"))
    return f"_{clean}" if not clean or clean.startswith(".") else clean


def stem_of(file: str) -> str:
    """The name without its ending.

    >>> stem_of("a.b.jpg")
    'a.b'
    """
    dot = file.rfind(".")
    return file[:dot] if dot > 0 else file


def undotted(file: str) -> str:
    """The name with dots only before its ending, as WebDataset takes all after the first for the ending."""
    stem = stem_of(file)
    return stem.replace(".", "_") + file[len(stem) :]


@dataclass(frozen=True, slots=True)
class Naming:
    """How a format names files: `folder` of a split and category, whether a name's ending tells files apart, and what
    makes a name fit."""

    folder: Callable[[str | None, int | None], str]
    by_stem: bool = True
    fit: Callable[[str], str] = writable


class NameBook:
    """Gives every image of an export a name of its own. Takes 8 bytes for each image.

    First every image is `reserve`d, then each is `name`d, in the order of paths.
    """

    def __init__(self, naming: Naming) -> None:
        self._naming = naming
        self._folders: dict[tuple[str | None, int | None], str] = {}
        self._keys = array("Q")
        self._shared: set[int] = set()
        self._taken: set[int] = set()

    def reserve(self, path: str, split: str | None, category: int | None = None) -> None:
        """Note the name that an image would have."""
        folder, file = self._wanted(path, split, category)
        self._keys.append(self._key(folder, file))

    def close(self) -> None:
        """All are noted."""
        self._keys = _ascending(self._keys)
        pairs = zip(self._keys, self._keys[1:], strict=False)
        self._shared = {one for one, other in pairs if one == other}

    def name(self, path: str, split: str | None, category: int | None = None) -> str:
        """The name of an image that was reserved."""
        folder, file = self._wanted(path, split, category)
        key = self._key(folder, file)
        if key not in self._shared:
            return folder + file
        if key not in self._taken:
            self._taken.add(key)
            return folder + file
        return self._marked(folder, file, path)

    def _marked(self, folder: str, file: str, path: str) -> str:
        stem = stem_of(file)
        for attempt in range(len(self._keys) + 1):
            marked = shortened(f"{stem}-{_mark(f'{attempt}/{path}')}{file[len(stem) :]}")
            key = self._key(folder, marked)
            if key not in self._taken and not self._is_reserved(key):
                self._taken.add(key)
                return folder + marked
        raise AssertionError("there are more marks than images")

    def _is_reserved(self, key: int) -> bool:
        at = bisect_left(self._keys, key)
        return at < len(self._keys) and self._keys[at] == key

    def _wanted(self, path: str, split: str | None, category: int | None) -> tuple[str, str]:
        folder = self._folders.get((split, category))
        if folder is None:
            folder = self._folders[split, category] = self._naming.folder(split, category)
        return folder, shortened(self._naming.fit(path.rpartition("/")[2]))

    def _key(self, folder: str, file: str) -> int:
        text = folder + (stem_of(file) if self._naming.by_stem else file)
        if not text.isascii():
            text = unicodedata.normalize("NFC", text)
        return int.from_bytes(hashlib.blake2b(text.casefold().encode(), digest_size=8).digest(), "big")


def _ascending(keys: "array[int]", *, at_once: int = _SORTED_AT_ONCE) -> "array[int]":
    """The keys in order. Sorting makes objects of numbers, so a part of them is sorted at a time."""
    parts = len(keys) // at_once + 1
    if parts == 1:
        return array("Q", sorted(keys))
    found = array("Q")
    for part in range(parts):
        found.extend(sorted([key for key in keys if key * parts >> _KEY_BITS == part]))
    return found
