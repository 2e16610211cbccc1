"""Archives for tests: small YOLO datasets with an independent count of what is in them."""

import hashlib
import io
import random
import struct
import zipfile
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import yaml
from PIL import Image

Layout = Literal["ultralytics", "roboflow", "darknet"]
Task = Literal["detect", "segment"]

NAMES = ("person", "car", "traffic light")
MODIFIED = (2026, 1, 1, 0, 0, 0)
SIZES = ((64, 48), (48, 64), (80, 80), (33, 17))
# Roboflow and Darknet say "valid" for what Ultralytics calls "val"; other splits keep their names.
VALID = {"val": "valid"}


@dataclass
class Truth:
    """What an archive holds, counted while it was made."""

    images: int = 0
    annotations: int = 0
    images_by_split: Counter[str] = field(default_factory=Counter)
    annotations_by_split: Counter[str] = field(default_factory=Counter)
    annotations_by_category: Counter[str] = field(default_factory=Counter)
    unlabelled_images: int = 0
    categories: list[str] = field(default_factory=lambda: list(NAMES))
    image_sizes: dict[str, tuple[int, int]] = field(default_factory=dict)
    label_of: dict[str, str] = field(default_factory=dict)
    sha256: dict[str, str] = field(default_factory=dict)


def jpeg_bytes(width: int, height: int, seed: int = 0) -> bytes:
    """A JPEG whose bytes depend on the arguments alone."""
    dice = random.Random(seed)
    image = Image.new("RGB", (width, height), tuple(dice.randrange(256) for _ in range(3)))
    for _ in range(4):
        colour = tuple(dice.randrange(256) for _ in range(3))
        left, top = dice.randrange(width), dice.randrange(height)
        image.paste(colour, (left, top, min(width, left + width // 3 + 1), min(height, top + height // 3 + 1)))
    out = io.BytesIO()
    image.save(out, "JPEG", quality=80)
    return out.getvalue()


def label_rows(seed: int, *, task: Task = "detect") -> list[tuple[int, str]]:
    """Category numbers with their YOLO rows; none for every seventh seed."""
    if seed % 7 == 6:
        return []
    dice = random.Random(seed)
    return [_row(dice, task) for _ in range(dice.randint(1, 5))]


def _row(dice: random.Random, task: Task) -> tuple[int, str]:
    category = dice.randrange(len(NAMES))
    x, y, w, h = dice.uniform(0.3, 0.7), dice.uniform(0.3, 0.7), dice.uniform(0.05, 0.4), dice.uniform(0.05, 0.4)
    corners = (x - w / 2, y - h / 2, x + w / 2, y - h / 2, x + w / 2, y + h / 2, x - w / 2, y + h / 2)
    values = (x, y, w, h) if task == "detect" else corners
    return category, f"{category} {' '.join(f'{value:.6f}' for value in values)}"


def split_sizes(images: int, splits: Mapping[str, float]) -> dict[str, int]:
    """How many images each split gets; rounding goes to the first."""
    sizes = {name: int(images * share) for name, share in splits.items()}
    first = next(iter(sizes))
    sizes[first] += images - sum(sizes.values())
    return sizes


def member_names(layout: Layout, split: str, stem: str) -> tuple[str, str]:
    """The names of an image and its label."""
    if layout == "ultralytics":
        return f"images/{split}/{stem}.jpg", f"labels/{split}/{stem}.txt"
    if layout == "roboflow":
        folder = VALID.get(split, split)
        return f"{folder}/images/{stem}.jpg", f"{folder}/labels/{stem}.txt"
    folder = f"obj_{VALID.get(split, split)}_data"
    return f"{folder}/{stem}.jpg", f"{folder}/{stem}.txt"


def config_members(layout: Layout, images_of: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """The files that describe the dataset, by name."""
    if layout == "ultralytics":
        paths = {split: f"images/{split}" for split in images_of}
        return {"data.yaml": yaml.safe_dump({"path": ".", **paths, "names": dict(enumerate(NAMES))}, sort_keys=False)}
    if layout == "roboflow":
        paths = {split: f"../{VALID.get(split, split)}/images" for split in images_of}
        config = {**paths, "nc": len(NAMES), "names": list(NAMES)}
        return {"data.yaml": yaml.safe_dump(config, sort_keys=False), "README.roboflow.txt": "Made for a test.\n"}
    file_of = {split: VALID.get(split, split) for split in images_of}
    lists = {f"{file_of[split]}.txt": "".join(f"data/{name}\n" for name in images_of[split]) for split in images_of}
    keys = "".join(f"{name} = data/{name}.txt\n" for name in file_of.values())
    obj_data = f"classes = {len(NAMES)}\n{keys}names = data/obj.names\nbackup = backup/\n"
    return {"obj.data": obj_data, "obj.names": "".join(f"{name}\n" for name in NAMES), **lists}


def yolo_zip(
    path: Path,
    *,
    images: int = 20,
    splits: Mapping[str, float] | None = None,
    layout: Layout = "ultralytics",
    task: Task = "detect",
    compression: int = zipfile.ZIP_DEFLATED,
    root: str = "",
) -> Truth:
    """Write a YOLO archive and return what is in it; the same for the same arguments.

    Images with nothing to see have an empty label file and, each second one, none. `root` goes before all names.
    """
    truth = Truth()
    sizes = split_sizes(images, splits or {"train": 0.6, "val": 0.3, "test": 0.1})
    images_of: dict[str, list[str]] = {split: [] for split in sizes}
    with zipfile.ZipFile(path, "w") as archive:
        for split in (split for split, count in sizes.items() for _ in range(count)):
            image_name, label_name = member_names(layout, split, f"img_{truth.images:05d}")
            images_of[split].append(image_name)
            _add_image(archive, truth, root + image_name, compression=compression)
            _add_label(archive, truth, (root + image_name, root + label_name, split), task=task)
        for name, text in config_members(layout, images_of).items():
            _add(archive, truth, root + name, text.encode())
    return truth


def _add_image(archive: zipfile.ZipFile, truth: Truth, name: str, *, compression: int) -> None:
    size = SIZES[truth.images % len(SIZES)]
    _add(archive, truth, name, jpeg_bytes(*size, seed=truth.images), compression=compression)
    truth.image_sizes[name] = size


def _add_label(archive: zipfile.ZipFile, truth: Truth, names: tuple[str, str, str], *, task: Task) -> None:
    image_name, label_name, split = names
    rows = label_rows(truth.images, task=task)
    truth.images += 1
    truth.images_by_split[split] += 1
    truth.annotations += len(rows)
    truth.annotations_by_split[split] += len(rows)
    truth.annotations_by_category.update(NAMES[category] for category, _ in rows)
    if not rows and truth.images % 2:
        truth.unlabelled_images += 1
        return
    truth.label_of[image_name] = label_name
    _add(archive, truth, label_name, "".join(f"{row}\n" for _, row in rows).encode())


def _add(
    archive: zipfile.ZipFile, truth: Truth, name: str, data: bytes, *, compression: int = zipfile.ZIP_DEFLATED
) -> None:
    _write(archive, name, data, compression=compression)
    truth.sha256[name] = hashlib.sha256(data).hexdigest()


def _write(archive: zipfile.ZipFile, name: str, data: bytes, *, compression: int = zipfile.ZIP_DEFLATED) -> None:
    member = zipfile.ZipInfo(name, MODIFIED)
    member.compress_type = compression
    member.external_attr = 0o644 << 16
    archive.writestr(member, data)


def zip_of(path: Path, members: Mapping[str, bytes], *, compression: int = zipfile.ZIP_DEFLATED) -> Path:
    """A zip of these members, in this order."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in members.items():
            _write(archive, name, data, compression=compression)
    return path


def many_members(path: Path, count: int) -> Path:
    """A zip of `count` one-byte members."""
    return zip_of(path, {f"images/{number:07d}.jpg": b"x" for number in range(count)}, compression=zipfile.ZIP_STORED)


def ratio_bomb(path: Path, *, expanded_bytes: int = 32 * 2**20) -> Path:
    """A zip with one member that expands a thousandfold, among others that do not."""
    return zip_of(path, {"images/train/a.jpg": jpeg_bytes(8, 8), "images/train/bomb.jpg": bytes(expanded_bytes)})


def overlapping_bomb(path: Path, *, names: int = 100) -> Path:
    """A zip whose directory names the same bytes many times (the trick of Fifield's zip bomb, 2019)."""
    zip_of(path, {"images/train/00000.jpg": jpeg_bytes(64, 64)})
    data = path.read_bytes()
    at, entry, rest = _directory(data)
    entries = b"".join(entry.replace(b"00000.jpg", b"%05d.jpg" % number) for number in range(names))
    end = bytearray(rest)
    struct.pack_into("<HHI", end, 8, names, names, len(entries))
    path.write_bytes(data[:at] + entries + bytes(end))
    return path


def climbing(path: Path) -> Path:
    """A zip with members that want to leave the folder they are unpacked in, and one that does not."""
    names = ("../evil.txt", "/etc/evil.txt", "images/../../evil.jpg", "C:\\evil.txt", "images/train/good.jpg")
    return zip_of(path, {name: jpeg_bytes(8, 8) for name in names})


def truncate(path: Path, *, keep: float = 0.7) -> Path:
    """Cut the archive, as a broken download would."""
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * keep)])
    return path


def mark_encrypted(path: Path, name: str) -> Path:
    """Set the flag that says the member is encrypted."""
    return _patch(path, name, local_at=6, central_at=8, change=lambda old: bytes((old[0] | 1, old[1])))


def spoil_crc(path: Path, name: str) -> Path:
    """Change the member's CRC-32 in both of its headers."""
    return _patch(path, name, local_at=14, central_at=16, change=lambda old: bytes((old[0] ^ 0xFF, *old[1:])), size=4)


def spoil_method(path: Path, name: str, *, method: int = 98) -> Path:
    """Say that the member was compressed by a method (PPMd) that nobody reads."""
    return _patch(path, name, local_at=8, central_at=10, change=lambda _old: struct.pack("<H", method))


def _patch(
    path: Path, name: str, *, local_at: int, central_at: int, change: Callable[[bytes], bytes], size: int = 2
) -> Path:
    with zipfile.ZipFile(path) as archive:
        member, central = archive.getinfo(name), archive.start_dir
        for info in archive.infolist():
            if info.filename == name:
                break
            central += 46 + len(info.orig_filename.encode()) + len(info.extra) + len(info.comment)
    data = bytearray(path.read_bytes())
    for at in (member.header_offset + local_at, central + central_at):
        data[at : at + size] = change(bytes(data[at : at + size]))
    path.write_bytes(bytes(data))
    return path


def _directory(data: bytes) -> tuple[int, bytes, bytes]:
    """Where the directory begins, its bytes, and the end record."""
    end = data.rindex(b"PK\x05\x06")
    size, at = struct.unpack_from("<II", data, end + 12)
    return at, data[at : at + size], data[end:]
