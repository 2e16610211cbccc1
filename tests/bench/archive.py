"""The archive the import is measured on: JPEGs of about 134 KB, deflated or stored, with YOLO labels."""

import argparse
import io
import random
import zipfile
from pathlib import Path

from PIL import Image

WIDTH, HEIGHT, QUALITY = 640, 480, 59
DISTINCT = 250
CLASSES = 10


def write_archive(path: Path, *, images: int, method: int = zipfile.ZIP_DEFLATED) -> None:
    """Write a YOLO detect archive of `images` JPEGs, four in five of them in train. Every file's bytes differ."""
    bases = [_jpeg(seed) for seed in range(min(images, DISTINCT))]
    dice = random.Random(1)
    partial = path.with_suffix(".partial")
    with zipfile.ZipFile(partial, "w", method) as archive:
        names = "".join(f"  {number}: class{number}\n" for number in range(CLASSES))
        archive.writestr("bench/data.yaml", f"path: .\ntrain: images/train\nval: images/val\nnames:\n{names}")
        for number in range(images):
            place = f"{'val' if number % 5 == 0 else 'train'}/image_{number:06d}"
            archive.writestr(f"bench/images/{place}.jpg", _commented(bases[number % len(bases)], number))
            archive.writestr(f"bench/labels/{place}.txt", _rows(dice))
    partial.rename(path)


def archive_at(folder: Path, *, images: int, method: int = zipfile.ZIP_DEFLATED) -> Path:
    """Such an archive in `folder`, written unless an earlier run has left it there."""
    path = folder / f"bench-{images}{'-stored' if method == zipfile.ZIP_STORED else ''}.zip"
    if not path.is_file():
        write_archive(path, images=images, method=method)
    return path


def _jpeg(seed: int) -> bytes:
    """Noise, so that it is as incompressible as a photograph."""
    noise = Image.effect_noise((WIDTH, HEIGHT), 60 + seed % 20)
    picture = Image.merge("RGB", (noise, noise.transpose(Image.Transpose.ROTATE_180), noise.point(lambda v: 255 - v)))
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=QUALITY)
    return out.getvalue()


def _commented(jpeg: bytes, number: int) -> bytes:
    """The JPEG with a comment segment of its own, so that no two files are equal."""
    text = f"image {number}".encode()
    return jpeg[:2] + b"\xff\xfe" + (len(text) + 2).to_bytes(2, "big") + text + jpeg[2:]


def _rows(dice: random.Random) -> str:
    rows = []
    for _ in range(7):
        width, height = dice.uniform(0.02, 0.3), dice.uniform(0.02, 0.3)
        x, y = dice.uniform(width / 2, 1 - width / 2), dice.uniform(height / 2, 1 - height / 2)
        rows.append(f"{dice.randrange(CLASSES)} {x:.6f} {y:.6f} {width:.6f} {height:.6f}")
    return "\n".join(rows) + "\n"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Write the archive of the import benchmark.")
    parser.add_argument("path", type=Path)
    parser.add_argument("--images", type=int, default=5000)
    parser.add_argument("--stored", action="store_true")
    arguments = parser.parse_args()
    method = zipfile.ZIP_STORED if arguments.stored else zipfile.ZIP_DEFLATED
    write_archive(arguments.path, images=arguments.images, method=method)
