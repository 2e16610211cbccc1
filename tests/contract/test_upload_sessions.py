"""Sessions of each adapter; those of our own are tried harder in test_upload_senders.py.

What is asked of the bucket's emulator leaves out what it does not do (fake-gcs-server 1.54): asked how far an upload is
(`Content-Range: bytes */TOTAL`) it takes what it has for the whole, it answers a cancellation with 499 and goes on
taking bytes, it checks neither sizes nor checksums, and does not know a session any more once it has finished.
"""

import asyncio
import traceback
from contextlib import asynccontextmanager

import pytest
import uvicorn
from fastapi import FastAPI
from google.auth.credentials import AnonymousCredentials
from google.cloud.storage import Client
from starlette.requests import Request
from starlette.responses import Response

from shared.adapters.object_store.gcs import GcsObjectStore
from shared.adapters.object_store.local import LocalObjectStore
from shared.adapters.object_store.memory import MemoryObjectStore
from shared.adapters.upload_sessions.gcs import GcsUploadSessions
from shared.adapters.upload_sessions.local import LocalUploadSessions
from shared.foundation.ids import new_id
from shared.foundation.settings import GcsStore, MemoryStore
from shared.ports.object_store import StorageUnavailable
from shared.ports.upload_sessions import UploadSession
from shared.wiring.adapters import upload_sessions
from tests.contract.upload_sessions_contract import UploadSessionsContract, session_of
from tests.emulators import storage


class TestLocalUploadSessions(UploadSessionsContract):
    @pytest.fixture
    def store(self, tmp_path):
        return LocalObjectStore(tmp_path)

    @pytest.fixture
    def sessions(self, tmp_path, store):
        return LocalUploadSessions(tmp_path / ".partial/uploads", store.take_in)


@pytest.fixture(scope="module")
def bucket_service():
    with storage.serving() as address:
        yield address


class TestLocalUploadSessionsBesideMemory(UploadSessionsContract):
    """What settings choose for a store that is no folder."""

    @pytest.fixture
    def store(self):
        return MemoryObjectStore()

    @pytest.fixture
    def sessions(self, store):
        return upload_sessions(MemoryStore(), store)


class TestGcsUploadSessions(UploadSessionsContract):
    @pytest.fixture
    def bucket(self, bucket_service):
        name = f"bucket-{new_id()}"
        options = {"api_endpoint": bucket_service}
        Client(project="p", credentials=AnonymousCredentials(), client_options=options).create_bucket(name)
        return GcsStore(bucket=name, prefix="yard/", endpoint=bucket_service)

    @pytest.fixture
    def store(self, bucket):
        return GcsObjectStore(bucket)

    @pytest.fixture
    def sessions(self, bucket):
        return GcsUploadSessions(bucket)

    async def test_a_dead_service_is_the_stores_error(self):
        sessions, secret = GcsUploadSessions(GcsStore(bucket="any", endpoint="http://127.0.0.1:9")), new_id()
        with pytest.raises(StorageUnavailable) as caught:
            await sessions.cancel(UploadSession("a", "b", 1, None, f"http://127.0.0.1:9/session?upload_id={secret}"))
        assert secret not in "".join(traceback.format_exception(caught.value))

    async def test_says_size_checksum_and_that_it_must_be_new_and_cancels_by_delete(self):
        async with bucket_that_listens() as (url, requests):
            sessions = GcsUploadSessions(GcsStore(bucket="yard", endpoint=url))
            assert await sessions.open(session_of(1234, crc32c="AAAAAA==")) == f"{url}/session"
            await sessions.cancel(UploadSession("a", "b", 1, None, f"{url}/session"))
        request, cancelled = requests
        assert (cancelled["method"], cancelled["path"]) == ("DELETE", "/session")
        assert request["query"]["ifGenerationMatch"] == "0"
        assert request["headers"]["x-upload-content-length"] == "1234"
        assert request["body"]["crc32c"] == "AAAAAA=="


@asynccontextmanager
async def bucket_that_listens():
    """A bucket that opens sessions and notes how it was asked."""
    app, seen = FastAPI(), []

    async def begin(request: Request) -> Response:
        said = {"method": request.method, "path": request.url.path, "query": dict(request.query_params)}
        body = await request.json() if request.method == "POST" else None
        seen.append({**said, "headers": dict(request.headers), "body": body})
        return Response(headers={"Location": f"{url}/session"}, status_code=200 if body else 499)

    app.add_api_route("/{path:path}", begin, methods=["POST", "DELETE"])
    server = uvicorn.Server(uvicorn.Config(app, port=0, lifespan="off", log_config=None))
    serving = asyncio.create_task(server._serve())
    while not server.started:  # noqa: ASYNC110 - uvicorn tells no one
        await asyncio.sleep(0.01)
    url = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    try:
        yield url, seen
    finally:
        server.should_exit = True
        await serving
