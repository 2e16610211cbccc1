"""The archive that storms are let loose on: some thousand small files, good and bad, one of them large."""

import zipfile
from pathlib import Path

from tests.factories.archives import jpeg_bytes, spoil_crc, zip_of
from tests.factories.broken import CONFIG, ROW, large_jpeg, noise, tar_of

_LARGE_BYTES = 9 << 20
_DISTINCT = 40
_TAIL_BYTES = 5000


def storm_zip(folder: Path, images: int) -> Path:
    """A deflated zip, its labels behind all images; one image's checksum is wrong."""
    path = folder / f"storm-{images}.zip"
    if not path.exists():
        pictures, labels = _images(images), _labels(images)
        partial = path.with_suffix(".partial")
        zip_of(partial, {**pictures, **labels, "data.yaml": CONFIG}, compression=zipfile.ZIP_DEFLATED)
        spoil_crc(partial, _image_name(images // 2)).rename(path)
    return path


def storm_tar(folder: Path, images: int) -> Path:
    """A tar.gz, each label behind its image, the description last."""
    path = folder / f"storm-{images}.tar.gz"
    if not path.exists():
        members = {}
        labels = _labels(images)
        for name, data in _images(images).items():
            members[name] = data
            label = name.replace("images/", "labels/").replace(".jpg", ".txt")
            if label in labels:
                members[label] = labels[label]
        partial = path.with_suffix(".partial")
        tar_of(partial, {**members, "data.yaml": CONFIG}, mode="w:gz").rename(path)
    return path


def _image_name(number: int) -> str:
    return f"images/{'val' if number % 4 == 3 else 'train'}/{number:05d}.jpg"


def _images(count: int) -> dict[str, bytes]:
    small = [jpeg_bytes(40 + number, 30 + number % 7, seed=number) for number in range(_DISTINCT)]
    members = {_image_name(number): _image(number, small) for number in range(count)}
    return {**members, "images/train/large.jpg": large_jpeg(_LARGE_BYTES, seed=1)}


def _image(number: int, small: list[bytes]) -> bytes:
    if number % 97 == 3:
        return b"<!doctype html>"
    return small[number % len(small)] + noise(_TAIL_BYTES + number % 1000, seed=number % 900)


def _labels(count: int) -> dict[str, bytes]:
    names = {_image_name(number).replace("images/", "labels/"): number for number in range(count) if number % 11}
    labels = {name.replace(".jpg", ".txt"): _label(number) for name, number in names.items()}
    return {**labels, "labels/train/large.txt": ROW, "labels/train/orphan.txt": ROW}


def _label(number: int) -> bytes:
    rows = [b"%d 0.%d 0.5 0.25 0.125\n" % (row % 3, 1 + number % 9) for row in range(number % 6)]
    if number % 23 == 5:
        rows += [b"9 0.5 0.5 0.1 0.1\n", b"0 0.5 0.5 1.5 0.1\n", b"x\n"]
    if number % 29 == 7:
        rows += [b"1 0.1 0.1 0.9 0.1 0.9 0.9\n"]
    return b"".join(rows)
