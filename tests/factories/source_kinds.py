"""One dataset as every kind of source, and what readers have to get of it."""

import asyncio
import hashlib
import io
import tarfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from backports import zstd

from shared.foundation.settings import EngineSettings
from tests.factories.archives import zip_of
from tests.factories.broken import CONFIG, large_jpeg, tar_member, tar_of
from tests.factories.raw_zip import RawMember, raw_zip
from tests.factories.yard import Yard

SMALL_SHARDS = EngineSettings(claimers=2, shard_bytes=8 << 10, shard_images=3, lease_seconds=4)
LABELS_FIRST = SMALL_SHARDS.model_copy(update={"index_first_bytes": 0})
STORAGES = ("objects", "packed")
_BY_ITS_NATURE = ("PAIR_", "SET_", "IMG_DUP_CONTENT")
NAMES = ["person", "car", "light"]

Members = dict[str, bytes]


# -- what goes in, and what has to come out


def dataset() -> Members:
    """Images of some kilobytes, with labels of 0 to 3 rows, or none."""
    files: Members = {}
    for number in range(13):
        stem = f"{('train', 'train', 'val')[number % 3]}/{number:04d}"
        files[f"images/{stem}.jpg"] = large_jpeg(2_500, seed=number, sides=(40 + number, 30))
        if number % 5 != 4:
            rows = [b"%d 0.%d 0.5 0.1 0.2\n" % (number % 3, 2 + 2 * row) for row in range(number % 4)]
            files[f"labels/{stem}.txt"] = b"".join(rows)
    return files | {"data.yaml": CONFIG}


def expected(files: Mapping[str, bytes]) -> dict[str, tuple[str, bytes | None, int]]:
    """Of each image: the hash of its bytes, its label as it is, and how many annotations it has."""
    found = {}
    for name, data in files.items():
        if name.endswith(".jpg"):
            label = files.get(name.replace("images/", "labels/").replace(".jpg", ".txt"))
            found[name] = hashlib.sha256(data).hexdigest(), label, (label or b"").count(b"\n")
    return found


async def served(yard: Yard, status: Mapping[str, Any]) -> dict[str, tuple[str, bytes | None, int]]:
    """The same, as readers get it."""
    assert (status["state"], status["error"]) == ("succeeded", None)
    found = {}
    for image in await yard.all_images(status["dataset_id"]):
        at = f"/datasets/{status['dataset_id']}/images/{image['id']}"
        file, label = await asyncio.gather(yard.api.get(f"{at}/file"), yard.api.get(f"{at}/labels"))
        assert file.status_code == 200
        assert (image["pending"], image["sha256"]) == ([], hashlib.sha256(file.content).hexdigest())
        text = label.content if label.status_code == 200 else None
        found[image["path"]] = image["sha256"], text, len(image["annotations"])
    progress = status["progress"]
    assert progress["images_done"] == progress["images_total"] >= len(found)
    return found


async def rules(yard: Yard, status: Mapping[str, Any], *, but: Sequence[str] = _BY_ITS_NATURE) -> list[tuple[str, str]]:
    """What was found, without what such a dataset says by its nature."""
    report = await yard.report(status["job_id"])
    return sorted((one["rule"], one["file"]) for one in report if not one["rule"].startswith(tuple(but)))


async def check(yard: Yard, source: object, files: Mapping[str, bytes], **options: object) -> dict[str, Any]:
    """Import the source, and compare everything with the files; the job's status."""
    answer = await yard.api.post("/datasets/import", json={"source": source, **options})
    assert answer.status_code == 202, answer.text
    status = await yard.ended(answer.json()["job_id"])
    assert await served(yard, status) == expected(files)
    await yard.cleaned(status["job_id"])
    left_over = [key for key in yard.stored() if key.startswith("temp/")]
    assert not left_over
    return status


# -- archives and folders


def write_folder(path: Path, files: Mapping[str, bytes]) -> Path:
    """The files in a folder at the path."""
    for name, data in files.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(data)
    return path


def write_zst(path: Path, files: Mapping[str, bytes]) -> Path:
    """A tar compressed with Zstandard at the path."""
    tar_of(path, files)
    path.write_bytes(zstd.compress(path.read_bytes()))
    return path


def with_methods(*methods: int) -> Callable[[Path, Members], Path]:
    """A zip whose members take turns in how they are compressed."""

    def write(path: Path, files: Members) -> Path:
        members = enumerate(files.items())
        return raw_zip(
            path,
            [RawMember(name.encode(), data, method=methods[at % len(methods)]) for at, (name, data) in members],
        )

    return write


KINDS: dict[str, Callable[[Path, Members], Path]] = {
    "zip": zip_of,
    "zip of many methods": with_methods(0, 8, 12, 14, 20, 93, 95),
    "tar": tar_of,
    "pax tar": lambda path, files: tar_of(path, files, kind=tarfile.PAX_FORMAT),
    "tar.gz": lambda path, files: tar_of(path, files, mode="w:gz"),
    "tar.bz2": lambda path, files: tar_of(path, files, mode="w:bz2"),
    "tar.xz": lambda path, files: tar_of(path, files, mode="w:xz"),
    "tar.zst": write_zst,
    "folder": write_folder,
}


def linked_pair(path: Path, image: bytes, labels: Mapping[str, bytes]) -> tuple[Path, Members]:
    """A tar of described trees over one pool of images by links, each with its label; and its files by all names."""
    described = b"names: [cat, dog]\ntrain: images\n"
    files = {"pool/a.jpg": image} | {f"{top}/labels/a.txt": label for top, label in labels.items()}
    files |= {f"{top}/data.yaml": described for top in labels}
    with tarfile.open(path, "w") as archive:
        for top in labels:
            archive.addfile(tar_member(f"{top}/images", kind=tarfile.SYMTYPE, target="../pool"))
        for name, data in files.items():
            archive.addfile(tar_member(name, size=len(data)), io.BytesIO(data))
    return path, files | {f"{top}/images/a.jpg": image for top in labels}
