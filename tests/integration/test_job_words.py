"""What is said to whoever asks for what a job's state does not allow."""

from pathlib import Path

import pytest

from tests.factories.archives import yolo_zip
from tests.factories.stories import Story
from tests.factories.yard import Yard


async def test_a_job_that_succeeded(yard: Yard, tmp_path: Path) -> None:
    yolo_zip(tmp_path / "a.zip", images=2)
    job_id = (await yard.imported(tmp_path / "a.zip"))["job_id"]

    said = {order: await _refusal(yard, job_id, order) for order in ("cancel", "pause", "retry")}
    ended = "The job has already succeeded."
    assert said == {"cancel": ended, "pause": ended, "retry": "The job has succeeded; there is nothing to retry."}


@pytest.mark.parametrize(
    ("state", "words"),
    [("cancelled", "already been cancelled"), ("dead", "already died"), ("failed", "already failed")],
)
async def test_a_job_that_ended_otherwise(story: Story, quiet_yard: Yard, state: str, words: str) -> None:
    await story.end(state)
    assert await _refusal(quiet_yard, story.job_id, "resume") == f"The job has {words}."


async def test_a_job_that_goes_on(story: Story, quiet_yard: Yard) -> None:
    said = await _refusal(quiet_yard, story.job_id, "retry")
    assert said == "The job is running; there is nothing to retry."


async def _refusal(yard: Yard, job_id: str, order: str) -> str:
    answer = await yard.api.post(f"/datasets/import/{job_id}/{order}")
    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/job-state-conflict")
    detail: str = answer.json()["detail"]
    return detail
