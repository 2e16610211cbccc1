"""A huge YOLO archive that takes little disk: a stored zip64 whose images are a JPEG header, a hole, and a JPEG's end.

An image's end lies in one block of the file system with the head of the next, so a file of 100 GB holds 4 GB.
Every CRC-32 is true, no two images are equal, and the same request gives the same bytes.
"""

import argparse
import json
import os
import random
import struct
import zlib
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from pathlib import Path

from tests.bench.crc_of_zeros import crc_with_zeros

CATEGORIES = 80
MOST_ROWS = 7
SAMPLES = 40
_BLOCK = 4096
_BATCH = 8 << 20
_LOCAL = struct.Struct("<4s5H3L2H")
_CENTRAL = struct.Struct("<4s6H3L5H2L")
_END = struct.Struct("<4s4H2LH")
_END64 = struct.Struct("<4sQ2H2L4Q")
_LOCATOR = struct.Struct("<4sLQL")
_DATE, _MODE, _NARROW = 0x5C21, 0o644 << 16, 0xFFFFFFFF
_SIDES = (320, 427, 480, 500, 512, 612, 640, 720, 768, 1024, 1280, 1920)
_EOI = b"\xff\xd9"
_JFIF = b"\xff\xd8\xff\xe0\0\x10JFIF\0\1\1\0\0\1\0\1\0\0"


@dataclass(frozen=True, slots=True)
class HugeRequest:
    """What to write: `images` images with a label each, about `archive_bytes` long in all."""

    images: int = 1_000_000
    archive_bytes: int = 100_000_000_000
    interleaved: bool = False

    @property
    def name(self) -> str:
        """A file name that tells requests apart."""
        return f"huge-{self.images}-{self.archive_bytes}{'-interleaved' if self.interleaved else ''}.zip"


@dataclass(frozen=True, slots=True)
class Sample:
    """One image: where its bytes lie in the archive."""

    path: str
    offset: int
    size_bytes: int
    width: int
    height: int
    crc32: int


@dataclass
class HugeTruth:
    """What the archive holds, counted while it was written; `annotations_by_category` is indexed by category."""

    images_by_split: dict[str, int] = field(default_factory=dict)
    annotations: int = 0
    annotations_by_category: list[int] = field(default_factory=lambda: [0] * CATEGORIES)
    image_bytes: int = 0
    directory_offset: int = 0
    directory_bytes: int = 0
    samples: list[Sample] = field(default_factory=list)

    @property
    def images(self) -> int:
        """Images of all splits."""
        return sum(self.images_by_split.values())


def write_huge(path: Path, request: HugeRequest) -> HugeTruth:
    """Write the archive, and what it holds beside it as JSON; both appear when they are complete."""
    partial = path.with_suffix(".partial")
    with partial.open("wb", buffering=0) as file:
        truth = _Writer(file.fileno(), request).write()
        os.fsync(file.fileno())
    truth_file(path).write_text(json.dumps(asdict(truth)))
    partial.rename(path)
    return truth


def read_truth(path: Path) -> HugeTruth:
    """What the archive at `path` holds."""
    found = json.loads(truth_file(path).read_text())
    return HugeTruth(**found | {"samples": [Sample(**one) for one in found["samples"]]})


def truth_file(path: Path) -> Path:
    """The file beside the archive that says what is in it."""
    return path.with_suffix(".truth.json")


class _Writer:
    """Writes one archive from front to back; image bodies are skipped, so the file system keeps them as holes."""

    def __init__(self, file: int, request: HugeRequest) -> None:
        self._file = file
        self._request = request
        self._dice = random.Random(3)
        self._rows = _RowPool(self._dice)
        self._at = 0
        self._pending = bytearray()
        self._directory = bytearray()
        self._members = 0
        self._truth = HugeTruth(images_by_split={"train": 0, "val": 0})
        self._sampled = set(random.Random(4).sample(range(request.images), min(SAMPLES, request.images)))

    def write(self) -> HugeTruth:
        self._add(b"data.yaml", _config())
        if not self._request.interleaved:
            self._pad_to_block()
        for number in range(self._request.images):
            self._image(number)
            if self._request.interleaved:
                self._label(number)
        if not self._request.interleaved:
            for number in range(self._request.images):
                self._label(number)
        self._end()
        return self._truth

    def _pad_to_block(self) -> None:
        """A member of text, so that nothing lies between members."""
        name = b"README.txt"
        self._add(name, b"\n" * ((-self._at - 30 - len(name)) % _BLOCK))

    def _image(self, number: int) -> None:
        split = "val" if number % 10 == 9 else "train"
        name = f"images/{split}/{number + 1:09d}.jpg"
        width, height = self._dice.choice(_SIDES), self._dice.choice(_SIDES)
        head = jpeg_head(number, width, height)
        offset = self._at + 30 + len(name)
        size = self._image_size(offset)
        crc = zlib.crc32(_EOI, crc_with_zeros(zlib.crc32(head), size - len(head) - len(_EOI)))
        self._enter(name.encode(), crc, size, head)
        self._at = offset + size
        self._pending += _EOI
        self._truth.images_by_split[split] += 1
        self._truth.image_bytes += size
        if number in self._sampled:
            self._truth.samples.append(Sample(name, offset, size, width, height, crc))

    def _image_size(self, offset: int) -> int:
        """About the size asked for; its last bytes begin the block that has the next member's header."""
        mean = self._request.archive_bytes / self._request.images / _BLOCK
        blocks = max(1, round(mean * self._dice.uniform(0.5, 1.5)))
        return blocks * _BLOCK - offset % _BLOCK + len(_EOI)

    def _label(self, number: int) -> None:
        split = "val" if number % 10 == 9 else "train"
        text, categories = self._rows.take(self._dice.randint(1, MOST_ROWS))
        for category in categories:
            self._truth.annotations_by_category[category] += 1
        self._truth.annotations += len(categories)
        self._add(f"labels/{split}/{number + 1:09d}.txt".encode(), text)

    def _add(self, name: bytes, data: bytes) -> None:
        """A member that is written whole."""
        self._enter(name, zlib.crc32(data), len(data), data)
        self._at += 30 + len(name) + len(data)

    def _enter(self, name: bytes, crc: int, size: int, start: bytes) -> None:
        """Headers of a member at the current offset, and the bytes it starts with; the caller moves the offset."""
        local = _LOCAL.pack(b"PK\3\4", 20, 0, 0, 0, _DATE, crc, size, size, len(name), 0)
        self._put(local + name + start, hole_follows=len(start) < size)
        wide = self._at >= _NARROW
        extra = struct.pack("<2HQ", 1, 8, self._at) if wide else b""
        facts = 45 if wide else 20, 0, 0, 0, _DATE, crc, size, size, len(name), len(extra), 0, 0, 0, _MODE
        self._directory += _CENTRAL.pack(b"PK\1\2", 45, *facts, min(self._at, _NARROW)) + name + extra
        self._members += 1

    def _put(self, data: bytes, *, hole_follows: bool) -> None:
        self._pending += data
        if hole_follows or len(self._pending) >= _BATCH:
            self._flush(self._at + len(data))

    def _flush(self, end: int) -> None:
        start, view = end - len(self._pending), memoryview(bytes(self._pending))
        while view:
            done = os.pwrite(self._file, view, start)
            view, start = view[done:], start + done
        self._pending.clear()

    def _end(self) -> None:
        at, size, count = self._at, len(self._directory), self._members
        self._truth.directory_offset, self._truth.directory_bytes = at, size
        end64 = _END64.pack(b"PK\6\6", 44, 45, 45, 0, 0, count, count, size, at)
        locator = _LOCATOR.pack(b"PK\6\7", 0, at + size, 1)
        end = _END.pack(b"PK\5\6", 0, 0, 0xFFFF, 0xFFFF, _NARROW, _NARROW, 0)
        self._pending += self._directory + end64 + locator + end
        self._flush(at + size + len(end64) + len(locator) + len(end))


class _RowPool:
    """Label rows made beforehand: a label is a run of them."""

    def __init__(self, dice: random.Random, rows: int = 1 << 15) -> None:
        self._dice = dice
        self._categories = [min(dice.randrange(CATEGORIES), dice.randrange(CATEGORIES)) for _ in range(rows)]
        self._rows = [_row(dice, category) for category in self._categories]

    def take(self, count: int) -> tuple[bytes, list[int]]:
        """A label text of `count` rows, and their categories."""
        at = self._dice.randrange(len(self._rows) - count)
        return b"".join(self._rows[at : at + count]), self._categories[at : at + count]


def _row(dice: random.Random, category: int) -> bytes:
    width, height = dice.uniform(0.02, 0.3), dice.uniform(0.02, 0.3)
    x, y = dice.uniform(width / 2, 1 - width / 2), dice.uniform(height / 2, 1 - height / 2)
    return f"{category} {x:.6f} {y:.6f} {width:.6f} {height:.6f}\n".encode()


def jpeg_head(number: int, width: int, height: int) -> bytes:
    """The first bytes of a JPEG of this size: JFIF, a comment that no other image has, the frame header."""
    text = b"image %d" % number
    comment = b"\xff\xfe" + (len(text) + 2).to_bytes(2, "big") + text
    return _JFIF + comment + _frame(width, height)


@lru_cache
def _frame(width: int, height: int) -> bytes:
    return struct.pack(">2sHBHHB9s", b"\xff\xc0", 17, 8, height, width, 3, b"\1\x22\0\2\x11\1\3\x11\1")


def _config() -> bytes:
    names = "".join(f"  {number}: category {number:02d}\n" for number in range(CATEGORIES))
    return f"path: .\ntrain: images/train\nval: images/val\nnames:\n{names}".encode()


def main() -> None:
    """`python -m tests.bench.huge_archive PATH`: write one."""
    parser = argparse.ArgumentParser(description="Write a sparse zip64 of images and labels.")
    parser.add_argument("path", type=Path)
    parser.add_argument("--images", type=int, default=1_000_000)
    parser.add_argument("--gigabytes", type=float, default=100)
    parser.add_argument("--interleaved", action="store_true")
    arguments = parser.parse_args()
    request = HugeRequest(arguments.images, int(arguments.gigabytes * 1e9), arguments.interleaved)
    truth = write_huge(arguments.path, request)
    used = arguments.path.stat().st_blocks * 512
    print(f"{truth.images} images, {truth.annotations} annotations, {used / 1e9:.2f} GB on the disk")


if __name__ == "__main__":
    main()
