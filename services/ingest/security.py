"""Who may call: the queue, the scheduler and the bucket's events, by a shared token or by an OIDC token of Google's.

Nothing of a token is ever logged or answered: a refusal says why, and whose token it claims to be.
"""

import asyncio
import hashlib
import secrets
from dataclasses import dataclass
from typing import Any, Protocol

import jwt
import structlog
from fastapi import HTTPException, Request

from services.ingest.settings import IngestSettings, OidcCallers

_KEYS_SECONDS = 3600
_KEYS_TIMEOUT_SECONDS = 5
_LEEWAY_SECONDS = 30

_log = structlog.get_logger(__name__)


class Refused(HTTPException):
    """401 when it is not known who calls, 403 when that one may not."""

    def __init__(self, status: int, why: str) -> None:
        headers = {"WWW-Authenticate": "Bearer"} if status == 401 else None
        super().__init__(status, f"This door is for the queue, the scheduler and the bucket: {why}.", headers)
        self.why = why


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls. `proof` is a digest of the token, the same for every call that shows it; empty where all share one."""

    email: str
    proof: str
    expires_at: int


class Door(Protocol):
    """Finds out who calls."""

    async def admit(self, token: str) -> Caller:
        """The caller who shows `token`. Raises Refused."""
        ...


@dataclass(frozen=True, slots=True)
class SharedTokenDoor:
    """Admits whoever knows the shared token; an empty one admits nobody."""

    token: str

    async def admit(self, token: str) -> Caller:
        """Compare in constant time."""
        if not self.token or not secrets.compare_digest(token.encode(), self.token.encode()):
            raise Refused(401, "the token is not the shared one")
        return Caller("", "", 0)


class OidcDoor:
    """Admits service accounts by ID tokens (OpenID Connect Core 1.0, 3.1.3.7): RS256, issuer, audience, times."""

    def __init__(self, settings: OidcCallers) -> None:
        self._settings = settings
        self._keys = jwt.PyJWKClient(
            settings.keys_url, cache_jwk_set=True, lifespan=_KEYS_SECONDS, timeout=_KEYS_TIMEOUT_SECONDS
        )

    async def admit(self, token: str) -> Caller:
        """Check the signature and every claim."""
        if not token:
            raise Refused(401, "there is no token")
        claims = await self._claims(token)
        email = str(claims.get("email", ""))
        if email not in self._settings.service_accounts or claims.get("email_verified") is not True:
            raise Refused(403, "the token is of another service account")
        return Caller(email, hashlib.sha256(token.encode()).hexdigest(), int(claims["exp"]))

    async def _claims(self, token: str) -> dict[str, Any]:
        settings = self._settings
        try:
            key = await asyncio.to_thread(self._keys.get_signing_key_from_jwt, token)
            return jwt.decode(
                token,
                key,
                algorithms=["RS256"],
                audience=settings.audience.split(),
                issuer=[settings.issuer, settings.issuer.removeprefix("https://")],
                leeway=_LEEWAY_SECONDS,
                options={"require": ["exp", "iat", "aud", "iss"]},
            )
        except jwt.PyJWKClientConnectionError as error:
            _log.warning("the keys of the issuer cannot be fetched", error=type(error).__name__)
            raise HTTPException(503, "The issuer's keys cannot be fetched at present.") from None
        except jwt.ExpiredSignatureError:
            raise Refused(401, "the token has expired") from None
        except (jwt.InvalidAudienceError, jwt.InvalidIssuerError) as error:
            raise Refused(403, f"the token is not meant for us ({type(error).__name__})") from None
        except jwt.PyJWTError as error:
            raise Refused(401, f"the token is not valid ({type(error).__name__})") from None


def make_door(settings: IngestSettings) -> Door:
    """The door the settings name."""
    if isinstance(settings.callers, OidcCallers):
        return OidcDoor(settings.callers)
    return SharedTokenDoor(settings.callback.token.get_secret_value())


async def require_caller(request: Request) -> None:
    """Admit the caller or answer 401 or 403; who it was is `request.state.caller`."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    door: Door = request.app.state.door
    try:
        request.state.caller = await door.admit(token.strip() if scheme.lower() == "bearer" else "")
    except Refused as refused:
        _log.warning("call refused", path=request.url.path, status=refused.status_code, why=refused.why)
        raise
