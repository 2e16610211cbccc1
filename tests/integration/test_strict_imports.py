"""Imports with on_finding=fail: the first error ends them, warnings do not."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from shared.foundation.settings import LimitSettings
from tests.factories.archives import jpeg_bytes, zip_of
from tests.factories.broken import ROW, around, gif_bytes
from tests.factories.import_outcomes import GOOD, IMAGE, failed, succeeded
from tests.factories.yard import Yard, open_yard

REFUSED: Mapping[str, tuple[dict[str, bytes], str, str]] = {
    "row": ({"images/train/x.jpg": IMAGE, "labels/train/x.txt": ROW + b"7 1 1 1 1\n"}, "ROW_CLASS_RANGE", "line 2"),
    "image": ({"images/train/x.jpg": b"<html>"}, "IMG_UNREADABLE", "images/train/x.jpg"),
    "path": ({"../x.jpg": IMAGE}, "ARCHIVE_PATH_UNSAFE", "../x.jpg"),
}


@pytest.mark.parametrize("case", REFUSED)
async def test_a_strict_import_fails_on_the_first_error(yard: Yard, tmp_path: Path, case: str) -> None:
    members, rule, words = REFUSED[case]
    zip_of(tmp_path / "a.zip", around(members))

    error = await failed(yard, tmp_path / "a.zip", on_finding="fail")

    assert (error["type"], error["rule"]) == ("/problems/finding-refused", rule)
    assert words in error["detail"]
    (job,) = (await yard.api.get("/jobs")).json()["items"]
    report = (await yard.api.get(f"/datasets/import/{job['job_id']}/report")).json()
    assert rule in report["counts"]
    assert sum(report["counts"].values()) == report["total"] == job["progress"]["findings"]


async def test_a_strict_import_takes_warnings(yard: Yard, tmp_path: Path) -> None:
    zip_of(tmp_path / "a.zip", around({"images/train/x.jpg": gif_bytes()}))

    images, _ = await succeeded(yard, tmp_path / "a.zip", on_finding="fail")

    assert set(images) == GOOD | {"images/train/x.jpg"}


async def test_a_strict_import_sees_errors_beyond_the_findings_that_are_kept(mongo_url: str, tmp_path: Path) -> None:
    bare = {f"images/train/{number}.jpg": jpeg_bytes(20, 20, seed=number) for number in range(20)}
    label = b"0 0.5 0.5 1.005 0.5\n" * 5 + b"9 0.5 0.5 0.1 0.1\n"
    zip_of(tmp_path / "a.zip", around({**bare, "labels/train/0.txt": label}))
    async with open_yard(mongo_url, tmp_path / "yard", limits=LimitSettings(max_findings_per_step=3)) as yard:
        error = await failed(yard, tmp_path / "a.zip", on_finding="fail")

    assert (error["type"], error["rule"]) == ("/problems/finding-refused", "ROW_CLASS_RANGE")
