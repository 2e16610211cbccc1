"""Which member of an archive a COCO file means by the name of an image."""

from collections.abc import Iterator

from shared.formats.annotations.member_names import directory_of, is_image
from shared.formats.annotations.model import NameTable
from shared.formats.annotations.splits import normalise_split
from shared.formats.annotations.survey import NameSurvey
from shared.formats.annotations.yolo.layouts.paths import bases_of, candidates

_MOST_DIRECTORIES = 1_000


class ImageMembers:
    """Finds images by the names one file has for them: with the path they had on some disk, or with none.

    Such names are uniform, so what led to the last image is tried first.
    """

    def __init__(self, survey: NameSurvey, file: str, split: str | None) -> None:
        self._names: NameTable = survey.names
        self._bases = bases_of(directory_of(file))
        near = [directory for directory, _ in survey.image_directories.most_common(_MOST_DIRECTORIES)]
        near.sort(key=self._distance)
        of_the_split = [directory for directory in near if split is not None and _is_of(directory, split)]
        self._first = list(dict.fromkeys([directory_of(file), *of_the_split]))
        self._others = [directory for directory in near if directory not in self._first]
        self._last: str | None = None

    def find(self, file_name: str) -> int | None:
        """The index of the member; None where no image of that name is here."""
        if self._last is not None and (index := self._image(self._last + file_name)) is not None:
            return index
        for name in self._places(file_name):
            if (index := self._image(name)) is not None:
                self._learn(name, file_name)
                return index
        return None

    def _places(self, file_name: str) -> Iterator[str]:
        """Names it may mean: in the file's own folder or in one of its split, then wherever a path leads to."""
        yield from (directory + file_name for directory in self._first)
        yield from candidates(file_name, self._bases)
        base = file_name.replace("\\", "/").rpartition("/")[2]
        yield from (directory + base for directory in (*self._first, *self._others))

    def _image(self, name: str) -> int | None:
        return self._names.find(name) if name and is_image(name) else None

    def _learn(self, name: str, file_name: str) -> None:
        if name.endswith(file_name):
            self._last = name[: len(name) - len(file_name)]

    def _distance(self, directory: str) -> tuple[int, str]:
        """How near a directory of images is to the file: what has most of its path in common comes first."""
        shared_with = max(len(base) for base in self._bases if directory.startswith(base))
        return -shared_with, directory


def _is_of(directory: str, split: str) -> bool:
    """Whether a folder on the way is named for the split."""
    return any(normalise_split(part) == split for part in directory.split("/"))
