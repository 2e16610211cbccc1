"""Images that look nearly the same: said once for a group, by checks and imports that decode images, by no other."""

from collections import Counter
from functools import partial
from pathlib import Path

import pytest

from shared.features.imports.checks.options import CheckOptions
from shared.features.imports.likeness.findings import NEAR_DUP, LikenessFindings
from shared.features.imports.models import ImportPlan, ImportRequest, Ledger
from shared.foundation.settings import EngineSettings, LimitSettings, PillowDecoder, SourceSettings
from shared.wiring import checking
from shared.wiring.checking import CheckContext, check_source
from shared.wiring.decoders import image_decoder
from tests.factories.archives import zip_of
from tests.factories.broken import tar_of
from tests.factories.pictures import SAME, encoded, picture
from tests.factories.yard import Yard, open_yard

ONE, TWO, THREE, FOUR = (encoded(picture(seed), quality=90) for seed in range(4))
FILES = {
    "data.yaml": b"train: images/train\nval: images/val\nnames: [a]\n",
    "images/val/b.jpg": SAME["poor"](picture(0)), "images/train/a.jpg": ONE,
    "images/train/c.png": SAME["png"](picture(0)), "images/train/twin.jpg": ONE,
    "images/train/d.jpg": TWO, "images/train/e.jpg": SAME["half"](picture(1)),
    "images/train/f.jpg": THREE, "images/val/f.jpg": THREE,
    "images/val/g.jpg": FOUR,
}  # fmt: skip
SPREAD = "Such images are in several splits (train and val)."
SAID = [
    ("images/train/a.jpg", f"It looks nearly the same as images/train/c.png, images/val/b.jpg. {SPREAD}"),
    ("images/train/d.jpg", "It looks nearly the same as images/train/e.jpg."),
]
"""Of `FILES`: twins of equal bytes are named in other findings."""
ROADS = {
    "objects": {},
    "packed": {"storage": "packed"},
    "in place": {"storage": "packed", "in_place": True},
    "a tar": {},
}


async def imported(yard: Yard, path: Path, **request: object) -> list[tuple[str, str]]:
    status = await yard.imported(path, **request)
    report = await yard.report(status["job_id"])
    found = sorted((one["file"], one["message"]) for one in report if one["rule"] == NEAR_DUP)
    counts = (await yard.api.get(f"/datasets/import/{status['job_id']}/report")).json()["counts"]
    assert counts.get(NEAR_DUP, 0) == len(found)
    return found


async def checked(path: Path, folder: Path, *, processes: int = 1, **request: object) -> list[tuple[str, str]]:
    context = CheckContext(
        SourceSettings(allow_files=True),
        engine=EngineSettings(shard_images=3),
        processes=processes,
        make_decoder=partial(image_decoder, PillowDecoder()),
    )
    asked = ImportRequest.model_validate({"source": str(path), **request})
    report = await check_source(context, asked, CheckOptions(), folder=folder)
    found = sorted((one.file, one.message) for one in report.findings.items if one.rule == NEAR_DUP)
    assert (report.findings.by_rule[NEAR_DUP].count if NEAR_DUP in report.findings.by_rule else 0) == len(found)
    return found


@pytest.mark.parametrize("road", ROADS)
async def test_an_import_that_decodes_says_it_once(yard: Yard, tmp_path: Path, road: str) -> None:
    path = tar_of(tmp_path / "a.tar", FILES) if road == "a tar" else zip_of(tmp_path / "a.zip", FILES)
    assert await imported(yard, path, deep=True, **ROADS[road]) == SAID


@pytest.mark.parametrize("processes", [1, 2])
async def test_a_check_that_decodes_says_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, processes: int
) -> None:
    monkeypatch.setattr(checking, "WORTH_DECODERS", 0)
    path = zip_of(tmp_path / "a.zip", FILES)
    assert await checked(path, tmp_path / "check", processes=processes, deep=True) == SAID


async def test_who_does_not_decode_says_nothing(yard: Yard, tmp_path: Path) -> None:
    path = zip_of(tmp_path / "a.zip", FILES)
    assert await checked(path, tmp_path / "check") == []
    assert await imported(yard, path) == []


async def test_shards_of_any_size_and_doing_it_again_change_nothing(
    mongo_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[Counter[str]] = []
    write = LikenessFindings.write

    async def twice(self: LikenessFindings, plan: ImportPlan, ledger: Ledger) -> Counter[str]:
        written.append(await write(self, plan, ledger))
        written.append(await write(self, plan, ledger))
        return written[-1]

    monkeypatch.setattr(LikenessFindings, "write", twice)
    engine = EngineSettings(shard_images=2)
    async with open_yard(mongo_url, tmp_path / "yard", engine=engine) as yard:
        assert await imported(yard, zip_of(tmp_path / "a.zip", FILES), deep=True) == SAID
    assert written == [Counter({NEAR_DUP: 2})] * 2


async def test_what_is_kept_is_bounded_and_all_is_counted(mongo_url: str, tmp_path: Path) -> None:
    limits = LimitSettings(max_findings_per_step=1)
    async with open_yard(mongo_url, tmp_path / "yard", limits=limits) as yard:
        status = await yard.imported(zip_of(tmp_path / "a.zip", FILES), deep=True)
        report = (await yard.api.get(f"/datasets/import/{status['job_id']}/report")).json()
        assert report["counts"][NEAR_DUP] == 2
        assert [one["file"] for one in report["items"] if one["rule"] == NEAR_DUP] == ["images/train/a.jpg"]


async def test_the_look_alikes_among_the_raccoons(samples: Path, tmp_path: Path) -> None:
    """Counted by eye; pairs of equal bytes are not among them."""
    found = await checked(samples / "voc_raccoon.zip", tmp_path / "check", deep=True)
    assert [file.rpartition("/")[2] for file, _ in found] == ["raccoon-21.jpg", "raccoon-50.jpg", "raccoon-51.jpg"]
