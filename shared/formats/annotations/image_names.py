"""Which image a format means by a name: with or without folders and ending, relative to wherever its file lies."""

from array import array
from bisect import bisect_left
from collections import Counter

from shared.formats.annotations.member_names import without_ending
from shared.formats.annotations.survey import NameSurvey

MAX_CHARACTERS = 4_096
"""Of a path; longer ones mean nothing."""

_MOST_WAYS = 64
_MOST_DIRECTORIES = 64
_MOST_ENDINGS = 12
_PATIENCE = 20_000


class ImageNames:
    """Finds images by what a file says of them. What led to an image once is tried first, as such files are uniform.

    After many names in a row that lead nowhere, only what has worked is tried: a file about other images costs little.
    """

    def __init__(self, survey: NameSurvey, bases: tuple[str, ...]) -> None:
        self._names = survey.names
        self._images = survey.images
        common = (directory for directory, _ in survey.image_directories.most_common(_MOST_DIRECTORIES))
        self._bases = tuple(dict.fromkeys([*bases, *common]))
        self._endings = ("", *_endings(survey))
        self._ways: list[tuple[str, str, str]] = []
        self._patience = _PATIENCE

    def find(self, said: str) -> int | None:
        """The position of the image among those of the survey; None where there is none of that name."""
        path = _plain(said)
        if not path:
            return None
        for cut, base, ending in self._ways:
            if path.startswith(cut) and (found := self._image(base + path[len(cut) :] + ending)) is not None:
                return found
        return self._search(path) if self._patience else None

    def _search(self, path: str) -> int | None:
        """The way to an image that no known one leads to: ends of the path, the longest first, below each base."""
        cut = 0
        while True:
            for ending in self._endings:
                for base in self._bases:
                    if (found := self._image(base + path[cut:] + ending)) is not None:
                        self._learn((path[:cut], base, ending))
                        return found
            if (slash := path.find("/", cut)) < 0:
                break
            cut = slash + 1
        self._patience -= 1
        return None

    def _learn(self, way: tuple[str, str, str]) -> None:
        self._patience = _PATIENCE
        self._ways = [way, *(one for one in self._ways if one != way)][:_MOST_WAYS]

    def _image(self, name: str) -> int | None:
        index = self._names.find(name)
        return None if index is None else position_of(self._images, index)


def position_of(images: "array[int]", index: int) -> int | None:
    """Where a member stands among the images, which are in ascending order; None where it is none of them."""
    at = bisect_left(images, index)
    return at if at < len(images) and images[at] == index else None


def _plain(said: str) -> str:
    """The path without what means nothing in it; "" for what is too long, or leaves the archive."""
    if len(said) > MAX_CHARACTERS:
        return ""
    if "\\" not in said and "//" not in said and not said.startswith((".", "/", " ")) and "/." not in said:
        return said.rstrip()
    parts = [part for part in said.strip().replace("\\", "/").split("/") if part not in ("", ".", "..")]
    return "/".join(parts)


def _endings(survey: NameSurvey) -> list[str]:
    """The endings that images have here, the commonest first, each with its dot."""
    found: Counter[str] = Counter()
    for _, name in survey.named(survey.images):
        found[name[len(without_ending(name)) :]] += 1
    return [ending for ending, _ in found.most_common(_MOST_ENDINGS)]
