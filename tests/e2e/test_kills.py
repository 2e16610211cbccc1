"""`kill -9` changes nothing in the result: not of a worker, again and again, and not of everything at once."""

import contextlib
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx2
import psutil
import pytest

from tests.bench.archive import write_archive
from tests.e2e.digest import digest
from tests.factories.running_yard import RunningYard, running_yard, start_yard
from tests.factories.snapshots import differences

pytestmark = pytest.mark.slow

IMAGES = 400
KILLS = 7
SETTINGS = {
    "DATAYARD_ENGINE__SHARD_BYTES": str(1 << 20),
    "DATAYARD_ENGINE__LEASE_SECONDS": "2",
    "DATAYARD_ENGINE__INDEX_FIRST_BYTES": "0",
}
STORAGES: dict[str, dict[str, object]] = {
    "objects": {"storage": "objects"},
    "packed": {"storage": "packed"},
    "in place": {"storage": "packed", "in_place": True},
}


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An archive that takes some seconds."""
    path = tmp_path_factory.mktemp("archive") / "many.zip"
    write_archive(path, images=IMAGES)
    return path


@pytest.fixture(scope="module")
def undisturbed(archive: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, object]]:
    """What imports leave behind when nobody interferes, by storage."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in SETTINGS.items():
            patch.setenv(name, value)
        with running_yard(tmp_path_factory.mktemp("undisturbed") / "yard") as yard:
            found = {}
            for storage in STORAGES:
                job = start_import(yard, archive, storage)
                assert ended(yard, job)["state"] == "succeeded"
                cleaned(yard)
                found[storage] = digest(yard, job)
            return found


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small shards, short leases, labels first."""
    for name, value in SETTINGS.items():
        monkeypatch.setenv(name, value)


def start_import(yard: RunningYard, archive: Path, storage: str) -> dict:
    body = {"source": archive.as_uri(), **STORAGES[storage]}
    answer = httpx2.post(f"{yard.url}/datasets/import", json=body, trust_env=False)
    return answer.raise_for_status().json()


def ended(yard: RunningYard, job: dict, *, seconds: float = 120) -> dict:
    """The job's status when it has ended; readers may lose their connection meanwhile."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with contextlib.suppress(httpx2.HTTPError):
            status = yard.get(f"/datasets/import/{job['job_id']}/status")
            if status["state"] not in ("queued", "running"):
                return status
        time.sleep(0.1)
    raise AssertionError("the import did not end")


def kill_a_worker(yard: RunningYard, dice: random.Random) -> None:
    """`kill -9` of one worker that lives; one that died before is started again by the supervisor meanwhile."""
    while True:
        try:
            return os.kill(yard.pids[dice.choice(["worker-1", "worker-2"])], signal.SIGKILL)
        except (ProcessLookupError, KeyError):
            time.sleep(0.05)


def cleaned(yard: RunningYard, *, seconds: float = 30) -> None:
    """Wait until the scheduler has removed what only the job needed."""
    deadline = time.monotonic() + seconds
    temp = yard.data / "objects" / "temp"
    while any(path.is_file() for path in temp.rglob("*")) and time.monotonic() < deadline:
        time.sleep(0.1)


@pytest.mark.usefixtures("hasty")
@pytest.mark.parametrize("storage", ["objects", "packed"])
def test_killing_workers_changes_nothing(
    archive: Path, undisturbed: dict[str, dict[str, object]], tmp_path: Path, storage: str
) -> None:
    dice = random.Random(7)
    with running_yard(tmp_path / "yard") as yard:
        job = start_import(yard, archive, storage)
        for _ in range(KILLS):
            time.sleep(dice.uniform(0.1, 0.9))
            kill_a_worker(yard, dice)
        status = ended(yard, job)
        cleaned(yard)

        assert status["state"] == "succeeded"
        assert list(differences(undisturbed[storage], digest(yard, job))) == []


@pytest.mark.usefixtures("hasty")
@pytest.mark.parametrize(("storage", "sign"), [("objects", "images_done"), ("in place", "images_indexed")])
def test_killing_everything_changes_nothing(
    archive: Path, undisturbed: dict[str, dict[str, object]], tmp_path: Path, storage: str, sign: str
) -> None:
    yard = start_yard(tmp_path / "yard")
    job = start_import(yard, archive, storage)
    while not yard.get(f"/datasets/import/{job['job_id']}/status")["progress"][sign]:
        time.sleep(0.02)
    yard.kill_everything()

    with running_yard(tmp_path / "yard") as again:
        status = ended(again, job)
        cleaned(again)

        assert status["state"] == "succeeded"
        assert list(differences(undisturbed[storage], digest(again, job))) == []


def test_a_clean_stop_leaves_no_process_behind(tmp_path: Path) -> None:
    yard = start_yard(tmp_path / "yard")
    pids = [*yard.pids.values(), yard.supervisor.pid]

    assert yard.stop() == 0
    assert [pid for pid in pids if psutil.pid_exists(pid)] == []
    assert not (tmp_path / "yard" / "run.json").exists()


def test_a_folder_in_use_is_refused(tmp_path: Path) -> None:
    with running_yard(tmp_path / "yard") as yard:
        command = [sys.executable, "-m", "services.cli", "up", "--port", "0", "--data", str(tmp_path / "yard")]
        second = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)

        assert second.returncode == 1
        assert str(yard.supervisor.pid) in second.stderr
        assert yard.get("/health/live") == {"status": "live"}
