"""Members that are odd, damaged or encrypted: a finding names each, and its neighbours are imported."""

import unicodedata
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.factories.archives import climbing, jpeg_bytes, mark_encrypted, spoil_crc, spoil_method, yolo_zip, zip_of
from tests.factories.broken import CONFIG, GOOD_IMAGE, ROW, around, gif_bytes, huge_png
from tests.factories.import_outcomes import GOOD, IMAGE, about, failed, raw_members, succeeded
from tests.factories.raw_zip import DESCRIPTOR, DEVICE, ENCRYPTED, SYMLINK, UTF8, RawMember, raw_zip
from tests.factories.yard import Yard


async def test_paths_that_leave_the_archive(yard: Yard, tmp_path: Path) -> None:
    path = climbing(tmp_path / "a.zip")
    more = (
        "..\\up.jpg",
        "images\\train\\back.jpg",
        "images/train/../../../x.jpg",
        "D:/y.jpg",
        "\\\\host\\share\\z.jpg",
    )
    with zipfile.ZipFile(path, "a") as archive:
        for name in more:
            archive.writestr(name, jpeg_bytes(12, 12))
        archive.writestr("data.yaml", CONFIG)

    images, findings = await succeeded(yard, path)

    assert set(images) == {"images/train/good.jpg", "images/train/back.jpg"}
    unsafe = {one["file"] for one in findings if one["rule"] == "ARCHIVE_PATH_UNSAFE"}
    assert len(unsafe) == 8
    assert "../evil.txt" in unsafe


LONG = b"images/train/" + b"n" * 65_000 + b".jpg"
LONG_SHOWN = f"images/train/{'n' * 86}…{'n' * 95}.jpg"

# the member, the rule that reports it, the file named, and the path under which it is imported all the same
MEMBERS: Mapping[str, tuple[RawMember, str, str | None, str | None]] = {
    "symlink": (
        RawMember(b"images/train/x.jpg", b"/etc/passwd", attributes=SYMLINK),
        "ARCHIVE_LINK",
        "images/train/x.jpg",
        None,
    ),
    "device": (RawMember(b"images/train/x.jpg", attributes=DEVICE), "ARCHIVE_LINK", "images/train/x.jpg", None),
    "duplicate": (RawMember(GOOD_IMAGE.encode(), IMAGE), "ARCHIVE_DUP_NAME", GOOD_IMAGE, None),
    "encrypted": (
        RawMember(b"images/train/x.jpg", IMAGE, flags=ENCRYPTED),
        "ARCHIVE_ENCRYPTED",
        "images/train/x.jpg",
        None,
    ),
    "crc": (RawMember(b"images/train/x.jpg", IMAGE, crc=1), "ARCHIVE_CRC", "images/train/x.jpg", None),
    "method": (RawMember(b"images/train/x.jpg", IMAGE, method=98), "ARCHIVE_METHOD", "images/train/x.jpg", None),
    "damaged": (
        RawMember(b"images/train/x.jpg", IMAGE, method=0, size=len(IMAGE) + 9),
        "ARCHIVE_TRUNCATED",
        "images/train/x.jpg",
        None,
    ),
    "html": (RawMember(b"images/train/x.jpg", b"<!doctype html>"), "IMG_UNREADABLE", "images/train/x.jpg", None),
    "empty image": (RawMember(b"images/train/x.jpg"), "IMG_UNREADABLE", "images/train/x.jpg", None),
    "cut jpeg": (RawMember(b"images/train/x.jpg", IMAGE[:100]), "IMG_UNREADABLE", "images/train/x.jpg", None),
    "no pixels": (RawMember(b"images/train/x.png", huge_png(0, 5)), "IMG_UNREADABLE", "images/train/x.png", None),
    "gif": (RawMember(b"images/train/x.jpg", gif_bytes()), "IMG_FORMAT", "images/train/x.jpg", "images/train/x.jpg"),
    "png as jpg": (
        RawMember(b"images/train/x.jpg", huge_png(50, 60)),
        "IMG_EXT_MISMATCH",
        "images/train/x.jpg",
        "images/train/x.jpg",
    ),
    "10^5 x 10^5": (
        RawMember(b"images/train/x.png", huge_png(100_000, 100_000)),
        "IMG_TOO_LARGE",
        "images/train/x.png",
        "images/train/x.png",
    ),
    "name of 64 KB": (RawMember(LONG, IMAGE), "ARCHIVE_NAME_LENGTH", LONG_SHOWN, None),
    "NUL": (RawMember(b"images/train/x\0.jpg", IMAGE), "ARCHIVE_PATH_UNSAFE", "images/train/x\0.jpg", None),
    "control characters": (
        RawMember(b"images/train/\x01\x1b[31m\x7f.jpg", IMAGE),
        "",
        None,
        "images/train/\x01\x1b[31m\x7f.jpg",
    ),
    "newline": (RawMember(b"images/train/a\nb\r.jpg", IMAGE), "", None, "images/train/a\nb\r.jpg"),
    "emoji": (RawMember("images/train/🦝.jpg".encode(), IMAGE, flags=UTF8), "", None, "images/train/🦝.jpg"),
    "cp437": (
        RawMember(b"images/train/\x81ber.jpg", IMAGE),
        "ARCHIVE_NAME_ENCODING",
        "images/train/über.jpg",
        "images/train/über.jpg",
    ),
    "false utf-8": (
        RawMember(b"images/train/\xff\xfe.jpg", IMAGE, flags=UTF8),
        "ARCHIVE_NAME_ENCODING",
        "images/train/\u00a0■.jpg",
        "images/train/\u00a0■.jpg",
    ),
    "no name": (RawMember(b"", IMAGE), "ARCHIVE_PATH_UNSAFE", "", None),
    "dots": (RawMember(b"./images/./train//x.jpg", IMAGE), "", None, "images/train/x.jpg"),
    "name of 1000 bytes": (
        RawMember(b"images/train/" + b"d/" * 480 + b"x.jpg", IMAGE),
        "",
        None,
        "images/train/" + "d/" * 480 + "x.jpg",
    ),
}


@pytest.mark.parametrize("case", MEMBERS)
async def test_one_odd_member(yard: Yard, tmp_path: Path, case: str) -> None:
    member, rule, file, path = MEMBERS[case]
    raw_zip(tmp_path / "a.zip", [*raw_members({}), member])

    images, findings = await succeeded(yard, tmp_path / "a.zip")

    assert set(images) == GOOD | ({path} if path else set())
    assert not rule or (rule, file) in about(findings)
    if path:
        file_bytes = (await yard.api.get(images[path]["urls"]["file"])).content
        assert file_bytes == member.data
        assert images[path]["file_name"] == path.rpartition("/")[2]


async def test_patched_members(yard: Yard, tmp_path: Path) -> None:
    """The same faults, made in a zip that Python's own writer wrote, in small shards."""
    path = tmp_path / "a.zip"
    yolo_zip(path, images=12, splits={"train": 1.0})
    mark_encrypted(path, "images/train/img_00001.jpg")
    spoil_crc(path, "images/train/img_00002.jpg")
    spoil_method(path, "images/train/img_00003.jpg")
    spoil_crc(path, "labels/train/img_00004.txt")
    mark_encrypted(path, "labels/train/img_00005.txt")

    images, findings = await succeeded(yard, path)

    assert len(images) == 9
    assert about(findings) >= {
        ("ARCHIVE_ENCRYPTED", "images/train/img_00001.jpg"),
        ("ARCHIVE_CRC", "images/train/img_00002.jpg"),
        ("ARCHIVE_METHOD", "images/train/img_00003.jpg"),
        ("ARCHIVE_CRC", "labels/train/img_00004.txt"),
        ("ARCHIVE_ENCRYPTED", "labels/train/img_00005.txt"),
    }
    assert images["images/train/img_00004.jpg"]["annotations"] == []


async def test_a_wholly_encrypted_archive(yard: Yard, tmp_path: Path) -> None:
    members = [RawMember(one.name, one.data, flags=ENCRYPTED) for one in raw_members({})]
    raw_zip(tmp_path / "a.zip", members)

    error = await failed(yard, tmp_path / "a.zip")

    assert error["type"] == "/problems/dataset-not-recognised"
    assert "ARCHIVE_ENCRYPTED x 5" in error["detail"]


async def test_an_empty_label_with_a_data_descriptor(yard: Yard, tmp_path: Path) -> None:
    """As macOS writes it: stored, sizes only behind the data."""
    empty = RawMember(b"labels/train/x.txt", b"", method=0, flags=DESCRIPTOR)
    described = [RawMember(one.name, one.data, flags=DESCRIPTOR) for one in raw_members({"images/train/x.jpg": IMAGE})]
    raw_zip(tmp_path / "a.zip", [*described, empty])

    images, findings = await succeeded(yard, tmp_path / "a.zip")

    assert set(images) == GOOD | {"images/train/x.jpg"}
    assert about(findings) == {("PAIR_EMPTY_LABEL", "labels/train/x.txt")}


async def test_decomposed_names_pair_with_their_labels(yard: Yard, tmp_path: Path) -> None:
    """What macOS writes: NFD on both sides is one name; bytes are not changed."""
    image, label = (unicodedata.normalize("NFD", name) for name in ("images/train/Möwe.jpg", "labels/train/Möwe.txt"))
    zip_of(tmp_path / "a.zip", around({image: IMAGE, label: ROW}))

    images, _ = await succeeded(yard, tmp_path / "a.zip")

    assert len(images[image]["annotations"]) == 1
