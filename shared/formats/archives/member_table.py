"""What planning an import needs to know of an archive's members, whether they are one archive's or several's."""

from collections.abc import Iterator, Sequence
from typing import Protocol

from shared.formats.archives.directory import Member


class MemberTable(Protocol):
    """The members of one archive, or of several that belong together, by their index."""

    @property
    def total_bytes(self) -> int:
        """The sizes of all members together."""
        ...

    def __len__(self) -> int:
        """How many rows there are, dropped ones included."""
        ...

    def member(self, index: int, /) -> Member:
        """The member; IndexError if there is none or it was dropped."""
        ...

    def pick(self, indexes: Sequence[int], /) -> list[Member]:
        """The members of many indexes, none of them dropped."""
        ...

    def name(self, index: int, /) -> str:
        """The member's name as a plain relative path."""
        ...

    def each_name(self) -> Iterator[str]:
        """The name of every row, those of dropped ones included."""
        ...

    def find(self, name: str, /) -> int | None:
        """The index of the member of that very name, or None."""
        ...

    def offset(self, index: int, /) -> int:
        """Where the member's bytes begin, header included."""
        ...

    def end(self, index: int, /) -> int:
        """Where the member's bytes end at the latest."""
        ...

    def is_dropped(self, index: int, /) -> bool:
        """Whether the member was left out after all."""
        ...
