"""`POST /datasets/import/plan`: a dry run in a child process, which stores nothing and disturbs nobody."""

import asyncio
import json
import shutil
import socket
import tarfile
import tempfile
import time
import zipfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from shared.features.imports.checks.report import CheckReport
from shared.foundation.settings import CheckSettings, SourceSettings
from tests.factories.archives import NAMES, jpeg_bytes, yolo_zip, zip_of
from tests.factories.door import Door
from tests.factories.yard import Yard

LONG = 120


async def planned(yard: Yard, source: object, **options: object) -> dict[str, Any]:
    """The dry run's answer."""
    body = {"source": str(source) if isinstance(source, Path) else source, **options}
    answer = await yard.api.post("/datasets/import/plan", json=body, timeout=LONG)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def everything(yard: Yard) -> tuple[dict[str, int], list[str]]:
    """How many documents each collection has, and every object."""
    names = await yard.database.list_collection_names()
    return {name: await yard.database[name].count_documents({}) for name in names}, yard.stored()


@pytest.fixture(autouse=True)
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where temporary files of this test go."""
    (tmp_path / "scratch").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "scratch"))
    return tmp_path / "scratch"


def leftovers() -> list[Path]:
    return list(Path(tempfile.gettempdir()).iterdir())


def many_labels(path: Path, count: int, *, rows: int = 5) -> Path:
    """An archive of so many small images with labels."""
    image, row = jpeg_bytes(16, 16), b"0 .5 .5 .2 .2\n"
    files = {"data.yaml": b"train: images\nval: images\nnames: [a]\n"}
    files |= {f"images/{number:06d}.jpg": image for number in range(count)}
    return zip_of(path, files | {f"labels/{number:06d}.txt": row * rows for number in range(count)})


async def test_a_plan_says_what_the_import_then_does_and_stores_nothing(yard: Yard, tmp_path: Path) -> None:
    truth = yolo_zip(tmp_path / "shapes.zip", images=40)
    before = await everything(yard)
    plan = await planned(yard, tmp_path / "shapes.zip")
    assert await everything(yard) == before

    CheckReport.model_validate(plan)
    assert (plan["format"], plan["layout"], plan["task"], plan["complete"]) == ("yolo", "ultralytics", "detect", True)
    assert (plan["images"], plan["annotations"]) == (truth.images, truth.annotations)
    assert plan["splits"] == [
        {"name": name, "images": truth.images_by_split[name], "annotations": truth.annotations_by_split[name]}
        for name in ("train", "val", "test")
    ]
    assert {one["name"]: one["annotations"] for one in plan["categories"]} == truth.annotations_by_category
    assert [(one["id"], one["name"]) for one in plan["categories"]] == list(enumerate(NAMES))

    status = await yard.imported(tmp_path / "shapes.zip")
    report = (await yard.api.get(f"/datasets/import/{status['job_id']}/report", params={"limit": 500})).json()
    assert plan["trainers"] == report["trainers"]
    assert {rule: one["count"] for rule, one in plan["findings"]["by_rule"].items()} == report["counts"]
    assert (plan["rows_read"], plan["rows_left_out"]) == (report["rows_read"], report["rows_left_out"])
    assert {tuple(sorted(one.items(), key=str)) for one in map(_flat, plan["findings"]["items"])} == {
        tuple(sorted(one.items(), key=str)) for one in map(_flat, report["items"])
    }


def _flat(finding: dict[str, Any]) -> dict[str, str]:
    return {name: json.dumps(value) for name, value in finding.items()}


@pytest.mark.parametrize("name", ["messy", "tar.gz", "folder"])
async def test_findings_and_counts_are_those_of_the_import(yard: Yard, tmp_path: Path, messy: Path, name: str) -> None:
    source = messy if name == "messy" else _other(tmp_path, messy, name)
    plan = await planned(yard, source)
    status = await yard.imported(source)
    statistics = (await yard.api.get(f"/datasets/{status['dataset_id']}/statistics")).json()
    report = (await yard.api.get(f"/datasets/import/{status['job_id']}/report")).json()

    assert {rule: one["count"] for rule, one in plan["findings"]["by_rule"].items()} == report["counts"]
    assert plan["trainers"] == report["trainers"]
    assert (plan["images"], plan["annotations"]) == (statistics["images"], statistics["annotations"])
    assert {one["name"]: one["images"] for one in plan["splits"] if one["images"]} == {
        one["split"]: one["images"] for one in statistics["splits"]
    }
    await yard.checks.close()
    assert leftovers() == []


def _other(folder: Path, messy: Path, name: str) -> Path:
    """The same dataset as another kind of source."""
    (folder / "unpacked").mkdir()
    with zipfile.ZipFile(messy) as archive:
        for one in archive.infolist():
            if not one.is_dir() and not one.filename.startswith(("/", "..")) and "\\" not in one.filename:
                (folder / "unpacked" / one.filename).parent.mkdir(parents=True, exist_ok=True)
                try:
                    (folder / "unpacked" / one.filename).write_bytes(archive.read(one))
                except (zipfile.BadZipFile, RuntimeError, NotImplementedError):
                    shutil.rmtree(folder / "unpacked" / one.filename, ignore_errors=True)
    if name == "folder":
        return folder / "unpacked"
    with tarfile.open(folder / "messy.tar.gz", "w:gz") as tar:
        tar.add(folder / "unpacked", arcname=".")
    return folder / "messy.tar.gz"


async def test_packed_and_in_place_are_estimated(yard: Yard, tmp_path: Path) -> None:
    yolo_zip(tmp_path / "a.zip", images=30)
    objects, packed, in_place = [
        await planned(yard, tmp_path / "a.zip", **options)
        for options in ({}, {"storage": "packed"}, {"storage": "packed", "in_place": True})
    ]
    size = (tmp_path / "a.zip").stat().st_size
    assert (packed["estimate"]["storage_bytes"], packed["bytes"]["to_read"]) == (size, size)
    assert (in_place["estimate"]["storage_bytes"], in_place["way"]) == (0, "in-place")
    assert objects["estimate"]["objects"] == 31
    assert packed["estimate"]["cost_usd"] < objects["estimate"]["cost_usd"]
    for plan in (objects, packed, in_place):
        assert sum(plan["estimate"]["cost"].values()) == pytest.approx(plan["estimate"]["cost_usd"], abs=2e-6)


BAD_REQUESTS: list[tuple[dict[str, object], int, str]] = [
    ({"source": "file:///nothing/here.zip"}, 404, "source-not-found"),
    ({"source": "object://datasets/a"}, 422, "unsupported-source"),
    ({"source": "ftp://host/a.zip"}, 422, "unsupported-source"),
    ({"source": "https://host/a.zip", "storage": "packed", "in_place": True}, 422, "not-in-place"),
    ({"source": 7}, 422, "invalid-request"),
]


async def test_what_cannot_be_checked_is_a_problem(yard: Yard) -> None:
    for body, status, slug in BAD_REQUESTS:
        answer = await yard.api.post("/datasets/import/plan", json=body, timeout=LONG)
        assert (answer.status_code, answer.json()["type"]) == (status, f"/problems/{slug}")
        assert answer.headers["content-type"] == "application/problem+json"
    await yard.checks.close()
    assert leftovers() == []


BAD_SOURCES: dict[str, dict[str, bytes] | None] = {
    "dataset-not-recognised": {"notes.md": b"nothing"},
    "bad-configuration": {"data.yaml": b"train: [", "images/a.jpg": b""},
    "unreadable-archive": None,
}


async def test_the_problem_is_that_of_the_import(yard: Yard, tmp_path: Path) -> None:
    for slug, files in BAD_SOURCES.items():
        path = tmp_path / f"{slug}.zip"
        if files is None:
            path.write_bytes(b"no archive at all")
        else:
            zip_of(path, files)
        answer = await yard.api.post("/datasets/import/plan", json={"source": str(path)}, timeout=LONG)
        said, error = answer.json(), (await yard.imported(path))["error"]
        assert (answer.status_code, said["type"]) == (422, f"/problems/{slug}")
        assert {name: said[name] for name in error} == error


async def test_files_may_be_planned_only_where_they_may_be_imported(yard: Yard, tmp_path: Path) -> None:
    yolo_zip(tmp_path / "a.zip", images=3)
    yard.checks._context = type(yard.checks._context)(SourceSettings(allow_files=False))
    answer = await yard.api.post("/datasets/import/plan", json={"source": str(tmp_path / "a.zip")}, timeout=LONG)
    assert (answer.status_code, answer.json()["type"]) == (422, "/problems/unsupported-source")


async def test_others_are_served_while_labels_are_read(yard: Yard, tmp_path: Path) -> None:
    path = many_labels(tmp_path / "many.zip", 8_000)
    yard.checks._settings = CheckSettings(seconds=100)
    await planned(yard, many_labels(tmp_path / "few.zip", 3))  # its process is there
    plan = asyncio.create_task(planned(yard, path))
    waits = []
    while not plan.done():
        begun = time.perf_counter()
        assert (await yard.api.get("/health/live")).status_code == 200
        waits.append(time.perf_counter() - begun)
        await asyncio.sleep(0.005)
    assert (await plan)["labels_read"] == 8_000
    waits.sort()
    assert len(waits) > 50
    assert waits[int(len(waits) * 0.99) - 1] < 0.25  # to read all of it takes seconds, on a busy machine very many


async def test_time_runs_out(yard: Yard, tmp_path: Path) -> None:
    path = many_labels(tmp_path / "many.zip", 2_000)
    yard.checks._settings = CheckSettings(seconds=0)
    plan = await planned(yard, path)
    assert (plan["complete"], plan["labels_read"], plan["annotations"], plan["images"]) == (False, 0, 0, 2_000)
    assert plan["splits"][0]["images"] == 2_000


async def test_a_source_that_stands_still_is_given_up(yard: Yard, silent_server: str) -> None:
    yard.checks._settings = CheckSettings(seconds=0.2, open_seconds=1.3)
    answer = await yard.api.post("/datasets/import/plan", json={"source": silent_server}, timeout=LONG)
    assert answer.status_code == 503
    assert answer.json()["type"] in ("/problems/check-too-slow", "/problems/source-unavailable")
    assert answer.headers["retry-after"]
    await yard.checks.close()
    assert leftovers() == []


async def test_one_too_many_is_refused(yard: Yard, silent_server: str) -> None:
    yard.checks._settings = CheckSettings(at_once=1, seconds=3, open_seconds=3)
    first = asyncio.create_task(yard.api.post("/datasets/import/plan", json={"source": silent_server}, timeout=LONG))
    await asyncio.sleep(0.2)
    second = await yard.api.post("/datasets/import/plan", json={"source": silent_server}, timeout=LONG)
    assert (second.status_code, second.json()["type"]) == (503, "/problems/too-many-checks")
    assert second.headers["retry-after"]
    assert (await first).status_code == 503


@pytest.fixture
async def silent_server() -> AsyncIterator[str]:
    """An address where somebody listens and never answers."""
    held: list[asyncio.StreamWriter] = []

    async def hold(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        held.append(writer)

    server = await asyncio.start_server(hold, "127.0.0.1", 0)
    yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/a.zip"
    for writer in held:
        writer.close()
    server.close()


async def test_who_goes_away_takes_the_check_along(door: Door, quiet_yard: Yard, silent_server: str) -> None:
    quiet_yard.checks._settings = CheckSettings(seconds=60, open_seconds=60)
    host, port = door.url.removeprefix("http://").split(":")
    body = json.dumps({"source": silent_server}).encode()
    head = f"POST /datasets/import/plan HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n"
    with socket.create_connection((host, int(port))) as connection:
        connection.sendall(head.encode() + b"Content-Length: %d\r\n\r\n" % len(body) + body)
        await _until(lambda: quiet_yard.checks._busy == 1)
        await asyncio.sleep(0.3)
    await _until(lambda: quiet_yard.checks._busy == 0)
    await quiet_yard.checks.close()
    assert leftovers() == []


async def _until(true: Any, *, seconds: float = 10) -> None:
    async with asyncio.timeout(seconds):
        while not true():  # noqa: ASYNC110 - it tells no one
            await asyncio.sleep(0.05)
