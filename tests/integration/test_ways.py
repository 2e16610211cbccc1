"""The ways an import can go, and where it keeps bytes: whichever it is, readers get the same dataset."""

import asyncio
import contextlib
import gzip
import hashlib
import json
import zipfile
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from shared.foundation.settings import EngineSettings, LimitSettings
from tests.factories.archives import jpeg_bytes, spoil_crc, zip_of
from tests.factories.broken import CONFIG, ROW, noise, tar_of
from tests.factories.http_servers import source_server
from tests.factories.traps import Trap, trap
from tests.factories.yard import QuietLauncher, Yard, open_yard

IMAGES = 24
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
        for number in range(IMAGES)
    }
    return made | {NO_IMAGE: b"<!doctype html>"}


def label_name(image: str) -> str:
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
        "findings": await yard.report(status["job_id"]),
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


async def plan_of(yard: Yard, job_id: str) -> dict[str, Any]:
    """The plan in the job's document."""
    plan: dict[str, Any] = json.loads((await yard.job(job_id))["plan"])
    return plan


@pytest.fixture(scope="session")
def results() -> dict[int, dict[str, Any]]:
    """What a plain import of each size of images gives; made once."""
    return {}


async def plain(yard: Yard, folder: Path, size_bytes: int, results: dict[int, dict[str, Any]]) -> dict[str, Any]:
    """What a plain import into objects gives, checked against the files themselves."""
    if size_bytes not in results:
        files = members("after", size_bytes)
        path = write(folder / f"plain-{size_bytes}.zip", "zip", files)
        results[size_bytes] = await seen(yard, await yard.imported(path, name="plain"))
        found = results[size_bytes]["images"]
        assert found.keys() == {name for name in files if name.endswith(".jpg")} - {NO_IMAGE}
        for name, image in found.items():
            assert image["file"] == hashlib.sha256(files[name]).hexdigest()
            assert image["text"] == (files[label_name(name)].decode() if label_name(name) in files else None)
        assert {one["rule"] for one in results[size_bytes]["findings"]} >= {"IMG_UNREADABLE", "ROW_CLASS_RANGE"}
    return results[size_bytes]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ROADS)
async def test_every_road_leads_to_the_same_dataset(
    mongo_url: str, tmp_path: Path, results: dict[int, dict[str, Any]], name: str, kind: str
) -> None:
    road = ROADS[name]
    async with yard_of(mongo_url, tmp_path, road) as yard:
        if name == IN_PLACE and kind == "tar.gz":
            pytest.skip("it cannot be entered in the middle")
        for order, size in {"before": SMALL, "after": SMALL, "between": LARGE}.items():
            expected = await plain(yard, tmp_path, size, results)
            path = write(tmp_path / f"{order}{KINDS[kind]}", kind, members(order, size))
            status = await yard.imported(path, **road.options)
            plan = await plan_of(yard, status["job_id"])

            assert (plan["way"], bool(plan["way_reason"])) == (road.way, True), order
            assert await seen(yard, status) == expected, order


async def test_labels_between_small_images_are_read_with_them(
    mongo_url: str, tmp_path: Path, results: dict[int, dict[str, Any]]
) -> None:
    async with yard_of(mongo_url, tmp_path, ROADS[FIRST]) as yard:
        path = write(tmp_path / "between.zip", "zip", members("between"))
        status = await yard.imported(path)
        plan = await plan_of(yard, status["job_id"])

        assert plan["way"] == "together"
        assert "between images" in plan["way_reason"]
        assert await seen(yard, status) == await plain(yard, tmp_path, SMALL, results)


# -- files over HTTP


@pytest.mark.parametrize("kind", ["zip", "stored", "tar"])
@pytest.mark.parametrize("name", [FIRST, PACKED_FIRST, IN_PLACE])
async def test_ranges_and_conditions(mongo_url: str, tmp_path: Path, name: str, kind: str) -> None:
    files = members("after")
    async with yard_of(mongo_url, tmp_path, ROADS[name]) as yard:
        status = await yard.imported(write(tmp_path / f"a{KINDS[kind]}", kind, files), **ROADS[name].options)
        for image in (await yard.all_images(status["dataset_id"]))[:4]:
            await _check_served(yard, image["urls"]["file"], files[image["path"]])
            if image["urls"]["labels"]:
                await _check_served(yard, image["urls"]["labels"], files[label_name(image["path"])])


async def _check_served(yard: Yard, url: str, data: bytes) -> None:
    whole = await yard.api.get(url)
    etag = whole.headers["etag"]
    assert (whole.status_code, whole.content) == (200, data)
    head = await yard.api.head(url)
    assert (head.status_code, head.content, head.headers["etag"]) == (200, b"", etag)
    assert head.headers["content-length"] == str(len(data))
    for wanted, (start, end) in _ranges(len(data)).items():
        part = await yard.api.get(url, headers={"Range": wanted})
        assert (part.status_code, part.content) == (206, data[start:end]), wanted
        assert part.headers["content-range"] == f"bytes {start}-{end - 1}/{len(data)}"
    await _check_conditions(yard, url, data, etag)


def _ranges(size: int) -> dict[str, tuple[int, int]]:
    if not size:
        return {}
    middle = size // 2
    return {
        "bytes=0-0": (0, 1),
        f"bytes={middle}-": (middle, size),
        f"bytes={middle}-{middle}": (middle, middle + 1),
        "bytes=-1": (size - 1, size),
        f"bytes=0-{size + 99}": (0, size),
    }


async def _check_conditions(yard: Yard, url: str, data: bytes, etag: str) -> None:
    known = await yard.api.get(url, headers={"If-None-Match": etag})
    assert (known.status_code, known.content) == (304, b"")
    assert (await yard.api.get(url, headers={"If-None-Match": '"other"'})).content == data
    beyond = await yard.api.get(url, headers={"Range": f"bytes={len(data)}-"})
    assert (beyond.status_code, beyond.headers["content-range"]) == (416, f"bytes */{len(data)}")
    same = await yard.api.get(url, headers={"Range": "bytes=0-0", "If-Range": etag})
    assert (same.status_code, same.content) == ((206, data[:1]) if data else (416, same.content))
    other = await yard.api.get(url, headers={"Range": "bytes=0-0", "If-Range": '"other"'})
    assert (other.status_code, other.content) == (200, data)


# -- before bytes have moved


@contextlib.asynccontextmanager
async def stopped_at(trapped: Trap, yard: Yard, job_id: str) -> AsyncIterator[None]:
    """The block runs while the only claimer of the job is caught; then it goes on to the end."""
    await yard.begun(job_id)
    claimer = yard.claimer(job_id)
    async with asyncio.timeout(20):
        await trapped.reached.wait()
    yield
    trapped.open.set()
    await claimer


@pytest.mark.parametrize(
    ("name", "method", "containing"), [(FIRST, "put", "/images/"), (PACKED_FIRST, "write", ".part")]
)
async def test_images_can_be_looked_at_before_their_bytes_have_come(
    mongo_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, method: str, containing: str
) -> None:
    files = members("after")
    async with yard_of(mongo_url, tmp_path, ROADS[name], launcher=QuietLauncher()) as yard:
        caught = trap(monkeypatch, yard.container.outside.store, method, containing=containing)
        job_id = await yard.start_import(write(tmp_path / "a.zip", "zip", files), **ROADS[name].options)
        dataset = (await yard.job(job_id))["dataset_id"]
        async with stopped_at(caught, yard, job_id):
            early = {image["path"]: image for image in await yard.all_images(dataset)}
            status = (await yard.api.get(f"/datasets/import/{job_id}/status")).json()

            assert (status["state"], status["phase"]) == ("running", "transfer")
            assert (status["progress"]["images_indexed"], status["progress"]["images_done"]) == (IMAGES, 0)
            assert early.keys() == {path for path in files if path.endswith(".jpg")}
            for path, image in early.items():
                assert image["pending"] == ["bytes", "dimensions", "sha256"]
                assert image["size_bytes"] == len(files[path])
                await _check_pending(yard, image["urls"]["file"])
                if image["urls"]["labels"] and name == PACKED_FIRST:
                    await _check_pending(yard, image["urls"]["labels"])
                elif image["urls"]["labels"]:
                    assert (await yard.api.get(image["urls"]["labels"])).content == files[label_name(path)]

        late = {image["path"]: image for image in await yard.all_images(dataset)}
        assert late.keys() == early.keys() - {NO_IMAGE}
        for path, image in late.items():
            assert image["pending"] == []
            assert image["annotations"] == early[path]["annotations"]
            assert (await yard.api.get(image["urls"]["file"])).content == files[path]


async def _check_pending(yard: Yard, url: str) -> None:
    """A packed archive's labels come with the part they lie in."""
    answer = await yard.api.get(url)
    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/image-pending")
    assert (await yard.api.head(url)).status_code == 409


# -- where the bytes are


@pytest.mark.parametrize("kind", KINDS)
async def test_parts_of_a_packed_archive_are_the_archive(mongo_url: str, tmp_path: Path, kind: str) -> None:
    """What cannot be entered in the middle is kept as what it unpacks to."""
    path = write(tmp_path / f"a{KINDS[kind]}", kind, members("after"))
    async with yard_of(mongo_url, tmp_path, ROADS[PACKED_FIRST]) as yard:
        status = await yard.imported(path, storage="packed")
        await yard.cleaned(status["job_id"])

        parts = sorted((yard.objects / "datasets" / status["dataset_id"] / "archive").iterdir())
        whole = b"".join(part.read_bytes() for part in parts)
        assert whole == (gzip.decompress(path.read_bytes()) if kind == "tar.gz" else path.read_bytes())
        assert {part.stat().st_size for part in parts[:-1]} == {16 << 10}
        assert {key.split("/")[2] for key in yard.stored()} == {"archive", "config"}


async def test_an_archive_in_place_is_only_read(mongo_url: str, tmp_path: Path) -> None:
    path = write(tmp_path / "a.zip", "zip", members("after"))
    before = path.read_bytes(), path.stat().st_mtime_ns
    async with yard_of(mongo_url, tmp_path, ROADS[IN_PLACE]) as yard:
        status = await yard.imported(path, **ROADS[IN_PLACE].options)
        await yard.cleaned(status["job_id"])

        assert {key.split("/")[2] for key in yard.stored()} == {"config", "members"}
        assert all(json.loads((yard.objects / key).read_text()) for key in yard.stored() if "/members/" in key)
        assert (path.read_bytes(), path.stat().st_mtime_ns) == before


@pytest.mark.parametrize("what", ["changed", "deleted"])
async def test_an_archive_in_place_that_is_no_longer_there(mongo_url: str, tmp_path: Path, what: str) -> None:
    path = write(tmp_path / "a.zip", "zip", members("after"))
    async with yard_of(mongo_url, tmp_path, ROADS[IN_PLACE]) as yard:
        status = await yard.imported(path, **ROADS[IN_PLACE].options)
        image = next(one for one in await yard.all_images(status["dataset_id"]) if one["urls"]["labels"])
        path.unlink()
        if what == "changed":
            write(path, "zip", members("before"))

        for url in image["urls"].values():
            for headers in ({}, {"Range": "bytes=5-9"}):
                answer = await yard.api.get(url, headers=headers)
                expected = {"changed": "source-changed", "deleted": "source-not-found"}[what]
                assert answer.status_code >= 400
                assert answer.json()["type"] == f"/problems/{expected}"


async def test_what_cannot_be_used_in_place(mongo_url: str, tmp_path: Path) -> None:
    options = ROADS[IN_PLACE].options
    path = write(tmp_path / "a.tar.gz", "tar.gz", members("after"))
    async with yard_of(mongo_url, tmp_path, ROADS[IN_PLACE]) as yard:
        status = await yard.imported(path, **options)
        assert (status["state"], status["error"]["type"]) == ("failed", "/problems/not-in-place")
        with source_server(b"") as server:
            answer = await yard.api.post("/datasets/import", json={"source": server.url, **options})
            assert (answer.status_code, answer.json()["type"]) == (422, "/problems/not-in-place")
            assert server.requests == []
        answer = await yard.api.post("/datasets/import", json={"source": str(path), "in_place": True})
        assert (answer.status_code, answer.json()["type"]) == (422, "/problems/invalid-request")


@pytest.mark.parametrize("name", [FIRST, PACKED_FIRST, IN_PLACE])
async def test_a_deleted_dataset_takes_only_its_own_bytes_along(mongo_url: str, tmp_path: Path, name: str) -> None:
    path = write(tmp_path / "a.zip", "zip", members("after"))
    before = path.read_bytes()
    engine = EngineSettings(claimers=2, shard_bytes=16 << 10, lease_seconds=2, index_first_bytes=0, trash_days=0)
    async with open_yard(mongo_url, tmp_path / "yard", engine=engine) as yard:
        status = await yard.imported(path, **ROADS[name].options)
        await yard.cleaned(status["job_id"])
        assert yard.stored()

        assert (await yard.api.delete(f"/datasets/{status['dataset_id']}")).status_code == 204
        await asyncio.sleep(0.002)  # times are kept to the millisecond
        await yard.swept()

        assert yard.stored() == []
        assert await yard.database["images"].count_documents({}) == 0
        assert path.read_bytes() == before


# -- what is wrong with the data


@pytest.mark.parametrize("name", [FIRST, PACKED_FIRST])
async def test_an_image_left_out_is_nowhere(mongo_url: str, tmp_path: Path, name: str) -> None:
    files = members("after")
    broken = "images/train/0006.jpg"
    path = spoil_crc(write(tmp_path / "a.zip", "zip", files), broken)
    async with yard_of(mongo_url, tmp_path, ROADS[name]) as yard:
        status = await yard.imported(path, **ROADS[name].options)
        found = await seen(yard, status)

        assert found["images"].keys() == {one for one in files if one.endswith(".jpg")} - {NO_IMAGE, broken}
        assert found["statistics"]["images"] == IMAGES - 2
        assert [one["rule"] for one in found["findings"] if one["file"] == broken] == ["ARCHIVE_CRC"]
        assert await yard.database["images"].count_documents({"valid_to": None}) == IMAGES - 2


@pytest.mark.parametrize("name", ROADS)
async def test_a_broken_label_is_reported_once(mongo_url: str, tmp_path: Path, name: str) -> None:
    files = members("after")
    image = "images/train/0007.jpg"
    path = spoil_crc(write(tmp_path / "a.zip", "zip", files), label_name(image))
    async with yard_of(mongo_url, tmp_path, ROADS[name]) as yard:
        found = await seen(yard, await yard.imported(path, **ROADS[name].options))

        about = [one for one in found["findings"] if one["file"] == label_name(image)]
        assert [one["rule"] for one in about] == ["ARCHIVE_CRC"]
        assert (found["images"][image]["text"], found["images"][image]["annotations"]) == (None, [])


ROWS, POINTS = 50, 10_000


@pytest.mark.slow
async def test_annotations_beyond_what_a_document_holds_stay_whole(mongo_url: str, tmp_path: Path) -> None:
    points = [(number % 997 / 997, number % 991 / 991) for number in range(POINTS)]
    row = b"0 " + b" ".join(b"%.6f %.6f" % point for point in points) + b"\n"
    files = {"data.yaml": CONFIG, "labels/train/a.txt": row * ROWS, "labels/train/b.txt": ROW}
    files |= {f"images/train/{stem}.jpg": jpeg_bytes(40, 30) + noise(1_000_000) for stem in "ab"}
    limits = LimitSettings(max_image_points=ROWS * POINTS)
    async with yard_of(mongo_url, tmp_path, ROADS[FIRST], limits=limits) as yard:
        status = await yard.imported(write(tmp_path / "a.zip", "zip", files), **ROADS[FIRST].options)
        large, small = await yard.all_images(status["dataset_id"])

        assert status["progress"]["annotations"] == ROWS + 1
        assert (large["annotation_count"], large["annotations"]) == (ROWS, [])
        assert (small["annotation_count"], len(small["annotations"])) == (1, 1)
        whole = (await yard.api.get(f"/datasets/{status['dataset_id']}/images/{large['id']}")).json()
        assert len(whole["annotations"]) == ROWS
        for annotation in whole["annotations"]:
            assert annotation["points"] == [[float(f"{x:.6f}"), float(f"{y:.6f}")] for x, y in points]
        assert (await yard.api.get(large["urls"]["labels"])).content == row * ROWS
