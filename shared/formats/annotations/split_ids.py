"""The splits of a dataset's images while they are found: numbers for a layout's array, and the names for them."""

import re
from array import array

from shared.formats.annotations.splits import CANONICAL, in_order_of_precedence, normalise_split

NO_SPLIT = -1
MOST_SPLITS = 100
_LONGEST_NAME = 200

_IMAGE_FOLDER = re.compile(r"[ _-]?(images?|imgs?|jpegs?|jpg|png|data|set)$", re.IGNORECASE)


class SplitIds:
    """Numbers splits in the order in which they turn up."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    def number(self, split: str | None) -> int:
        """The split's number. There is none for None, for very long names, and when there are very many splits."""
        if not split or len(split) > _LONGEST_NAME:
            return NO_SPLIT
        if (known := self._numbers.get(split)) is not None:
            return known
        if len(self._numbers) >= MOST_SPLITS:
            return NO_SPLIT
        return self._numbers.setdefault(split, len(self._numbers))

    def settle(self, ids: "array[int]") -> "tuple[tuple[str, ...], array[int]]":
        """The splits in order of precedence, and the array with the numbers they have there."""
        splits = in_order_of_precedence(list(self._numbers))
        change = bytearray(range(256))
        for place, split in enumerate(splits):
            change[self._numbers[split]] = place
        return splits, array("b", ids.tobytes().translate(bytes(change)))


class FolderSplits:
    """The split that the folders of a path say: the first that is called as a split is."""

    def __init__(self) -> None:
        self._known: dict[str, str | None] = {}

    def of(self, directory: str) -> str | None:
        """The split of a directory, given with its closing `/`; None where none is said."""
        if directory not in self._known:
            self._known[directory] = next(filter(None, map(folder_split, directory.split("/"))), None)
        return self._known[directory]


def folder_split(folder: str) -> str | None:
    """The split that a folder is called after, as `train`, `valid`, `test_images` and `val2017` are."""
    split = normalise_split(folder)
    if split not in CANONICAL:
        split = normalise_split(_IMAGE_FOLDER.sub("", folder))
    return split if split in CANONICAL else None
