"""One entry of an archive as the archive states it, before anything is judged."""

from enum import StrEnum
from typing import NamedTuple

STORED = 0
DEFLATED = 8


class EntryKind(StrEnum):
    """What an entry is. Only a FILE has content of its own that is read."""

    FILE = "file"
    DIRECTORY = "directory"
    LINK = "link"
    DEVICE = "device"
    SPARSE = "sparse"


# a tuple, because millions are made in a row and a frozen dataclass takes 3.6 times as long to make
class ArchiveEntry(NamedTuple):
    """One entry. `name` is decoded but otherwise as in the archive; offsets and sizes are bytes.

    `header_offset` is where a zip member's local header starts, or where a tar member's data starts.
    `name_is_guess` says that the name was not UTF-8 and was read as CP437.
    """

    name: str
    header_offset: int
    compressed_bytes: int
    size_bytes: int
    method: int
    crc32: int | None
    kind: EntryKind
    encrypted: bool = False
    name_is_guess: bool = False
    link_target: str | None = None


def decode_name(raw: bytes) -> tuple[str, bool]:
    """The name as text, and whether it had to be guessed: UTF-8 where valid, else CP437 (any byte has a character)."""
    try:
        return raw.decode(), False
    except UnicodeDecodeError:
        return raw.decode("cp437"), True
