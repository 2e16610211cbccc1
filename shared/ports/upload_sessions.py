"""Where whoever uploads a large archive sends it, piece by piece: sessions of Google's resumable upload protocol.

https://cloud.google.com/storage/docs/performing-resumable-uploads. A bucket speaks it itself; where there is none,
our own API does, and the bytes go through an UploadIntake.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Protocol

from shared.foundation.errors import Invalid, NotFound, Unavailable

UNIT_BYTES = 256 * 1024
"""What is kept of an upload that is not whole yet is a multiple of this."""


class UploadGone(NotFound):
    """The session has ended: it was cancelled, has expired, or was refused."""

    slug, title = "upload-gone", "The upload session has ended"


class UploadInterrupted(Unavailable):
    """The rest did not come, or somebody else sends to the session: ask how far it is, and go on from there."""

    slug, title = "upload-interrupted", "The upload was interrupted"


class UploadMismatch(Invalid):
    """What was sent is not what was announced: other sizes, or another checksum."""

    slug, title = "upload-mismatch", "The upload is not what was announced"


@dataclass(frozen=True, slots=True)
class UploadSession:
    """One session. The object `key` appears when all of its bytes are there; `secret` is what the adapter gave out."""

    upload_id: str
    key: str
    size_bytes: int
    crc32c: str | None = None
    secret: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Piece:
    """Bytes that are sent: from `start` on, up to `end` if that is known. Without bytes: a question how far it is."""

    start: int
    end: int | None
    chunks: AsyncIterator[bytes]
    crc32c: str | None = None
    """Of the whole, sent with its last piece."""


@dataclass(frozen=True, slots=True)
class Received:
    """How many bytes will never be asked for again; once all are there, the CRC32C of the whole."""

    size_bytes: int
    crc32c: str | None = None

    @property
    def is_whole(self) -> bool:
        """Whether the object is there."""
        return self.crc32c is not None


class UploadIntake(Protocol):
    """Takes the bytes of sessions whose protocol is spoken by us."""

    async def take(self, session: UploadSession, piece: Piece) -> Received:
        """Keep what of the piece comes next, durably, even if the stream breaks; what is there already is passed over.

        Nothing is kept of a piece that begins too late. Of those who send at once one goes on as long as its bytes
        come; UploadInterrupted for one who falls silent, or has waited too long. The last byte makes the object appear.
        Raises UploadGone, and UploadMismatch for bytes too many or a wrong checksum; the latter ends the session.
        """
        ...


class UploadSessions(Protocol):
    """Opens sessions and ends them."""

    @property
    def intake(self) -> UploadIntake | None:
        """Where bytes go that come through us; None where they go straight to the store."""
        ...

    async def open(self, session: UploadSession) -> str:
        """Begin a session, for a week at least; its secret, which whoever sends has to show.

        Where there is no intake the secret is the address to send to. Raises StorageFull, StorageUnavailable.
        """
        ...

    async def received(self, session: UploadSession) -> int | None:
        """How many bytes are there; None where nobody but the sender is told."""
        ...

    async def cancel(self, session: UploadSession) -> None:
        """End the session and drop its bytes; one that has ended is no error."""
        ...
