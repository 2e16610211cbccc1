"""Where the bytes of a dataset are: in parts of the archive, or in the archive itself, which is only read."""

import asyncio
import gzip
import json
from pathlib import Path

import pytest

from shared.foundation.settings import EngineSettings
from tests.factories.archives import jpeg_bytes, zip_of
from tests.factories.broken import CONFIG
from tests.factories.http_servers import source_server
from tests.factories.roads import FIRST, IN_PLACE, KINDS, PACKED_FIRST, ROADS, members, write, yard_of
from tests.factories.yard import open_yard


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


async def test_a_part_with_large_labels_is_several_shards(mongo_url: str, tmp_path: Path) -> None:
    """Labels are held unpacked: however small the part is, a shard takes only so many bytes of them."""
    padding = b"\n" * (2 << 20)
    images = {f"images/train/{number}.jpg": jpeg_bytes(40, 30, seed=number) for number in range(7)}
    labels = {f"labels/train/{number}.txt": padding + b"0 0.5 0.5 0.1 0.1" for number in range(7)}
    path = zip_of(tmp_path / "a.zip", images | labels | {"data.yaml": CONFIG})
    async with open_yard(mongo_url, tmp_path / "yard") as yard:
        status = await yard.imported(path, storage="packed", name="large")
        assert json.loads((await yard.job(status["job_id"]))["plan"])["shards"] == 4
        assert len(list((yard.objects / "datasets" / status["dataset_id"] / "archive").iterdir())) == 1
        found = await yard.all_images("large")
        assert [one["annotation_count"] for one in found] == [1] * 7
        for one in found:
            assert (await yard.api.get(one["urls"]["file"])).content == images[one["path"]]


async def test_an_archive_in_place_is_only_read(mongo_url: str, tmp_path: Path) -> None:
    path = write(tmp_path / "a.zip", "zip", members("after"))
    before = path.read_bytes(), path.stat().st_mtime_ns
    async with yard_of(mongo_url, tmp_path, ROADS[IN_PLACE]) as yard:
        status = await yard.imported(path, **ROADS[IN_PLACE].options)
        await yard.cleaned(status["job_id"])

        manifests = [key for key in yard.stored() if key.split("/")[2] == "members-1"]
        assert len(manifests) > 1
        assert all(json.loads((yard.objects / key).read_text()) for key in manifests)
        assert {key.split("/")[2] for key in yard.stored()} == {"config", "members-1"}
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
