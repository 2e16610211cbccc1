"""The part of an archive that an import is restricted to: a folder, or one description."""

from collections.abc import Iterator

from shared.formats.annotations.model import NameTable


def plain_root(root: str) -> str:
    """The root as members are named: without slashes around it, `.` parts, or backslashes."""
    return "/".join(part for part in root.replace("\\", "/").split("/") if part not in ("", "."))


def is_below(name: str, root: str) -> bool:
    """Whether the member is the root itself or lies below it; all do below ""."""
    return not root or name == root or (name.startswith(root) and name[len(root)] == "/")


class NamesBelow:
    """A name table in which members elsewhere have no name and are not found. Indexes stay what they are."""

    def __init__(self, names: NameTable, root: str) -> None:
        self._names = names
        self._root = root

    def __len__(self) -> int:
        return len(self._names)

    def name(self, index: int, /) -> str:
        """The member's name; "" for one elsewhere."""
        return self._shown(self._names.name(index))

    def each_name(self) -> Iterator[str]:
        """The names of all members in their order; "" for those elsewhere."""
        return map(self._shown, self._names.each_name())

    def find(self, name: str, /) -> int | None:
        """The index of the member with exactly this name; None where there is none below the root."""
        return self._names.find(name) if is_below(name, self._root) else None

    def _shown(self, name: str) -> str:
        return name if is_below(name, self._root) else ""
