"""The members that the paths of a YOLO description mean: list files, the names file, directories."""

from shared.formats.annotations.member_names import directory_of
from shared.formats.annotations.model import NameTable
from shared.formats.annotations.yolo.description.candidates import Description
from shared.formats.annotations.yolo.layouts.paths import bases_of, candidates, is_absolute


def members_named(names: NameTable, description: Description) -> list[int]:
    """The list files and the names file that the description refers to and that are here."""
    found = [find_list(names, description, path) for split in description.splits for path in split.paths]
    if description.names_path is not None:
        found.append(find_member(names, description, description.names_path))
    return [index for index in dict.fromkeys(found) if index is not None]


def find_list(names: NameTable, description: Description, path: str) -> int | None:
    """The list file a path means; None where it means none, as a path of a directory does."""
    return find_member(names, description, path) if path.lower().endswith(".txt") else None


def find_member(names: NameTable, description: Description, path: str) -> int | None:
    """The member a path means; None where nothing of that name is here."""
    found = (names.find(name) for name in places(description, path) if name)
    return next((index for index in found if index is not None), None)


def places(description: Description, path: str, *, whole: bool = True) -> list[str]:
    """Names a path of the description may mean: below its `path` first, then without."""
    bases = bases_of(directory_of(description.source.name))
    fewest = 1 if whole or is_absolute(path) else 2
    places = list(candidates(path, bases, fewest_parts=fewest))
    if description.path is not None and not is_absolute(path):
        places = [
            *candidates(f"{description.path}/{path}", bases, fewest_parts=max(fewest, path.count("/") + 1)),
            *places,
        ]
    return list(dict.fromkeys(places))
