"""What is said to whoever asks for what a job's state does not allow."""

from pathlib import Path

import pytest

from tests.factories.archives import yolo_zip
from tests.factories.exports import exported
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


async def test_a_job_of_an_export_has_a_status_as_others_have(yard: Yard, tmp_path: Path) -> None:
    yolo_zip(tmp_path / "a.zip", images=2)
    await yard.imported(tmp_path / "a.zip")
    await exported(yard, "a", format="coco")
    listed = (await yard.api.get("/jobs?kind=export")).json()["items"][0]

    status = await yard.api.get(f"/datasets/import/{listed['job_id']}/status")

    assert (status.status_code, status.json()) == (200, listed)
    assert (status.json()["kind"], status.json()["progress"]["images_done"]) == ("export", 2)
    unknown = await yard.api.get("/datasets/import/nope/status")
    assert (unknown.status_code, unknown.json()["type"]) == (404, "/problems/job-not-found")


async def _refusal(yard: Yard, job_id: str, order: str) -> str:
    answer = await yard.api.post(f"/datasets/import/{job_id}/{order}")
    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/job-state-conflict")
    detail: str = answer.json()["detail"]
    return detail
