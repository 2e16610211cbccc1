"""A Cloud Run task may be moved to another machine: all its connections break at once. The import must not notice."""

import asyncio
import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from shared.foundation.settings import EngineSettings
from tests.factories.archives import yolo_zip
from tests.factories.claimers import claimer_process, claimers_log, kill
from tests.factories.http_servers import source_server
from tests.factories.snapshots import snapshot
from tests.factories.tcp_proxy import tcp_proxy
from tests.factories.yard import QuietLauncher, open_yard

ENGINE = EngineSettings(claimers=1, shard_bytes=64 << 10, index_first_bytes=0, lease_seconds=3)
MOVES = 10
ELECTION_SECONDS = 8  # longer than a lease lasts
DRIVER_SECONDS = 2  # what the driver makes up for by itself


@pytest.mark.parametrize("options", [{}, {"storage": "packed"}], ids=["objects", "packed"])
async def test_every_connection_is_cut_again_and_again(mongo_url: str, tmp_path: Path, options: dict) -> None:
    yolo_zip(tmp_path / "shapes.zip", images=700)
    data = (tmp_path / "shapes.zip").read_bytes()
    mongo = urlsplit(mongo_url)
    async with (
        open_yard(mongo_url, tmp_path / "yard", engine=ENGINE, launcher=QuietLauncher()) as yard,
        tcp_proxy(mongo.hostname or "", mongo.port or 0) as to_mongo,
    ):
        with source_server(data) as server:
            async with tcp_proxy("127.0.0.1", server.port) as to_source:
                url = f"http://127.0.0.1:{to_source.port}/shapes.zip"
                expected = await yard.start_import(url, **options)
                await yard.begun(expected)
                began = time.monotonic()
                assert await asyncio.to_thread(claimer_process(yard, expected).wait, 60) == 0
                took = time.monotonic() - began  # a connection has to last for a command, on a slow machine too
                await yard.cleaned(expected)
                assert "Unclosed" not in claimers_log(yard).read_text(), "a source was left open"

                moved = await yard.start_import(url, **options)
                await yard.begun(moved)
                through = f"mongodb://127.0.0.1:{to_mongo.port}/?directConnection=true"
                worker = claimer_process(yard, moved, DATAYARD_MONGO__URL=through)
                try:
                    moves = 0
                    while worker.poll() is None:
                        await asyncio.sleep(took / MOVES)
                        to_mongo.cut()
                        to_source.cut()
                        moves += 1
                        assert moves < 10 * MOVES
                finally:
                    kill(worker)
                status = await yard.ended(moved)
                await yard.cleaned(moved)
                assert (status["state"], status["attempts"]) == ("succeeded", 1)
                assert to_mongo.cuts > 4
                assert await snapshot(yard, moved) == await snapshot(yard, expected)


async def test_the_database_is_out_of_reach_for_as_long_as_an_election_takes(mongo_url: str, tmp_path: Path) -> None:
    yolo_zip(tmp_path / "shapes.zip", images=700)
    mongo = urlsplit(mongo_url)
    async with (
        open_yard(mongo_url, tmp_path / "yard", engine=ENGINE, launcher=QuietLauncher()) as yard,
        tcp_proxy(mongo.hostname or "", mongo.port or 0) as to_mongo,
    ):
        job_id = await yard.start_import(tmp_path / "shapes.zip")
        await yard.begun(job_id)
        through = f"mongodb://127.0.0.1:{to_mongo.port}/?directConnection=true"
        worker = claimer_process(
            yard, job_id, DATAYARD_MONGO__URL=through, DATAYARD_MONGO__TIMEOUT_SECONDS=DRIVER_SECONDS
        )
        try:
            async with asyncio.timeout(20):
                while (await yard.job(job_id))["phase"] == "plan":  # noqa: ASYNC110 - a document tells no one
                    await asyncio.sleep(0.02)
            to_mongo.closed = True
            to_mongo.cut()
            await asyncio.sleep(ELECTION_SECONDS)
            assert worker.poll() is None, "the worker gave up"
            to_mongo.closed = False
            assert await asyncio.to_thread(worker.wait, 60) == 0
        finally:
            kill(worker)
        status = await yard.ended(job_id)
        assert (status["state"], status["attempts"]) == ("succeeded", 1)
        assert status["progress"]["images_done"] == 700
        assert "connection to the database lost" in claimers_log(yard).read_text()
