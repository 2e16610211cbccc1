"""An archive's links as its entries come: a tar states their targets, a zip holds them as the members' contents."""

from array import array
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from shared.formats.archives.entry import ArchiveEntry
from shared.formats.archives.errors import BrokenMember
from shared.formats.archives.links import LONGEST_TARGET_BYTES, LinkTable, link_target
from shared.formats.archives.verdict import Refusal
from shared.formats.archives.zip_member import LOCAL_HEADER_BYTES, decode_member, local_data_offset
from shared.formats.findings import Finding

_RULE = "ARCHIVE_LINK"
_MOST_UNREAD, _MOST_UNREAD_CHARACTERS = 200_000, 32 << 20
_LONGEST_EXTRA_BYTES = 1024  # of a link's local header; Info-ZIP writes 28
_TOO_MANY = Refusal(_RULE, "is one of too many links")
_NO_TARGET = Refusal(_RULE, "is a link without a target")
_TOO_LONG = Refusal(_RULE, f"is a link to more than {LONGEST_TARGET_BYTES} bytes")


class UnreadLink(NamedTuple):
    """A link of a zip: its member lies within `start` and `end`, and holds the target."""

    name: str
    start: int
    end: int
    compressed_bytes: int
    size_bytes: int
    method: int
    crc32: int

    def target(self, data: bytes) -> str | None:
        """The target, from the bytes between `start` and `end`; None for what cannot be one."""
        try:
            at = local_data_offset(data[:LOCAL_HEADER_BYTES])
            packed = data[at : at + self.compressed_bytes]
            content = decode_member(packed, method=self.method, size_bytes=self.size_bytes, crc32=self.crc32)
        except BrokenMember:
            return None
        return link_target(content)


class LinkEntries:
    """Collects links until all members are known; memory is bounded, whatever the archive holds.

    Those in `unread` are to be read and given back by `give`. `resolve` is LinkTable's.
    """

    def __init__(self) -> None:
        self._table = LinkTable()
        self._names: list[str] = []
        self._characters = 0
        self._starts, self._crcs, self._sizes = array("Q"), array("I"), array("I")
        self._compressed, self._methods = array("I"), bytearray()

    def take(self, name: str, entry: ArchiveEntry) -> Refusal | None:
        """Keep the link of that plain name; why not, if it is not kept."""
        if entry.link_target is not None:
            self._table.add(name, entry.link_target, hard=entry.hard_link)
            return None
        if entry.crc32 is None or not entry.size_bytes:
            return _NO_TARGET
        if max(entry.size_bytes, entry.compressed_bytes) > LONGEST_TARGET_BYTES:
            return _TOO_LONG
        return self._keep_unread(name, entry, entry.crc32)

    def _keep_unread(self, name: str, entry: ArchiveEntry, crc32: int) -> Refusal | None:
        self._characters += len(name)
        if len(self._names) >= _MOST_UNREAD or self._characters > _MOST_UNREAD_CHARACTERS:
            return _TOO_MANY
        self._names.append(name)
        self._starts.append(min(entry.header_offset, (1 << 64) - 1))
        self._crcs.append(crc32)
        self._sizes.append(entry.size_bytes)
        self._compressed.append(entry.compressed_bytes)
        self._methods.append(entry.method)
        return None

    def unread(self, end_of_data: int) -> Iterator[UnreadLink]:
        """The links whose targets have to be read, in the archive's order; nothing beyond `end_of_data`."""
        for row, name in enumerate(self._names):
            start, compressed = min(self._starts[row], end_of_data), self._compressed[row]
            longest = LOCAL_HEADER_BYTES + 4 * len(name) + _LONGEST_EXTRA_BYTES + compressed
            end, size = min(start + longest, end_of_data), self._sizes[row]
            yield UnreadLink(name, start, end, compressed, size, self._methods[row], self._crcs[row])

    def give(self, link: UnreadLink, data: bytes) -> Refusal | None:
        """Take the bytes of an unread link; why it is none, if they hold no target."""
        target = link.target(data)
        if target is None:
            return Refusal(_RULE, "is a link whose target cannot be read")
        self._table.add(link.name, target, hard=False)
        return None

    def resolve(
        self, find: Callable[[str], bool], names: Callable[[], Iterable[str]]
    ) -> Iterator[tuple[str, str] | Finding]:
        """Each name that links give to a member, with that member; a finding for each link that gives none."""
        return self._table.resolve(find, names)
