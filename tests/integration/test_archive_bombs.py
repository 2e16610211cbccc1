"""Archives that expand, overlap or hold too much: bounded work, and neighbours are imported."""

import asyncio
import gzip
import os
import sys
import zipfile
from pathlib import Path

import pytest

from shared.foundation.settings import LimitSettings
from tests.factories.archives import jpeg_bytes, overlapping_bomb, ratio_bomb, zip_of
from tests.factories.broken import CONFIG, around, tar_member, tar_of
from tests.factories.claimers import ROOT, claimer_environment
from tests.factories.import_outcomes import GOOD, about, failed, raw_members, succeeded
from tests.factories.raw_zip import RawMember, million_members, raw_zip
from tests.factories.yard import QuietLauncher, Yard, open_yard

MIB = 2**20


async def test_a_ratio_bomb_leaves_its_neighbours_alone(yard: Yard, tmp_path: Path) -> None:
    ratio_bomb(tmp_path / "bomb.zip")
    with zipfile.ZipFile(tmp_path / "bomb.zip", "a") as archive:
        archive.writestr("data.yaml", CONFIG.replace(b"val: images/val\n", b""))

    images, findings = await succeeded(yard, tmp_path / "bomb.zip")

    assert set(images) == {"images/train/a.jpg"}
    assert ("ARCHIVE_BOMB", "images/train/bomb.jpg") in about(findings)


async def test_a_member_that_lies_about_its_size(yard: Yard, tmp_path: Path) -> None:
    """Its directory entry hides the expansion: reading stops at the declared size."""
    lie = RawMember(b"images/train/lie.jpg", jpeg_bytes(50, 50) + bytes(50 * MIB), size=1000)
    raw_zip(tmp_path / "a.zip", [*raw_members({}), lie])

    images, findings = await succeeded(yard, tmp_path / "a.zip")

    assert set(images) == GOOD
    assert ("ARCHIVE_TRUNCATED", "images/train/lie.jpg") in about(findings)


async def test_an_overlapping_bomb(yard: Yard, tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    overlapping_bomb(path)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("data.yaml", CONFIG)

    images, findings = await succeeded(yard, path)

    assert set(images) == {"images/train/00000.jpg"}
    assert len([one for one in findings if one["rule"] == "ARCHIVE_BOMB"]) == 99


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        (LimitSettings(max_members=10), "members"),
        (LimitSettings(max_total_bytes=2000), "bytes in total"),
    ],
)
@pytest.mark.parametrize("name", ["a.zip", "a.tar", "a.tar.gz"])
async def test_limits_of_an_archive(
    mongo_url: str, tmp_path: Path, name: str, limits: LimitSettings, words: str
) -> None:
    members = around({f"images/train/{number}.jpg": jpeg_bytes(9, 9, seed=number) for number in range(20)})
    if name == "a.zip":
        zip_of(tmp_path / name, members)
    else:
        tar_of(tmp_path / name, members, mode="w:gz" if name.endswith("gz") else "w")
    async with open_yard(mongo_url, tmp_path / "yard", limits=limits) as yard:
        error = await failed(yard, tmp_path / name)

    assert error["type"] == "/problems/archive-refused"
    assert name in error["detail"]
    assert words in error["detail"]


async def test_a_tar_gz_that_expands_without_end(yard: Yard, tmp_path: Path) -> None:
    with gzip.open(tmp_path / "a.tar.gz", "wb", compresslevel=1) as file:
        file.write(tar_member("images/a.jpg", size=2**33).tobuf())
        for _ in range(400):
            file.write(bytes(MIB))

    error = await failed(yard, tmp_path / "a.tar.gz")

    assert error["type"] == "/problems/archive-refused"
    assert "expands" in error["detail"]


MEASURED = """
import resource, subprocess, sys
subprocess.run([sys.executable, "-m", "services.worker", sys.argv[1]], check=True)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""


async def test_a_million_members(mongo_url: str, tmp_path: Path) -> None:
    """With the default limits: one process says within a minute, in bounded memory, what is wrong."""
    million_members(tmp_path / "a.zip")
    async with open_yard(mongo_url, tmp_path / "yard", launcher=QuietLauncher()) as yard:
        job_id = await yard.start_import(tmp_path / "a.zip", format="yolo")
        await yard.begun(job_id)
        env = {**os.environ, **claimer_environment(yard)}
        # a small process in between, as memory is counted from the one that forks
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", MEASURED, job_id, cwd=ROOT, env=env, stdout=-1, stderr=-3
        )
        async with asyncio.timeout(60):
            said, _ = await process.communicate()
        status = await yard.ended(job_id)

    assert status["error"]["type"] == "/problems/dataset-not-recognised"
    assert "1000000 files" in status["error"]["detail"]
    assert int(said) < 256 * 1024
