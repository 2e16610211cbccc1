"""Images with the same bytes: found once, counted exactly, and the same however often the last step is done."""

from collections import Counter
from pathlib import Path

import pytest

from shared.features.imports.findings.same_contents import ContentFindings
from shared.features.imports.models import Ledger
from shared.foundation.ids import DatasetId, JobId
from shared.foundation.settings import LimitSettings
from tests.factories.archives import jpeg_bytes, zip_of
from tests.factories.broken import tar_of
from tests.factories.yard import Yard, open_yard

RULES = ("IMG_DUP_CONTENT", "SET_SPLIT_LEAK")
ONE, TWO, THREE, ALONE = (jpeg_bytes(40, 30, seed=seed) for seed in range(4))
FILES = {
    "data.yaml": b"train: images/train\nval: images/val\nnames: [a]\n",
    "images/train/a.jpg": ONE, "images/train/b.jpg": ONE, "images/val/c.jpg": ONE,
    "images/train/d.jpg": TWO, "images/train/e.jpg": TWO,
    "images/train/f.jpg": THREE, "images/val/g.jpg": THREE,
    "images/val/h.jpg": ALONE,
}  # fmt: skip
ROADS = {"objects": {}, "packed": {"storage": "packed"}, "in place": {"storage": "packed", "in_place": True}}


async def about_contents(yard: Yard, job_id: str) -> list[tuple[str, str, str]]:
    found = await yard.report(job_id)
    return sorted((one["rule"], one["file"], one["message"]) for one in found if one["rule"] in RULES)


@pytest.mark.parametrize("road", ROADS)
async def test_each_content_is_found_once(yard: Yard, tmp_path: Path, road: str) -> None:
    status = await yard.imported(zip_of(tmp_path / "a.zip", FILES), **ROADS[road])
    has = "probably has, by CRC-32 and size," if road == "in place" else "has"
    leak = f"It {has} the same bytes as images of other splits (train and val):"

    assert await about_contents(yard, status["job_id"]) == [
        ("IMG_DUP_CONTENT", "images/train/a.jpg", f"It {has} the same bytes as images/train/b.jpg, images/val/c.jpg."),
        ("IMG_DUP_CONTENT", "images/train/d.jpg", f"It {has} the same bytes as images/train/e.jpg."),
        ("IMG_DUP_CONTENT", "images/train/f.jpg", f"It {has} the same bytes as images/val/g.jpg."),
        ("SET_SPLIT_LEAK", "images/train/a.jpg", f"{leak} images/train/b.jpg, images/val/c.jpg."),
        ("SET_SPLIT_LEAK", "images/train/f.jpg", f"{leak} images/val/g.jpg."),
    ]
    report = (await yard.api.get(f"/datasets/import/{status['job_id']}/report")).json()
    assert {rule: report["counts"][rule] for rule in RULES} == {"IMG_DUP_CONTENT": 3, "SET_SPLIT_LEAK": 2}
    assert status["progress"]["findings"] == sum(report["counts"].values()) == report["total"]


async def test_where_neither_hash_nor_checksum_is_known_nothing_is_said(yard: Yard, tmp_path: Path) -> None:
    path = tar_of(tmp_path / "a.tar", FILES)
    status = await yard.imported(path, storage="packed", in_place=True)
    assert await about_contents(yard, status["job_id"]) == []


async def test_doing_it_again_changes_nothing(yard: Yard, tmp_path: Path) -> None:
    status = await yard.imported(zip_of(tmp_path / "a.zip", FILES))
    before = await yard.report(status["job_id"])
    job = await yard.job(status["job_id"])
    repositories = yard.container.repositories
    contents = ContentFindings(yard.container.images, repositories.findings, 100)
    ledger = Ledger(JobId(status["job_id"]), generation=job["step"]["token"] if "step" in job else 1)
    generation = (await yard.database["findings"].find_one({"job_id": status["job_id"]}))["generation"]

    counts = await contents.write(DatasetId(status["dataset_id"]), Ledger(ledger.job_id, generation))
    assert counts == Counter(IMG_DUP_CONTENT=3, SET_SPLIT_LEAK=2)
    assert await yard.report(status["job_id"]) == before


async def test_what_is_kept_is_bounded_and_all_is_counted(mongo_url: str, tmp_path: Path) -> None:
    async with open_yard(mongo_url, tmp_path / "yard", limits=LimitSettings(max_findings_per_step=1)) as yard:
        status = await yard.imported(zip_of(tmp_path / "a.zip", FILES))
        report = (await yard.api.get(f"/datasets/import/{status['job_id']}/report")).json()
        assert {rule: report["counts"][rule] for rule in RULES} == {"IMG_DUP_CONTENT": 3, "SET_SPLIT_LEAK": 2}
        kept = Counter(one["rule"] for one in report["items"] if one["rule"] in RULES)
        assert kept["SET_SPLIT_LEAK"] in (1, 2)
        assert 1 <= kept["IMG_DUP_CONTENT"] <= 2


async def test_the_twins_among_the_raccoons(yard: Yard, samples: Path, tmp_path: Path) -> None:
    status = await yard.imported(samples / "yolo_detect_raccoon.zip")
    found = await about_contents(yard, status["job_id"])
    twins = {file.rpartition("/")[2] for rule, file, _ in found if rule == "IMG_DUP_CONTENT"}
    assert twins == {"raccoon-11.jpg", "raccoon-52.jpg", "raccoon-83.jpg", "raccoon-98.jpg"}
    assert sum(rule == "SET_SPLIT_LEAK" for rule, _, _ in found) == 2
