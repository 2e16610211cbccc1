"""A worker as a task of a Cloud Run job starts it: what its process tells by its end, and what its log tells."""

import asyncio
import json
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.factories.archives import zip_of
from tests.factories.broken import around, noise
from tests.factories.claimers import claimer_process, claimers_log
from tests.factories.disturbed_imports import begun
from tests.factories.http_servers import SourceServer, source_server
from tests.factories.yard import Yard

TASK = {"CLOUD_RUN_EXECUTION": "worker-x7", "CLOUD_RUN_TASK_INDEX": 1, "CLOUD_RUN_TASK_COUNT": 3}
COME_AGAIN = 75


@pytest.fixture
def stalled(tmp_path: Path) -> Iterator[SourceServer]:
    """A source that sends half of an archive and then nothing."""
    path = zip_of(tmp_path / "a.zip", around({f"images/train/{n}.jpg": noise(400_000, n) for n in range(4)}))
    with source_server(path.read_bytes()) as server:
        server.stall_after = 200_000
        yield server


async def ended(process: "subprocess.Popen[bytes]", seconds: float = 30) -> int:
    return await asyncio.to_thread(process.wait, seconds)


async def test_a_job_that_is_done_is_no_reason_to_start_again(quiet: Yard, messy: Path) -> None:
    job_id = await begun(quiet, messy)
    assert await ended(claimer_process(quiet, job_id)) == 0
    assert (await quiet.job(job_id))["state"] == "succeeded"
    assert await ended(claimer_process(quiet, job_id)) == 0


async def test_what_ends_a_job_is_in_its_document_and_no_reason_to_start_again(quiet: Yard, tmp_path: Path) -> None:
    broken = tmp_path / "broken.zip"
    broken.write_bytes(b"PK\x03\x04 and nothing more")
    job_id = await begun(quiet, broken)
    assert await ended(claimer_process(quiet, job_id)) == 0
    assert (await quiet.job(job_id))["state"] == "failed"


async def test_a_job_nobody_knows_is_no_reason_to_start_again(quiet: Yard) -> None:
    assert await ended(claimer_process(quiet, "never-was")) == 0


@pytest.mark.slow  # it waits half a minute for the database, as it should
async def test_a_database_that_is_away_is_a_reason_to_start_again(quiet: Yard) -> None:
    away = {
        "DATAYARD_MONGO__URL": "mongodb://127.0.0.1:9/?directConnection=true",
        "DATAYARD_MONGO__TIMEOUT_SECONDS": 0.2,
    }
    assert await ended(claimer_process(quiet, "any", **away), 120) not in {0, COME_AGAIN}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_told_to_leave_it_leaves_in_time_and_asks_to_be_started_again(
    quiet: Yard, stalled: SourceServer, number: signal.Signals
) -> None:
    job_id = await quiet.start_import(stalled.url)
    await quiet.begun(job_id)
    process = claimer_process(quiet, job_id, **TASK, CLOUD_RUN_TASK_ATTEMPT=2)
    async with asyncio.timeout(20):
        while stalled.stalls_left == 10**9:  # noqa: ASYNC110 - it serves in another thread
            await asyncio.sleep(0.02)
    told = time.monotonic()
    process.send_signal(number)
    assert await ended(process, 10) == COME_AGAIN
    assert time.monotonic() - told < 10
    job = await quiet.job(job_id)
    assert (job["state"], job["heartbeats"]) == ("running", {})
    entries = [json.loads(line) for line in claimers_log(quiet).read_text().splitlines() if line.startswith("{")]
    shown = {"execution": "worker-x7", "task": "1", "tasks": "3", "attempt": "2", "job_id": job_id}
    assert [entry for entry in entries if shown.items() <= entry.items()]
