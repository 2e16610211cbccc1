"""Bad input: a clear problem or findings that name the file, its neighbours imported, nothing left after a failure."""

import asyncio
import bz2
import gzip
import hashlib
import io
import os
import sys
import tarfile
import tempfile
import unicodedata
import zipfile
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path

import pytest

from shared.adapters.byte_source.guard import HostGuard
from shared.foundation.settings import EngineSettings, LimitSettings, SourceSettings
from tests.factories.archives import (
    climbing,
    jpeg_bytes,
    mark_encrypted,
    overlapping_bomb,
    ratio_bomb,
    spoil_crc,
    spoil_method,
    truncate,
    yolo_zip,
    zip_of,
)
from tests.factories.broken import (
    CONFIG,
    GOOD_IMAGE,
    ROW,
    around,
    gif_bytes,
    huge_png,
    large_jpeg,
    late_tiff,
    noise,
    tar_member,
    tar_of,
)
from tests.factories.claimers import ROOT, claimer_environment
from tests.factories.http_servers import source_server
from tests.factories.raw_zip import DESCRIPTOR, DEVICE, ENCRYPTED, SYMLINK, UTF8, RawMember, million_members, raw_zip
from tests.factories.yard import QuietLauncher, Yard, open_yard

MIB = 2**20
GOOD = {GOOD_IMAGE, "images/val/last.jpg"}


async def failed(yard: Yard, source: str | Path, **options: object) -> dict:
    """The error of an import that fails, once it is certain that it left nothing behind."""
    job_id = await yard.start_import(source, **options)
    status = await yard.ended(job_id, seconds=30)
    assert status["state"] == "failed", status
    await yard.cleaned(job_id)
    assert yard.stored() == []
    assert await yard.database["images"].count_documents({}) == 0
    assert await yard.database["import_shards"].count_documents({}) == 0
    assert (await yard.api.get("/datasets")).json()["total"] == 0
    assert (await yard.api.get(f"/datasets/{status['dataset_id']}")).status_code == 404
    return dict(status["error"])


async def succeeded(yard: Yard, source: str | Path, **options: object) -> tuple[dict, list[dict]]:
    """Images by path and findings of an import that succeeds."""
    status = await yard.imported(source, **options)
    assert (status["state"], status["error"]) == ("succeeded", None)
    images = {image["path"]: image for image in await yard.all_images(status["dataset_id"])}
    findings = await yard.report(status["job_id"])
    await yard.cleaned(status["job_id"])
    stored = {key for key in yard.stored() if "/images/" in key}
    assert len(stored) == len({image["sha256"] for image in images.values()})
    assert not [key for key in yard.stored() if key.startswith(("temp/", ".partial/"))]
    return images, findings


def about(findings: list[dict]) -> set[tuple[str, str]]:
    """Rules with the files they name, without those that only say that an image is background."""
    return {(one["rule"], one["file"]) for one in findings if one["rule"] != "PAIR_MISSING_LABEL"}


# -- sources


async def test_a_missing_page(yard: Yard) -> None:
    with source_server() as server:
        server.statuses = [404] * 5
        error = await failed(yard, server.url)

    assert error["type"] == "/problems/source-not-found"
    assert server.url in error["detail"]


@pytest.fixture
async def impatient(mongo_url: str, tmp_path: Path) -> AsyncIterator[Yard]:
    """A yard that tries a source once."""
    engine = EngineSettings(claimers=2, lease_seconds=2, max_attempts=1)
    sources = SourceSettings(allow_files=True, allow_private=True, connect_seconds=0.5, read_seconds=0.5, attempts=1)
    async with open_yard(mongo_url, tmp_path / "impatient", engine=engine, sources=sources) as yard:
        yield yard


@pytest.mark.parametrize("case", ["silent", "refused", "unknown host", "always 503"])
async def test_a_source_that_does_not_answer(impatient: Yard, case: str) -> None:
    """What may pass is tried again, so the job is dead rather than failed; it names the source and can be retried."""
    with source_server(b"x" * 100) as server:
        url = server.url
        server.stall_after = 0 if case == "silent" else None
        server.statuses = [503] * 99 if case == "always 503" else []
        if case == "refused":
            url = "http://127.0.0.1:9/data.zip"
        if case == "unknown host":
            url = "http://host.invalid/data.zip"
        status = await impatient.imported(url)

    assert status["state"] == "dead"
    assert status["error"]["type"] == "/problems/source-unavailable"
    assert url in status["error"]["detail"]
    assert (await impatient.api.get("/datasets")).json()["total"] == 0
    assert impatient.stored() == []


CONTENTS: Mapping[str, tuple[bytes, str]] = {
    "html": (b"<!DOCTYPE html><html><body>Sign in</body></html>", "HTML page"),
    "json": (b'{"error": "no such file"}', "JSON text"),
    "png": (huge_png(10, 10), "image"),
    "empty": (b"", "empty file"),
    "text": (b"hello\n" * 100, "plain text"),
    "zeros": (bytes(5000), "zero bytes"),
    "7z": (b"7z\xbc\xaf\x27\x1c" + bytes(100), "7z archive"),
    "noise": (noise(5000), "unknown"),
    "cut magic": (b"PK\x03\x04", "cut off"),
}


@pytest.mark.parametrize("ranges", [True, False, None], ids=["ranges", "no ranges", "file"])
@pytest.mark.parametrize("case", CONTENTS)
async def test_what_is_no_archive(yard: Yard, tmp_path: Path, case: str, ranges: bool | None) -> None:
    data, words = CONTENTS[case]
    path = tmp_path / "data.bin"
    path.write_bytes(data)
    with source_server(data) as server:
        server.ranges = bool(ranges)
        source = str(path) if ranges is None else server.url.replace("data.zip", "data.bin")
        error = await failed(yard, source)

    assert error["type"] == "/problems/unreadable-archive"
    assert words in error["detail"]
    assert "data.bin" in error["detail"]


@pytest.mark.parametrize("case", ["html", "json", "png"])
async def test_a_page_that_is_called_zip(yard: Yard, tmp_path: Path, case: str) -> None:
    """What a login form or an error page gives: the problem says so, and not that a zip is damaged."""
    (tmp_path / "data.zip").write_bytes(CONTENTS[case][0] * 50)

    error = await failed(yard, tmp_path / "data.zip")

    assert error["type"] == "/problems/unreadable-archive"
    assert CONTENTS[case][1] in error["detail"]


def _cut_tar_gz(path: Path) -> None:
    tar_of(path, around({"images/train/a.jpg": noise(200_000)}), mode="w:gz")
    truncate(path)


def _cut_tar(path: Path) -> None:
    tar_of(path, around({"images/train/a.jpg": noise(200_000)}))
    path.write_bytes(path.read_bytes()[:100_000])


def _damaged_bz2(path: Path) -> None:
    tar_of(path, around({"images/train/a.jpg": noise(200_000)}), mode="w:bz2")
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0xFF
    path.write_bytes(data)


def _damaged_gz(path: Path) -> None:
    tar_of(path, around({}), mode="w:gz")
    data = bytearray(path.read_bytes())
    data[-6] ^= 0xFF
    path.write_bytes(data)


def _cut_zip(path: Path) -> None:
    yolo_zip(path, images=8)
    truncate(path)


def _zip_with_damaged_directory(path: Path) -> None:
    yolo_zip(path, images=8)
    data = bytearray(path.read_bytes())
    at = data.find(b"PK\x01\x02", data.find(b"PK\x01\x02") + 4)
    data[at : at + 4] = b"XXXX"
    path.write_bytes(data)


def _split_zip(path: Path) -> None:
    yolo_zip(path, images=2)
    data = bytearray(path.read_bytes())
    end = data.rindex(b"PK\x05\x06")
    data[end + 4 : end + 8] = b"\x03\0\x03\0"
    path.write_bytes(data)


def _bad_tar_header(path: Path) -> None:
    tar_of(path, around({}))
    data = bytearray(path.read_bytes())
    at = data.find(b"labels/train/good.txt")
    data[at] ^= 1
    path.write_bytes(data)


def _gz_of_no_tar(path: Path) -> None:
    path.write_bytes(gzip.compress(b"just text, and quite long at that" * 100))


def _bz2_of_nothing(path: Path) -> None:
    path.write_bytes(bz2.compress(b""))


BROKEN_ARCHIVES: Mapping[str, tuple[str, Callable[[Path], None], str]] = {
    "truncated zip": ("a.zip", _cut_zip, "cut off"),
    "damaged directory": ("a.zip", _zip_with_damaged_directory, "damaged"),
    "split zip": ("a.zip", _split_zip, "several disks"),
    "truncated tar.gz": ("a.tar.gz", _cut_tar_gz, "cut off"),
    "truncated tar": ("a.tar", _cut_tar, "cut off"),
    "damaged tar header": ("a.tar", _bad_tar_header, "damaged"),
    "damaged bz2": ("a.tar.bz2", _damaged_bz2, "damaged"),
    "damaged gz": ("a.tar.gz", _damaged_gz, "damaged"),
    "gz of no tar": ("a.tar.gz", _gz_of_no_tar, "tar"),
    "bz2 of nothing": ("a.tar.bz2", _bz2_of_nothing, "empty"),
}


@pytest.mark.parametrize("case", BROKEN_ARCHIVES)
async def test_a_broken_archive(yard: Yard, tmp_path: Path, case: str) -> None:
    name, make, words = BROKEN_ARCHIVES[case]
    make(tmp_path / name)

    error = await failed(yard, tmp_path / name)

    assert error["type"] == "/problems/unreadable-archive"
    assert words in error["detail"]
    assert name in error["detail"]


@pytest.mark.parametrize("ranges", [True, False])
@pytest.mark.parametrize("name", ["a.zip", "a.tar.gz"])
async def test_checksums(yard: Yard, tmp_path: Path, name: str, ranges: bool) -> None:
    path = tmp_path / name
    (tar_of(path, around({}), mode="w:gz") if name.endswith("gz") else zip_of(path, around({})))
    right = f"sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}"
    wrong = f"sha256:{'0' * 64}"
    with source_server(path.read_bytes()) as server:
        server.ranges = ranges
        error = await failed(yard, server.url, checksum=wrong)
        images, _ = await succeeded(yard, server.url, checksum=right)

    assert error["type"] == "/problems/checksum-mismatch"
    assert right in error["detail"]
    assert wrong in error["detail"]
    assert set(images) == GOOD


@pytest.mark.parametrize(
    ("source", "slug"),
    [
        ("object://temp/x", "unsupported-source"),
        ("object://datasets/x/images/a", "unsupported-source"),
        ("ftp://host/a.zip", "unsupported-source"),
        ("gs://bucket/a.zip", "unsupported-source"),
        ("relative.zip", "unsupported-source"),
        ("file://host/etc/passwd", "unsupported-source"),
        ("file:///tmp/%00.zip", "unsupported-source"),
        ("http://", "unsupported-source"),
        ({"config": "http://a/b", "archive": "http://a/c"}, "invalid-request"),
        ({"labels": "http://a/b"}, "invalid-request"),
        ({"images": "http://a/b", "labels": "object://temp/x"}, "unsupported-source"),
        ({}, "invalid-request"),
    ],
)
async def test_sources_that_are_refused_at_once(yard: Yard, source: object, slug: str) -> None:
    answer = await yard.api.post("/datasets/import", json={"source": source})

    assert (answer.status_code, answer.json()["type"]) == (422, f"/problems/{slug}")
    assert await yard.database["import_jobs"].count_documents({}) == 0
    assert await yard.database["datasets"].count_documents({}) == 0


async def test_what_is_not_built(yard: Yard, tmp_path: Path) -> None:
    """The product knows the format, this version does not: the problem names the part of the request."""
    zip_of(tmp_path / "a.zip", around({}))
    body = {"source": str(tmp_path / "a.zip"), "format": "coco"}
    answer = await yard.api.post("/datasets/import", json=body)

    assert (answer.status_code, answer.json()["type"]) == (422, "/problems/invalid-request")
    assert [one["pointer"] for one in answer.json()["errors"]] == ["#/body/format"]


async def test_a_source_given_as_an_archive_part(yard: Yard, tmp_path: Path) -> None:
    zip_of(tmp_path / "a.zip", around({}))
    answer = await yard.api.post("/datasets/import", json={"source": {"archive": str(tmp_path / "a.zip")}})

    assert (await yard.ended(answer.json()["job_id"]))["state"] == "succeeded"


@pytest.mark.parametrize(
    ("source", "slug"),
    [
        ("file:///dev/zero", "unsupported-source"),
        ("/dev/null", "unsupported-source"),
        ("/no/such/file.zip", "source-not-found"),
        ("/etc/passwd/x", "source-not-found"),
    ],
)
async def test_paths_that_are_no_files(yard: Yard, source: str, slug: str) -> None:
    error = await failed(yard, source)

    assert error["type"] == f"/problems/{slug}"
    assert source.removeprefix("file://") in error["detail"]


async def test_a_pipe_is_no_file(yard: Yard, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.zip")

    assert (await failed(yard, tmp_path / "pipe.zip"))["type"] == "/problems/unsupported-source"


@pytest.fixture
async def strict(mongo_url: str, tmp_path: Path) -> AsyncIterator[Yard]:
    """A yard that takes public web addresses only."""
    sources = SourceSettings(connect_seconds=1, read_seconds=1, attempts=0)
    async with open_yard(mongo_url, tmp_path / "strict", sources=sources) as yard:
        yield yard


@pytest.mark.parametrize(
    ("source", "slug"),
    [
        ("/etc/passwd", "unsupported-source"),
        ("file:///etc/passwd", "unsupported-source"),
        ("http://127.0.0.1/a.zip", "refused-source"),
        ("http://0x7f.1/a.zip", "refused-source"),
        ("http://2130706433/a.zip", "refused-source"),
        ("http://[::1]/a.zip", "refused-source"),
        ("http://[::ffff:10.0.0.1]/a.zip", "refused-source"),
        ("http://169.254.169.254/latest/meta-data", "refused-source"),
        ("http://10.0.0.1/a.zip", "refused-source"),
    ],
)
async def test_a_strict_yard_refuses_what_is_private(strict: Yard, source: str, slug: str) -> None:
    answer = await strict.api.post("/datasets/import", json={"source": source})

    assert answer.status_code == (403 if slug == "refused-source" else 422)
    assert answer.json()["type"] == f"/problems/{slug}"


async def test_a_name_that_resolves_to_a_private_address(strict: Yard) -> None:
    with source_server(b"secret") as server:
        error = await failed(strict, server.url.replace("127.0.0.1", "localhost"))

    assert error["type"] == "/problems/refused-source"
    assert server.requests == []


@pytest.mark.parametrize("target", ["http://169.254.169.254/x", "http://10.1.2.3/x", "http://localhost:{port}/x"])
async def test_a_redirect_to_a_private_address(strict: Yard, target: str) -> None:
    """The server itself stands for a public one: only its literal address is allowed."""
    sources = strict.container.outside.sources
    sources._guard = HostGuard(allows=lambda address: address == "127.0.0.1", look_up=_everything_is_private)
    with source_server(b"secret") as server:
        server.redirects["/data.zip"] = target.format(port=server.port)
        error = await failed(strict, server.url)

    assert error["type"] == "/problems/refused-source"
    assert {request.path for request in server.requests} == {"/data.zip"}


async def _everything_is_private(_host: str, _port: int, _family: int) -> list:
    return [(2, "10.0.0.1")]


# -- members


async def test_a_ratio_bomb_leaves_its_neighbours_alone(yard: Yard, tmp_path: Path) -> None:
    ratio_bomb(tmp_path / "bomb.zip")
    with zipfile.ZipFile(tmp_path / "bomb.zip", "a") as archive:
        archive.writestr("data.yaml", CONFIG.replace(b"val: images/val\n", b""))

    images, findings = await succeeded(yard, tmp_path / "bomb.zip")

    assert set(images) == {"images/train/a.jpg"}
    assert ("ARCHIVE_BOMB", "images/train/bomb.jpg") in about(findings)


async def test_a_member_that_lies_about_its_size(yard: Yard, tmp_path: Path) -> None:
    """Its directory entry hides the expansion: reading stops at the declared size."""
    lie = RawMember(b"images/train/lie.jpg", jpeg_bytes(50, 50) + bytes(50 * MIB), size=1000)
    raw_zip(tmp_path / "a.zip", [*_raw_members({}), lie])

    images, findings = await succeeded(yard, tmp_path / "a.zip")

    assert set(images) == GOOD
    assert ("ARCHIVE_TRUNCATED", "images/train/lie.jpg") in about(findings)


async def test_an_overlapping_bomb(yard: Yard, tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    overlapping_bomb(path)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("data.yaml", CONFIG)

    images, findings = await succeeded(yard, path)

    assert set(images) == {"images/train/00000.jpg"}
    assert len([one for one in findings if one["rule"] == "ARCHIVE_BOMB"]) == 99


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        (LimitSettings(max_members=10), "members"),
        (LimitSettings(max_total_bytes=2000), "bytes in total"),
    ],
)
@pytest.mark.parametrize("name", ["a.zip", "a.tar", "a.tar.gz"])
async def test_limits_of_an_archive(
    mongo_url: str, tmp_path: Path, name: str, limits: LimitSettings, words: str
) -> None:
    members = around({f"images/train/{number}.jpg": jpeg_bytes(9, 9, seed=number) for number in range(20)})
    if name == "a.zip":
        zip_of(tmp_path / name, members)
    else:
        tar_of(tmp_path / name, members, mode="w:gz" if name.endswith("gz") else "w")
    async with open_yard(mongo_url, tmp_path / "yard", limits=limits) as yard:
        error = await failed(yard, tmp_path / name)

    assert error["type"] == "/problems/archive-refused"
    assert name in error["detail"]
    assert words in error["detail"]


async def test_a_tar_gz_that_expands_without_end(yard: Yard, tmp_path: Path) -> None:
    with gzip.open(tmp_path / "a.tar.gz", "wb", compresslevel=1) as file:
        file.write(tar_member("images/a.jpg", size=2**33).tobuf())
        for _ in range(400):
            file.write(bytes(MIB))

    error = await failed(yard, tmp_path / "a.tar.gz")

    assert error["type"] == "/problems/archive-refused"
    assert "expands" in error["detail"]


MEASURED = """
import resource, subprocess, sys
subprocess.run([sys.executable, "-m", "services.worker", sys.argv[1]], check=True)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""


async def test_a_million_members(mongo_url: str, tmp_path: Path) -> None:
    """With the default limits: one process says within a minute, in bounded memory, what is wrong."""
    million_members(tmp_path / "a.zip")
    async with open_yard(mongo_url, tmp_path / "yard", launcher=QuietLauncher()) as yard:
        job_id = await yard.start_import(tmp_path / "a.zip")
        await yard.begun(job_id)
        env = {**os.environ, **claimer_environment(yard)}
        # a small process in between, as memory is counted from the one that forks
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", MEASURED, job_id, cwd=ROOT, env=env, stdout=-1, stderr=-3
        )
        async with asyncio.timeout(60):
            said, _ = await process.communicate()
        status = await yard.ended(job_id)

    assert status["error"]["type"] == "/problems/dataset-not-recognised"
    assert "1000000 files" in status["error"]["detail"]
    assert int(said) < 256 * 1024


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


def _raw_members(members: Mapping[str, bytes]) -> list[RawMember]:
    return [RawMember(name.encode(), data) for name, data in around(members).items()]


IMAGE = jpeg_bytes(30, 20, seed=5)
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
    raw_zip(tmp_path / "a.zip", [*_raw_members({}), member])

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
    members = [RawMember(one.name, one.data, flags=ENCRYPTED) for one in _raw_members({})]
    raw_zip(tmp_path / "a.zip", members)

    error = await failed(yard, tmp_path / "a.zip")

    assert error["type"] == "/problems/dataset-not-recognised"
    assert "ARCHIVE_ENCRYPTED x 5" in error["detail"]


async def test_an_empty_label_with_a_data_descriptor(yard: Yard, tmp_path: Path) -> None:
    """As macOS writes it: stored, sizes only behind the data."""
    empty = RawMember(b"labels/train/x.txt", b"", method=0, flags=DESCRIPTOR)
    described = [RawMember(one.name, one.data, flags=DESCRIPTOR) for one in _raw_members({"images/train/x.jpg": IMAGE})]
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


# -- the description

OWNED = Path(tempfile.gettempdir()) / "datayard-owned"
YAMLS: Mapping[str, tuple[bytes | None, str, str]] = {
    "python tag": (
        CONFIG + b"x: !!python/object/apply:os.system ['touch %s']\n" % bytes(OWNED),
        "bad-configuration",
        "Python",
    ),
    "alias bomb": (
        b"a: &a [x,x,x,x,x,x,x,x,x]\n"
        + b"".join(b"%c: &%c [%s]\n" % (98 + n, 98 + n, b",".join([b"*%c" % (97 + n)] * 9)) for n in range(12))
        + CONFIG,
        "bad-configuration",
        "aliases",
    ),
    "deep": (b"x: " + b"[" * 5000 + b"]" * 5000 + b"\n" + CONFIG, "bad-configuration", "levels"),
    "broken": (b"names: [a, b\ntrain: {", "bad-configuration", "data.yaml"),
    "not text": (b"\xff\xfe\x00names", "bad-configuration", "data.yaml"),
    "no names": (b"train: images/train\n", "bad-configuration", "names"),
    "a list": (b"- a\n- b\n", "bad-configuration", "map"),
    "too many names": (b"train: images/train\nnc: 100000000\n", "bad-configuration", "nc"),
    "large": (b"#" * (6 * MIB) + b"\n" + CONFIG, "bad-configuration", "larger"),
    "names nothing here": (b"train: pictures/none\nnames: [a]\n", "dataset-not-recognised", "data.yaml"),
    "empty": (b"", "bad-configuration", "empty"),
    "missing": (None, "dataset-not-recognised", "data.yaml"),
}


@pytest.mark.parametrize("case", YAMLS)
async def test_a_description_that_cannot_be_used(yard: Yard, tmp_path: Path, case: str) -> None:
    data, slug, words = YAMLS[case]
    members = around({})
    del members["data.yaml"]
    zip_of(tmp_path / "a.zip", members | ({"data.yaml": data} if data is not None else {}))

    error = await failed(yard, tmp_path / "a.zip")

    assert error["type"] == f"/problems/{slug}"
    assert words in error["detail"]
    assert "a.zip" in error["detail"]
    assert slug != "bad-configuration" or error["file"] == "data.yaml"
    assert not OWNED.exists()


async def test_a_description_with_a_wrong_checksum_is_named(yard: Yard, tmp_path: Path) -> None:
    zip_of(tmp_path / "a.zip", around({}))
    spoil_crc(tmp_path / "a.zip", "data.yaml")

    error = await failed(yard, tmp_path / "a.zip")

    assert (error["type"], error["file"]) == ("/problems/bad-configuration", "data.yaml")


async def test_a_broken_file_beside_the_description_harms_nothing(yard: Yard, tmp_path: Path) -> None:
    """A candidate that cannot be read is passed over like one that cannot be used."""
    members = around({})
    del members["data.yaml"]
    zip_of(tmp_path / "a.zip", {"aaa.yaml": b"x: 1\n", **members, "zoo.yaml": CONFIG})
    spoil_crc(tmp_path / "a.zip", "aaa.yaml")

    images, findings = await succeeded(yard, tmp_path / "a.zip")

    assert set(images) == GOOD
    assert ("ARCHIVE_CRC", "aaa.yaml") in about(findings)


@pytest.mark.parametrize("folder", ["ü" * 200, "/".join(["d" * 90] * 10), "🦝" * 120])
async def test_a_description_in_a_folder_with_a_long_name(yard: Yard, tmp_path: Path, folder: str) -> None:
    zip_of(tmp_path / "a.zip", {f"{folder}/{name}": data for name, data in around({}).items()})

    images, _ = await succeeded(yard, tmp_path / "a.zip")

    assert set(images) == {f"{folder}/{name}" for name in GOOD}


# -- labels


async def _with_label(yard: Yard, path: Path, data: bytes, **options: object) -> tuple[dict, list[dict]]:
    zip_of(path, around({"images/train/x.jpg": IMAGE, "labels/train/x.txt": data}))
    images, findings = await succeeded(yard, path, **options)
    assert set(images) == GOOD | {"images/train/x.jpg"}
    assert [len(images[name]["annotations"]) for name in sorted(GOOD)] == [1, 1]
    return images["images/train/x.jpg"], findings


async def test_a_label_of_a_million_columns(yard: Yard, tmp_path: Path) -> None:
    image, findings = await _with_label(yard, tmp_path / "a.zip", b"0" + b" 0.5" * 1_000_000 + b"\n" + ROW)

    assert len(image["annotations"]) == 1
    rows = [(one["file"], one["line"], one["message"][:8]) for one in findings if one["rule"] == "ROW_COLUMNS"]
    assert rows == [("labels/train/x.txt", 1, "a row of")]


@pytest.mark.parametrize("content", [b"0 0.5 0.5 0.25 0.25\n", None], ids=["rows", "noise"])
async def test_a_label_of_100_megabytes(yard: Yard, tmp_path: Path, content: bytes | None) -> None:
    data = content * (100 * MIB // len(content)) if content else noise(100 * MIB)
    compression = zipfile.ZIP_DEFLATED if content else zipfile.ZIP_STORED
    members = around({"images/train/x.jpg": IMAGE, "labels/train/x.txt": data})
    zip_of(tmp_path / "a.zip", members, compression=compression)

    images, findings = await succeeded(yard, tmp_path / "a.zip")

    assert images["images/train/x.jpg"]["annotations"] == []
    assert {rule for rule, file in about(findings) if file == "labels/train/x.txt"} <= {
        "LABEL_TOO_LARGE",
        "ARCHIVE_BOMB",
    }
    assert any(file == "labels/train/x.txt" for _, file in about(findings))


async def test_a_label_of_200_000_bad_rows(yard: Yard, tmp_path: Path) -> None:
    """Findings are kept up to a bound; after 100 000 bad rows the file is given up, and one finding counts the rest."""
    zip_of(tmp_path / "a.zip", around({"images/train/x.jpg": IMAGE, "labels/train/x.txt": b"9 1 1 1 1\n" * 200_000}))
    status = await yard.imported(tmp_path / "a.zip")
    report = (await yard.api.get(f"/datasets/import/{status['job_id']}/report")).json()

    assert status["state"] == "succeeded"
    named = report["counts"]["ROW_CLASS_RANGE"]
    assert report["counts"] == {"ROW_CLASS_RANGE": named, "ROW_LIMIT": 1}
    assert 100_000 <= named < 200_000
    assert report["total"] == LimitSettings().max_findings_per_step + 1
    assert (report["rows_read"], report["rows_left_out"]) == (200_002, 200_000)
    assert status["progress"]["findings"] == named + 1


async def test_a_label_with_more_boxes_than_a_document_holds(yard: Yard, tmp_path: Path) -> None:
    """400 000 good rows are more than 16 MB of BSON: neither the job nor its neighbours may suffer."""
    data = b"".join(b"0 0.%06d 0.5 0.25 0.25\n" % number for number in range(400_000))
    image, findings = await _with_label(yard, tmp_path / "a.zip", data)

    assert len(image["annotations"]) == 400_000 or ("ROW_LIMIT", "labels/train/x.txt") in about(findings)


@pytest.mark.parametrize("rows", [b"\xff\xfe\x00", b"\0" * 50_000, b"nan 0.5 0.5 0.1 0.1\n" * 3, b"1e400 1 1 1 1\n"])
async def test_labels_of_nonsense(yard: Yard, tmp_path: Path, rows: bytes) -> None:
    image, findings = await _with_label(yard, tmp_path / "a.zip", rows + b"\n" + ROW)

    assert len(image["annotations"]) == 1
    assert {file for _, file in about(findings)} == {"labels/train/x.txt"}


# -- images


async def test_when_every_image_is_broken(yard: Yard, tmp_path: Path) -> None:
    members = {name: b"<html>" if name.endswith(".jpg") else data for name, data in around({}).items()}
    zip_of(tmp_path / "a.zip", members)
    error = await failed(yard, tmp_path / "a.zip")

    assert error["type"] == "/problems/nothing-imported"
    job = (await yard.api.get("/jobs")).json()["items"][0]
    assert {(one["rule"], one["file"]) for one in await yard.report(job["job_id"])} == {
        ("IMG_UNREADABLE", name) for name in GOOD
    }


async def test_an_image_over_the_limit(mongo_url: str, tmp_path: Path) -> None:
    zip_of(tmp_path / "a.zip", around({"images/train/x.jpg": large_jpeg(100_000)}))
    async with open_yard(mongo_url, tmp_path / "yard", limits=LimitSettings(max_image_bytes=50_000)) as yard:
        images, findings = await succeeded(yard, tmp_path / "a.zip")

    assert set(images) == GOOD
    assert about(findings) == {("IMG_TOO_MANY_BYTES", "images/train/x.jpg")}


LARGE: Mapping[str, tuple[str, bytes, tuple[str | None, int | None, int | None]]] = {
    "jpeg": ("images/train/x.jpg", large_jpeg(9 * MIB), ("jpeg", 200, 100)),
    "tiff, described last": ("images/train/x.tif", late_tiff(9 * MIB), ("tiff", 123, 45)),
}


@pytest.mark.parametrize("archive", ["zip", "tar", "tar.gz"])
@pytest.mark.parametrize("case", LARGE)
async def test_large_images_are_streamed_exactly(yard: Yard, tmp_path: Path, case: str, archive: str) -> None:
    name, data, facts = LARGE[case]
    path = tmp_path / f"a.{archive}"
    members = around({name: data})
    if archive == "zip":
        zip_of(path, members)
    else:
        tar_of(path, members, mode="w:gz" if archive == "tar.gz" else "w")

    images, findings = await succeeded(yard, path)

    assert about(findings) == set()
    image = images[name]
    assert (image["format"], image["width"], image["height"]) == facts
    assert image["sha256"] == hashlib.sha256(data).hexdigest()
    assert (await yard.api.get(image["urls"]["file"])).content == data


@pytest.mark.parametrize(
    ("member", "rule"),
    [
        (RawMember(b"images/train/x.jpg", large_jpeg(9 * MIB), method=0, crc=7), "ARCHIVE_CRC"),
        (RawMember(b"images/train/x.jpg", large_jpeg(9 * MIB), method=0, size=10 * MIB), "ARCHIVE_TRUNCATED"),
        (RawMember(b"images/train/x.jpg", b"<html>" + noise(9 * MIB), method=0), "IMG_UNREADABLE"),
        (RawMember(b"images/train/x.tif", b"II*\0\xff\xff\xff\xff" + noise(9 * MIB), method=0), "IMG_UNREADABLE"),
        (RawMember(b"images/train/x.png", noise(9 * MIB), method=8, crc=3), "ARCHIVE_CRC"),
    ],
    ids=["crc", "cut", "html", "tiff without end", "deflated crc"],
)
async def test_large_broken_images_leave_nothing(yard: Yard, tmp_path: Path, member: RawMember, rule: str) -> None:
    raw_zip(tmp_path / "a.zip", [*_raw_members({}), member])

    images, findings = await succeeded(yard, tmp_path / "a.zip")

    assert set(images) == GOOD
    assert about(findings) == {(rule, member.name.decode())}


# -- tar


@pytest.mark.parametrize("order", ["labels first", "images first", "mixed"])
@pytest.mark.parametrize("ending", ["tar", "tar.gz", "tar.bz2"])
async def test_tars_in_any_order(yard: Yard, tmp_path: Path, ending: str, order: str) -> None:
    members = around({"images/train/x.jpg": IMAGE, "labels/train/x.txt": ROW * 3})
    config = members.pop("data.yaml")
    reverse = {"labels first": True, "images first": False}.get(order)
    names = list(members) if reverse is None else sorted(members, reverse=reverse)
    mode = {"tar": "w", "tar.gz": "w:gz", "tar.bz2": "w:bz2"}[ending]
    ordered = {name: members[name] for name in names} | {"data.yaml": config}
    tar_of(tmp_path / f"a.{ending}", ordered, mode=mode)

    images, findings = await succeeded(yard, tmp_path / f"a.{ending}")

    assert findings == []
    assert {path: len(image["annotations"]) for path, image in images.items()} == {
        GOOD_IMAGE: 1,
        "images/train/x.jpg": 3,
        "images/val/last.jpg": 1,
    }
    assert {path: image["sha256"] for path, image in images.items()} == {
        path: hashlib.sha256(members[path]).hexdigest() for path in images
    }


@pytest.mark.parametrize("kind", [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT], ids=["gnu", "pax"])
async def test_long_names_links_and_devices_in_a_tar(yard: Yard, tmp_path: Path, kind: int) -> None:
    long = f"images/train/{'ä' * 60}/{'b' * 150}.jpg"
    odd = [
        tar_member("images/train/link.jpg", kind=tarfile.SYMTYPE, target="/etc/passwd"),
        tar_member("images/train/hard.jpg", kind=tarfile.LNKTYPE, target="images/train/link.jpg"),
        tar_member("images/train/pipe.jpg", kind=tarfile.FIFOTYPE),
        tar_member("images/train/disk.jpg", kind=tarfile.BLKTYPE),
    ]
    with tarfile.open(tmp_path / "a.tar", "w", format=kind) as archive:
        for member in odd:
            archive.addfile(member)
        for name, data in around({long: IMAGE, "../up.jpg": IMAGE, "labels/train/empty.txt": b""}).items():
            archive.addfile(tar_member(name, size=len(data)), io.BytesIO(data))

    images, findings = await succeeded(yard, tmp_path / "a.tar")

    assert set(images) == GOOD | {long}
    assert about(findings) == {
        *(("ARCHIVE_LINK", member.name) for member in odd),
        ("ARCHIVE_PATH_UNSAFE", "../up.jpg"),
        ("PAIR_ORPHAN_LABEL", "labels/train/empty.txt"),
    }


@pytest.mark.parametrize("behind", [bytes(512), bytes(70_000)])
async def test_zeros_behind_a_compressed_tar_are_padding(yard: Yard, tmp_path: Path, behind: bytes) -> None:
    """As gzip(1) has it: tapes and some uploaders pad to a block."""
    path = tar_of(tmp_path / "a.tar.gz", around({}), mode="w:gz")
    path.write_bytes(path.read_bytes() + behind)

    images, _ = await succeeded(yard, path)

    assert set(images) == GOOD


async def test_a_tar_gz_of_several_gzip_members(yard: Yard, tmp_path: Path) -> None:
    data = tar_of(tmp_path / "a.tar", around({})).read_bytes()
    (tmp_path / "a.tar.gz").write_bytes(gzip.compress(data[:5000]) + gzip.compress(data[5000:]) + gzip.compress(b""))

    images, _ = await succeeded(yard, tmp_path / "a.tar.gz")

    assert set(images) == GOOD


# -- on_finding

REFUSED: Mapping[str, tuple[dict[str, bytes], str, str]] = {
    "row": ({"images/train/x.jpg": IMAGE, "labels/train/x.txt": ROW + b"7 1 1 1 1\n"}, "ROW_CLASS_RANGE", "line 2"),
    "image": ({"images/train/x.jpg": b"<html>"}, "IMG_UNREADABLE", "images/train/x.jpg"),
    "path": ({"../x.jpg": IMAGE}, "ARCHIVE_PATH_UNSAFE", "../x.jpg"),
}


@pytest.mark.parametrize("case", REFUSED)
async def test_a_strict_import_fails_on_the_first_error(yard: Yard, tmp_path: Path, case: str) -> None:
    members, rule, words = REFUSED[case]
    zip_of(tmp_path / "a.zip", around(members))

    error = await failed(yard, tmp_path / "a.zip", on_finding="fail")

    assert (error["type"], error["rule"]) == ("/problems/finding-refused", rule)
    assert words in error["detail"]


async def test_a_strict_import_takes_warnings(yard: Yard, tmp_path: Path) -> None:
    zip_of(tmp_path / "a.zip", around({"images/train/x.jpg": gif_bytes()}))

    images, _ = await succeeded(yard, tmp_path / "a.zip", on_finding="fail")

    assert set(images) == GOOD | {"images/train/x.jpg"}


async def test_a_strict_import_sees_errors_beyond_the_findings_that_are_kept(mongo_url: str, tmp_path: Path) -> None:
    bare = {f"images/train/{number}.jpg": jpeg_bytes(20, 20, seed=number) for number in range(20)}
    label = b"0 0.5 0.5 1.005 0.5\n" * 5 + b"9 0.5 0.5 0.1 0.1\n"
    zip_of(tmp_path / "a.zip", around({**bare, "labels/train/0.txt": label}))
    async with open_yard(mongo_url, tmp_path / "yard", limits=LimitSettings(max_findings_per_step=3)) as yard:
        error = await failed(yard, tmp_path / "a.zip", on_finding="fail")

    assert (error["type"], error["rule"]) == ("/problems/finding-refused", "ROW_CLASS_RANGE")


async def test_a_failure_does_not_touch_other_datasets(yard: Yard, tmp_path: Path) -> None:
    zip_of(tmp_path / "good.zip", around({}))
    zip_of(tmp_path / "bad.zip", {"a.txt": b"nothing"})
    good = await yard.imported(tmp_path / "good.zip")
    await yard.cleaned(good["job_id"])
    before = yard.stored()

    bad = await yard.imported(tmp_path / "bad.zip")
    await yard.cleaned(bad["job_id"])

    assert (good["state"], bad["state"]) == ("succeeded", "failed")
    assert yard.stored() == before
    assert len(await yard.all_images("good")) == 2
