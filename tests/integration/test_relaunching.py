"""What the sweeper starts again: jobs whose callback, launch or claimer was lost."""

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest

from shared.features.imports.running import dispatch
from shared.features.jobs import starting
from shared.foundation.ids import JobId
from shared.ports.job_queue import QueueUnavailable
from tests.factories.archives import yolo_zip
from tests.factories.disturbed_imports import ENGINE, begun
from tests.factories.traps import trap
from tests.factories.yard import QuietLauncher, Yard, open_yard


class BrokenQueue:
    """A queue that does not answer."""

    async def enqueue(self, job_id: JobId, *, delay_seconds: float = 0) -> None:
        raise QueueUnavailable("For a test.")

    async def ping(self) -> None:
        raise QueueUnavailable("For a test.")


async def test_a_job_is_accepted_while_the_queue_is_down(
    mongo_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    yolo_zip(tmp_path / "a.zip", images=4)
    async with open_yard(mongo_url, tmp_path / "yard", queue=BrokenQueue(), engine=ENGINE) as yard:
        job_id = await yard.start_import(tmp_path / "a.zip")
        await yard.swept()
        assert (await yard.job(job_id))["state"] == "queued"  # its callback could still come

        monkeypatch.setattr(starting, "_CALLBACK_PATIENCE", timedelta())
        await asyncio.gather(yard.swept(), yard.swept(), yard.swept())
        status = await yard.ended(job_id)
    assert (status["state"], status["attempts"]) == ("succeeded", 1)


async def test_lost_launches_and_lost_claimers_are_replaced(
    quiet: Yard, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    yolo_zip(tmp_path / "a.zip", images=40)
    launcher = quiet.container.outside.launcher
    assert isinstance(launcher, QuietLauncher)
    job_id = await begun(quiet, tmp_path / "a.zip")
    await quiet.swept()
    assert launcher.asked == [(job_id, 3)]  # they may still be on their way

    monkeypatch.setattr(dispatch, "PATIENCE", timedelta())
    caught = trap(monkeypatch, quiet.container.repositories.shards, "complete")
    claimer = quiet.claimer(job_id)
    await caught.reached.wait()
    await quiet.swept()
    assert launcher.asked[1:] == [(job_id, 2)]

    caught.open.set()
    await claimer
    await quiet.swept()
    assert len(launcher.asked) == 2
