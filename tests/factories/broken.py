"""Datasets with something wrong in them: what each member is, and the members they are put among."""

import io
import random
import struct
import tarfile
import zlib
from collections.abc import Mapping
from pathlib import Path

from PIL import Image

from tests.factories.archives import jpeg_bytes

CONFIG = b"path: .\ntrain: images/train\nval: images/val\nnames: [person, car, light]\n"
GOOD_IMAGE, GOOD_LABEL = "images/train/good.jpg", "labels/train/good.txt"
ROW = b"0 0.5 0.5 0.25 0.25\n"


def around(members: Mapping[str, bytes]) -> dict[str, bytes]:
    """The members with a good image before them, another behind, and a description."""
    return {
        GOOD_IMAGE: jpeg_bytes(40, 30, seed=1),
        GOOD_LABEL: ROW,
        **members,
        "images/val/last.jpg": jpeg_bytes(30, 40, seed=2),
        "labels/val/last.txt": ROW,
        "data.yaml": CONFIG,
    }


def noise(size_bytes: int, seed: int = 0) -> bytes:
    """Bytes that do not compress."""
    return random.Random(seed).randbytes(size_bytes)


def huge_png(width: int, height: int) -> bytes:
    """A PNG header that claims this size."""
    header = struct.pack(">LL5B", width, height, 8, 2, 0, 0, 0)
    chunk = b"IHDR" + header
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">L", 13) + chunk + struct.pack(">L", zlib.crc32(chunk)) + bytes(64)


def gif_bytes() -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (20, 20), "red").save(out, "GIF")
    return out.getvalue()


def large_jpeg(size_bytes: int, seed: int = 0, sides: tuple[int, int] = (200, 100)) -> bytes:
    """A JPEG with noise behind its end, which decoders ignore; it ends as a JPEG does."""
    head = jpeg_bytes(*sides, seed=seed)
    return head + noise(size_bytes - len(head) - 2, seed) + b"\xff\xd9"


def late_tiff(size_bytes: int, width: int = 123, height: int = 45) -> bytes:
    """A TIFF of this size whose directory stands at its end, as libtiff writes it."""
    entries = [(256, 3, 1, width), (257, 3, 1, height), (262, 3, 1, 1)]
    directory = struct.pack("<H", len(entries)) + b"".join(struct.pack("<HHLHxx", *entry) for entry in entries)
    directory += bytes(4)
    at = size_bytes - len(directory)
    return b"II*\0" + struct.pack("<L", at) + noise(at - 8) + directory


def tar_of(path: Path, members: Mapping[str, bytes], *, mode: str = "w", kind: int = tarfile.GNU_FORMAT) -> Path:
    """A tar of these members; `mode` names its compression."""
    blocks = {"compresslevel": 1} if mode.endswith("bz2") else {}  # small ones, which a processor's cache can hold
    with tarfile.open(path, mode, format=kind, **blocks) as archive:
        for name, data in members.items():
            archive.addfile(tar_member(name, size=len(data)), io.BytesIO(data))
    return path


def tar_member(name: str, *, size: int = 0, kind: bytes = tarfile.REGTYPE, target: str = "") -> tarfile.TarInfo:
    """The header of a member."""
    member = tarfile.TarInfo(name)
    member.size, member.type, member.linkname, member.mtime = size, kind, target, 1_700_000_000
    return member


def messy_members(images: int = 60) -> dict[str, bytes]:
    """A dataset with something of everything: good and broken images and labels, twins, orphans, a large image."""
    members: dict[str, bytes] = {}
    for number in range(images):
        split = ("train", "train", "val")[number % 3]
        stem = f"{split}/{number:04d}"
        members[f"images/{stem}.jpg"] = _messy_image(number)
        if number % 5:
            members[f"labels/{stem}.txt"] = _messy_label(number)
    members["images/train/large.jpg"] = large_jpeg(9 << 20, seed=3)
    members["labels/train/large.txt"] = ROW
    members["labels/train/orphan.txt"] = ROW
    return members | {"data.yaml": CONFIG}


def _messy_image(number: int) -> bytes:
    if number % 17 == 3:
        return b"<!doctype html>"
    return jpeg_bytes(40 + number % 7, 30 + number % 5, seed=number % 50)


def _messy_label(number: int) -> bytes:
    rows = [b"%d 0.%d 0.5 0.25 0.125\n" % (row % 3, 1 + number % 9) for row in range(number % 6)]
    if number % 4 == 1:
        rows += [b"9 0.5 0.5 0.1 0.1\n", b"0 0.5 0.5 1.5 0.1\n", b"x\n"]
    if number % 4 == 2:
        rows += [b"1 0.1 0.1 0.9 0.1 0.9 0.9\n"]
    return b"".join(rows)
