"""Sources that change while they are imported: the import fails and says so."""

from pathlib import Path

import pytest

from tests.factories.archives import yolo_zip
from tests.factories.disturbed_imports import begun
from tests.factories.http_servers import source_server
from tests.factories.traps import trap
from tests.factories.yard import Yard


async def test_a_source_that_changes_in_the_middle(
    quiet: Yard, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.zip"
    yolo_zip(path, images=60)
    job_id = await begun(quiet, path)
    caught = trap(monkeypatch, quiet.container.repositories.shards, "complete", call=2)
    claimer = quiet.claimer(job_id)
    await caught.reached.wait()
    yolo_zip(path, images=61)
    caught.open.set()
    await claimer
    await quiet.cleaned(job_id)

    status = await quiet.ended(job_id)
    assert (status["state"], status["error"]["type"]) == ("failed", "/problems/source-changed")
    assert quiet.stored() == []
    assert await quiet.database["images"].count_documents({}) == 0


async def test_a_page_that_changes_in_the_middle(quiet: Yard, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    yolo_zip(tmp_path / "a.zip", images=60)
    with source_server((tmp_path / "a.zip").read_bytes()) as server:
        job_id = await begun(quiet, server.url)
        caught = trap(monkeypatch, quiet.container.repositories.shards, "complete", call=2)
        claimer = quiet.claimer(job_id)
        await caught.reached.wait()
        server.etag = '"two"'
        caught.open.set()
        await claimer

    status = await quiet.ended(job_id)
    assert (status["state"], status["error"]["type"]) == ("failed", "/problems/source-changed")
