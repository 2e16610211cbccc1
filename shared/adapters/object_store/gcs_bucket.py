"""A bucket through google-cloud-storage, call by call: what blocks, with deadlines, retries and a breaker."""

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from contextlib import contextmanager, suppress
from datetime import timedelta
from functools import cached_property
from typing import TypeVar

import google.auth
import google.auth.transport.requests
import requests
from google.api_core import exceptions
from google.auth import impersonated_credentials
from google.auth.credentials import AnonymousCredentials, Credentials, Signing
from google.auth.exceptions import GoogleAuthError
from google.cloud.storage import Blob, Bucket, Client
from google.cloud.storage.exceptions import DataCorruption, InvalidResponse
from google.cloud.storage.fileio import BlobWriter
from google.cloud.storage.retry import DEFAULT_RETRY

from shared.adapters.breaker import Breaker
from shared.foundation.settings import GcsStore
from shared.ports.object_store import ObjectNotFound, StorageUnavailable

TIMEOUT = (5.0, 30.0)
"""Seconds to connect, and of silence, of one attempt of a call."""
RETRY = DEFAULT_RETRY.with_timeout(60.0).with_delay(initial=0.3, maximum=8.0, multiplier=2.0)
"""The library's choice of what may pass, with its jittered pauses; for this long in all."""
_FAILURES_TO_OPEN = 20
_SCOPE = "https://www.googleapis.com/auth/devstorage.read_write"
_FAILURES = (
    exceptions.GoogleAPICallError,
    exceptions.RetryError,
    DataCorruption,
    InvalidResponse,
    GoogleAuthError,
    requests.RequestException,
)

T = TypeVar("T")


class GcsBucket:
    """One bucket. What blocks is run by `call`; nothing is connected before the first."""

    def __init__(self, settings: GcsStore, credentials: Credentials | None) -> None:
        self._settings, self._given = settings, credentials
        self._breaker = Breaker("The bucket", StorageUnavailable, failures=_FAILURES_TO_OPEN)

    async def call(self, action: Callable[[], T], *, missing: str | None = None, pool: Executor | None = None) -> T:
        """Run what blocks in a thread, of `pool` if there is one; its failures are told in the port's words.

        Raises StorageUnavailable, at once while the bucket is left alone.
        """

        def run() -> T:
            with translated(missing):
                return action()

        async with self._breaker.guard():
            return await asyncio.get_running_loop().run_in_executor(pool, run)

    def blob(self, name: str, *, generation: int | None = None) -> Blob:
        """An object, as it is or as it was at a generation."""
        return self._bucket.blob(name, generation=generation)

    def put(self, name: str, data: bytes) -> None:
        """Replace an object in one request, which may be repeated: it has the same outcome."""
        self.blob(name).upload_from_string(
            data, content_type="application/octet-stream", checksum="crc32c", timeout=TIMEOUT, retry=RETRY
        )

    def upload(self, name: str, piece_bytes: int) -> BlobWriter:
        """A resumable upload of unknown length; the object appears when it is closed."""
        return BlobWriter(self.blob(name), chunk_size=piece_bytes, retry=RETRY, timeout=TIMEOUT, checksum="crc32c")

    def abandon(self, upload: BlobWriter) -> None:
        """End an upload without an object; a session that cannot be ended is forgotten by the service in a week."""
        with suppress(*_FAILURES):
            upload.terminate()

    def open_session(self, name: str, size_bytes: int, crc32c: str | None) -> str:
        """The address to which somebody else may upload an object, which must not be there yet."""
        blob = self.blob(name)
        if crc32c is not None:
            blob.crc32c = crc32c
        return str(
            blob.create_resumable_upload_session(
                content_type="application/octet-stream",
                size=size_bytes,
                checksum=None,
                if_generation_match=0,
                timeout=TIMEOUT,
                retry=RETRY,
            )
        )

    def close_session(self, address: str) -> None:
        """End an upload of somebody else's; 499 says that it has ended, other refusals that there was none.

        The address is a secret, which errors of the library would tell to the log.
        """
        try:
            answer = self._client._http.delete(address, headers={"Content-Length": "0"}, timeout=TIMEOUT)  # noqa: SLF001
        except requests.RequestException as error:
            raise requests.ConnectionError(type(error).__name__) from None
        if answer.status_code >= requests.codes.internal_server_error:
            raise requests.HTTPError(f"status {answer.status_code}")

    def span(self, blob: Blob, start: int, end: int) -> bytes:
        """A range of an object; what lies beyond its end is missing."""
        if start >= end:
            blob.reload(timeout=TIMEOUT, retry=RETRY)
            return b""
        try:
            return bytes(
                blob.download_as_bytes(
                    start=start, end=end - 1, raw_download=True, checksum=None, timeout=TIMEOUT, retry=RETRY
                )
            )
        except exceptions.RequestRangeNotSatisfiable:
            return b""

    def move(self, source: str, target: str) -> None:
        """Copy, then delete the very generation that was copied."""
        old = self.blob(source)
        old.reload(timeout=TIMEOUT, retry=RETRY)
        new, token = self.blob(target), None
        while True:
            token, _, _ = new.rewrite(
                old, token=token, if_source_generation_match=old.generation, timeout=TIMEOUT, retry=RETRY
            )
            if token is None:
                break
        with suppress(exceptions.NotFound, exceptions.PreconditionFailed):
            old.delete(if_generation_match=old.generation, timeout=TIMEOUT, retry=RETRY)

    def delete(self, name: str) -> None:
        """Delete an object, if it is there."""
        with suppress(exceptions.NotFound):
            self.blob(name).delete(timeout=TIMEOUT, retry=RETRY)

    def listed(self, prefix: str, page: int) -> Iterator[Blob]:
        """What begins with a prefix, in order of names; a page is asked for when it is needed."""
        fields = "items(name,size,generation),nextPageToken"
        found = self._client.list_blobs(
            self._bucket, prefix=prefix, page_size=page, fields=fields, timeout=TIMEOUT, retry=RETRY
        )
        return iter(found)

    def signed_url(self, name: str, expires_seconds: int) -> str | None:
        """A V4 signed address of an object, signed by a key or by the IAM service; None without either."""
        signer = self._signer
        if signer is None:
            return None
        address = self.blob(name).generate_signed_url(
            version="v4",
            expiration=timedelta(seconds=expires_seconds),
            credentials=signer,
            api_access_endpoint=self._settings.endpoint,
        )
        return str(address)

    @cached_property
    def _bucket(self) -> Bucket:
        return self._client.bucket(self._settings.bucket)

    @cached_property
    def _client(self) -> Client:
        settings = self._settings
        options = {"api_endpoint": settings.endpoint} if settings.endpoint else None
        client = Client(project="-", credentials=self._credentials, client_options=options)
        pool = requests.adapters.HTTPAdapter(pool_connections=settings.connections, pool_maxsize=settings.connections)
        for scheme in ("https://", "http://"):
            client._http.mount(scheme, pool)  # noqa: SLF001 - the library has no other way to size its pool
        return client

    @cached_property
    def _credentials(self) -> Credentials:
        if self._given is not None:
            return self._given
        if self._settings.endpoint:
            return AnonymousCredentials()  # type: ignore[no-untyped-call]
        found, _ = google.auth.default(scopes=[_SCOPE])
        return found

    @cached_property
    def _signer(self) -> Credentials | None:
        if not self._settings.signer:
            return self._credentials if isinstance(self._credentials, Signing) else None
        return impersonated_credentials.Credentials(  # type: ignore[no-untyped-call]
            source_credentials=self._credentials, target_principal=self._settings.signer, target_scopes=[_SCOPE]
        )


@contextmanager
def translated(missing: str | None = None) -> Iterator[None]:
    """Turn the library's errors into the port's; with `missing`, an object that is not there is that one's absence."""
    try:
        yield
    except exceptions.NotFound as error:
        if missing is None:
            raise StorageUnavailable("The bucket of the object store is not there.") from error
        raise ObjectNotFound(f"There is no object {missing}.") from None
    except _FAILURES as error:
        raise StorageUnavailable(f"The bucket of the object store fails: {type(error).__name__}.") from error
