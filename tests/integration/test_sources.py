"""One archive from wherever it may lie: the datasets are equal, whatever the server can and does."""

import asyncio
import contextlib
import re
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from shared.foundation.settings import EngineSettings
from tests.factories.archives import zip_of
from tests.factories.broken import messy_members, tar_of
from tests.factories.http_servers import SourceServer, source_server
from tests.factories.snapshots import snapshot
from tests.factories.yard import Yard, open_yard

# One shard per member of any size, so that every way of reading ranges is used.
ENGINE = EngineSettings(claimers=2, shard_bytes=64 << 10, shard_images=10, lease_seconds=4)
MODES = {"zip": None, "tar": "w", "tar.gz": "w:gz", "tar.bz2": "w:bz2"}


@pytest.fixture
async def yard(mongo_url: str, tmp_path: Path) -> AsyncIterator[Yard]:
    """A yard with small shards."""
    async with open_yard(mongo_url, tmp_path / "yard", engine=ENGINE) as opened:
        yield opened


@pytest.fixture(scope="session")
def archives(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The same members, packed in every way."""
    folder = tmp_path_factory.mktemp("archives")
    members = messy_members(40)
    tars = {kind: tar_of(folder / f"messy.{kind}", members, mode=mode) for kind, mode in MODES.items() if mode}
    return {"zip": zip_of(folder / "messy.zip", members), **tars}


async def of_file(yard: Yard, path: Path, results: dict[str, Any]) -> dict[str, Any]:
    """All that an import of the file leaves behind; made once."""
    if str(path) not in results:
        results[str(path)] = await imported(yard, path)
    return results[str(path)]


async def imported(yard: Yard, source: str | Path) -> dict[str, Any]:
    """All that an import left behind."""
    status = await yard.imported(source)
    assert (status["state"], status["error"]) == ("succeeded", None)
    await yard.cleaned(status["job_id"])
    return await snapshot(yard, status["job_id"])


def ranges(_server: SourceServer) -> None:
    """A server as it should be."""


def no_validator(server: SourceServer) -> None:
    server.etag = None


def weak_validator(server: SourceServer) -> None:
    server.etag = 'W/"one"'


def date_only(server: SourceServer) -> None:
    server.etag, server.last_modified = None, "Sat, 01 Nov 2025 10:00:00 GMT"


def no_ranges(server: SourceServer) -> None:
    server.ranges = False


def no_ranges_and_no_length(server: SourceServer) -> None:
    server.ranges, server.announces_length = False, False


def short_ranges(server: SourceServer) -> None:
    server.most_bytes_per_range = 3_000_000


def drops(server: SourceServer) -> None:
    server.cut_after, server.cuts_left = 2_000_000, 6


def fails_now_and_then(server: SourceServer) -> None:
    server.statuses = [503, 429, 500]


def redirects(server: SourceServer) -> None:
    server.redirects["/data.zip"] = "/elsewhere/data.zip?token=secret"


SERVERS = [
    ranges,
    no_validator,
    weak_validator,
    date_only,
    no_ranges,
    no_ranges_and_no_length,
    short_ranges,
    drops,
    fails_now_and_then,
    redirects,
]


@pytest.mark.parametrize("behaviour", SERVERS, ids=lambda behaviour: behaviour.__name__)
@pytest.mark.parametrize("kind", ["zip", "tar.gz"])
async def test_a_server_gives_what_the_file_gives(
    yard: Yard, archives: dict[str, Path], results: dict, kind: str, behaviour: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.foundation.retry.random.uniform", lambda _low, _high: 0.01)
    expected = await of_file(yard, archives[kind], results)
    with source_server(archives[kind].read_bytes()) as server:
        behaviour(server)
        assert await imported(yard, server.url) == expected

    if behaviour is drops:
        assert server.cuts_left < 6
    if behaviour is redirects:
        datasets = (await yard.api.get("/datasets")).json()["items"]
        assert "secret" not in str(datasets)


@pytest.mark.parametrize("kind", MODES)
async def test_addresses_of_files(yard: Yard, archives: dict[str, Path], results: dict, kind: str) -> None:
    expected = await of_file(yard, archives[kind], results)

    assert await imported(yard, archives[kind].as_uri()) == expected


async def test_every_kind_of_archive_gives_one_dataset(yard: Yard, archives: dict[str, Path], results: dict) -> None:
    """Only checksums of members (a zip has them) and what counts bytes of the archive differ."""
    found = {kind: await of_file(yard, path, results) for kind, path in archives.items()}

    for kind in ("tar", "tar.gz", "tar.bz2"):
        for part in ("statistics", "findings", "counts", "rollup", "dataset"):
            assert found[kind][part] == found["zip"][part], (kind, part)
        assert _without(found[kind]["images"], "crc32", "label") == _without(found["zip"]["images"], "crc32", "label")
        assert found[kind] == found["tar"]


def _without(images: list[dict], *fields: str) -> list[dict]:
    return [{name: value for name, value in image.items() if name not in fields} for image in images]


async def test_a_server_that_drops_without_ranges(yard: Yard, archives: dict[str, Path], results: dict) -> None:
    """It cannot be resumed, so the whole attempt is made again, and leaves nothing of the first."""
    expected = await of_file(yard, archives["zip"], results)
    with pytest.MonkeyPatch.context() as patch, source_server(archives["zip"].read_bytes()) as server:
        patch.setattr("shared.features.imports.running.ending._FIRST_RETRY_SECONDS", 0.1)
        server.ranges, server.cut_after, server.cuts_left = False, 3_000_000, 2  # one for asking
        status = await yard.imported(server.url)

    assert (status["state"], status["attempts"]) == ("succeeded", 2)
    await yard.cleaned(status["job_id"])
    assert await snapshot(yard, status["job_id"]) == expected


@contextlib.asynccontextmanager
async def python_server(folder: Path) -> AsyncIterator[str]:
    """`python -m http.server` in a process of its own: no ranges, HTTP/1.0."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-u", "-m", "http.server", "0", "--bind", "127.0.0.1", "--directory", str(folder),
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    assert process.stdout is not None
    try:
        async with asyncio.timeout(10):
            said = (await process.stdout.readline()).decode()
        found = re.search(r"port (\d+)", said)
        assert found, said
        yield f"http://127.0.0.1:{found[1]}"
    finally:
        process.terminate()
        await process.wait()


@pytest.mark.parametrize("kind", MODES)
async def test_pythons_own_server(yard: Yard, archives: dict[str, Path], results: dict, kind: str) -> None:
    expected = await of_file(yard, archives[kind], results)
    async with python_server(archives[kind].parent) as url:
        assert await imported(yard, f"{url}/{archives[kind].name}") == expected


async def test_a_listing_is_no_archive(yard: Yard, archives: dict[str, Path]) -> None:
    async with python_server(archives["zip"].parent) as url:
        status = await yard.imported(f"{url}/")
        missing = await yard.imported(f"{url}/missing.zip")

    assert (status["state"], status["error"]["type"]) == ("failed", "/problems/unreadable-archive")
    assert "HTML page" in status["error"]["detail"]
    assert missing["error"]["type"] == "/problems/source-not-found"


async def test_two_imports_of_one_server_at_once(yard: Yard, archives: dict[str, Path]) -> None:
    with source_server(archives["zip"].read_bytes()) as server:
        jobs = await asyncio.gather(*(yard.imported(server.url) for _ in range(2)))
    for status in jobs:
        await yard.cleaned(status["job_id"])
    first, second = [await snapshot(yard, status["job_id"]) for status in jobs]

    assert first["state"] == "succeeded"
    assert first == second
