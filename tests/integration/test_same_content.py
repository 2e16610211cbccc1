"""Images with the same bytes: found once, counted exactly, and the same however often the last step is done."""

import zlib
from collections import Counter
from pathlib import Path

import pytest

from shared.features.imports.contents import comparing
from shared.features.imports.contents.findings import ContentFindings
from shared.features.imports.models import ImportPlan, Ledger
from shared.foundation.settings import LimitSettings
from tests.factories.archives import jpeg_bytes, zip_of
from tests.factories.broken import tar_of
from tests.factories.twins import with_crc_of
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


def all_said(has: str) -> list[tuple[str, str, str]]:
    """What there is to say of `FILES`."""
    leak = f"It {has} the same bytes as images of other splits (train and val):"
    return [
        ("IMG_DUP_CONTENT", "images/train/a.jpg", f"It {has} the same bytes as images/train/b.jpg, images/val/c.jpg."),
        ("IMG_DUP_CONTENT", "images/train/d.jpg", f"It {has} the same bytes as images/train/e.jpg."),
        ("IMG_DUP_CONTENT", "images/train/f.jpg", f"It {has} the same bytes as images/val/g.jpg."),
        ("SET_SPLIT_LEAK", "images/train/a.jpg", f"{leak} images/train/b.jpg, images/val/c.jpg."),
        ("SET_SPLIT_LEAK", "images/train/f.jpg", f"{leak} images/val/g.jpg."),
    ]


@pytest.mark.parametrize("road", ROADS)
async def test_each_content_is_found_once(yard: Yard, tmp_path: Path, road: str) -> None:
    status = await yard.imported(zip_of(tmp_path / "a.zip", FILES), **ROADS[road])

    assert await about_contents(yard, status["job_id"]) == all_said("has")
    report = (await yard.api.get(f"/datasets/import/{status['job_id']}/report")).json()
    assert {rule: report["counts"][rule] for rule in RULES} == {"IMG_DUP_CONTENT": 3, "SET_SPLIT_LEAK": 2}
    assert status["progress"]["findings"] == sum(report["counts"].values()) == report["total"]


async def test_where_neither_hash_nor_checksum_is_known_nothing_is_said(yard: Yard, tmp_path: Path) -> None:
    path = tar_of(tmp_path / "a.tar", FILES)
    status = await yard.imported(path, storage="packed", in_place=True)
    assert await about_contents(yard, status["job_id"]) == []


async def test_equal_checksums_are_no_equal_contents(yard: Yard, tmp_path: Path) -> None:
    other = with_crc_of(ONE, jpeg_bytes(20, 15, seed=9))
    assert (zlib.crc32(other), len(other)) == (zlib.crc32(ONE), len(ONE))
    assert other != ONE
    files = FILES | {"images/train/b.jpg": other, "images/val/h.jpg": other}
    status = await yard.imported(zip_of(tmp_path / "a.zip", files), **ROADS["in place"])

    found = [(rule, file) for rule, file, _ in await about_contents(yard, status["job_id"])]
    assert found.count(("IMG_DUP_CONTENT", "images/train/a.jpg")) == 1
    assert found.count(("IMG_DUP_CONTENT", "images/train/b.jpg")) == 1
    assert found.count(("SET_SPLIT_LEAK", "images/train/b.jpg")) == 1
    report = (await yard.api.get(f"/datasets/import/{status['job_id']}/report")).json()
    assert {rule: report["counts"][rule] for rule in RULES} == {"IMG_DUP_CONTENT": 4, "SET_SPLIT_LEAK": 3}


async def test_a_single_pair_of_equal_checksums_is_not_counted(yard: Yard, tmp_path: Path) -> None:
    files = {
        "data.yaml": FILES["data.yaml"],
        "images/train/a.jpg": ONE,
        "images/val/b.jpg": with_crc_of(ONE, jpeg_bytes(20, 15, seed=9)),
    }
    status = await yard.imported(zip_of(tmp_path / "a.zip", files), **ROADS["in place"])
    assert await about_contents(yard, status["job_id"]) == []
    counts = (await yard.api.get(f"/datasets/import/{status['job_id']}/report")).json()["counts"]
    assert not set(RULES) & counts.keys()


async def test_what_is_too_much_to_compare_is_said_to_be_probable(
    yard: Yard, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(comparing.ContentComparer.named, "__kwdefaults__", {"most_bytes": 0})
    status = await yard.imported(zip_of(tmp_path / "a.zip", FILES), **ROADS["in place"])
    assert await about_contents(yard, status["job_id"]) == all_said("probably has, by CRC-32 and size,")


async def test_doing_it_again_changes_nothing(yard: Yard, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[Counter[str]] = []
    write = ContentFindings.write

    async def twice(self: ContentFindings, plan: ImportPlan, ledger: Ledger) -> Counter[str]:
        written.append(await write(self, plan, ledger))
        written.append(await write(self, plan, ledger))
        return written[-1]

    monkeypatch.setattr(ContentFindings, "write", twice)
    status = await yard.imported(zip_of(tmp_path / "a.zip", FILES))
    assert written == [Counter(IMG_DUP_CONTENT=3, SET_SPLIT_LEAK=2)] * 2
    assert await about_contents(yard, status["job_id"]) == all_said("has")


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
