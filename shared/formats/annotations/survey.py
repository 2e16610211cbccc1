"""What the names of an archive's members tell before any of them is read: one look that all formats share."""

from array import array
from collections import Counter
from collections.abc import Iterator
from functools import cached_property

from shared.formats.annotations.member_names import directory_of, is_hidden, is_image
from shared.formats.annotations.model import NameTable
from shared.formats.annotations.roots import NamesBelow

_LONGEST_ENDING = 8


class NameSurvey:
    """The members by what they are called. It is made when it is first asked for, in one pass over the names.

    Takes four bytes for each member and a string for each directory. With a `root`, `names` are those at or below it,
    and `whole` are all: a description may lead out of its folder. `asked` is the format
    that was asked for.
    """

    def __init__(self, names: NameTable, root: str = "", *, asked: str = "auto") -> None:
        self.asked = asked
        self.root = root
        self.whole = names
        self.names = NamesBelow(names, root) if root else names

    @property
    def images(self) -> "array[int]":
        """The images, by their index, in order."""
        return self._found[0]

    @property
    def image_directories(self) -> "Counter[str]":
        """How many images lie right in each directory; one is given with its closing `/`, the root is ""."""
        return self._found[1]

    def ending_in(self, ending: str) -> "array[int]":
        """The members that are no images and whose name ends so, in lower case, such as "xml"."""
        return self._found[2].get(ending, array("i"))

    def endings(self) -> "Counter[str]":
        """How many members that are no images have each ending."""
        others = self._found[2]
        plain = (
            one for one in others if "/" not in one and self.names.name(others[one][0]).lower().endswith(f".{one}")
        )
        return Counter({ending: len(others[ending]) for ending in plain})

    def named(self, indexes: "array[int]") -> Iterator[tuple[int, str]]:
        """Members, given in ascending order, each with its name."""
        return ((index, self.names.name(index)) for index in indexes)

    @cached_property
    def _found(self) -> "tuple[array[int], Counter[str], dict[str, array[int]]]":
        images, directories = array("i"), Counter[str]()
        others: dict[str, array[int]] = {}
        for index, name in enumerate(self.names.each_name()):
            if is_image(name):
                images.append(index)
                directories[directory_of(name)] += 1
            elif not is_hidden(name) and 0 < (length := len(name) - name.rfind(".") - 1) <= _LONGEST_ENDING:
                others.setdefault(name[-length:].lower(), array("i")).append(index)
        return images, directories, others
