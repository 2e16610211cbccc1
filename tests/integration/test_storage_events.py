"""What the bucket tells: an archive that arrives is imported, once, however often and in whatever order it is told."""

import asyncio
import random
from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest
from pydantic import SecretStr

from shared.foundation.mongo import connect
from shared.foundation.settings import MongoSettings
from shared.ports.job_queue import QueueUnavailable
from tests.factories.archives import yolo_zip
from tests.factories.storage_events import binary, ingest_of, object_data, structured
from tests.factories.uploads import announce
from tests.factories.yard import Yard

PATH = "/events/storage"


@pytest.fixture
async def door(yard: Yard) -> AsyncIterator[httpx2.AsyncClient]:
    async with ingest_of(yard) as opened:
        yield opened


@pytest.fixture
def archive(tmp_path: Path) -> bytes:
    yolo_zip(tmp_path / "shapes.zip", images=4)
    return (tmp_path / "shapes.zip").read_bytes()


async def drop(yard: Yard, name: str, data: bytes) -> None:
    await yard.container.outside.store.put(name, data)


async def jobs_of(yard: Yard) -> list[dict]:
    return (await yard.api.get("/jobs")).json()["items"]


@pytest.mark.parametrize("mode", [binary, structured, lambda data: structured(data, encode=True)])
async def test_a_dropped_archive_is_imported(yard: Yard, door, archive: bytes, mode) -> None:
    await drop(yard, "incoming/by hand/my shapes.tar.zip", archive)
    answer = await door.post(PATH, **mode(object_data("incoming/by hand/my shapes.tar.zip", len(archive))))
    assert answer.status_code == 204, answer.text
    [job] = await jobs_of(yard)
    status = await yard.ended(job["job_id"])
    assert status["state"] == "succeeded", status
    dataset = (await yard.api.get(f"/datasets/{status['dataset_id']}")).json()
    assert (dataset["name"], dataset["statistics"]["images"]) == ("my shapes.tar", 4)


async def test_every_delivery_of_an_event_leads_to_the_same_import(yard: Yard, door, archive: bytes) -> None:
    await drop(yard, "incoming/a.zip", archive)
    event = binary(object_data("incoming/a.zip", len(archive)))
    answers = await asyncio.gather(*(door.post(PATH, **event) for _ in range(12)))
    assert {answer.status_code for answer in answers} == {204}
    [job] = await jobs_of(yard)
    await yard.ended(job["job_id"])
    await yard.database["uploads"].delete_many({})  # forgotten long ago
    await door.post(PATH, **event)
    assert len(await jobs_of(yard)) == 1


async def test_events_out_of_order(quiet_yard: Yard, archive: bytes) -> None:
    """Announced and dropped archives, told twice each, shuffled, in both modes; half of the answers are lost."""
    async with ingest_of(quiet_yard) as door:
        events = []
        for number in range(6):
            made = await announce(quiet_yard.api, f"{number}.zip", len(archive))
            names = (f"incoming/{made['upload_id']}/{number}.zip", f"incoming/dropped-{number}.zip")
            for name in names:
                await drop(quiet_yard, name, archive)
                data = object_data(name, len(archive), generation=random.randrange(10**15))
                events += [binary(data), structured(data), binary(data, id_="2")]
        random.Random(5).shuffle(events)
        answers = [await door.post(PATH, **event) for event in events]
        assert {answer.status_code for answer in answers} == {204}
        assert len(await jobs_of(quiet_yard)) == 12
        states = [document["state"] async for document in quiet_yard.database["uploads"].find()]
        assert states == ["importing"] * 12


async def test_a_new_object_of_the_same_name_is_a_new_import(quiet_yard: Yard, archive: bytes) -> None:
    async with ingest_of(quiet_yard) as door:
        await drop(quiet_yard, "incoming/a.zip", archive)
        for generation in (1, 2, 1):
            await door.post(PATH, **binary(object_data("incoming/a.zip", len(archive), generation=generation)))
        stale = await door.post(PATH, **binary(object_data("incoming/a.zip", 7, generation=3)))
        assert stale.status_code == 204
        assert len(await jobs_of(quiet_yard)) == 2


async def test_an_announced_upload_keeps_its_options(yard: Yard, door, archive: bytes) -> None:
    made = await announce(yard.api, "a.zip", len(archive), import_={"name": "Chosen", "storage": "packed"})
    name = f"incoming/{made['upload_id']}/a.zip"
    await drop(yard, name, archive)
    await door.post(PATH, **binary(object_data(name, len(archive))))
    shown = (await yard.api.get(made["links"]["upload"])).json()
    assert shown["state"] == "importing"
    await yard.ended(shown["job_id"])
    assert (await yard.api.get("/datasets/chosen")).json()["storage"] == "packed"


async def test_an_upload_that_is_not_to_be_imported_is_complete(yard: Yard, door, archive: bytes) -> None:
    made = await announce(yard.api, "a.zip", len(archive), import_=None)
    name = f"incoming/{made['upload_id']}/a.zip"
    await drop(yard, name, archive)
    await door.post(PATH, **binary(object_data(name, len(archive))))
    assert (await yard.api.get(made["links"]["upload"])).json()["state"] == "complete"
    assert not await jobs_of(yard)


async def test_an_object_of_another_size_fails_its_upload(yard: Yard, door, archive: bytes) -> None:
    made = await announce(yard.api, "a.zip", len(archive) + 1)
    name = f"incoming/{made['upload_id']}/a.zip"
    await drop(yard, name, archive)
    assert (await door.post(PATH, **binary(object_data(name, len(archive))))).status_code == 204
    shown = (await yard.api.get(made["links"]["upload"])).json()
    assert (shown["state"], shown["error"]["type"]) == ("failed", "/problems/upload-mismatch")
    assert not await jobs_of(yard)


async def test_what_arrives_for_a_deleted_upload_is_removed(yard: Yard, door, archive: bytes) -> None:
    made = await announce(yard.api, "a.zip", len(archive))
    await yard.api.delete(made["links"]["upload"])
    name = f"incoming/{made['upload_id']}/a.zip"
    await drop(yard, name, archive)
    assert (await door.post(PATH, **binary(object_data(name, len(archive))))).status_code == 204
    assert not await jobs_of(yard)
    assert name not in yard.stored()


IGNORED = {
    "elsewhere": object_data("datasets/a/images/b.zip", 100),
    "a folder": object_data("incoming/", 0),
    "a folder below": object_data("incoming/a/", 0),
    "a folder with bytes": object_data("incoming/a.zip/", 11),
    "empty": object_data("incoming/a.zip", 0),
    "no archive": object_data("incoming/notes.txt", 100),
    "gone": object_data("incoming/gone.zip", 100),
    "climbing": object_data("incoming/../a.zip", 100),
    "no name of ours": object_data("incoming//a.zip", 100),
    "too long": object_data(f"incoming/{'a' * 900}.zip", 100),
    "another bucket": object_data("incoming/a.zip", 100, bucket="other"),
}


@pytest.mark.parametrize("what", IGNORED)
async def test_is_ignored(yard: Yard, door, what: str, capsys: pytest.CaptureFixture) -> None:
    answer = await door.post(PATH, **binary(IGNORED[what]))
    assert answer.status_code == 204, answer.text
    assert "ignored" in capsys.readouterr().out
    assert not await jobs_of(yard)


async def test_an_event_of_another_kind_is_ignored(yard: Yard, door, archive: bytes) -> None:
    await drop(yard, "incoming/a.zip", archive)
    deleted = binary(object_data("incoming/a.zip", len(archive)), type="google.cloud.storage.object.v1.deleted")
    assert (await door.post(PATH, **deleted)).status_code == 204
    assert not await jobs_of(yard)


async def test_what_lies_outside_of_our_prefix_is_ignored(yard: Yard, archive: bytes) -> None:
    async with ingest_of(yard, prefix="ours/") as door:
        await drop(yard, "incoming/a.zip", archive)
        for name in ("incoming/a.zip", "theirs/incoming/a.zip"):
            await door.post(PATH, **binary(object_data(name, len(archive))))
        assert not await jobs_of(yard)
        await door.post(PATH, **binary(object_data("ours/incoming/a.zip", len(archive))))
        assert len(await jobs_of(yard)) == 1


def without(event: dict, header: str) -> dict:
    return {**event, "headers": {name: value for name, value in event["headers"].items() if name != header}}


GOOD = object_data("incoming/a.zip", 10)
BROKEN = {
    "no JSON": binary(GOOD) | {"content": "{"},
    "no object": binary(GOOD) | {"content": "[1]"},
    "nothing": binary(GOOD) | {"content": ""},
    "bytes": binary(GOOD) | {"content": b"\xff\xfe"},
    "nested": binary(GOOD) | {"content": "[" * 200_000},
    "without a name": binary({name: value for name, value in GOOD.items() if name != "name"}),
    "a generation that is none": binary(GOOD | {"generation": "x"}),
    "a size below nothing": binary(GOOD | {"size": "-1"}),
    "a name that is no text": binary(GOOD | {"name": ["a"]}),
    "of another version": binary(GOOD, specversion="0.3"),
    "without an id": without(binary(GOOD), "ce-id"),
    "without a type": without(binary(GOOD), "ce-type"),
    "no event": {"headers": {"content-type": "application/json"}, "content": "{}"},
    "a batch": structured(GOOD) | {"headers": {"content-type": "application/cloudevents-batch+json"}},
    "structured without data": structured(GOOD, data=None),
    "structured with text": structured(GOOD, data="x"),
    "no base64": structured(GOOD, encode=True, data_base64="%%%"),
    "too large": binary(GOOD | {"metadata": "x" * 2_000_000}),
}


@pytest.mark.parametrize("what", BROKEN)
async def test_what_will_never_be_understood_is_refused(yard: Yard, door, what: str) -> None:
    answer = await door.post(PATH, **BROKEN[what])
    assert answer.status_code == 400, answer.text
    assert not await jobs_of(yard)


@pytest.mark.parametrize("token", ["", "Bearer", "Bearer wrong"])
async def test_only_who_shows_the_token_is_heard(yard: Yard, door, archive: bytes, token: str) -> None:
    await drop(yard, "incoming/a.zip", archive)
    event = binary(object_data("incoming/a.zip", len(archive)))
    event["headers"]["Authorization"] = token
    assert (await door.post(PATH, **event)).status_code == 401
    assert not await jobs_of(yard)


async def test_comes_again_when_the_database_is_down(yard: Yard, door, archive: bytes, monkeypatch) -> None:
    await drop(yard, "incoming/a.zip", archive)
    event = binary(object_data("incoming/a.zip", len(archive)))
    dead = connect(MongoSettings(url=SecretStr("mongodb://127.0.0.1:9"), timeout_seconds=1))
    uploads = yard.container.repositories.uploads
    with monkeypatch.context() as patched:
        patched.setattr(uploads, "_uploads", dead["none"]["uploads"])
        answer = await door.post(PATH, **event)
        assert (answer.status_code, answer.json()["type"]) == (503, "/problems/database-unavailable")
    await dead.close()
    assert (await door.post(PATH, **event)).status_code == 204
    assert len(await jobs_of(yard)) == 1


async def test_a_dead_queue_is_no_reason_to_come_again(yard: Yard, door, archive: bytes, monkeypatch) -> None:
    async def dead(*_: object, **__: object) -> None:
        raise QueueUnavailable("down")

    monkeypatch.setattr(yard.container.outside.queue, "enqueue", dead)
    await drop(yard, "incoming/a.zip", archive)
    assert (await door.post(PATH, **binary(object_data("incoming/a.zip", len(archive))))).status_code == 204
    assert [job["state"] for job in await jobs_of(yard)] == ["queued"]


async def test_killed_between_note_and_job_the_next_delivery_goes_on(
    yard: Yard, door, archive: bytes, monkeypatch
) -> None:
    await drop(yard, "incoming/a.zip", archive)
    event = binary(object_data("incoming/a.zip", len(archive)))

    async def killed(*_: object, **__: object) -> None:
        raise SystemError("killed")

    with monkeypatch.context() as patched:
        patched.setattr(type(yard.container.imports), "start", killed)
        assert (await door.post(PATH, **event)).status_code == 500
    assert not await jobs_of(yard)
    assert (await door.post(PATH, **event)).status_code == 204
    assert len(await jobs_of(yard)) == 1
