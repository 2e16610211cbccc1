"""Requests that race: one key, one name, and a dataset deleted while it is imported."""

import asyncio
from collections.abc import Awaitable
from pathlib import Path

import pytest

from tests.factories.archives import yolo_zip
from tests.factories.disturbed_imports import begun
from tests.factories.yard import Yard


async def _posts(yard: Yard, body: dict, headers: dict[str, str], count: int) -> list[tuple[int, dict]]:
    calls: list[Awaitable] = [yard.api.post("/datasets/import", json=body, headers=headers) for _ in range(count)]
    return [(answer.status_code, answer.json()) for answer in await asyncio.gather(*calls)]


async def test_one_idempotency_key_sent_ten_times_at_once(quiet: Yard, tmp_path: Path) -> None:
    yolo_zip(tmp_path / "a.zip", images=3)
    answers = await _posts(quiet, {"source": str(tmp_path / "a.zip")}, {"Idempotency-Key": "one"}, 10)

    assert [status for status, _ in answers] == [202] * 10
    assert len({body["job_id"] for _, body in answers}) == len({body["dataset_id"] for _, body in answers}) == 1
    assert await quiet.database["import_jobs"].count_documents({}) == 1
    assert await quiet.database["datasets"].count_documents({}) == 1


@pytest.mark.parametrize("count", [10, 40])
async def test_one_name_asked_for_many_times_at_once(quiet: Yard, tmp_path: Path, count: int) -> None:
    yolo_zip(tmp_path / "a.zip", images=3)
    answers = await _posts(quiet, {"source": str(tmp_path / "a.zip"), "name": "Same"}, {}, count)

    assert [status for status, _ in answers] == [202] * count
    slugs = await quiet.database["datasets"].distinct("slug")
    assert len(slugs) == count
    assert all(slug == "same" or slug.startswith("same-") for slug in slugs)


async def test_a_dataset_cannot_be_deleted_while_it_is_imported(quiet: Yard, messy: Path) -> None:
    job_id = await begun(quiet, messy)
    dataset_id = (await quiet.job(job_id))["dataset_id"]

    answer = await quiet.api.delete(f"/datasets/{dataset_id}")

    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/dataset-busy")
