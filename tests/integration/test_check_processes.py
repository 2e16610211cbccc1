"""A check whose shards are read by several processes says what one process says; time runs out without a trace."""

import asyncio
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

from shared.features.imports.checks.checker import CheckProgress
from shared.features.imports.checks.options import CheckOptions
from shared.features.imports.models import ImportRequest
from shared.foundation.settings import EngineSettings, SourceSettings
from shared.ports.byte_source import SourceChanged
from shared.wiring import checking
from shared.wiring.checking import CheckContext, check_source
from tests.factories.archives import yolo_zip

SOURCES = SourceSettings(allow_files=True, allow_private=True)
SMALL_SHARDS = EngineSettings(shard_images=16)


async def checked(path: Path, folder: Path, *, processes: int, **options: Any) -> dict[str, Any]:
    """The report, without what differs from time to time."""
    heard: list[CheckProgress] = []
    report = await check_source(
        CheckContext(SOURCES, engine=SMALL_SHARDS, processes=processes),
        ImportRequest(source=str(path)),
        CheckOptions(**options),
        folder=folder,
        progress=heard.append,
    )
    labels = [one.done for one in heard if one.phase == "labels"]
    assert labels == sorted(labels)
    assert labels[-1:] == ([report.images_read] if report.images_read else [])
    return {**report.model_dump(), "seconds": None}


@pytest.fixture(autouse=True)
def _worthwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checking, "WORTH_PROCESSES", 0)


async def test_two_processes_say_what_one_says(tmp_path: Path, messy: Path) -> None:
    one = await checked(messy, tmp_path / "one", processes=1)
    two = await checked(messy, tmp_path / "two", processes=2)
    assert one == two
    assert one["findings"]["errors"]


@pytest.mark.parametrize("name", ["yolo_segment_coco_mini.zip", "coco_instances_mini.zip"])
async def test_samples(tmp_path: Path, samples: Path, name: str) -> None:
    one = await checked(samples / name, tmp_path / "one", processes=1)
    assert one == await checked(samples / name, tmp_path / "two", processes=2)
    assert one["annotations"] > 0


async def test_options_reach_the_processes(tmp_path: Path) -> None:
    truth = yolo_zip(tmp_path / "a.zip", images=40)
    report = await checked(tmp_path / "a.zip", tmp_path / "two", processes=2, category_count=1, single_category=True)
    kept = truth.annotations_by_category[truth.categories[0]]
    assert (report["annotations"], report["rows_left_out"]) == (kept, truth.annotations - kept)
    assert report["trainers"]["ultralytics@8.4.190"]["rows_kept"] == truth.annotations


async def test_a_failure_in_a_process_is_the_checks_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    yolo_zip(tmp_path / "a.zip", images=40)

    def shorten(progress: CheckProgress) -> None:
        if progress.phase == "labels":
            (tmp_path / "a.zip").write_bytes(b"another")

    with pytest.raises(SourceChanged):
        await check_source(
            CheckContext(SOURCES, engine=SMALL_SHARDS, processes=1), ImportRequest(source=str(tmp_path / "a.zip")),
            CheckOptions(), folder=tmp_path / "folder", progress=shorten,
        )  # fmt: skip


async def test_what_is_read_when_time_runs_out_counts(tmp_path: Path) -> None:
    truth = yolo_zip(tmp_path / "a.zip", images=64)
    slow = _SlowProgress()
    report = await check_source(
        CheckContext(SOURCES, engine=SMALL_SHARDS, processes=1), ImportRequest(source=str(tmp_path / "a.zip")),
        CheckOptions(seconds=2), folder=tmp_path / "folder", progress=slow.show,
    )  # fmt: skip
    assert (report.complete, report.images_read, report.images) == (False, 16, truth.images)
    assert 0 < report.rows_read < truth.annotations
    assert sum(split.images for split in report.splits) == 64


class _SlowProgress:
    """Takes so long over the first shard that there is no time for a second."""

    def show(self, progress: CheckProgress) -> None:
        """Wait."""
        if progress.phase == "labels":
            time.sleep(2.1)


async def test_a_cancelled_check_ends_its_processes(tmp_path: Path, messy: Path) -> None:
    before = helpers()
    check = asyncio.create_task(checked(messy, tmp_path / "two", processes=2))
    async with asyncio.timeout(30):
        while len(helpers()) < len(before) + 2:  # noqa: ASYNC110 - processes tell no one
            await asyncio.sleep(0.01)
    check.cancel()
    with pytest.raises(asyncio.CancelledError):
        await check
    assert helpers() == before


def helpers() -> set[int]:
    """The processes that this one has started to work for it."""
    children = psutil.Process().children(recursive=True)
    return {one.pid for one in children if "spawn_main" in " ".join(one.cmdline())}
