"""Opens an HTTP address for HttpByteSource: redirects, credentials, deadlines, and who may be reached."""

import asyncio
import base64
import re
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager

import aiohttp
from purgatory.domain.model import OpenedState
from yarl import URL

from shared.adapters.byte_source.guard import HostGuard
from shared.adapters.byte_source.http_answer import foreign_encoding, retry_after_seconds
from shared.adapters.byte_source.http_connections import HttpConnections, deadline_seconds
from shared.adapters.byte_source.lost import LostAnswer
from shared.foundation.errors import AppError
from shared.foundation.settings import SourceSettings
from shared.foundation.urls import redact
from shared.ports.byte_source import (
    RefusedSource,
    SourceDenied,
    SourceNotFound,
    SourceUnavailable,
    UnsupportedSource,
)

_UNUSABLE = re.compile(r"[\x00-\x1f\x7f\\]")
_REDIRECTS = {301, 302, 303, 307, 308}
_CONTENT = {200, 206, 416}
_MISSING = {404, 410}
_PASSING = {408, 421, 425, 429}


def parse_address(address: str) -> URL:
    """The http(s) address. Raises UnsupportedSource if it is malformed, has no host, or has a fragment."""
    try:
        url = URL(address, encoded=address.isascii() and " " not in address)
        usable = url.scheme in {"http", "https"} and bool(url.host) and url.port != 0
    except ValueError:
        usable = False
    if not usable or _UNUSABLE.search(address):
        raise UnsupportedSource("The address is not a usable http or https address.")
    if "#" in address:
        raise UnsupportedSource("The address has a fragment (#), which no server sees; remove it.")
    return url


class HttpClient:
    """Answers of one address, reached through redirects anew each time (signed addresses expire)."""

    def __init__(
        self, address: str, settings: SourceSettings, *, guard: HostGuard, connections: HttpConnections
    ) -> None:
        url = parse_address(address)
        self._authorization = _basic(url)
        self._url = url.with_user(None)
        self._settings = settings
        self._guard = guard
        self._connections = connections
        self._session: aiohttp.ClientSession | None = None
        self.shown = redact(address)

    @asynccontextmanager
    async def get(self, headers: Mapping[str, str]) -> AsyncIterator[aiohttp.ClientResponse]:
        """An answer of status 200, 206 or 416, body unread; closed behind.

        Raises LostAnswer for what may pass, and the port's errors for what will not.
        """
        async with self._connections.slot():
            response = await self._follow(headers)
            try:
                yield response
            finally:
                response.close()

    async def _follow(self, headers: Mapping[str, str]) -> aiohttp.ClientResponse:
        url = self._url
        for _ in range(self._settings.max_redirects + 1):
            response = await self._hop(url, headers)
            if response.status not in _REDIRECTS:
                return self._accepted(response)
            response.close()
            url = self._target(url, response.headers.get("Location", ""))
        raise UnsupportedSource(f"{self.shown} redirects more than {self._settings.max_redirects} times.")

    async def close(self) -> None:
        """Give the connections back."""
        if self._session is not None:
            self._session = None
            await self._connections.leave()

    async def _hop(self, url: URL, headers: Mapping[str, str]) -> aiohttp.ClientResponse:
        """One request, unless its host has failed so often that it is left alone for a while."""
        self._guard.check_literal(url.raw_host or "")
        breaker = await self._connections.breakers.get_breaker(f"{url.raw_host}:{url.port}")
        try:
            async with breaker:
                return await self._request(url, headers)
        except OpenedState:
            raise SourceUnavailable(f"{self.shown} has failed too often; it is left alone for a moment.") from None

    async def _request(self, url: URL, headers: Mapping[str, str]) -> aiohttp.ClientResponse:
        with translated(self.shown):
            async with asyncio.timeout(deadline_seconds(self._settings)):
                response = await self._joined().get(
                    url, headers={**headers, **self._credentials(url)}, allow_redirects=False
                )
        if response.status >= 500 or response.status in _PASSING:
            response.close()
            raise LostAnswer(
                f"{self.shown} answers with status {response.status}.",
                wait_seconds=retry_after_seconds(response.headers.get("Retry-After")),
            )
        return response

    def _accepted(self, response: aiohttp.ClientResponse) -> aiohttp.ClientResponse:
        encoding = foreign_encoding(response.headers, path=response.url.path)
        if response.status in _CONTENT and encoding is None:
            return response
        response.close()
        if encoding is not None and response.status in _CONTENT:
            raise UnsupportedSource(f"{self.shown} sends its content encoded ({encoding}), though it was asked not to.")
        kind: type[AppError] = SourceNotFound if response.status in _MISSING else SourceDenied
        raise kind(f"{self.shown} answers with status {response.status}.")

    def _target(self, url: URL, location: str) -> URL:
        """Where a redirect leads, without credentials and fragment."""
        try:
            target = url.join(URL(location, encoded=True)).with_fragment(None)
        except ValueError:
            target = url
        if not location or target == url.with_fragment(None):
            raise UnsupportedSource(f"{self.shown} redirects to itself or nowhere.")
        if url.scheme == "https" and target.scheme == "http":
            raise RefusedSource(f"{self.shown} redirects from https to http.")
        return parse_address(str(target)).with_user(None)

    def _credentials(self, url: URL) -> dict[str, str]:
        """The address's own user and password, for its own scheme, host and port only."""
        if self._authorization is None or url.origin() != self._url.origin():
            return {}
        return {"Authorization": self._authorization}

    def _joined(self) -> aiohttp.ClientSession:
        """The session, joined at the first request, as it belongs to the running event loop."""
        if self._session is None:
            self._session = self._connections.join(self._guard)
        return self._session


@contextmanager
def translated(shown: str) -> Iterator[None]:
    """Turn aiohttp's errors into LostAnswer or the port's; `shown` is the address as people may see it."""
    try:
        yield
    except aiohttp.InvalidURL:
        raise UnsupportedSource(f"{shown} is not a usable address.") from None
    except TimeoutError:
        raise LostAnswer(f"{shown} does not answer in time.") from None
    except aiohttp.ClientConnectorDNSError:
        raise LostAnswer(f"The host name of {shown} cannot be resolved.") from None
    except (aiohttp.ClientError, OSError) as error:
        raise LostAnswer(f"The connection to {shown} failed ({type(error).__name__}).") from None


async def body_of(response: aiohttp.ClientResponse, shown: str) -> AsyncIterator[bytes]:
    """The body in chunks as they come. Raises LostAnswer when it breaks off or stalls."""
    chunks = response.content.iter_any()
    while True:
        with translated(shown):
            chunk = await anext(chunks, b"")
        if not chunk:
            return
        yield chunk


def _basic(url: URL) -> str | None:
    if url.user is None and url.password is None:
        return None
    pair = f"{url.user or ''}:{url.password or ''}".encode()
    return f"Basic {base64.b64encode(pair).decode()}"
