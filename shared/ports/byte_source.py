"""Where an archive comes from: its size, whether ranges can be read, and its bytes. A directory is a tree of files."""

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from shared.foundation.errors import Conflict, Forbidden, Invalid, NotFound, Unavailable

STORED_SCHEME = "object://"


def stored_uri(key: str) -> str:
    """The address, for use among ourselves, of an object in our own store."""
    return f"{STORED_SCHEME}{key}"


PARTS_SCHEME = "parts://"


@dataclass(frozen=True, slots=True)
class PartsAddress:
    """Where a copied archive lies: in parts `{prefix}{index:06d}.part`, each but the last `part_bytes` long."""

    prefix: str
    part_bytes: int
    size_bytes: int

    @classmethod
    def of(cls, uri: str) -> "PartsAddress":
        """The address that `parts_uri` wrote."""
        part_bytes, size_bytes, prefix = uri.removeprefix(PARTS_SCHEME).split("/", 2)
        return cls(prefix, int(part_bytes), int(size_bytes))


def parts_uri(prefix: str, *, part_bytes: int, size_bytes: int) -> str:
    """The address, for use among ourselves, of an archive that was copied in parts into our own store."""
    return f"{PARTS_SCHEME}{part_bytes}/{size_bytes}/{prefix}"


class UnsupportedSource(Invalid):
    """The address is none we can read: its scheme is unknown or switched off, or it is malformed."""

    slug, title = "unsupported-source", "The source cannot be used"


class RefusedSource(Forbidden):
    """The address leads to a host that imports may not reach."""

    slug, title = "refused-source", "The source's host is not allowed"


class SourceNotFound(NotFound):
    """The source's server, or the disk, has nothing there."""

    slug, title = "source-not-found", "The source does not exist"


class SourceDenied(Invalid):
    """The source's server wants other credentials, or refuses."""

    slug, title = "source-denied", "The source refuses to be read"


class SourceUnavailable(Unavailable):
    """The source does not answer, or stopped answering, for longer than we are patient."""

    slug, title = "source-unavailable", "The source does not answer"


class SourceChanged(Conflict):
    """The source is not what it was when the import began; going on would mix two archives."""

    slug, title = "source-changed", "The source changed while it was read"


class SourceTruncated(Invalid):
    """The source ends before the size it announced."""

    slug, title = "source-truncated", "The source is shorter than it says"


@dataclass(frozen=True, slots=True)
class SourceDescription:
    """What is known before reading. `etag` is a strong validator (or size and time); None where there is none.

    Equal descriptions mean the same bytes: size and ETag are compared, how they can be read is not. `cheap_ranges`:
    many small ranges cost next to nothing, so that `read_spans` need not be spared. `tree`: the address is a directory,
    which has neither size nor bytes, but files: see ByteSources.list_tree.
    """

    size_bytes: int | None
    etag: str | None
    accepts_ranges: bool = field(compare=False)
    cheap_ranges: bool = field(default=False, compare=False)
    tree: bool = field(default=False, compare=False)


@dataclass(frozen=True, slots=True)
class TreeFile:
    """A file of a tree. `name` is its path below the tree's root, with slashes; the ETag is like a description's."""

    name: str
    size_bytes: int
    etag: str


class UnreadableReason(StrEnum):
    """Why something in a tree is not read."""

    LINK_OUTSIDE = "link-outside"
    LINK_BROKEN = "link-broken"
    LINK_LOOP = "link-loop"
    TOO_MANY_LINKS = "too-many-links"
    DEVICE = "device"
    DENIED = "denied"
    NAME = "name"


@dataclass(frozen=True, slots=True)
class UnreadableEntry:
    """Something in a tree that is left out; a folder's name ends in a slash. The name is fit to be shown."""

    name: str
    reason: UnreadableReason


TreeEntry = TreeFile | UnreadableEntry


class ByteSource(Protocol):
    """One archive or file somewhere. Reads resume by themselves after a lost connection, where ranges allow it."""

    async def describe(self) -> SourceDescription:
        """Ask the source about itself. Raises SourceNotFound, SourceDenied, RefusedSource, SourceUnavailable."""
        ...

    def read(self, start: int = 0, end: int | None = None) -> AsyncGenerator[bytes, None]:
        """The bytes from `start` up to but without `end` (None: all).

        Raises what describe raises, SourceChanged if the source is no longer what was described, and
        SourceTruncated if it ends early. A start above 0 needs `accepts_ranges`.
        """
        ...

    async def read_spans(self, spans: Sequence[tuple[int, int]]) -> list[bytes]:
        """The bytes of many small (start, end) ranges, in the order asked; they may overlap. All are in memory.

        Every range is whole. Raises what read raises. Needs `accepts_ranges`.
        """
        ...

    async def close(self) -> None:
        """Give connections back."""
        ...


class ByteSources(Protocol):
    """Opens a source by its address."""

    def check(self, uri: str) -> None:
        """Raise UnsupportedSource or RefusedSource when the address alone shows that it cannot be used.

        Addresses of our own objects are refused: they never come from outside.
        """
        ...

    def open(self, uri: str, *, expected: SourceDescription | None = None) -> ByteSource:
        """The source at `uri`, or at what `stored_uri` gave; with `expected`, reads raise SourceChanged for another."""
        ...

    def list_tree(self, uri: str) -> AsyncGenerator[TreeEntry, None]:
        """What is in the tree at `uri`, in the order of the names' code points; little is in memory at a time.

        Links to what is inside the tree are followed, except into a folder they lie in. Raises what check raises,
        UnsupportedSource if it is no tree, SourceNotFound, SourceDenied, SourceUnavailable.
        """
        ...

    def open_tree(self, uri: str, files: Sequence[tuple[int, TreeFile]]) -> ByteSource:
        """The files at `uri` as if they were one source, each at the offset given with it.

        Offsets ascend and files do not overlap: ValueError otherwise. What no file covers reads as zeros. Reading a
        file that is no longer as it was listed raises SourceChanged. Raises what open raises.
        """
        ...
