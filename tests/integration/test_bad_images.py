"""Images that are broken or very large: left out with a finding, or streamed exactly."""

import hashlib
from collections.abc import Mapping
from pathlib import Path

import pytest

from shared.foundation.settings import LimitSettings
from tests.factories.archives import zip_of
from tests.factories.broken import around, large_jpeg, late_tiff, noise, tar_of
from tests.factories.import_outcomes import GOOD, about, failed, raw_members, succeeded
from tests.factories.raw_zip import RawMember, raw_zip
from tests.factories.yard import Yard, open_yard

MIB = 2**20


async def test_when_every_image_is_broken(yard: Yard, tmp_path: Path) -> None:
    members = {name: b"<html>" if name.endswith(".jpg") else data for name, data in around({}).items()}
    zip_of(tmp_path / "a.zip", members)
    error = await failed(yard, tmp_path / "a.zip")

    assert error["type"] == "/problems/nothing-imported"
    job = (await yard.api.get("/jobs")).json()["items"][0]
    assert {(one["rule"], one["file"]) for one in await yard.report(job["job_id"])} == {
        ("IMG_UNREADABLE", name) for name in GOOD
    }


async def test_an_image_over_the_limit(mongo_url: str, tmp_path: Path) -> None:
    zip_of(tmp_path / "a.zip", around({"images/train/x.jpg": large_jpeg(100_000)}))
    async with open_yard(mongo_url, tmp_path / "yard", limits=LimitSettings(max_image_bytes=50_000)) as yard:
        images, findings = await succeeded(yard, tmp_path / "a.zip")

    assert set(images) == GOOD
    assert about(findings) == {("IMG_TOO_MANY_BYTES", "images/train/x.jpg")}


LARGE: Mapping[str, tuple[str, bytes, tuple[str | None, int | None, int | None]]] = {
    "jpeg": ("images/train/x.jpg", large_jpeg(9 * MIB), ("jpeg", 200, 100)),
    "tiff, described last": ("images/train/x.tif", late_tiff(9 * MIB), ("tiff", 123, 45)),
}


@pytest.mark.parametrize("archive", ["zip", "tar", "tar.gz"])
@pytest.mark.parametrize("case", LARGE)
async def test_large_images_are_streamed_exactly(yard: Yard, tmp_path: Path, case: str, archive: str) -> None:
    name, data, facts = LARGE[case]
    path = tmp_path / f"a.{archive}"
    members = around({name: data})
    if archive == "zip":
        zip_of(path, members)
    else:
        tar_of(path, members, mode="w:gz" if archive == "tar.gz" else "w")

    images, findings = await succeeded(yard, path)

    assert about(findings) == set()
    image = images[name]
    assert (image["format"], image["width"], image["height"]) == facts
    assert image["sha256"] == hashlib.sha256(data).hexdigest()
    assert (await yard.api.get(image["urls"]["file"])).content == data


@pytest.mark.parametrize(
    ("member", "rule"),
    [
        (RawMember(b"images/train/x.jpg", large_jpeg(9 * MIB), method=0, crc=7), "ARCHIVE_CRC"),
        (RawMember(b"images/train/x.jpg", large_jpeg(9 * MIB), method=0, size=10 * MIB), "ARCHIVE_TRUNCATED"),
        (RawMember(b"images/train/x.jpg", b"<html>" + noise(9 * MIB), method=0), "IMG_UNREADABLE"),
        (RawMember(b"images/train/x.tif", b"II*\0\xff\xff\xff\xff" + noise(9 * MIB), method=0), "IMG_UNREADABLE"),
        (RawMember(b"images/train/x.png", noise(9 * MIB), method=8, crc=3), "ARCHIVE_CRC"),
    ],
    ids=["crc", "cut", "html", "tiff without end", "deflated crc"],
)
async def test_large_broken_images_leave_nothing(yard: Yard, tmp_path: Path, member: RawMember, rule: str) -> None:
    raw_zip(tmp_path / "a.zip", [*raw_members({}), member])

    images, findings = await succeeded(yard, tmp_path / "a.zip")

    assert set(images) == GOOD
    assert about(findings) == {(rule, member.name.decode())}
