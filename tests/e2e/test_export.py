"""`datayard export` as a user runs it."""

import json
import os
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

from tests.factories.archives import yolo_zip
from tests.factories.running_yard import RunningYard


def test_an_export_is_made_by_a_worker_and_fetched(up: RunningYard, tmp_path: Path) -> None:
    truth = yolo_zip(tmp_path / "shapes.zip", images=40)
    up.run("import", str(tmp_path / "shapes.zip"), "--name", "to export", "--wait")
    shown = json.loads(up.run("export", "to-export", "--format", "coco", "-o", str(tmp_path / "out"), "--json"))

    assert (shown["state"], shown["images"], shown["saved"]) == ("succeeded", truth.images, [str(tmp_path / "out")])
    with zipfile.ZipFile(tmp_path / "out") as archive:
        assert archive.testzip() is None
    whole = (tmp_path / "out").read_bytes()
    tag = "".join(letter for letter in shown["etag"] if letter.isalnum())[:16]
    (tmp_path / f".cut.{tag}.partial").write_bytes(whole[:5_000])
    assert "Exported 40 images to" in up.run("export", "to-export", "--format", "coco", "-o", str(tmp_path / "cut"))
    assert (tmp_path / "cut").read_bytes() == whole


def test_killing_the_workers_changes_nothing(up: RunningYard, tmp_path: Path) -> None:
    yolo_zip(tmp_path / "killed.zip", images=300)
    up.run("import", str(tmp_path / "killed.zip"), "--name", "killed", "--wait")
    expected = json.loads(up.run("export", "killed", "--format", "kitti", "-o", str(tmp_path / "first"), "--json"))
    up.http.delete(f"{up.url}{expected['links']['export']}").raise_for_status()
    command = [sys.executable, "-m", "services.cli", "export", "killed", "--format", "kitti", "-o", "second"]
    environment = {**os.environ, "DATAYARD_URL": up.url, "PYTHONPATH": str(Path(__file__).parents[2])}
    with subprocess.Popen(command, env=environment, cwd=tmp_path, stdout=subprocess.PIPE) as process:
        for _ in range(3):
            time.sleep(0.7)
            for name, pid in up.pids.items():
                if name.startswith("worker"):
                    os.kill(pid, signal.SIGKILL)
        assert process.wait(120) == 0
    assert (tmp_path / "second").read_bytes() == (tmp_path / "first").read_bytes()
