"""Sources that are missing, silent or refused: the problem names them, and nothing is left."""

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from shared.adapters.byte_source.guard import HostGuard
from shared.foundation.settings import EngineSettings, SourceSettings
from tests.factories.archives import zip_of
from tests.factories.broken import around
from tests.factories.http_servers import source_server
from tests.factories.import_outcomes import failed
from tests.factories.yard import Yard, open_yard

# -- nothing comes


async def test_a_missing_page(yard: Yard) -> None:
    with source_server() as server:
        server.statuses = [404] * 5
        error = await failed(yard, server.url)

    assert error["type"] == "/problems/source-not-found"
    assert server.url in error["detail"]


@pytest.fixture
async def impatient(mongo_url: str, tmp_path: Path) -> AsyncIterator[Yard]:
    """A yard that tries a source once."""
    engine = EngineSettings(claimers=2, lease_seconds=2, max_attempts=1)
    sources = SourceSettings(allow_files=True, allow_private=True, connect_seconds=0.5, read_seconds=0.5, attempts=1)
    async with open_yard(mongo_url, tmp_path / "impatient", engine=engine, sources=sources) as yard:
        yield yard


@pytest.mark.parametrize("case", ["silent", "refused", "unknown host", "always 503"])
async def test_a_source_that_does_not_answer(impatient: Yard, case: str) -> None:
    """What may pass is tried again, so the job is dead rather than failed; it names the source and can be retried."""
    with source_server(b"x" * 100) as server:
        url = server.url
        server.stall_after = 0 if case == "silent" else None
        server.statuses = [503] * 99 if case == "always 503" else []
        if case == "refused":
            url = "http://127.0.0.1:9/data.zip"
        if case == "unknown host":
            url = "http://host.invalid/data.zip"
        status = await impatient.imported(url)

    assert status["state"] == "dead"
    assert status["error"]["type"] == "/problems/source-unavailable"
    assert url in status["error"]["detail"]
    assert (await impatient.api.get("/datasets")).json()["total"] == 0
    assert impatient.stored() == []


# -- addresses


@pytest.mark.parametrize(
    ("source", "slug"),
    [
        ("object://temp/x", "unsupported-source"),
        ("object://datasets/x/images/a", "unsupported-source"),
        ("ftp://host/a.zip", "unsupported-source"),
        ("gs://bucket/a.zip", "unsupported-source"),
        ("relative.zip", "unsupported-source"),
        ("file://host/etc/passwd", "unsupported-source"),
        ("file:///tmp/%00.zip", "unsupported-source"),
        ("http://", "unsupported-source"),
        ({"config": "http://a/b", "archive": "http://a/c"}, "invalid-request"),
        ({"labels": "http://a/b"}, "invalid-request"),
        ({"images": "http://a/b", "labels": "object://temp/x"}, "unsupported-source"),
        ({}, "invalid-request"),
    ],
)
async def test_sources_that_are_refused_at_once(yard: Yard, source: object, slug: str) -> None:
    answer = await yard.api.post("/datasets/import", json={"source": source})

    assert (answer.status_code, answer.json()["type"]) == (422, f"/problems/{slug}")
    assert await yard.database["import_jobs"].count_documents({}) == 0
    assert await yard.database["datasets"].count_documents({}) == 0


async def test_a_format_that_nobody_reads(yard: Yard, tmp_path: Path) -> None:
    """The problem names the part of the request."""
    zip_of(tmp_path / "a.zip", around({}))
    body = {"source": str(tmp_path / "a.zip"), "format": "labelme"}
    answer = await yard.api.post("/datasets/import", json=body)

    assert (answer.status_code, answer.json()["type"]) == (422, "/problems/invalid-request")
    assert [one["pointer"] for one in answer.json()["errors"]] == ["#/body/format"]


async def test_a_source_given_as_an_archive_part(yard: Yard, tmp_path: Path) -> None:
    zip_of(tmp_path / "a.zip", around({}))
    answer = await yard.api.post("/datasets/import", json={"source": {"archive": str(tmp_path / "a.zip")}})

    assert (await yard.ended(answer.json()["job_id"]))["state"] == "succeeded"


@pytest.mark.parametrize(
    ("source", "slug"),
    [
        ("file:///dev/zero", "unsupported-source"),
        ("/dev/null", "unsupported-source"),
        ("/no/such/file.zip", "source-not-found"),
        ("/etc/passwd/x", "source-not-found"),
    ],
)
async def test_paths_that_are_no_files(yard: Yard, source: str, slug: str) -> None:
    error = await failed(yard, source)

    assert error["type"] == f"/problems/{slug}"
    assert source.removeprefix("file://") in error["detail"]


async def test_a_pipe_is_no_file(yard: Yard, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.zip")

    assert (await failed(yard, tmp_path / "pipe.zip"))["type"] == "/problems/unsupported-source"


# -- private addresses


@pytest.fixture
async def strict(mongo_url: str, tmp_path: Path) -> AsyncIterator[Yard]:
    """A yard that takes public web addresses only."""
    sources = SourceSettings(connect_seconds=1, read_seconds=1, attempts=0)
    async with open_yard(mongo_url, tmp_path / "strict", sources=sources) as yard:
        yield yard


@pytest.mark.parametrize(
    ("source", "slug"),
    [
        ("/etc/passwd", "unsupported-source"),
        ("file:///etc/passwd", "unsupported-source"),
        ("http://127.0.0.1/a.zip", "refused-source"),
        ("http://0x7f.1/a.zip", "refused-source"),
        ("http://2130706433/a.zip", "refused-source"),
        ("http://[::1]/a.zip", "refused-source"),
        ("http://[::ffff:10.0.0.1]/a.zip", "refused-source"),
        ("http://169.254.169.254/latest/meta-data", "refused-source"),
        ("http://10.0.0.1/a.zip", "refused-source"),
    ],
)
async def test_a_strict_yard_refuses_what_is_private(strict: Yard, source: str, slug: str) -> None:
    answer = await strict.api.post("/datasets/import", json={"source": source})

    assert answer.status_code == (403 if slug == "refused-source" else 422)
    assert answer.json()["type"] == f"/problems/{slug}"


async def test_a_name_that_resolves_to_a_private_address(strict: Yard) -> None:
    with source_server(b"secret") as server:
        error = await failed(strict, server.url.replace("127.0.0.1", "localhost"))

    assert error["type"] == "/problems/refused-source"
    assert server.requests == []


@pytest.mark.parametrize("target", ["http://169.254.169.254/x", "http://10.1.2.3/x", "http://localhost:{port}/x"])
async def test_a_redirect_to_a_private_address(strict: Yard, target: str) -> None:
    """The server itself stands for a public one: only its literal address is allowed."""
    sources = strict.container.outside.sources
    sources._guard = HostGuard(allows=lambda address: address == "127.0.0.1", look_up=_everything_is_private)
    with source_server(b"secret") as server:
        server.redirects["/data.zip"] = target.format(port=server.port)
        error = await failed(strict, server.url)

    assert error["type"] == "/problems/refused-source"
    assert {request.path for request in server.requests} == {"/data.zip"}


async def _everything_is_private(_host: str, _port: int, _family: int) -> list:
    return [(2, "10.0.0.1")]
