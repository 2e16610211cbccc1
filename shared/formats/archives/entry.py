"""One entry of an archive as the archive states it, before anything is judged."""

from collections.abc import Sequence
from enum import StrEnum
from itertools import compress
from typing import NamedTuple

# compression methods of zip. Source: APPNOTE.TXT 6.3.10, section 4.4.5
STORED = 0
DEFLATED = 8
BZIP2 = 12
LZMA = 14
ZSTD_OLD = 20
ZSTD = 93
XZ = 95
# not one of zip: a tar member of kind SPARSE, its headers included
SPARSE = 255
# instead of an encoding: none has been guessed yet
UNDECIDED = "?"


class EntryKind(StrEnum):
    """What an entry is. Only a FILE and a SPARSE file have content of their own that is read."""

    FILE = "file"
    DIRECTORY = "directory"
    LINK = "link"
    DEVICE = "device"
    SPARSE = "sparse"


# a tuple, because millions are made in a row and a frozen dataclass takes 3.6 times as long to make
class ArchiveEntry(NamedTuple):
    """One entry. `name` is decoded but otherwise as in the archive; offsets and sizes are bytes.

    `header_offset` is where a zip member's local header starts, or where a tar member's data starts.
    A SPARSE member starts with its first tar header, and its compressed size counts all its headers.
    `guessed_encoding` is what a name that is not UTF-8 was read as, else "". `link_target` is a tar's; a zip's is the
    member's content. A `hard_link` names another member from the archive's root, any other from its own folder.
    """

    name: str
    header_offset: int
    compressed_bytes: int
    size_bytes: int
    method: int
    crc32: int | None
    kind: EntryKind
    encrypted: bool = False
    guessed_encoding: str = ""
    link_target: str | None = None
    hard_link: bool = False

    @property
    def name_is_guess(self) -> bool:
        """Whether the name is not UTF-8, so that its encoding had to be guessed."""
        return bool(self.guessed_encoding)


class PlainEntries(NamedTuple):
    """Files of a zip, column by column: plain ASCII names, a known method, no encryption, no bomb."""

    names: Sequence[bytes]
    offsets: Sequence[int]
    compressed: Sequence[int]
    sizes: Sequence[int]
    methods: bytes
    crcs: Sequence[int]

    def without(self, places: Sequence[int]) -> "PlainEntries":
        """The entries but those at `places`."""
        left_out = frozenset(places)
        keep = [place not in left_out for place in range(len(self.names))]
        return PlainEntries(
            list(compress(self.names, keep)),
            list(compress(self.offsets, keep)),
            list(compress(self.compressed, keep)),
            list(compress(self.sizes, keep)),
            bytes(compress(self.methods, keep)),
            list(compress(self.crcs, keep)),
        )
