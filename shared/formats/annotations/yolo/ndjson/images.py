"""Which member of the archive is the image that an NDJSON line names."""

from collections.abc import Iterator, Mapping

from shared.formats.annotations.member_names import directory_of, is_image
from shared.formats.annotations.model import NameTable
from shared.formats.annotations.yolo.layouts.paths import MAX_CHARACTERS, bases_of

_PATIENCE = 10_000
_SPLIT_FOLDERS: Mapping[str, tuple[str, ...]] = {"val": ("val", "valid", "validation"), "valid": ("valid", "val")}


class ImageFinder:
    """Finds images by `file`, a path or a mere name, and `split`. What worked for the last image is tried first.

    After `_PATIENCE` images that are not here it is all that is tried, so a list of another dataset costs little.
    """

    def __init__(self, names: NameTable, file: str) -> None:
        self._names = names
        self._bases = bases_of(directory_of(file))
        self._last: tuple[str, str] | None = None
        self._patience = _PATIENCE

    def find(self, entry: Mapping[str, object]) -> int | None:
        """The image's index; None where it is not here."""
        file, split = entry.get("file"), entry.get("split")
        if not isinstance(file, str) or len(file) > MAX_CHARACTERS:
            return None
        path = file.replace("\\", "/").removeprefix("./").lstrip("/")
        if not is_image(path):
            return None
        split = split.strip("/ ") if isinstance(split, str) else ""
        if self._last is not None and (index := self._at(*self._last, path, split)) is not None:
            return index
        return self._search(path, split) if self._patience else None

    def _search(self, path: str, split: str) -> int | None:
        for base in self._bases:
            for folder in _folders(split):
                if (index := self._at(base, folder, path, split)) is not None:
                    self._last = base, folder
                    return index
        self._patience -= 1
        return None

    def _at(self, base: str, folder: str, path: str, split: str) -> int | None:
        place = base + folder.format(split=split)
        found = self._names.find(place + path)
        return self._names.find(place + path.rpartition("/")[2]) if found is None else found


def _folders(split: str) -> Iterator[str]:
    """Where images may lie below a base; `{split}` stands for the image's own."""
    yield from ("", "images/")
    yield from ("images/{split}/", "{split}/images/", "{split}/")
    for other in _SPLIT_FOLDERS.get(split, ()):
        yield from (f"images/{other}/", f"{other}/images/", f"{other}/")
