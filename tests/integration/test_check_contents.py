"""A check says of images with the same bytes what an import says, whatever they come in."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path

import pytest

from shared.features.imports.checks import contents
from shared.features.imports.checks.options import CheckOptions
from shared.features.imports.checks.report import CheckReport
from shared.features.imports.models import ImportRequest
from shared.foundation.settings import EngineSettings, PillowDecoder, SourceSettings
from shared.wiring import checking
from shared.wiring.checking import CheckContext, check_source
from shared.wiring.decoders import image_decoder
from tests.factories.archives import jpeg_bytes, zip_of
from tests.factories.broken import tar_of
from tests.factories.yard import Yard

RULES = ("IMG_DUP_CONTENT", "SET_SPLIT_LEAK")
ONE, TWO, THREE, ALONE = (jpeg_bytes(40, 30, seed=seed) for seed in range(4))
LARGE = jpeg_bytes(400, 300, seed=5)
FILES = {
    "data.yaml": b"train: images/train\nval: images/val\ntest: images/test\nnames: [a]\n",
    "images/train/a.jpg": ONE, "images/train/b.jpg": ONE, "images/val/c.jpg": ONE,
    "images/train/d.jpg": TWO, "images/train/e.jpg": TWO,
    "images/train/f.jpg": THREE, "images/val/g.jpg": THREE,
    "images/val/h.jpg": ALONE,
    **{f"images/test/{name}.jpg": LARGE for name in "klmnopqr"},
    "images/train/z1.jpg": LARGE[:-40] + b"another end of the same length 123456\xff\xd9",
    "images/train/none.jpg": b"no image", "images/val/none.jpg": b"no image",
}  # fmt: skip
Said = list[tuple[str, str, str]]


def folder_of(path: Path, files: Mapping[str, bytes]) -> Path:
    for name, data in files.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(data)
    return path


SOURCES = {
    "a.zip": zip_of,
    "a.tar": tar_of,
    "a.tar.gz": tar_of,
    "folder": folder_of,
}


async def checked(
    path: Path, folder: Path, *, processes: int = 1, shard_images: int = 3, **request: object
) -> CheckReport:
    context = CheckContext(
        SourceSettings(allow_files=True),
        engine=EngineSettings(shard_images=shard_images),
        processes=processes,
        make_decoder=partial(image_decoder, PillowDecoder()),
    )
    asked = ImportRequest.model_validate({"source": str(path), **request})
    return await check_source(context, asked, CheckOptions(), folder=folder)


def said(report: CheckReport) -> Said:
    return sorted((one.rule, one.file, one.message) for one in report.findings.items if one.rule in RULES)


async def imported(yard: Yard, path: Path) -> Said:
    found = await yard.report((await yard.imported(path))["job_id"])
    return sorted((one["rule"], one["file"], one["message"]) for one in found if one["rule"] in RULES)


@pytest.mark.parametrize("source", SOURCES)
async def test_a_check_agrees_with_an_import(yard: Yard, tmp_path: Path, source: str) -> None:
    path = SOURCES[source](tmp_path / source, FILES)
    report = await checked(path, tmp_path / "check")

    found = said(report)
    assert found == await imported(yard, path)
    assert len(found) == 6
    assert {rule: report.findings.by_rule[rule].count for rule in RULES} == {"IMG_DUP_CONTENT": 4, "SET_SPLIT_LEAK": 2}
    assert report.findings.by_rule.keys() >= set(RULES)


@pytest.mark.parametrize("deep", [False, True])
async def test_it_says_the_same_in_several_processes_and_shards(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, deep: bool
) -> None:
    monkeypatch.setattr(checking, "WORTH_PROCESSES", 0)
    monkeypatch.setattr(checking, "WORTH_DECODERS", 0)
    path = zip_of(tmp_path / "a.zip", FILES)
    several = await checked(path, tmp_path / "several", processes=2, shard_images=2, deep=deep)
    one = await checked(path, tmp_path / "one", shard_images=1_000)
    assert said(several) == said(one)
    assert len(said(one)) == 6


async def test_what_is_too_much_to_compare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A zip's checksums make it probable; that two files begin alike does not."""
    monkeypatch.setattr(contents.ContentCheck.find, "__kwdefaults__", {"most_bytes": 0})
    found = said(await checked(zip_of(tmp_path / "a.zip", FILES), tmp_path / "zip"))
    assert len(found) == 6
    assert all("probably has, by CRC-32 and size, the same bytes" in message for _, _, message in found)
    assert said(await checked(folder_of(tmp_path / "folder", FILES), tmp_path / "check")) == []


async def test_groups_beyond_those_that_are_compared_are_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(contents, "MOST_COMPARED", 1)
    report = await checked(zip_of(tmp_path / "a.zip", FILES), tmp_path / "check")
    assert {rule: report.findings.by_rule[rule].count for rule in RULES} == {"IMG_DUP_CONTENT": 4, "SET_SPLIT_LEAK": 2}


EQUAL = {"imagefolder_chest_xray_28px": 26, "voc_raccoon": 4, "voc_fridge": 0, "kitti_3frames": 0}


@pytest.mark.parametrize("name", EQUAL)
async def test_the_equal_images_of_the_samples(yard: Yard, samples: Path, tmp_path: Path, name: str) -> None:
    path = samples / f"{name}.zip"
    found = said(await checked(path, tmp_path / "check"))
    assert found == await imported(yard, path)
    assert [rule for rule, _, _ in found].count("IMG_DUP_CONTENT") == EQUAL[name]
