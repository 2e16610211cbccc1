"""The roads an import can take, archives to send along them, and what readers see at their end."""

import contextlib
import hashlib
import zipfile
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from shared.foundation.settings import EngineSettings
from tests.factories.archives import jpeg_bytes, zip_of
from tests.factories.broken import CONFIG, noise, tar_of
from tests.factories.yard import Yard, open_yard

IMAGES = 15
NEVER, ALWAYS = 1 << 40, 0
"""Of `index_first_bytes`."""

SMALL, LARGE = 12_000, 70_000
"""Images, in bytes. Labels between large ones are worth their own requests, those between small ones are not."""

NO_IMAGE = "images/train/0003.jpg"


@dataclass(frozen=True)
class Road:
    """How an import is asked for, and which way it is expected to go."""

    way: str
    labels_first_bytes: int
    options: Mapping[str, object] = field(default_factory=dict)


ROADS = {
    "objects, together": Road("together", NEVER),
    "objects, labels first": Road("index-first", ALWAYS),
    "packed, together": Road("together", NEVER, {"storage": "packed"}),
    "packed, labels first": Road("index-first", ALWAYS, {"storage": "packed"}),
    "in place": Road("in-place", ALWAYS, {"storage": "packed", "in_place": True}),
}
FIRST, PACKED_FIRST, IN_PLACE = "objects, labels first", "packed, labels first", "in place"


@contextlib.asynccontextmanager
async def yard_of(mongo_url: str, folder: Path, road: Road, **options: Any) -> AsyncIterator[Yard]:
    """A yard with many small shards, whose imports go this road."""
    engine = EngineSettings(
        claimers=2, shard_bytes=16 << 10, shard_images=5, lease_seconds=2, index_first_bytes=road.labels_first_bytes
    )
    async with open_yard(mongo_url, folder / "yard", engine=engine, **options) as yard:
        yield yard


# -- archives


def images(size_bytes: int) -> dict[str, bytes]:
    """Images with noise behind their end; one member is none."""
    made = {
        f"images/{'val' if number % 3 == 2 else 'train'}/{number:04d}.jpg": jpeg_bytes(40 + number, 30, seed=number)
        + noise(size_bytes, number)
        + b"\xff\xd9"
        for number in range(IMAGES)
    }
    return made | {NO_IMAGE: b"<!doctype html>"}


def label_name(image: str) -> str:
    """Where the label of an image is."""
    return image.replace("images/", "labels/").replace(".jpg", ".txt")


def labels(names: Mapping[str, bytes]) -> dict[str, bytes]:
    """A label for four images of five; some rows are wrong."""
    return {label_name(name): _label(number) for number, name in enumerate(names) if number % 5}


def _label(number: int) -> bytes:
    rows = [b"%d 0.%d 0.5 0.25 0.125\n" % (row % 3, 1 + number % 9) for row in range(number % 4)]
    if number % 7 == 1:
        rows += [b"9 0.5 0.5 0.1 0.1\n", b"x\n"]
    if number % 7 == 2:
        rows += [b"1 0.1 0.1 0.9 0.1 0.9 0.9\n"]
    return b"".join(rows)


def members(order: str, size_bytes: int = SMALL) -> dict[str, bytes]:
    """The files of a dataset: labels before, after or between the images."""
    pictures = images(size_bytes)
    texts = labels(pictures)
    orders = {
        "before": {"data.yaml": CONFIG, **texts, **pictures},
        "after": {**pictures, **texts, "data.yaml": CONFIG},
        "between": {"data.yaml": CONFIG, **_alternating(pictures, texts)},
    }
    return orders[order]


def _alternating(pictures: Mapping[str, bytes], texts: Mapping[str, bytes]) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    for name, data in pictures.items():
        found[name] = data
        if (label := label_name(name)) in texts:
            found[label] = texts[label]
    return found


def write(path: Path, kind: str, files: Mapping[str, bytes]) -> Path:
    """An archive of this kind at the path."""
    if kind == "zip":
        return zip_of(path, files)
    if kind == "stored":
        return zip_of(path, files, compression=zipfile.ZIP_STORED)
    return tar_of(path, files, mode="w" if kind == "tar" else "w:gz")


KINDS = {"zip": ".zip", "stored": ".zip", "tar": ".tar", "tar.gz": ".tar.gz"}


# -- what readers see


async def seen(yard: Yard, status: Mapping[str, Any]) -> dict[str, Any]:
    """Everything comparable about an import that succeeded: images, their bytes and labels, statistics, findings."""
    assert status["state"] == "succeeded", status["error"]
    dataset = status["dataset_id"]
    return {
        "images": {image["path"]: await _image(yard, image) for image in await yard.all_images(dataset)},
        "statistics": (await yard.api.get(f"/datasets/{dataset}/statistics")).json(),
        "categories": (await yard.api.get(f"/datasets/{dataset}/categories")).json(),
        "findings": sorted(await yard.report(status["job_id"]), key=str),
        "annotations": status["progress"]["annotations"],
        "done": status["progress"]["images_done"],
    }


async def _image(yard: Yard, image: dict[str, Any]) -> dict[str, Any]:
    file = (await yard.api.get(image["urls"]["file"])).content
    labelled = image["urls"]["labels"]
    text = (await yard.api.get(labelled)).content.decode() if labelled else None
    assert image["sha256"] in (hashlib.sha256(file).hexdigest(), None)
    assert image["pending"] == ([] if image["sha256"] else ["sha256"])
    kept = {name: value for name, value in image.items() if name not in ("id", "urls", "sha256", "pending")}
    return kept | {"file": hashlib.sha256(file).hexdigest(), "text": text}
