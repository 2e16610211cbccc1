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
