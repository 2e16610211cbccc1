"""`datayard up` and `datayard import` as a user runs them."""

import hashlib
import json
import subprocess
import sys
import zipfile
from pathlib import Path

import httpx2
import pytest

from tests.e2e.digest import content, images
from tests.factories.archives import yolo_zip
from tests.factories.http_servers import source_server
from tests.factories.running_yard import RunningYard


def imported(up: RunningYard, source: str | Path, *options: str) -> dict:
    """What `datayard import --wait --json` prints."""
    return json.loads(up.run("import", str(source), "--wait", "--json", *options))


def test_a_local_archive_comes_back_byte_for_byte(up: RunningYard, tmp_path: Path) -> None:
    truth = yolo_zip(tmp_path / "plain.zip", images=60)

    job = imported(up, tmp_path / "plain.zip")

    assert job["state"] == "succeeded"
    assert job["dataset"]["statistics"]["annotations"] == truth.annotations
    for image in images(up, job["dataset_id"]):
        assert hashlib.sha256(content(up, image["urls"]["file"])).hexdigest() == truth.sha256[image["path"]]


def test_a_server_with_ranges(up: RunningYard, tmp_path: Path) -> None:
    truth = yolo_zip(tmp_path / "ranges.zip", images=30)
    with source_server((tmp_path / "ranges.zip").read_bytes()) as server:
        job = imported(up, f"{server.url}", "--name", "by ranges")

    assert (job["state"], job["dataset"]["statistics"]["images"]) == ("succeeded", truth.images)


def test_python_http_server_without_ranges(up: RunningYard, tmp_path: Path) -> None:
    truth = yolo_zip(tmp_path / "noranges.zip", images=30)
    command = [sys.executable, "-u", "-m", "http.server", "0", "--bind", "127.0.0.1", "-d", str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as server:
        try:
            assert server.stdout is not None
            port = server.stdout.readline().split(" port ")[1].split()[0]
            job = imported(up, f"http://127.0.0.1:{port}/noranges.zip")
        finally:
            server.terminate()

    assert (job["state"], job["dataset"]["statistics"]["images"]) == ("succeeded", truth.images)


@pytest.mark.parametrize(
    ("archive", "splits", "annotations", "categories"),
    [
        ("yolo_detect_raccoon.zip", {"train": 160, "val": 40}, 217, 1),
        ("yolo_darknet_fridge.zip", {"train": 4, "val": 2}, 12, 4),
        ("yolo_segment_coco_mini.zip", {"train": 4}, 23, 7),
    ],
)
def test_archives_made_by_others(
    up: RunningYard, samples: Path, archive: str, splits: dict, annotations: int, categories: int
) -> None:
    """Counts per category and split equal those in the manifest, every file its member in the zip."""
    expected = next(
        one["expected"]
        for one in json.loads((samples / "MANIFEST.json").read_text())["archives"]
        if one["file"] == archive
    )
    job = imported(up, samples / archive)

    dataset = job["dataset"]
    assert {one["split"]: one["images"] for one in dataset["splits"]} == splits
    assert dataset["statistics"]["annotations"] == annotations == expected["annotations"]
    found = up.get(f"/datasets/{job['dataset_id']}/categories")["items"]
    assert len(found) == categories
    assert {one["name"]: one["annotations"] for one in found} == expected["classes"]
    with zipfile.ZipFile(samples / archive) as members:
        for image in images(up, job["dataset_id"]):
            assert content(up, image["urls"]["file"]) == members.read(image["path"])


def test_a_failed_import_exits_with_the_problem(up: RunningYard, tmp_path: Path) -> None:
    (tmp_path / "page.zip").write_text("<html>not an archive</html>")
    command = [sys.executable, "-m", "services.cli", "--url", up.url, "import", str(tmp_path / "page.zip"), "--wait"]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)

    assert ran.returncode == 1
    assert "page.zip" in ran.stderr + ran.stdout


def test_lists_on_the_command_line(up: RunningYard, tmp_path: Path) -> None:
    yolo_zip(tmp_path / "listed.zip", images=12)
    job = imported(up, tmp_path / "listed.zip")

    page = json.loads(up.run("images", "listed", "--split", "train", "--limit", "3", "--json"))
    assert len(page["items"]) == 3
    assert {image["split"] for image in page["items"]} == {"train"}
    assert "listed" in up.run("datasets")
    assert json.loads(up.run("status", job["job_id"], "--json"))["state"] == "succeeded"
    assert job["job_id"] in {one["job_id"] for one in json.loads(up.run("jobs", "--json"))["items"]}


def test_one_correlation_id_from_request_to_worker(up: RunningYard, tmp_path: Path) -> None:
    yolo_zip(tmp_path / "traced.zip", images=4)
    source = (tmp_path / "traced.zip").as_uri()
    headers = {"X-Correlation-Id": "traced-by-a-test"}
    started = httpx2.post(f"{up.url}/datasets/import", json={"source": source}, headers=headers, trust_env=False).json()
    up.run("import", source, "--wait", "--json", "--name", "another")
    while up.get(f"/datasets/import/{started['job_id']}/status")["state"] in ("queued", "running"):
        pass

    logs = {path.stem: path.read_text() for path in (up.data / "logs").glob("*.log")}
    assert '"correlation_id": "traced-by-a-test"' in logs["api"]
    assert any('"traced-by-a-test"' in text for name, text in logs.items() if name.startswith("worker"))


def test_every_worker_shows_metrics(up: RunningYard, tmp_path: Path) -> None:
    yolo_zip(tmp_path / "measured.zip", images=10)
    imported(up, tmp_path / "measured.zip")
    state = json.loads((up.data / "run.json").read_text())
    pages = [httpx2.get(url, trust_env=False).text for name, url in state["metrics"].items() if "worker" in name]

    counted = [
        float(line.split()[-1])
        for page in pages
        for line in page.splitlines()
        if line.startswith("datayard_import_images_total")
    ]
    assert sum(counted) >= 10
