"""What is no archive, or a broken one, or not the one expected: the problem says so, and nothing is left."""

import bz2
import gzip
import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from tests.factories.archives import truncate, yolo_zip, zip_of
from tests.factories.broken import around, huge_png, noise, tar_of
from tests.factories.http_servers import source_server
from tests.factories.import_outcomes import GOOD, failed, succeeded
from tests.factories.yard import Yard

# -- no archive

CONTENTS: Mapping[str, tuple[bytes, str]] = {
    "html": (b"<!DOCTYPE html><html><body>Sign in</body></html>", "HTML page"),
    "json": (b'{"error": "no such file"}', "JSON text"),
    "png": (huge_png(10, 10), "image"),
    "empty": (b"", "empty file"),
    "text": (b"hello\n" * 100, "plain text"),
    "zeros": (bytes(5000), "zero bytes"),
    "7z": (b"7z\xbc\xaf\x27\x1c" + bytes(100), "7z archive"),
    "noise": (noise(5000), "unknown"),
    "cut magic": (b"PK\x03\x04", "cut off"),
}


@pytest.mark.parametrize("ranges", [True, False, None], ids=["ranges", "no ranges", "file"])
@pytest.mark.parametrize("case", CONTENTS)
async def test_what_is_no_archive(yard: Yard, tmp_path: Path, case: str, ranges: bool | None) -> None:
    data, words = CONTENTS[case]
    path = tmp_path / "data.bin"
    path.write_bytes(data)
    with source_server(data) as server:
        server.ranges = bool(ranges)
        source = str(path) if ranges is None else server.url.replace("data.zip", "data.bin")
        error = await failed(yard, source)

    assert error["type"] == "/problems/unreadable-archive"
    assert words in error["detail"]
    assert "data.bin" in error["detail"]


@pytest.mark.parametrize("case", ["html", "json", "png"])
async def test_a_page_that_is_called_zip(yard: Yard, tmp_path: Path, case: str) -> None:
    """What a login form or an error page gives: the problem says so, and not that a zip is damaged."""
    (tmp_path / "data.zip").write_bytes(CONTENTS[case][0] * 50)

    error = await failed(yard, tmp_path / "data.zip")

    assert error["type"] == "/problems/unreadable-archive"
    assert CONTENTS[case][1] in error["detail"]


# -- broken


def _cut_tar_gz(path: Path) -> None:
    tar_of(path, around({"images/train/a.jpg": noise(200_000)}), mode="w:gz")
    truncate(path)


def _cut_tar(path: Path) -> None:
    tar_of(path, around({"images/train/a.jpg": noise(200_000)}))
    path.write_bytes(path.read_bytes()[:100_000])


def _damaged_bz2(path: Path) -> None:
    tar_of(path, around({"images/train/a.jpg": noise(200_000)}), mode="w:bz2")
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0xFF
    path.write_bytes(data)


def _damaged_gz(path: Path) -> None:
    tar_of(path, around({}), mode="w:gz")
    data = bytearray(path.read_bytes())
    data[-6] ^= 0xFF
    path.write_bytes(data)


def _cut_zip(path: Path) -> None:
    yolo_zip(path, images=8)
    truncate(path)


def _zip_with_damaged_directory(path: Path) -> None:
    yolo_zip(path, images=8)
    data = bytearray(path.read_bytes())
    at = data.find(b"PK\x01\x02", data.find(b"PK\x01\x02") + 4)
    data[at : at + 4] = b"XXXX"
    path.write_bytes(data)


def _split_zip(path: Path) -> None:
    yolo_zip(path, images=2)
    data = bytearray(path.read_bytes())
    end = data.rindex(b"PK\x05\x06")
    data[end + 4 : end + 8] = b"\x03\0\x03\0"
    path.write_bytes(data)


def _bad_tar_header(path: Path) -> None:
    tar_of(path, around({}))
    data = bytearray(path.read_bytes())
    at = data.find(b"labels/train/good.txt")
    data[at] ^= 1
    path.write_bytes(data)


def _gz_of_no_tar(path: Path) -> None:
    path.write_bytes(gzip.compress(b"just text, and quite long at that" * 100))


def _bz2_of_nothing(path: Path) -> None:
    path.write_bytes(bz2.compress(b""))


BROKEN_ARCHIVES: Mapping[str, tuple[str, Callable[[Path], None], str]] = {
    "truncated zip": ("a.zip", _cut_zip, "cut off"),
    "damaged directory": ("a.zip", _zip_with_damaged_directory, "damaged"),
    "split zip": ("a.zip", _split_zip, "several disks"),
    "truncated tar.gz": ("a.tar.gz", _cut_tar_gz, "cut off"),
    "truncated tar": ("a.tar", _cut_tar, "cut off"),
    "damaged tar header": ("a.tar", _bad_tar_header, "damaged"),
    "damaged bz2": ("a.tar.bz2", _damaged_bz2, "damaged"),
    "damaged gz": ("a.tar.gz", _damaged_gz, "damaged"),
    "gz of no tar": ("a.tar.gz", _gz_of_no_tar, "tar"),
    "bz2 of nothing": ("a.tar.bz2", _bz2_of_nothing, "empty"),
}


@pytest.mark.parametrize("case", BROKEN_ARCHIVES)
async def test_a_broken_archive(yard: Yard, tmp_path: Path, case: str) -> None:
    name, make, words = BROKEN_ARCHIVES[case]
    make(tmp_path / name)

    error = await failed(yard, tmp_path / name)

    assert error["type"] == "/problems/unreadable-archive"
    assert words in error["detail"]
    assert name in error["detail"]


# -- not the one expected


@pytest.mark.parametrize("ranges", [True, False])
@pytest.mark.parametrize("name", ["a.zip", "a.tar.gz"])
async def test_checksums(yard: Yard, tmp_path: Path, name: str, ranges: bool) -> None:
    path = tmp_path / name
    (tar_of(path, around({}), mode="w:gz") if name.endswith("gz") else zip_of(path, around({})))
    right = f"sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}"
    wrong = f"sha256:{'0' * 64}"
    with source_server(path.read_bytes()) as server:
        server.ranges = ranges
        error = await failed(yard, server.url, checksum=wrong)
        images, _ = await succeeded(yard, server.url, checksum=right)

    assert error["type"] == "/problems/checksum-mismatch"
    assert right in error["detail"]
    assert wrong in error["detail"]
    assert set(images) == GOOD


# -- other datasets


async def test_a_failure_does_not_touch_other_datasets(yard: Yard, tmp_path: Path) -> None:
    zip_of(tmp_path / "good.zip", around({}))
    zip_of(tmp_path / "bad.zip", {"a.txt": b"nothing"})
    good = await yard.imported(tmp_path / "good.zip")
    await yard.cleaned(good["job_id"])
    before = yard.stored()

    bad = await yard.imported(tmp_path / "bad.zip")
    await yard.cleaned(bad["job_id"])

    assert (good["state"], bad["state"]) == ("succeeded", "failed")
    assert yard.stored() == before
    assert len(await yard.all_images("good")) == 2
