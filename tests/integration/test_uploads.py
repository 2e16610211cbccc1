"""From announcing an upload to the dataset made of it."""

import asyncio
import hashlib
from datetime import timedelta
from pathlib import Path

import pytest

from shared.features.auth.models import Actor
from shared.foundation.clock import utc_now
from shared.foundation.settings import EngineSettings
from tests.factories.archives import yolo_zip
from tests.factories.uploads import Sender, announce, crc32c, data_of, opened, received
from tests.factories.yard import Yard, open_yard


async def upload(yard: Yard, path: Path, **options: object) -> dict:
    """Announce and send a file; the upload as it stands then."""
    data = path.read_bytes()  # noqa: ASYNC240 - it is small
    made = await announce(yard.api, path.name, len(data), **options)
    answer = await Sender(yard.api, made["session_url"], len(data)).send_rest(data)
    assert answer.status_code == 200, answer.text
    return (await yard.api.get(made["links"]["upload"])).json()


async def test_what_is_whole_is_imported(yard: Yard, tmp_path: Path) -> None:
    truth = yolo_zip(tmp_path / "shapes.zip", images=40)
    made = await upload(yard, tmp_path / "shapes.zip", import_={"name": "Shapes", "storage": "packed"})

    assert made["state"] == "importing"
    status = await yard.ended(made["job_id"])
    assert (status["state"], status["progress"]["images_done"]) == ("succeeded", truth.images)
    dataset = (await yard.api.get("/datasets/shapes")).json()
    assert (dataset["name"], dataset["storage"]) == ("Shapes", "packed")
    assert dataset["source"] == f"upload://{made['upload_id']}"


async def test_the_name_of_the_file_is_the_name_of_the_dataset(yard: Yard, tmp_path: Path) -> None:
    yolo_zip(tmp_path / "my #1 100% shapes?.zip", images=3)
    made = await upload(yard, tmp_path / "my #1 100% shapes?.zip")
    status = await yard.ended(made["job_id"])
    assert status["state"] == "succeeded", status
    assert (await yard.api.get(f"/datasets/{status['dataset_id']}")).json()["name"] == "my #1 100% shapes?"


async def test_the_same_key_opens_the_same_session(yard: Yard) -> None:
    body = {"name": "a.zip", "size_bytes": 10}
    headers = {"Idempotency-Key": "once"}
    first = (await yard.api.post("/uploads/archive", json=body, headers=headers)).json()
    again = (await yard.api.post("/uploads/archive", json=body, headers=headers)).json()
    other = await yard.api.post("/uploads/archive", json=body | {"size_bytes": 11}, headers=headers)
    assert first == again
    assert (other.status_code, other.json()["type"]) == (409, "/problems/idempotency-conflict")


@pytest.mark.parametrize(
    "body",
    [
        {"name": "../a.zip", "size_bytes": 1},
        {"name": "..", "size_bytes": 1},
        {"name": "a\\b.zip", "size_bytes": 1},
        {"name": "a\nb.zip", "size_bytes": 1},
        {"name": "ü" * 150, "size_bytes": 1},
        {"name": "", "size_bytes": 1},
        {"name": "a.zip", "size_bytes": 0},
        {"name": "a.zip"},
        {"name": "a.zip", "size_bytes": 1, "crc32c": "AAAA"},
        {"name": "a.zip", "size_bytes": 1, "sha256": "xyz"},
        {"name": "a.zip", "size_bytes": 1, "import": {"source": "https://a/b.zip"}},
        {"name": "a.zip", "size_bytes": 1, "import": {"in_place": True}},
        {"name": "a.zip", "size_bytes": 1, "import": {"format": "nonsense"}},
        {"name": "a.zip", "size_bytes": 6 * 2**40},
    ],
)
async def test_refuses_what_cannot_be_uploaded(yard: Yard, body: dict) -> None:
    answer = await yard.api.post("/uploads/archive", json=body)
    assert answer.status_code == 422, answer.text


async def test_refuses_what_the_disk_has_no_room_for(yard: Yard) -> None:
    answer = await yard.api.post("/uploads/archive", json={"name": "a.zip", "size_bytes": 4 * 2**40})
    assert (answer.status_code, answer.json()["type"]) == (503, "/problems/storage-full")


async def test_a_session_has_a_secret_that_is_shown_to_nobody_else(yard: Yard, capsys: pytest.CaptureFixture) -> None:
    made, sender = await opened(yard.api, 1000)
    token = made["session_url"].partition("token=")[2]
    assert len(token) >= 43

    shown = (await yard.api.get(made["links"]["upload"])).text
    refusals = [await yard.api.put(made["session_url"][:-1]), await yard.api.put(made["session_url"] + "x")]
    too_large = await sender.send(data_of(1001), 0, 1001, total="*")
    broken = await sender.put(b"", "bytes 1")

    assert [answer.status_code for answer in refusals] == [404, 404]
    assert (too_large.status_code, broken.status_code) == (422, 400)
    printed = capsys.readouterr()
    everything = [shown, printed.out, printed.err, too_large.text, broken.text, *(one.text for one in refusals)]
    assert not [text for text in everything if token[:-1] in text]


async def test_an_upload_is_its_owners_alone(yard: Yard) -> None:
    made, sender = await opened(yard.api, 10)
    await sender.send(data_of(10), 0, 10)
    stranger = Actor("stranger")
    assert await yard.container.repositories.uploads.get(made["upload_id"], stranger) is None
    await yard.database["uploads"].update_one({"_id": made["upload_id"]}, {"$set": {"owner_id": "stranger"}})
    assert (await yard.api.get(made["links"]["upload"])).status_code == 404
    assert (await yard.api.delete(made["links"]["upload"])).status_code == 404
    answer = await yard.api.post("/datasets/import", json={"source": f"upload://{made['upload_id']}"})
    assert (answer.status_code, answer.json()["type"]) == (404, "/problems/upload-not-found")


async def test_an_upload_is_a_source(yard: Yard, tmp_path: Path) -> None:
    truth = yolo_zip(tmp_path / "shapes.zip", images=12)
    data = (tmp_path / "shapes.zip").read_bytes()
    made, sender = await opened(yard.api, len(data), name="shapes.zip")
    source = f"upload://{made['upload_id']}"
    early = await yard.api.post("/datasets/import", json={"source": source})
    await sender.send_rest(data)

    whole = await yard.imported(source)
    started = await yard.api.post("/datasets/import", json={"source": {"images": source, "labels": source}})
    parts = await yard.ended(started.json()["job_id"])
    in_place = await yard.imported(source, storage="packed", in_place=True)

    assert (early.status_code, early.json()["type"]) == (409, "/problems/upload-not-complete")
    assert [one["state"] for one in (whole, in_place)] == ["succeeded"] * 2
    assert whole["progress"]["images_done"] == truth.images
    assert parts["state"] == "succeeded", parts


@pytest.mark.parametrize("source", ["object://incoming/a/b.zip", "upload://", "upload://../x", "upload://nothing"])
async def test_objects_of_the_store_are_no_source(yard: Yard, source: str) -> None:
    answer = await yard.api.post("/datasets/import", json={"source": source})
    assert answer.status_code in {404, 422}, answer.text


async def test_a_sha256_is_the_imports_to_check(yard: Yard, tmp_path: Path) -> None:
    yolo_zip(tmp_path / "shapes.zip", images=4)
    right = hashlib.sha256((tmp_path / "shapes.zip").read_bytes()).hexdigest()
    good = await yard.ended((await upload(yard, tmp_path / "shapes.zip", sha256=right))["job_id"])
    bad = await yard.ended((await upload(yard, tmp_path / "shapes.zip", sha256="0" * 64))["job_id"])
    assert good["state"] == "succeeded"
    assert (bad["state"], bad["error"]["type"]) == ("failed", "/problems/checksum-mismatch")


@pytest.mark.parametrize("where", ["announced", "sent"])
async def test_another_crc32c_ends_the_upload(yard: Yard, where: str) -> None:
    data, wrong = data_of(1000), crc32c(b"something else")
    made, sender = await opened(yard.api, 1000, **({"crc32c": wrong} if where == "announced" else {}))
    headers = {"X_Goog_Hash": f"md5=abc,crc32c={wrong}"} if where == "sent" else {}
    answer = await sender.send(data, 0, 1000, **headers)
    assert (answer.status_code, answer.json()["type"]) == (422, "/problems/upload-mismatch")
    shown = (await yard.api.get(made["links"]["upload"])).json()
    assert (shown["state"], shown["error"]["type"]) == ("failed", "/problems/upload-mismatch")
    assert (await sender.ask()).status_code == 404
    assert not [name for name in yard.stored() if "incoming" in name or "uploads" in name]


async def test_the_right_crc32c_is_told_again(yard: Yard) -> None:
    data = data_of(700_000)
    made, sender = await opened(yard.api, len(data), crc32c=crc32c(data))
    answer = await sender.send(data, 0, len(data), X_Goog_Hash=f"crc32c={crc32c(data)}")
    assert answer.status_code == 200
    assert answer.json()["crc32c"] == crc32c(data)
    assert answer.json()["name"] == f"incoming/{made['upload_id']}/big.zip"


@pytest.mark.parametrize("through", ["upload", "session"])
async def test_a_deleted_upload_is_gone(yard: Yard, through: str) -> None:
    made, sender = await opened(yard.api, 10**6)
    await sender.send(data_of(2**18), 0, 2**18)
    address = made["session_url"] if through == "session" else made["links"]["upload"]
    assert (await yard.api.delete(address)).status_code == (499 if through == "session" else 204)
    assert (await yard.api.get(made["links"]["upload"])).status_code == 404
    assert (await sender.ask()).status_code == 404
    assert not [name for name in yard.stored() if "uploads" in name]


# -- what sweeps do


async def shift(yard: Yard, upload_id: str, **days: float) -> None:
    """Put times of an upload back."""
    past = {name: utc_now() - timedelta(days=number) for name, number in days.items()}
    await yard.database["uploads"].update_one({"_id": upload_id}, {"$set": past})


async def test_what_nobody_finishes_expires(yard: Yard) -> None:
    made, sender = await opened(yard.api, 10**6)
    await sender.send(data_of(2**18), 0, 2**18)
    await yard.swept()
    assert received(await sender.ask()) == 2**18

    await shift(yard, made["upload_id"], due_at=0.1, expires_at=0.1)
    await yard.swept()
    assert (await yard.api.get(made["links"]["upload"])).json()["state"] == "expired"
    assert (await sender.ask()).status_code == 404
    assert not [name for name in yard.stored() if "uploads" in name]

    await shift(yard, made["upload_id"], due_at=0.1)
    await yard.swept()
    assert (await yard.api.get(made["links"]["upload"])).status_code == 404


async def test_what_was_imported_is_removed_when_its_time_is_over(yard: Yard, tmp_path: Path) -> None:
    yolo_zip(tmp_path / "shapes.zip", images=4)
    made = await upload(yard, tmp_path / "shapes.zip")
    await yard.cleaned((await yard.ended(made["job_id"]))["job_id"])
    await shift(yard, made["upload_id"], due_at=1)
    await yard.swept()
    assert [name for name in yard.stored() if name.startswith("incoming/")]

    past = utc_now() - timedelta(days=8)
    await yard.database["import_jobs"].update_one({"_id": made["job_id"]}, {"$set": {"finished_at": past}})
    await shift(yard, made["upload_id"], due_at=1)
    await yard.swept()
    assert not [name for name in yard.stored() if name.startswith("incoming/")]


async def test_what_a_dataset_has_in_place_stays(yard: Yard, tmp_path: Path) -> None:
    yolo_zip(tmp_path / "shapes.zip", images=4)
    made = await upload(yard, tmp_path / "shapes.zip", import_={"storage": "packed", "in_place": True})
    status = await yard.ended(made["job_id"])
    past = utc_now() - timedelta(days=8)
    await yard.database["import_jobs"].update_one({"_id": made["job_id"]}, {"$set": {"finished_at": past}})
    await shift(yard, made["upload_id"], due_at=1)
    await yard.swept()
    assert [name for name in yard.stored() if name.startswith("incoming/")]
    refused = await yard.api.delete(made["links"]["upload"])
    assert (refused.status_code, refused.json()["type"]) == (409, "/problems/upload-in-use")

    await yard.api.delete(f"/datasets/{status['dataset_id']}")
    await yard.database["datasets"].update_one({"_id": status["dataset_id"]}, {"$set": {"purge_at": past}})
    async with asyncio.timeout(20):
        while await yard.database["datasets"].find_one({"_id": status["dataset_id"]}):  # until claimers have left
            await yard.swept()
            await asyncio.sleep(0.1)
    await shift(yard, made["upload_id"], due_at=1)
    await yard.swept()
    assert not [name for name in yard.stored() if name.startswith("incoming/")]


async def test_an_upload_that_is_being_imported_cannot_be_deleted(quiet_yard: Yard, tmp_path: Path) -> None:
    yolo_zip(tmp_path / "shapes.zip", images=4)
    made = await upload(quiet_yard, tmp_path / "shapes.zip")
    refused = await quiet_yard.api.delete(made["links"]["upload"])
    assert (refused.status_code, refused.json()["type"]) == (409, "/problems/upload-in-use")
    await quiet_yard.api.post(f"/datasets/import/{made['job_id']}/cancel")
    assert (await quiet_yard.api.delete(made["links"]["upload"])).status_code == 204
    assert not [name for name in quiet_yard.stored() if name.startswith("incoming/")]


@pytest.mark.parametrize("gap", ["nobody noticed", "nothing was started"])
async def test_a_sweep_goes_on_where_an_api_was_killed(yard: Yard, tmp_path: Path, gap: str) -> None:
    yolo_zip(tmp_path / "shapes.zip", images=4)
    made = await upload(yard, tmp_path / "shapes.zip")
    before = {"state": "waiting" if gap == "nobody noticed" else "complete", "job_id": None}
    await yard.database["uploads"].update_one({"_id": made["upload_id"]}, {"$set": before})
    await shift(yard, made["upload_id"], due_at=0.1)
    await yard.swept()
    again = (await yard.api.get(made["links"]["upload"])).json()
    assert (again["state"], again["job_id"]) == ("importing", made["job_id"])
    assert await yard.database["import_jobs"].count_documents({}) == 1


async def test_leftovers_of_jobs_that_are_gone_are_removed(yard: Yard, tmp_path: Path) -> None:
    yolo_zip(tmp_path / "shapes.zip", images=4)
    status = await yard.imported(tmp_path / "shapes.zip")
    await yard.cleaned(status["job_id"])
    store = yard.container.outside.store
    await store.put("temp/gone/staged", b"1")
    await store.put(f"temp/{status['job_id']}/late", b"1")
    running = await yard.database["import_jobs"].find_one({"_id": status["job_id"]})
    await yard.database["import_jobs"].insert_one({**running, "_id": "live", "state": "cancelled"})
    await store.put("temp/live/staged", b"1")
    yard.container.dispatcher.leftovers._next = 0
    await yard.swept()
    assert [name for name in yard.stored() if name.startswith("temp/")] == ["temp/live/staged"]


async def test_a_size_over_the_limit_is_refused(mongo_url: str, tmp_path: Path) -> None:
    async with open_yard(mongo_url, tmp_path, engine=EngineSettings(upload_max_bytes=100)) as yard:
        answer = await yard.api.post("/uploads/archive", json={"name": "a.zip", "size_bytes": 101})
        assert (answer.status_code, answer.json()["type"]) == (422, "/problems/upload-too-large")
