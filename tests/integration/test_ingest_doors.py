"""The machines' door with a database behind it: what is called, and what happens to a call that comes again."""

import contextlib

import httpx2
import pytest

from services.ingest.main import create_app
from services.ingest.settings import IngestSettings, OidcCallers
from shared.foundation.settings import LocalStore
from tests.emulators.identity import TokenIssuer, serving_keys
from tests.factories.databases import give_back, migrated_database

AUDIENCE, QUEUE = "https://ingest.example", "queue@p.iam.gserviceaccount.com"


@pytest.fixture
def issuer():
    return TokenIssuer()


@pytest.fixture
async def ingest(mongo_url, tmp_path, issuer):
    """A client of the service that shows a good token, unless told otherwise."""
    mongo = await migrated_database(mongo_url)
    async with contextlib.AsyncExitStack() as stack:
        keys = await stack.enter_async_context(serving_keys(issuer))
        callers = OidcCallers(audience=AUDIENCE, service_accounts=(QUEUE,), keys_url=keys)
        settings = IngestSettings(mongo=mongo, object_store=LocalStore(root=tmp_path / "objects"), callers=callers)
        app = create_app(settings)
        await stack.enter_async_context(app.router.lifespan_context(app))
        client = httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://ingest")
        yield await stack.enter_async_context(client)
    await give_back(mongo, drop=False)


def shown(token: str, *, task: str = "t", attempt: int = 0) -> dict[str, str]:
    names = {"X-CloudTasks-TaskName": task, "X-CloudTasks-TaskRetryCount": str(attempt)}
    return {"Authorization": f"Bearer {token}", **names}


async def test_a_call_that_was_answered_is_refused_when_it_comes_again(ingest, issuer):
    headers = shown(issuer.token(audience=AUDIENCE, email=QUEUE))
    assert (await ingest.post("/maintenance", headers=headers)).status_code == 204
    again = await ingest.post("/maintenance", headers=headers)
    assert again.status_code == 403
    assert "answered before" in again.text


async def test_one_token_may_be_shown_for_many_tasks_and_attempts(ingest, issuer):
    token = issuer.token(audience=AUDIENCE, email=QUEUE)
    for task, attempt in (("a", 0), ("b", 0), ("b", 1)):
        assert (await ingest.post("/maintenance", headers=shown(token, task=task, attempt=attempt))).status_code == 204


async def test_a_call_that_failed_may_be_made_again(ingest, issuer):
    headers = shown(issuer.token(audience=AUDIENCE, email=QUEUE))
    assert [(await ingest.post("/tasks/never-was", headers=headers)).status_code for _ in range(2)] == [404, 404]


async def test_every_door_asks_who_it_is(ingest, issuer):
    for path in ("/maintenance", "/tasks/a"):
        assert (await ingest.post(path)).status_code == 401
        other = issuer.token(audience="https://other.example", email=QUEUE)
        assert (await ingest.post(path, headers=shown(other))).status_code == 403
    assert (await ingest.get("/health/live")).status_code == 200
