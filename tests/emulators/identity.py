"""Google's OIDC tokens for service accounts: signed with a key of our own, whose public half is served as JWKS.

Lacks: rotation by itself (call `rotate`), revocation.
"""

import base64
import json
import secrets
import time
from collections.abc import Mapping
from typing import Any

import jwt
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import rsa

GOOGLE = "https://accounts.google.com"
HOUR_SECONDS = 3600


class TokenIssuer:
    """Issues ID tokens as Google does, and shows the keys they can be checked with."""

    def __init__(self, issuer: str = GOOGLE) -> None:
        self.issuer = issuer
        self._keys: dict[str, rsa.RSAPrivateKey] = {}
        self.rotate()

    def rotate(self) -> None:
        """Sign with a new key from now on; the old ones are still shown."""
        self._newest = secrets.token_hex(8)
        self._keys[self._newest] = rsa.generate_private_key(65537, 2048)

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
