"""Google's OIDC tokens for service accounts: signed with a key of our own, whose public half is served as JWKS.

`python -m tests.emulators.identity --port P --folder F` serves the keys of all issuers of that folder.

Lacks: rotation by itself (call `rotate`), revocation.
"""

import argparse
import asyncio
import base64
import contextlib
import json
import secrets
import time
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import jwt
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key

GOOGLE = "https://accounts.google.com"
HOUR_SECONDS = 3600


class TokenIssuer:
    """Issues ID tokens as Google does, and shows the keys they can be checked with."""

    def __init__(self, issuer: str = GOOGLE, folder: Path | None = None) -> None:
        self.issuer = issuer
        self._folder = folder
        self._keys: dict[str, rsa.RSAPrivateKey] = {}
        if not self._load():
            self.rotate()

    def rotate(self) -> None:
        """Sign with a new key from now on; the old ones are still shown."""
        self._newest = secrets.token_hex(8)
        self._keys[self._newest] = rsa.generate_private_key(65537, 2048)
        if self._folder is not None:
            pem = self._keys[self._newest].private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
            self._folder.mkdir(parents=True, exist_ok=True)
            (self._folder / f"{self._newest}.pem").write_bytes(pem)

    def token(self, *, audience: str, email: str, claims: Mapping[str, object] | None = None) -> str:
        """A token for an audience in the name of a service account; `claims` replace or add to the usual ones."""
        now = int(time.time())
        usual: dict[str, Any] = {
            "iss": self.issuer,
            "aud": audience,
            "azp": "117",
            "sub": "117",
            "email": email,
            "email_verified": True,
            "iat": now,
            "exp": now + HOUR_SECONDS,
        }
        return jwt.encode({**usual, **(claims or {})}, self._keys[self._newest], "RS256", headers={"kid": self._newest})

    def _load(self) -> bool:
        """Take the keys that another process of this folder signs with; whether there are any."""
        for file in sorted(self._folder.glob("*.pem")) if self._folder is not None else ():
            key = load_pem_private_key(file.read_bytes(), None)
            assert isinstance(key, rsa.RSAPrivateKey)
            self._newest = file.stem
            self._keys[self._newest] = key
        return bool(self._keys)

    def jwks(self) -> Mapping[str, object]:
        """The public keys as a JSON Web Key Set (RFC 7517)."""
        return {"keys": [_jwk(kid, key.public_key()) for kid, key in self._keys.items()]}

    def application(self) -> web.Application:
        """Serves the keys at /jwks, with the header that says how long they may be kept."""

        async def show(_request: web.Request) -> web.Response:
            headers = {"Cache-Control": "public, max-age=3600"}
            return web.Response(text=json.dumps(self.jwks()), content_type="application/json", headers=headers)

        app = web.Application()
        app.router.add_get("/jwks", show)
        return app


def _jwk(kid: str, key: rsa.RSAPublicKey) -> Mapping[str, str]:
    numbers = key.public_numbers()
    return {"kid": kid, "kty": "RSA", "alg": "RS256", "use": "sig", "n": _base64(numbers.n), "e": _base64(numbers.e)}


def _base64(number: int) -> str:
    return base64.urlsafe_b64encode(number.to_bytes((number.bit_length() + 7) // 8)).rstrip(b"=").decode()


@contextlib.asynccontextmanager
async def serving_keys(issuer: TokenIssuer, port: int = 0) -> AsyncIterator[str]:
    """Serve the issuer's keys on the loopback; their address."""
    runner = web.AppRunner(issuer.application())
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", port)
        await site.start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/jwks"
    finally:
        await runner.cleanup()


async def run(port: int, folder: Path) -> None:
    """Serve until killed."""
    async with serving_keys(TokenIssuer(folder=folder), port) as keys:
        print(f"keys at {keys}", flush=True)  # noqa: T201 - a command's answer
        await asyncio.Event().wait()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="tests.emulators.identity", description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--folder", type=Path, required=True)
    given = parser.parse_args()
    asyncio.run(run(given.port, given.folder))
