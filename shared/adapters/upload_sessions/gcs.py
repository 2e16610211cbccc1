"""Sessions of Cloud Storage: whoever uploads sends to the bucket, and we see no byte of it."""

from google.auth.credentials import Credentials

from shared.adapters.object_store.gcs_bucket import GcsBucket
from shared.adapters.object_store.keys import check_key
from shared.foundation.settings import GcsStore
from shared.ports.upload_sessions import UploadSession


class GcsUploadSessions:
    """UploadSessions of a bucket. A session's address is its secret: whoever knows it may send the object."""

    intake = None

    def __init__(self, settings: GcsStore, credentials: Credentials | None = None) -> None:
        self._bucket = GcsBucket(settings, credentials)
        self._prefix = settings.prefix

    async def open(self, session: UploadSession) -> str:
        """Ask the bucket for an address, which it keeps for a week; size and checksum are checked at the end."""
        name = self._prefix + check_key(session.key)
        return await self._bucket.call(lambda: self._bucket.open_session(name, session.size_bytes, session.crc32c))

    async def received(self, session: UploadSession) -> int | None:  # noqa: ARG002 - the port's
        """Not asked for: a question in the middle of a piece may cost its sender the connection."""
        return None

    async def cancel(self, session: UploadSession) -> None:
        """Tell the bucket to forget it."""
        if session.secret:
            await self._bucket.call(lambda: self._bucket.close_session(session.secret))
