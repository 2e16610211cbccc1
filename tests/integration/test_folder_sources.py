"""Datasets in a folder: on the disk or in our own store, with odd files in it, empty, or changing."""

import asyncio
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from shared.adapters.byte_source.registry import SchemeByteSources
from tests.factories.source_kinds import SMALL_SHARDS, STORAGES, check, dataset, rules, write_folder
from tests.factories.yard import QuietLauncher, Yard, open_yard


async def test_a_prefix_of_our_own_store(small_yard: Yard, monkeypatch: pytest.MonkeyPatch) -> None:
    """As uploads will lie there. Addresses of our own never come from outside."""
    files = dataset()
    for name, data in files.items():
        await small_yard.container.outside.store.put(f"incoming/set/{name}", data)
    refused = await small_yard.api.post("/datasets/import", json={"source": "object://incoming/set/"})
    assert refused.status_code == 422

    monkeypatch.setattr(SchemeByteSources, "check", lambda _self, _uri: None)
    for storage in STORAGES:
        await check(small_yard, "object://incoming/set/", files, storage=storage)


@pytest.mark.parametrize("storage", STORAGES)
async def test_what_a_directory_holds_beside_files(small_yard: Yard, tmp_path: Path, storage: str) -> None:
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
    status = await check(small_yard, str(folder), files | more, storage=storage)
    assert await rules(small_yard, status) == [
        ("ARCHIVE_LINK", "images/train/again/"),
        ("ARCHIVE_LINK", "images/train/broken.jpg"),
        ("ARCHIVE_LINK", "images/train/outside.jpg"),
        ("ARCHIVE_LINK", "images/train/pipe.jpg"),
        ("FOLDER_FILE_NAME", "images/train/back\\slash.jpg"),
        ("IMG_UNREADABLE", "images/train/empty.jpg"),
    ]


@pytest.mark.parametrize("options", [{"storage": "packed", "in_place": True}, {"checksum": "sha256:" + "0" * 64}])
async def test_what_a_directory_cannot_be_asked(small_yard: Yard, tmp_path: Path, options: dict[str, object]) -> None:
    status = await small_yard.imported(write_folder(tmp_path / "set", dataset()), **options)
    slug = "not-in-place" if "in_place" in options else "unsupported-source"
    assert (status["state"], status["error"]["type"]) == ("failed", f"/problems/{slug}")


async def test_an_empty_directory(small_yard: Yard, tmp_path: Path) -> None:
    (tmp_path / "set").mkdir()
    status = await small_yard.imported(tmp_path / "set")
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
            patch.setattr("shared.features.imports.steps.transfer.Transfer.run", _changing(last, change))
            status = await asyncio.gather(yard.claimer(job_id), yard.ended(job_id))
    assert status[1]["error"]["type"] == "/problems/source-changed"


def _changing(path: Path, change: str) -> Callable[..., Any]:
    from shared.features.imports.steps.transfer import Transfer  # noqa: PLC0415 - as it is before it is replaced

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
