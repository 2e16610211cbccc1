"""Images that can be looked at before their bytes have come."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.factories.roads import FIRST, IMAGES, NO_IMAGE, PACKED_FIRST, ROADS, label_name, members, write, yard_of
from tests.factories.traps import Trap, trap
from tests.factories.yard import QuietLauncher, Yard


@contextlib.asynccontextmanager
async def stopped_at(trapped: Trap, yard: Yard, job_id: str) -> AsyncIterator[None]:
    """The block runs while the only claimer of the job is caught; then it goes on to the end."""
    await yard.begun(job_id)
    claimer = yard.claimer(job_id)
    async with asyncio.timeout(20):
        await trapped.reached.wait()
    yield
    trapped.open.set()
    await claimer


@pytest.mark.parametrize(
    ("name", "method", "containing"), [(FIRST, "put", "/images/"), (PACKED_FIRST, "write", ".part")]
)
async def test_images_can_be_looked_at_before_their_bytes_have_come(
    mongo_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, method: str, containing: str
) -> None:
    files = members("after")
    async with yard_of(mongo_url, tmp_path, ROADS[name], launcher=QuietLauncher()) as yard:
        caught = trap(monkeypatch, yard.container.outside.store, method, containing=containing)
        job_id = await yard.start_import(write(tmp_path / "a.zip", "zip", files), **ROADS[name].options)
        dataset = (await yard.job(job_id))["dataset_id"]
        async with stopped_at(caught, yard, job_id):
            early = {image["path"]: image for image in await yard.all_images(dataset)}
            status = (await yard.api.get(f"/datasets/import/{job_id}/status")).json()

            assert (status["state"], status["phase"]) == ("running", "transfer")
            assert (status["progress"]["images_indexed"], status["progress"]["images_done"]) == (IMAGES, 0)
            assert early.keys() == {path for path in files if path.endswith(".jpg")}
            for path, image in early.items():
                assert image["pending"] == ["bytes", "dimensions", "sha256"]
                assert image["size_bytes"] == len(files[path])
                await _check_pending(yard, image["urls"]["file"])
                if image["urls"]["labels"] and name == PACKED_FIRST:
                    await _check_pending(yard, image["urls"]["labels"])
                elif image["urls"]["labels"]:
                    assert (await yard.api.get(image["urls"]["labels"])).content == files[label_name(path)]

        late = {image["path"]: image for image in await yard.all_images(dataset)}
        assert late.keys() == early.keys() - {NO_IMAGE}
        for path, image in late.items():
            assert image["pending"] == []
            assert image["annotations"] == early[path]["annotations"]
            assert (await yard.api.get(image["urls"]["file"])).content == files[path]


async def _check_pending(yard: Yard, url: str) -> None:
    """A packed archive's labels come with the part they lie in."""
    answer = await yard.api.get(url)
    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/image-pending")
    assert (await yard.api.head(url)).status_code == 409
