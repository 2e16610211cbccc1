"""Where an archive comes from: its size, whether ranges can be read, and its bytes."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Protocol

from shared.foundation.errors import AppError, Forbidden, Invalid, NotFound, Unavailable

STORED_SCHEME = "object://"


def stored_uri(key: str) -> str:
    """The address, for use among ourselves, of an object in our own store."""
    return f"{STORED_SCHEME}{key}"


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


class SourceChanged(AppError):
    """The source is not what it was when the import began; going on would mix two archives."""

    slug, title = "source-changed", "The source changed while it was read"


class SourceTruncated(Invalid):
    """The source ends before the size it announced."""

    slug, title = "source-truncated", "The source is shorter than it says"


@dataclass(frozen=True, slots=True)
class SourceDescription:
    """What is known before reading. `etag` is a strong validator (or size and time); None where there is none."""

    size_bytes: int | None
    etag: str | None
    accepts_ranges: bool


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
