"""Who gets in at the machines' door: OIDC tokens of an issuer whose keys are served on the loopback."""

import logging
import time

import httpx2
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from fastapi import Depends, FastAPI, Request

from services.ingest.security import Caller, make_door, require_caller
from services.ingest.settings import IngestSettings, OidcCallers, TokenCallers
from shared.foundation.settings import CallbackSettings
from tests.emulators.identity import TokenIssuer, serving_keys

AUDIENCE = "https://ingest.example"
QUEUE, SCHEDULER = "queue@p.iam.gserviceaccount.com", "scheduler@p.iam.gserviceaccount.com"


def door_of(settings: IngestSettings) -> FastAPI:
    app = FastAPI()
    app.state.door = make_door(settings)

    @app.post("/tasks/a", dependencies=[Depends(require_caller)])
    async def call(request: Request) -> str:
        caller: Caller = request.state.caller
        return caller.email

    return app


async def knock(app: FastAPI, authorization: str | None) -> httpx2.Response:
    headers = {} if authorization is None else {"Authorization": authorization}
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://ingest") as client:
        return await client.post("/tasks/a", headers=headers)


@pytest.fixture
def issuer():
    return TokenIssuer()


@pytest.fixture
async def app(issuer):
    async with serving_keys(issuer) as keys:
        callers = OidcCallers(audience=AUDIENCE, service_accounts=(QUEUE, SCHEDULER), keys_url=keys)
        yield door_of(IngestSettings(callers=callers))


@pytest.mark.parametrize("email", [QUEUE, SCHEDULER])
async def test_admits_the_service_accounts_it_was_told(app, issuer, email):
    answer = await knock(app, f"Bearer {issuer.token(audience=AUDIENCE, email=email)}")
    assert (answer.status_code, answer.json()) == (200, email)


async def test_admits_both_spellings_of_the_issuer(app, issuer):
    token = issuer.token(audience=AUDIENCE, email=QUEUE, claims={"iss": "accounts.google.com"})
    assert (await knock(app, f"Bearer {token}")).status_code == 200


async def test_is_known_by_several_addresses(issuer):
    async with serving_keys(issuer) as keys:
        callers = OidcCallers(audience=f"{AUDIENCE} https://also.example", service_accounts=(QUEUE,), keys_url=keys)
        app = door_of(IngestSettings(callers=callers))
        for audience, status in ((AUDIENCE, 200), ("https://also.example", 200), (callers.audience, 403)):
            token = issuer.token(audience=audience, email=QUEUE)
            assert (await knock(app, f"Bearer {token}")).status_code == status


async def test_learns_a_new_key_when_one_is_used(app, issuer):
    await knock(app, f"Bearer {issuer.token(audience=AUDIENCE, email=QUEUE)}")
    issuer.rotate()
    app.state.door._keys.cooldown_duration = 0  # else the keys are asked for twice a minute at most
    assert (await knock(app, f"Bearer {issuer.token(audience=AUDIENCE, email=QUEUE)}")).status_code == 200


HOUR_AGO = int(time.time()) - 7200
BAD_CLAIMS = {
    "expired": (401, {"iat": HOUR_AGO, "exp": HOUR_AGO + 3600}),
    "of a time to come": (401, {"iat": int(time.time()) + 900, "exp": int(time.time()) + 4000}),
    "for another audience": (403, {"aud": "https://other.example"}),
    "of another issuer": (403, {"iss": "https://evil.example"}),
    "of another service account": (403, {"email": "stranger@p.iam.gserviceaccount.com"}),
    "of an address nobody verified": (403, {"email_verified": False}),
    "of no address": (403, {"email": None}),
    "without an end": (401, {"exp": None}),
}


@pytest.mark.parametrize("name", BAD_CLAIMS)
async def test_refuses_a_token(app, issuer, name, caplog):
    caplog.set_level(logging.DEBUG)
    status, claims = BAD_CLAIMS[name]
    token = issuer.token(audience=AUDIENCE, email=QUEUE, claims=claims)
    answer = await knock(app, f"Bearer {token}")
    assert answer.status_code == status
    assert token not in answer.text


FORGED = rsa.generate_private_key(65537, 2048)


def unsigned(issuer: TokenIssuer) -> str:
    claims = jwt.decode(issuer.token(audience=AUDIENCE, email=QUEUE), options={"verify_signature": False})
    kid = jwt.get_unverified_header(good(issuer))["kid"]
    return jwt.encode(claims, None, "none", headers={"kid": kid})


def good(issuer: TokenIssuer) -> str:
    return issuer.token(audience=AUDIENCE, email=QUEUE)


def forged(issuer: TokenIssuer) -> str:
    claims = jwt.decode(good(issuer), options={"verify_signature": False})
    return jwt.encode(claims, FORGED, "RS256", headers={"kid": jwt.get_unverified_header(good(issuer))["kid"]})


def symmetric(issuer: TokenIssuer) -> str:
    """The public key taken for a shared secret, as a careless verifier would."""
    claims = jwt.decode(good(issuer), options={"verify_signature": False})
    kid = jwt.get_unverified_header(good(issuer))["kid"]
    return jwt.encode(claims, str(issuer.jwks()).ljust(32), "HS256", headers={"kid": kid})


def changed(issuer: TokenIssuer) -> str:
    head, body, signature = good(issuer).split(".")
    return ".".join((head, body, signature[:-8] + "AAAAAAAA"))


BAD_TOKENS = {"none": None, "empty": lambda _: "", "no token": lambda _: "x", "unsigned": unsigned, "forged": forged}
BAD_TOKENS |= {"symmetric": symmetric, "changed": changed, "of another kid": lambda _: good(TokenIssuer())}


@pytest.mark.parametrize("name", BAD_TOKENS)
async def test_refuses_what_is_not_signed_by_the_issuer(app, issuer, name):
    make = BAD_TOKENS[name]
    answer = await knock(app, None if make is None else f"Bearer {make(issuer)}")
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize("scheme", ["Basic", "bearer2", ""])
async def test_refuses_another_scheme(app, issuer, scheme):
    assert (await knock(app, f"{scheme} {good(issuer)}")).status_code == 401


async def test_a_refusal_is_logged_without_the_token(app, issuer, capsys):
    token = issuer.token(audience="https://other.example", email=QUEUE)
    await knock(app, f"Bearer {token}")
    printed = capsys.readouterr()
    logged = printed.out + printed.err
    assert "call refused" in logged
    assert not [part for part in token.split(".") if part in logged]


async def test_keys_that_cannot_be_fetched_are_no_refusal(issuer):
    callers = OidcCallers(audience=AUDIENCE, service_accounts=(QUEUE,), keys_url="http://127.0.0.1:9/jwks")
    answer = await knock(door_of(IngestSettings(callers=callers)), f"Bearer {good(issuer)}")
    assert answer.status_code == 503


@pytest.mark.parametrize(
    ("token", "shown", "status"), [("s3", "s3", 200), ("s3", "s", 401), ("", "", 401), ("", "x", 401)]
)
async def test_a_shared_token_is_compared_whole(token, shown, status):
    settings = IngestSettings(callers=TokenCallers(), callback=CallbackSettings(token=token))
    assert (await knock(door_of(settings), f"Bearer {shown}")).status_code == status
