"""Imports that are cancelled, retried by hand, or tried again by themselves."""

import asyncio
import random
from pathlib import Path
from typing import Any

import pytest

from shared.features.imports.running import ending
from shared.foundation.settings import EngineSettings, SourceSettings
from shared.ports.job_queue import QueueUnavailable
from tests.factories.archives import jpeg_bytes, yolo_zip, zip_of
from tests.factories.broken import around, noise
from tests.factories.disturbed_imports import begun, finished, retried, undisturbed
from tests.factories.http_servers import source_server
from tests.factories.traps import trap
from tests.factories.yard import QuietLauncher, Yard, open_yard

# -- cancelled


async def test_a_cancelled_job_stops_and_a_retry_goes_on(
    quiet: Yard, messy: Path, results: dict, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = await undisturbed(quiet, messy, results)
    job_id = await begun(quiet, messy)
    caught = trap(monkeypatch, quiet.container.repositories.shards, "complete", call=4, after=True)
    claimer = quiet.claimer(job_id)
    await caught.reached.wait()

    cancelled = await quiet.api.post(f"/datasets/import/{job_id}/cancel")
    caught.open.set()
    async with asyncio.timeout(5):
        await claimer
    assert cancelled.json()["state"] == "cancelled"
    assert (await quiet.api.get(f"/datasets/{cancelled.json()['dataset_id']}")).status_code == 404
    before = quiet.stored(), await quiet.database["images"].count_documents({})
    await asyncio.gather(quiet.claimer(job_id), quiet.swept())
    assert before == (quiet.stored(), await quiet.database["images"].count_documents({}))
    done = await quiet.database["import_shards"].count_documents({"job_id": job_id, "state": "done"})
    total = await quiet.database["import_shards"].count_documents({"job_id": job_id})
    assert 4 <= done < total

    assert (await quiet.api.post(f"/datasets/import/{job_id}/retry")).status_code == 202
    counted = trap(monkeypatch, quiet.container.repositories.shards, "complete", call=10**9)
    planned = trap(monkeypatch, quiet.container.repositories.jobs, "advance", call=10**9)
    await quiet.begun(job_id)
    assert await finished(quiet, job_id) == expected
    assert counted.calls == total - done
    assert planned.calls == 0


async def test_what_was_started_for_a_cancelled_job_is_stopped_once(quiet: Yard, messy: Path) -> None:
    launcher = quiet.container.outside.launcher
    assert isinstance(launcher, QuietLauncher)
    job_id = await begun(quiet, messy)
    assert len(launcher.asked) == 1
    for _ in range(2):
        assert (await quiet.api.post(f"/datasets/import/{job_id}/cancel")).status_code == 200
        async with asyncio.timeout(10):
            while (await quiet.job(job_id)).get("launches"):  # noqa: ASYNC110 - a document tells no one
                await asyncio.sleep(0.02)
    assert launcher.cancelled == ["launch-1"]


async def _stalled(yard: Yard, server: Any, phase: str) -> str:
    """A job whose claimers wait for a source that sends nothing more."""
    server.ranges = phase == "transfer"
    server.stall_after = 200_000
    return await yard.start_import(server.url)


@pytest.mark.parametrize("phase", ["plan", "transfer"])
@pytest.mark.parametrize("how", ["cancel", "stop"])
async def test_claimers_let_go_of_a_silent_source(mongo_url: str, tmp_path: Path, how: str, phase: str) -> None:
    """With the default lease and a patient client: a cancel is seen within 5 seconds, a shutdown within 10."""
    path = zip_of(tmp_path / "a.zip", around({f"images/train/{n}.jpg": noise(400_000, n) for n in range(4)}))
    launcher, sources = QuietLauncher(), SourceSettings(allow_private=True, read_seconds=60)
    async with open_yard(
        mongo_url, tmp_path / "yard", launcher=launcher, sources=sources, engine=EngineSettings()
    ) as yard:
        with source_server(path.read_bytes()) as server:
            job_id = await _stalled(yard, server, phase)
            await yard.begun(job_id)
            claimers = [yard.claimer(job_id), yard.claimer(job_id)]
            async with asyncio.timeout(10):
                while server.stalls_left == 10**9:  # noqa: ASYNC110
                    await asyncio.sleep(0.02)
            if how == "cancel":
                assert (await yard.api.post(f"/datasets/import/{job_id}/cancel")).status_code == 200
            else:
                yard.stop.set()
            async with asyncio.timeout(5 if how == "cancel" else 9):
                await asyncio.gather(*claimers)
        job = await yard.job(job_id)
        assert job["heartbeats"] == {}
        assert job["step"]["expires_at"] is None
        assert await yard.database["import_shards"].count_documents({"expires_at": {"$ne": None}}) == 0
        assert not [key for key in yard.stored() if key.startswith(".partial/")]


async def test_what_cannot_be_cancelled_or_retried(quiet: Yard, messy: Path) -> None:
    job_id = await begun(quiet, messy)
    url = f"/datasets/import/{job_id}"

    assert (await quiet.api.post(f"{url}/retry")).json()["type"] == "/problems/job-state-conflict"
    assert [(await quiet.api.post(f"{url}/cancel")).status_code for _ in range(2)] == [200, 200]
    assert [(await quiet.api.post(f"{url}/retry")).status_code for _ in range(2)] == [202, 409]
    await quiet.begun(job_id)
    await finished(quiet, job_id)
    for verb in ("cancel", "retry"):
        answer = await quiet.api.post(f"{url}/{verb}")
        assert (answer.status_code, answer.json()["type"]) == (409, "/problems/job-state-conflict")


@pytest.mark.parametrize("race", range(3))
async def test_a_cancel_that_meets_the_end(quiet: Yard, tmp_path: Path, race: int) -> None:
    """Either the job succeeded and cannot be cancelled, or it is cancelled and its dataset hidden: never both."""
    yolo_zip(tmp_path / "a.zip", images=3)
    job_id = await begun(quiet, tmp_path / "a.zip")
    claimer = quiet.claimer(job_id)
    await asyncio.sleep(random.Random(race).uniform(0.02, 0.12))
    answer = await quiet.api.post(f"/datasets/import/{job_id}/cancel")
    await claimer

    job = await quiet.job(job_id)
    dataset = await quiet.database["datasets"].find_one({"_id": job["dataset_id"]})
    assert (answer.status_code, job["state"], dataset["state"]) in {
        (200, "cancelled", "discarded"),
        (409, "succeeded", "ready"),
    }


# -- retried


async def test_a_retry_of_a_mended_source_reports_the_mended_one(quiet: Yard, tmp_path: Path, results: dict) -> None:
    path = tmp_path / "a.zip"
    members = around({"../x.jpg": b"x", "images/train/x.jpg": b"<html>"})
    zip_of(path, members | {"data.yaml": b"train: ["})
    job_id = await begun(quiet, path)
    await quiet.claimer(job_id)
    await quiet.cleaned(job_id)
    assert (await quiet.job(job_id))["error"]["type"] == "/problems/bad-configuration"
    assert {one["rule"] for one in await quiet.report(job_id)} == {"ARCHIVE_PATH_UNSAFE", "YAML_SYNTAX"}
    zip_of(path, around({}))

    await retried(quiet, job_id)
    found = await finished(quiet, job_id)

    assert found["state"] == "succeeded"
    assert {one["rule"] for one in found["findings"]} == {"SET_CLASS_UNUSED"}
    assert found == await finished(quiet, await begun(quiet, path, name="again"))


async def test_what_may_pass_is_tried_again_and_at_last_dead(
    mongo_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ending, "_FIRST_RETRY_SECONDS", 0.2)
    path = zip_of(tmp_path / "a.zip", around({}))
    engine = EngineSettings(claimers=1, lease_seconds=1, max_attempts=3)
    sources = SourceSettings(allow_private=True, connect_seconds=1, read_seconds=1, attempts=0)
    async with open_yard(mongo_url, tmp_path / "yard", engine=engine, sources=sources) as yard:
        with source_server(path.read_bytes()) as server:
            server.statuses = [503] * 3
            job_id = await yard.start_import(server.url)
            status = await yard.ended(job_id, seconds=15)
            assert (status["state"], status["attempts"]) == ("dead", 3)
            assert status["error"]["type"] == "/problems/source-unavailable"
            assert len(server.requests) == 3
            assert (await yard.api.get("/datasets")).json()["total"] == 0

            assert (await yard.api.post(f"/datasets/import/{job_id}/retry")).json()["error"] is None
            status = await yard.ended(job_id, seconds=15)
        assert (status["state"], status["attempts"], status["error"]) == ("succeeded", 1, None)


async def test_one_failure_that_passes_costs_one_attempt(
    mongo_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Claimers of the first attempt that fail late must not use up the second."""
    monkeypatch.setattr(ending, "_FIRST_RETRY_SECONDS", 0.1)
    path = zip_of(tmp_path / "a.zip", around({f"images/train/{n}.jpg": jpeg_bytes(30, 20, seed=n) for n in range(9)}))
    engine = EngineSettings(claimers=4, lease_seconds=2, max_attempts=3, shard_images=1)
    async with open_yard(mongo_url, tmp_path / "yard", engine=engine, launcher=QuietLauncher()) as yard:
        job_id = await begun(yard, path)
        store = yard.container.outside.store
        first = trap(monkeypatch, store, "put", containing="/images/", call=2)
        second = trap(monkeypatch, store, "put", containing="/images/", call=2)
        claimers = [yard.claimer(job_id) for _ in range(2)]
        await asyncio.gather(first.reached.wait(), second.reached.wait())
        monkeypatch.setattr(yard.container.images, "write", _unavailable)
        first.open.set()
        async with asyncio.timeout(10):
            while (await yard.job(job_id))["attempts"] < 2:  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        second.open.set()
        await asyncio.gather(*claimers)

        job = await yard.job(job_id)
        assert (job["state"], job["attempts"]) == ("running", 2)


async def _unavailable(*_args: object) -> None:
    raise QueueUnavailable("For a test.")
