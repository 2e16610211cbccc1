"""Archives that are sent to the bucket, or put there by hand, on Google Cloud's emulators: each is imported once."""

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.factories.archives import yolo_zip
from tests.factories.running_cloud import Faults, RunningCloud, running_cloud, yard_on
from tests.factories.running_yard import RunningYard

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningCloud]:
    """Events come up to three times, late and out of order."""
    faults = Faults(event_copies=3, events_late_seconds=1.0)
    with running_cloud(tmp_path_factory.mktemp("cloud"), faults=faults) as cloud:
        yield cloud


@pytest.fixture(scope="module")
def yard(cloud: RunningCloud) -> Iterator[RunningYard]:
    with yard_on(cloud) as yard:
        yield yard


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    yolo_zip(tmp_path / "shapes.zip", images=40)
    return tmp_path / "shapes.zip"


def jobs(yard: RunningYard) -> list[dict]:
    return yard.get("/jobs")["items"]


def ended(yard: RunningYard, count: int) -> list[dict]:
    """So many jobs, all of which have ended."""
    until = time.monotonic() + 90
    while time.monotonic() < until:
        found = jobs(yard)
        if len(found) >= count and all(job["state"] in {"succeeded", "failed", "dead"} for job in found):
            return found
        time.sleep(0.3)
    raise AssertionError(jobs(yard))


def test_a_file_is_sent_straight_to_the_bucket(yard: RunningYard, cloud: RunningCloud, archive: Path) -> None:
    before = len(jobs(yard))
    job = json.loads(yard.run("import", str(archive), "--upload", "--wait", "--json", "--storage", "packed"))
    assert (job["state"], job["dataset"]["statistics"]["images"]) == ("succeeded", 40)
    [blob] = [one for one in cloud.bucket.list_blobs(prefix="incoming/") if one.name.endswith("/shapes.zip")]
    assert blob.download_as_bytes() == archive.read_bytes()
    time.sleep(2)  # as late as the last copy of the event may be
    assert len(jobs(yard)) == before + 1


def test_what_is_put_into_the_bucket_is_imported(yard: RunningYard, cloud: RunningCloud, archive: Path) -> None:
    before = len(jobs(yard))
    for name in ("incoming/", "incoming/notes.txt", "elsewhere/a.zip", "incoming/by hand.zip"):
        cloud.bucket.blob(name).upload_from_string(archive.read_bytes() if name.endswith("zip") else b"x")
    found = ended(yard, before + 1)
    time.sleep(2)
    assert len(jobs(yard)) == before + 1
    dataset = yard.get(f"/datasets/{found[0]['dataset_id']}")
    assert (found[0]["state"], dataset["name"], dataset["statistics"]["images"]) == ("succeeded", "by hand", 40)
