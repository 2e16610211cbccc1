"""What a dataset may come as: every kind of archive, directories, parts that lie apart, links, odd names."""

import asyncio
import hashlib
import io
import os
import tarfile
import unicodedata
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from backports import zstd

from shared.adapters.byte_source.registry import SchemeByteSources
from shared.foundation.settings import EngineSettings
from tests.factories.archives import jpeg_bytes, zip_of
from tests.factories.broken import CONFIG, ROW, noise, tar_member, tar_of
from tests.factories.http_servers import source_server
from tests.factories.raw_zip import SYMLINK, RawMember, raw_zip
from tests.factories.yard import QuietLauncher, Yard, open_yard

SMALL_SHARDS = EngineSettings(claimers=2, shard_bytes=8 << 10, shard_images=3, lease_seconds=4)
LABELS_FIRST = SMALL_SHARDS.model_copy(update={"index_first_bytes": 0})
STORAGES = ("objects", "packed")
NAMES = ["person", "car", "light"]

Members = dict[str, bytes]


@pytest.fixture
async def yard(mongo_url: str, tmp_path: Path) -> AsyncIterator[Yard]:
    """A yard with small shards."""
    async with open_yard(mongo_url, tmp_path / "yard", engine=SMALL_SHARDS) as opened:
        yield opened


@pytest.fixture
async def index_yard(mongo_url: str, tmp_path: Path) -> AsyncIterator[Yard]:
    """The same, but labels are read first."""
    async with open_yard(mongo_url, tmp_path / "yard", engine=LABELS_FIRST) as opened:
        yield opened


# -- what goes in, and what has to come out


def dataset() -> Members:
    """Images of some kilobytes, with labels of 0 to 3 rows, or none."""
    files: Members = {}
    for number in range(13):
        stem = f"{('train', 'train', 'val')[number % 3]}/{number:04d}"
        files[f"images/{stem}.jpg"] = jpeg_bytes(40 + number, 30, seed=number) + noise(1500, number)
        if number % 5 != 4:
            files[f"labels/{stem}.txt"] = ROW.replace(b"0 ", b"%d " % (number % 3)) * (number % 4)
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


async def rules(yard: Yard, status: Mapping[str, Any], *, but: Sequence[str] = ("PAIR_",)) -> list[tuple[str, str]]:
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


# -- archives


def write_folder(path: Path, files: Mapping[str, bytes]) -> Path:
    for name, data in files.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(data)
    return path


def write_zip(path: Path, files: Mapping[str, bytes], method: int) -> Path:
    return raw_zip(path, [RawMember(name.encode(), data, method=method) for name, data in files.items()])


def write_zst(path: Path, files: Mapping[str, bytes]) -> Path:
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


@pytest.mark.parametrize("storage", STORAGES)
@pytest.mark.parametrize("kind", KINDS)
async def test_every_kind_gives_the_dataset(yard: Yard, tmp_path: Path, kind: str, storage: str) -> None:
    files = dataset()
    source = KINDS[kind](tmp_path / "source", files)
    status = await check(yard, source.as_uri(), files, storage=storage)
    assert await rules(yard, status) == []


@pytest.mark.parametrize("storage", STORAGES)
@pytest.mark.parametrize("kind", ["zip of many methods", "tar.zst", "folder"])
async def test_labels_first(index_yard: Yard, tmp_path: Path, kind: str, storage: str) -> None:
    files = dataset()
    await check(index_yard, str(KINDS[kind](tmp_path / "source", files)), files, storage=storage)


# -- directories


async def test_a_prefix_of_our_own_store(yard: Yard, monkeypatch: pytest.MonkeyPatch) -> None:
    """As uploads will lie there. Addresses of our own never come from outside."""
    files = dataset()
    for name, data in files.items():
        await yard.container.outside.store.put(f"incoming/set/{name}", data)
    refused = await yard.api.post("/datasets/import", json={"source": "object://incoming/set/"})
    assert refused.status_code == 422

    monkeypatch.setattr(SchemeByteSources, "check", lambda _self, _uri: None)
    for storage in STORAGES:
        await check(yard, "object://incoming/set/", files, storage=storage)


@pytest.mark.parametrize("storage", STORAGES)
async def test_what_a_directory_holds_beside_files(yard: Yard, tmp_path: Path, storage: str) -> None:
    files = dataset()
    folder = write_folder(tmp_path / "set", files)
    image = next(name for name in files if name.endswith(".jpg"))
    odd = folder / "images/train"
    (odd / ".DS_Store").write_bytes(b"x")
    (odd / "empty.jpg").touch()
    (odd / "back\\slash.jpg").write_bytes(files[image])
    (odd / "outside.jpg").symlink_to("/etc/passwd")
    (odd / "broken.jpg").symlink_to("nothing.jpg")
    (odd / "linked.jpg").symlink_to(f"../../{image}")
    (odd / "again").symlink_to("../train")
    os.mkfifo(odd / "pipe.jpg")
    os.link(folder / image, odd / "hard.jpg")
    await asyncio.to_thread((folder / "zzz-last").touch)

    more = {f"images/train/{name}.jpg": files[image] for name in ("linked", "hard")}
    status = await check(yard, str(folder), files | more, storage=storage)
    assert await rules(yard, status) == [
        ("ARCHIVE_LINK", "images/train/again/"),
        ("ARCHIVE_LINK", "images/train/broken.jpg"),
        ("ARCHIVE_LINK", "images/train/outside.jpg"),
        ("ARCHIVE_LINK", "images/train/pipe.jpg"),
        ("FOLDER_FILE_NAME", "images/train/back\\slash.jpg"),
        ("IMG_UNREADABLE", "images/train/empty.jpg"),
    ]


@pytest.mark.parametrize("options", [{"storage": "packed", "in_place": True}, {"checksum": "sha256:" + "0" * 64}])
async def test_what_a_directory_cannot_be_asked(yard: Yard, tmp_path: Path, options: dict[str, object]) -> None:
    status = await yard.imported(write_folder(tmp_path / "set", dataset()), **options)
    slug = "not-in-place" if "in_place" in options else "unsupported-source"
    assert (status["state"], status["error"]["type"]) == ("failed", f"/problems/{slug}")


async def test_an_empty_directory(yard: Yard, tmp_path: Path) -> None:
    (tmp_path / "set").mkdir()
    status = await yard.imported(tmp_path / "set")
    assert (status["state"], status["error"]["type"]) == ("failed", "/problems/dataset-not-recognised")


@pytest.mark.parametrize("change", ["rewritten", "gone"])
@pytest.mark.parametrize("storage", STORAGES)
async def test_a_file_that_changes_after_planning(mongo_url: str, tmp_path: Path, change: str, storage: str) -> None:
    files = dataset()
    folder = write_folder(tmp_path / "set", files)
    launcher = QuietLauncher()
    async with open_yard(mongo_url, tmp_path / "yard", engine=SMALL_SHARDS, launcher=launcher) as yard:
        job_id = await yard.start_import(folder, storage=storage)
        await yard.begun(job_id)
        last = folder / max(name for name in files if name.endswith(".jpg"))
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("shared.features.imports.transfer.Transfer.run", _changing(last, change))
            status = await asyncio.gather(yard.claimer(job_id), yard.ended(job_id))
    assert status[1]["error"]["type"] == "/problems/source-changed"


def _changing(path: Path, change: str) -> Callable[..., Any]:
    from shared.features.imports.transfer import Transfer  # noqa: PLC0415 - as it is before it is replaced

    run = Transfer.run

    def alter() -> None:
        if change == "gone":
            path.unlink(missing_ok=True)
        else:
            path.write_bytes(path.read_bytes())

    async def changed_first(*arguments: Any) -> None:
        await asyncio.to_thread(alter)
        await run(*arguments)

    return changed_first


# -- parts that lie apart


@dataclass(frozen=True)
class Apart:
    """A dataset in parts, as they are named inside."""

    images: Members
    labels: Members
    config: bytes
    whole: Members


def apart(*, images: str = "", labels: str = "", config: bytes = CONFIG) -> Apart:
    """The parts with these folders around what is below images/ and labels/."""
    files = dataset()
    files["labels/train/classes.txt"] = b"person\n"
    of = {
        folder: {
            around + name.removeprefix(f"{folder}/"): data for name, data in files.items() if name.startswith(folder)
        }
        for folder, around in (("images", images), ("labels", labels))
    }
    return Apart(of["images"], of["labels"], config, files | {"data.yaml": config})


def in_kinds(folder: Path, parts: Apart, images: str, labels: str, config: str) -> dict[str, str]:
    """The addresses of the parts, each written as that kind of archive."""
    folder.mkdir()
    found = {
        "images": KINDS[images](folder / "the-images", parts.images),
        "labels": KINDS[labels](folder / "the-labels", parts.labels),
    }
    if config == "file":
        (folder / "my.yaml").write_bytes(parts.config)
        return {name: path.as_uri() for name, path in found.items()} | {"config": str(folder / "my.yaml")}
    found["config"] = KINDS[config](folder / "the-config", {"data.yaml": parts.config})
    return {name: path.as_uri() for name, path in found.items()}


TRIPLES = [
    ("zip", "zip", "file"),
    ("zip", "tar", "zip"),
    ("tar.gz", "folder", "file"),
    ("folder", "zip", "tar.xz"),
    ("folder", "folder", "folder"),
    ("tar", "tar.zst", "file"),
]


@pytest.mark.parametrize("storage", STORAGES)
@pytest.mark.parametrize(("images", "labels", "config"), TRIPLES, ids=" ".join)
async def test_three_parts(yard: Yard, tmp_path: Path, images: str, labels: str, config: str, storage: str) -> None:
    parts = apart()
    source = in_kinds(tmp_path / "set", parts, images, labels, config)
    if storage == "packed" and ("zip" in images) != ("zip" in labels):
        answer = await yard.api.post("/datasets/import", json={"source": source, "storage": storage})
        status = await yard.ended(answer.json()["job_id"])
        assert (status["state"], status["error"]["type"]) == ("failed", "/problems/unsupported-source")
        return
    status = await check(yard, source, parts.whole, storage=storage)
    assert await rules(yard, status) == []
    shown = (await yard.api.get(f"/datasets/{status['dataset_id']}")).json()
    assert "the-images" in shown["source"]
    assert "labels: " in shown["source"]


@pytest.mark.parametrize(("images", "labels", "config"), TRIPLES[1:4], ids=" ".join)
async def test_three_parts_labels_first(
    index_yard: Yard, tmp_path: Path, images: str, labels: str, config: str
) -> None:
    parts = apart()
    await check(index_yard, in_kinds(tmp_path / "set", parts, images, labels, config), parts.whole)


@pytest.mark.parametrize(
    ("images", "labels"),
    [("", ""), ("images/", "labels/"), ("", "coco/labels/"), ("pics/images/", ""), ("a/images/", "b/labels/")],
)
async def test_folders_within_parts(yard: Yard, tmp_path: Path, images: str, labels: str) -> None:
    parts = apart(images=images, labels=labels)
    await check(yard, in_kinds(tmp_path / "set", parts, "zip", "tar.gz", "file"), parts.whole)


async def test_splits_above_images_and_labels(yard: Yard, tmp_path: Path) -> None:
    """As Roboflow has them: nothing is put before names, nor taken off, even if there is one split only."""
    files = {f"train/{name}": data for name, data in dataset().items() if name.startswith(("images", "labels"))}
    config = yaml.safe_dump({"train": "../train/images", "names": NAMES}).encode()
    images = {name: data for name, data in files.items() if "/images/" in name}
    labels = {name: data for name, data in files.items() if "/labels/" in name}
    source = in_kinds(tmp_path / "set", Apart(images, labels, config, files), "zip", "folder", "file")
    await check(yard, source, files)


async def test_of_two_parts_with_one_name_the_first_wins(yard: Yard, tmp_path: Path) -> None:
    parts = apart(labels="labels/")
    image = next(iter(parts.images))
    parts.labels[f"images/{image}"] = jpeg_bytes(9, 9)
    source = in_kinds(tmp_path / "set", parts, "zip", "zip", "file")
    status = await check(yard, source, parts.whole)
    assert await rules(yard, status) == [("ARCHIVE_DUP_NAME", f"images/{image}")]


async def test_images_alone_with_their_description_inside(yard: Yard, tmp_path: Path) -> None:
    files = dataset()
    await check(yard, {"images": zip_of(tmp_path / "set.zip", files).as_uri()}, files)


async def test_parts_from_servers(yard: Yard, tmp_path: Path) -> None:
    """One with ranges, one without ranges and lengths, one that redirects with a token."""
    parts = apart()
    tar_of(tmp_path / "labels.tgz", parts.labels, mode="w:gz")
    images = zip_of(tmp_path / "images.zip", parts.images).read_bytes()
    with (
        source_server(images) as first,
        source_server((tmp_path / "labels.tgz").read_bytes()) as second,
        source_server(parts.config) as third,
    ):
        second.ranges = second.announces_length = third.ranges = third.announces_length = False
        source = {"images": f"{first.url}?token=secret", "labels": second.url, "config": third.url}
        status = await check(yard, source, parts.whole)
    shown = (await yard.api.get(f"/datasets/{status['dataset_id']}")).json()
    assert "secret" not in shown["source"]


async def test_every_address_is_judged_and_a_retry_goes_on(yard: Yard, tmp_path: Path) -> None:
    parts = apart()
    source = in_kinds(tmp_path / "set", parts, "zip", "tar", "file")
    refused = await yard.api.post("/datasets/import", json={"source": source | {"labels": "ftp://host/l.zip"}})
    assert (refused.status_code, refused.json()["type"]) == (422, "/problems/unsupported-source")
    for wrong in ({"labels": source["labels"]}, source | {"archive": source["images"]}, source | {"masks": "x"}):
        assert (await yard.api.post("/datasets/import", json={"source": wrong})).status_code == 422

    labels = tmp_path / "set/the-labels"
    hidden = labels.rename(tmp_path / "elsewhere")
    key = {"Idempotency-Key": "once"}
    first, again = [
        (await yard.api.post("/datasets/import", json={"source": source, "name": "parts"}, headers=key)).json()
        for _ in range(2)
    ]
    assert first["job_id"] == again["job_id"]
    failed = await yard.ended(first["job_id"])
    assert failed["error"]["type"] == "/problems/source-not-found"
    hidden.rename(labels)
    await yard.cleaned(first["job_id"])
    assert (await yard.api.post(f"/datasets/import/{first['job_id']}/retry")).status_code == 202
    assert await served(yard, await yard.ended(first["job_id"])) == expected(parts.whole)


# -- links


POOL = {f"pool/{number}.jpg": jpeg_bytes(40 + number, 30, seed=number) + noise(2000, number) for number in range(6)}
BOX, POLYGON = b"0 0.5 0.5 0.2 0.2\n", b"1 0.1 0.1 0.9 0.1 0.9 0.9\n"


def linked(task: str) -> Members:
    """Labels of one task for all images of the pool."""
    row = BOX if task == "detect" else POLYGON
    return {f"{task}/labels/{number}.txt": row * (number + 1) for number in range(6)}


BOTH = yaml.safe_dump({"train": "detect/images", "val": "segment/images", "names": NAMES}).encode()
TREES = POOL | linked("detect") | linked("segment") | {"data.yaml": BOTH}
POOL_LINKS = {"detect/images": "../pool", "segment/images": "../pool"}


def linked_tar(path: Path, files: Mapping[str, bytes], links: Mapping[str, str]) -> Path:
    with tarfile.open(path, "w") as archive:
        for name, target in links.items():
            archive.addfile(tar_member(name, kind=tarfile.SYMTYPE, target=target))
        for name, data in files.items():
            archive.addfile(tar_member(name, size=len(data)), io.BytesIO(data))
    return path


def linked_zip(path: Path, files: Mapping[str, bytes], links: Mapping[str, str]) -> Path:
    members = [RawMember(name.encode(), data, method=0) for name, data in files.items()]
    methods = (0, 8)
    targets = enumerate(links.items())
    return raw_zip(
        path,
        members
        + [
            RawMember(name.encode(), target.encode(), method=methods[at % 2], attributes=SYMLINK)
            for at, (name, target) in targets
        ],
    )


def linked_folder(path: Path, files: Mapping[str, bytes], links: Mapping[str, str]) -> Path:
    write_folder(path, files)
    for name, target in links.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).symlink_to(target)
    return path


WITH_LINKS = {"tar": linked_tar, "zip": linked_zip, "folder": linked_folder}


@pytest.mark.parametrize("storage", STORAGES)
@pytest.mark.parametrize("kind", WITH_LINKS)
async def test_two_trees_over_one_pool(yard: Yard, tmp_path: Path, kind: str, storage: str) -> None:
    """Both share the images by a linked folder, and each image has two documents with the same bytes."""
    links = POOL_LINKS | {"detect/labels/link.txt": "1.txt"}
    status = await check_linked(yard, WITH_LINKS[kind](tmp_path / "set", TREES, links), storage=storage)
    objects = [key for key in yard.stored() if f"{status['dataset_id']}/images/" in key]
    assert len(objects) == (len(POOL) if storage == "objects" else 0)
    assert await rules(yard, status) == []


@pytest.mark.parametrize("storage", STORAGES)
@pytest.mark.parametrize("kind", WITH_LINKS)
async def test_two_trees_labels_first(index_yard: Yard, tmp_path: Path, kind: str, storage: str) -> None:
    await check_linked(index_yard, WITH_LINKS[kind](tmp_path / "set", TREES, POOL_LINKS), storage=storage)


async def test_links_of_a_zip_on_a_server(yard: Yard, tmp_path: Path) -> None:
    data = linked_zip(tmp_path / "set", TREES, POOL_LINKS).read_bytes()
    for ranges in (True, False):
        with source_server(data) as server:
            server.ranges = ranges
            assert len(await served(yard, await yard.imported(server.url))) == 2 * len(POOL)


async def check_linked(yard: Yard, source: Path, **options: object) -> dict[str, Any]:
    """Import the two trees; each image of the pool is in both."""
    trees = {
        f"{tree}/{image.replace('pool', 'images')}": data
        for tree in ("detect", "segment")
        for image, data in POOL.items()
    }
    return await check(yard, source.as_uri(), linked("detect") | linked("segment") | trees, **options)


@pytest.mark.parametrize("storage", STORAGES)
@pytest.mark.parametrize("kind", WITH_LINKS)
async def test_links_to_files(yard: Yard, tmp_path: Path, kind: str, storage: str) -> None:
    """An image and its label by other names, a label for an image of its own, and links that lead nowhere."""
    files = dataset()
    image = "images/train/0001.jpg"
    links = {
        "images/train/other.jpg": "0001.jpg",
        "images/val/chain.jpg": "../train/other.jpg",
        "labels/train/other.txt": "0001.txt",
        "labels/val/chain.txt": "../../labels/train/0003.txt",
        "images/train/nothing.jpg": "nowhere.jpg",
    }
    outcome = files | {
        "images/train/other.jpg": files[image],
        "images/val/chain.jpg": files[image],
        "labels/train/other.txt": files["labels/train/0001.txt"],
        "labels/val/chain.txt": files["labels/train/0003.txt"],
    }
    status = await check(yard, WITH_LINKS[kind](tmp_path / "set", files, links).as_uri(), outcome, storage=storage)
    assert await rules(yard, status) == [("ARCHIVE_LINK", "images/train/nothing.jpg")]


@pytest.mark.parametrize("storage", STORAGES)
async def test_hard_links_of_a_tar(yard: Yard, tmp_path: Path, storage: str) -> None:
    files = dataset()
    path = tar_of(tmp_path / "set.tar", files)
    with tarfile.open(path, "a") as archive:
        archive.addfile(tar_member("images/val/hard.jpg", kind=tarfile.LNKTYPE, target="images/train/0000.jpg"))
    outcome = files | {"images/val/hard.jpg": files["images/train/0000.jpg"]}
    await check(yard, path.as_uri(), outcome, storage=storage)


async def test_links_in_place_and_verified(yard: Yard, tmp_path: Path) -> None:
    source = linked_zip(tmp_path / "set", TREES, POOL_LINKS)
    status = await yard.imported(source, storage="packed", in_place=True)
    assert status["state"] == "succeeded"
    await yard.cleaned(status["job_id"])
    started = (await yard.api.post(f"/datasets/{status['dataset_id']}/verify")).json()
    verified = await yard.ended(started["job_id"])
    assert (verified["state"], verified["progress"]["images_done"]) == ("succeeded", 2 * len(POOL))
    images = await yard.all_images(status["dataset_id"])
    assert {image["sha256"] for image in images} == {hashlib.sha256(data).hexdigest() for data in POOL.values()}
    assert len(images) == 2 * len(POOL)


async def test_an_image_that_a_link_names_a_label(yard: Yard, tmp_path: Path) -> None:
    files = dataset()
    label = files.pop("labels/train/0001.txt")
    assert label
    links = {"labels/train/0001.txt": "../../images/train/0001.jpg"}
    status = await yard.imported(linked_tar(tmp_path / "set.tar", files, links))
    found = await served(yard, status)
    image = files["images/train/0001.jpg"]
    assert found["images/train/0001.jpg"] == (hashlib.sha256(image).hexdigest(), image, 0)
    faults = await rules(yard, status)
    assert faults
    assert all(rule.startswith("ROW_") and file == "labels/train/0001.txt" for rule, file in faults)


# -- names


@pytest.mark.parametrize("kind", ["zip", "tar"])
async def test_names_in_shift_jis(yard: Yard, tmp_path: Path, kind: str) -> None:
    files = {f"images/train/写真の犬{number}.jpg": jpeg_bytes(40, 30, seed=number) for number in range(4)}
    files |= {f"labels/train/写真の犬{number}.txt": ROW for number in range(4)} | {"data.yaml": CONFIG}
    if kind == "zip":
        members = [RawMember(name.encode("cp932"), data) for name, data in files.items()]
        source = raw_zip(tmp_path / "set.zip", members)
    else:
        source = tmp_path / "set.tar"
        with tarfile.open(source, "w", format=tarfile.GNU_FORMAT, encoding="cp932") as archive:
            for name, data in files.items():
                archive.addfile(tar_member(name, size=len(data)), io.BytesIO(data))
    status = await check(yard, source.as_uri(), files)
    found = await yard.report(status["job_id"], rule="ARCHIVE_NAME_ENCODING")
    assert len(found) == 8
    assert all("Shift-JIS was assumed" in one["message"] for one in found)


@pytest.mark.parametrize("kind", ["zip", "tar", "folder"])
async def test_labels_in_the_other_normal_form(yard: Yard, tmp_path: Path, kind: str) -> None:
    """As where images were packed on a Mac, and labels elsewhere."""
    decomposed, composed = (unicodedata.normalize(form, "café") for form in ("NFD", "NFC"))
    assert decomposed != composed
    files = {
        f"images/train/{decomposed}.jpg": jpeg_bytes(40, 30, seed=1),
        f"images/train/{composed}-2.jpg": jpeg_bytes(40, 30, seed=2),
        f"labels/train/{composed}.txt": ROW,
        f"labels/train/{decomposed}-2.txt": ROW * 2,
        "data.yaml": CONFIG.replace(b"val: images/val\n", b""),
    }
    status = await yard.imported(KINDS[kind](tmp_path / "set", files))
    found = await served(yard, status)
    assert {path: facts[1:] for path, facts in found.items()} == {
        f"images/train/{decomposed}.jpg": (ROW, 1),
        f"images/train/{composed}-2.jpg": (ROW * 2, 2),
    }
    assert await rules(yard, status, but=()) == []


# -- sparse files


@pytest.mark.parametrize("storage", STORAGES)
async def test_a_sparse_member_of_a_tar(yard: Yard, tmp_path: Path, storage: str) -> None:
    """GNU tar leaves out the holes of a file: here those of a label, and of an image behind its end."""
    files = dataset()
    image = jpeg_bytes(60, 40, seed=7) + bytes(200_000) + b"the end"
    files["images/val/holes.jpg"] = image
    files["labels/val/holes.txt"] = ROW
    source = tar_of(tmp_path / "set.tar", {name: data for name, data in files.items() if "holes.jpg" not in name})
    add_sparse(source, "images/val/holes.jpg", image)
    status = await check(yard, source.as_uri(), files, storage=storage)
    assert await rules(yard, status) == []


def add_sparse(path: Path, name: str, data: bytes) -> None:
    """Append a sparse member in the pax format 1.0, with one hole: the run of zeros before the last seven bytes."""
    end = len(data) - 7
    start = len(data[:end].rstrip(b"\0")) + 512
    listed = f"2\n0\n{start}\n{end}\n{len(data) - end}\n".encode()
    content = listed.ljust(512, b"\0") + data[:start] + data[end:]
    with tarfile.open(path, "a", format=tarfile.PAX_FORMAT) as archive:
        member = tar_member(f"GNUSparseFile.0/{Path(name).name}", size=len(content))
        member.pax_headers = {
            "GNU.sparse.major": "1",
            "GNU.sparse.minor": "0",
            "GNU.sparse.name": name,
            "GNU.sparse.realsize": str(len(data)),
        }
        archive.addfile(member, io.BytesIO(content))
