"""A planning that died leaves nothing that counts, though the next one finds another archive."""

import asyncio
from pathlib import Path

import pytest

from tests.factories.archives import yolo_zip
from tests.factories.disturbed_imports import begun, finished
from tests.factories.traps import kill, trap
from tests.factories.yard import Yard


async def test_manifests_of_a_planning_that_died_are_not_verified(
    hasty: Yard, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "shapes.zip"
    yolo_zip(path, images=60)
    job_id = await begun(hasty, path, storage="packed", in_place=True)
    with monkeypatch.context() as patch:
        caught = trap(patch, hasty.container.repositories.shards, "add_all")
        victim = hasty.claimer(job_id)
        await asyncio.wait_for(caught.reached.wait(), 10)
        await kill(victim)
    path.unlink()
    yolo_zip(path, images=10)  # its owner has mended it
    found = await finished(hasty, job_id)
    assert (found["state"], len(found["images"])) == ("succeeded", 10)

    answer = await hasty.api.post("/datasets/shapes/verify")
    verified = await finished(hasty, await _begun_verification(hasty, answer.json()["job_id"]))
    assert (verified["state"], len(verified["images"])) == ("succeeded", 10)
    assert {key.split("/")[2] for key in hasty.stored() if "/members" in key} == {"members-2"}


async def _begun_verification(yard: Yard, job_id: str) -> str:
    await yard.begun(job_id)
    return job_id
