"""HTTP calls with OIDC tokens, as Eventarc and Cloud Scheduler make them: again and again until they are answered."""

import asyncio
import logging
from collections.abc import Mapping

import aiohttp

from tests.emulators.identity import TokenIssuer

OK = range(200, 300)
FIRST_SECONDS, MOST_SECONDS = 0.2, 3.0

_log = logging.getLogger(__name__)


class Poster:
    """Calls a service in the name of a service account."""

    def __init__(self, issuer: TokenIssuer, *, audience: str, email: str) -> None:
        self._issuer, self._audience, self._email = issuer, audience, email
        self._http = aiohttp.ClientSession()

    async def close(self) -> None:
        """Give the connections back."""
        await self._http.close()

    async def post(self, url: str, *, body: bytes = b"", headers: Mapping[str, str] | None = None) -> int:
        """Call once; the status, 0 for no answer."""
        token = self._issuer.token(audience=self._audience, email=self._email)
        every = {**(headers or {}), "Authorization": f"Bearer {token}"}
        try:
            async with self._http.post(
                url, data=body, headers=every, timeout=aiohttp.ClientTimeout(total=30)
            ) as answer:
                return answer.status
        except (aiohttp.ClientError, TimeoutError) as error:
            _log.warning("a call of %s failed: %s", url, type(error).__name__)
            return 0

    async def insist(self, url: str, *, body: bytes, headers: Mapping[str, str]) -> None:
        """Call until the answer is a success."""
        pause = FIRST_SECONDS
        while await self.post(url, body=body, headers=headers) not in OK:
            await asyncio.sleep(pause)
            pause = min(MOST_SECONDS, 2 * pause)
