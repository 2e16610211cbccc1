"""Tars in any order, with long names and links, padded, and in several gzip members."""

import gzip
import hashlib
import io
import tarfile
from pathlib import Path

import pytest

from tests.factories.broken import GOOD_IMAGE, ROW, around, tar_member, tar_of
from tests.factories.import_outcomes import GOOD, IMAGE, about, succeeded
from tests.factories.yard import Yard

ROWS = ROW + b"1 0.25 0.25 0.25 0.25\n" + b"2 0.75 0.25 0.25 0.25\n"


@pytest.mark.parametrize("order", ["labels first", "images first", "mixed"])
@pytest.mark.parametrize("ending", ["tar", "tar.gz", "tar.bz2"])
async def test_tars_in_any_order(yard: Yard, tmp_path: Path, ending: str, order: str) -> None:
    members = around({"images/train/x.jpg": IMAGE, "labels/train/x.txt": ROWS})
    config = members.pop("data.yaml")
    reverse = {"labels first": True, "images first": False}.get(order)
    names = list(members) if reverse is None else sorted(members, reverse=reverse)
    mode = {"tar": "w", "tar.gz": "w:gz", "tar.bz2": "w:bz2"}[ending]
    ordered = {name: members[name] for name in names} | {"data.yaml": config}
    tar_of(tmp_path / f"a.{ending}", ordered, mode=mode)

    images, findings = await succeeded(yard, tmp_path / f"a.{ending}")

    assert about(findings) == set()
    assert {path: len(image["annotations"]) for path, image in images.items()} == {
        GOOD_IMAGE: 1,
        "images/train/x.jpg": 3,
        "images/val/last.jpg": 1,
    }
    assert {path: image["sha256"] for path, image in images.items()} == {
        path: hashlib.sha256(members[path]).hexdigest() for path in images
    }


@pytest.mark.parametrize("kind", [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT], ids=["gnu", "pax"])
async def test_long_names_links_and_devices_in_a_tar(yard: Yard, tmp_path: Path, kind: int) -> None:
    long = f"images/train/{'ä' * 60}/{'b' * 150}.jpg"
    odd = [
        tar_member("images/train/link.jpg", kind=tarfile.SYMTYPE, target="/etc/passwd"),
        tar_member("images/train/hard.jpg", kind=tarfile.LNKTYPE, target="images/train/link.jpg"),
        tar_member("images/train/pipe.jpg", kind=tarfile.FIFOTYPE),
        tar_member("images/train/disk.jpg", kind=tarfile.BLKTYPE),
    ]
    with tarfile.open(tmp_path / "a.tar", "w", format=kind) as archive:
        for member in odd:
            archive.addfile(member)
        for name, data in around({long: IMAGE, "../up.jpg": IMAGE, "labels/train/empty.txt": b""}).items():
            archive.addfile(tar_member(name, size=len(data)), io.BytesIO(data))

    images, findings = await succeeded(yard, tmp_path / "a.tar")

    assert set(images) == GOOD | {long}
    assert about(findings) == {
        *(("ARCHIVE_LINK", member.name) for member in odd),
        ("ARCHIVE_PATH_UNSAFE", "../up.jpg"),
        ("PAIR_ORPHAN_LABEL", "labels/train/empty.txt"),
    }


@pytest.mark.parametrize("behind", [bytes(512), bytes(70_000)])
async def test_zeros_behind_a_compressed_tar_are_padding(yard: Yard, tmp_path: Path, behind: bytes) -> None:
    """As gzip(1) has it: tapes and some uploaders pad to a block."""
    path = tar_of(tmp_path / "a.tar.gz", around({}), mode="w:gz")
    path.write_bytes(path.read_bytes() + behind)

    images, _ = await succeeded(yard, path)

    assert set(images) == GOOD


async def test_a_tar_gz_of_several_gzip_members(yard: Yard, tmp_path: Path) -> None:
    data = tar_of(tmp_path / "a.tar", around({})).read_bytes()
    (tmp_path / "a.tar.gz").write_bytes(gzip.compress(data[:5000]) + gzip.compress(data[5000:]) + gzip.compress(b""))

    images, _ = await succeeded(yard, tmp_path / "a.tar.gz")

    assert set(images) == GOOD
