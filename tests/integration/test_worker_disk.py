"""A worker keeps no archive or image bytes on its own disk: it opens nothing for writing but the store's objects."""

import asyncio
import zipfile
from pathlib import Path

import psutil
import pytest

from shared.foundation.settings import EngineSettings
from tests.factories.archives import yolo_zip
from tests.factories.broken import tar_of
from tests.factories.claimers import claimer_process, claimers_log, kill
from tests.factories.http_servers import source_server
from tests.factories.yard import QuietLauncher, open_yard

IMAGES = 300


def opened_for_writing(process: psutil.Process) -> set[str]:
    """The regular files the process has open to write to at this moment."""
    try:
        files = process.open_files()
    except psutil.Error:
        return set()
    return {file.path for file in files if any(letter in file.mode for letter in "wa+")}


def bytes_written(process: psutil.Process) -> int:
    """What the process has handed to write calls so far: sockets and pipes count, memory does not."""
    return int(process.io_counters().write_chars)


@pytest.mark.parametrize("options", [{}, {"storage": "packed"}], ids=["objects", "packed"])
@pytest.mark.parametrize("kind", ["zip", "tar.gz"])
async def test_nothing_is_written_beside_the_store(mongo_url: str, tmp_path: Path, kind: str, options: dict) -> None:
    folder = tmp_path / "source"
    folder.mkdir()
    yolo_zip(folder / "shapes.zip", images=IMAGES)
    if kind == "tar.gz":
        members = _members(folder / "shapes.zip")
        tar_of(folder / "shapes.tar.gz", members, mode="w:gz")
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    engine = EngineSettings(claimers=1, shard_bytes=256 << 10, index_first_bytes=0)
    async with open_yard(mongo_url, tmp_path / "yard", engine=engine, launcher=QuietLauncher()) as yard:
        with source_server((folder / f"shapes.{kind}").read_bytes()) as server:
            job_id = await yard.start_import(server.url, **options)
            await yard.begun(job_id)
            worker = claimer_process(yard, job_id, TMPDIR=scratch)
            try:
                seen: set[str] = set()
                written, watched = 0, psutil.Process(worker.pid)
                while worker.poll() is None:
                    seen |= opened_for_writing(watched)
                    try:
                        written = max(written, bytes_written(watched))
                    except psutil.Error:
                        break
                    assert list(scratch.iterdir()) == []
                    await asyncio.sleep(0.002)
                status = await yard.ended(job_id)
            finally:
                kill(worker)

        assert (status["state"], status["progress"]["images_done"]) == ("succeeded", IMAGES)
        ours = str(yard.objects), str(claimers_log(yard))
        beside = {path for path in seen if not path.startswith(ours)}
        assert beside == set()
        stored = sum(path.stat().st_size for path in yard.objects.rglob("*") if path.is_file())
        assert stored > 100_000
        staged = _tar_bytes(folder / "shapes.zip") if kind == "tar.gz" else 0
        documents = IMAGES * 10_000  # generous: what goes to the database over its socket counts too
        assert written <= stored + staged + documents


def _members(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def _tar_bytes(path: Path) -> int:
    return sum(len(data) + 1024 for data in _members(path).values()) + 20_480
