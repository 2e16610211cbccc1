"""A Google Cloud on the loopback: every service an emulator in a process of its own, and a yard that runs on them.

One file of settings is all that makes a yard run there instead of on a laptop.
"""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import httpx2
from google.auth.credentials import AnonymousCredentials
from google.cloud.storage import Client

from services.cli.up.ports import choose
from tests.emulators import storage
from tests.factories.mongo import running_mongod
from tests.factories.running_yard import RunningYard, start_yard

ROOT = Path(__file__).parents[2]
BUCKET = "datayard"
PROJECT = "projects/datayard/locations/europe-west1"
QUEUE, JOB = f"{PROJECT}/queues/jobs", f"{PROJECT}/jobs/worker"
CALLER = "caller@datayard.iam.gserviceaccount.com"
EVENTS = "projects/datayard/topics/storage"
READY_SECONDS = 30
PORTS = ("storage", "faults", "tasks", "jobs", "events", "keys", "ingest")


@dataclass(frozen=True)
class Faults:
    """What goes wrong on its own: a share of the calls of the bucket, events, and the first tasks."""

    storage_rate: float = 0.0
    event_copies: int = 1
    events_late_seconds: float = 0.0
    tasks_twice: int = 0


@dataclass
class RunningCloud:
    """The emulators, by name."""

    folder: Path
    settings: Mapping[str, str]
    ports: Mapping[str, int]
    commands: Mapping[str, Sequence[str]]
    processes: dict[str, "subprocess.Popen[bytes]"] = field(default_factory=dict)

    def start(self, name: str) -> None:
        """Start an emulator, and wait until it answers."""
        environment = {**os.environ, **self.settings, "PUBSUB_EMULATOR_HOST": f"127.0.0.1:{self.ports['events']}"}
        with (self.folder / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(
                self.commands[name], cwd=ROOT, env=environment, stdout=log, stderr=log
            )
        if name in self.ports:
            _wait_for(self.ports[name], self.processes[name])

    def restart(self, name: str) -> None:
        """`kill -9` of an emulator, and its next start."""
        self.kill(name)
        self.start(name)

    def kill(self, name: str) -> None:
        """`kill -9` of an emulator."""
        self.processes[name].send_signal(signal.SIGKILL)
        self.processes[name].wait(10)

    def stop(self) -> None:
        """End every emulator."""
        for process in reversed(self.processes.values()):
            process.terminate()
        for process in self.processes.values():
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(15)
            process.kill()

    @property
    def bucket(self):
        """The bucket, as an operator sees it: past all faults."""
        address = f"http://127.0.0.1:{self.ports['storage']}"
        client = Client(project="p", credentials=AnonymousCredentials(), client_options={"api_endpoint": address})
        return client.bucket(BUCKET)

    def workers(self) -> list[int]:
        """The processes of claimers as they are now."""
        jobs = self.processes["jobs"].pid
        found = subprocess.run(["pgrep", "-P", str(jobs)], stdout=subprocess.PIPE, text=True, check=False).stdout
        return [int(pid) for pid in found.split()]

    def failed_calls(self) -> int:
        """How many calls of the bucket failed as they were told to."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.ports['faults']}/-/faults", timeout=5) as answer:
            return int(httpx2.Response(200, content=answer.read()).json()["failed"])


@contextlib.contextmanager
def running_cloud(folder: Path, faults: Faults = Faults(), **more: str) -> Iterator[RunningCloud]:
    """Emulators and a database, and the file of settings for a yard on them; `more` are settings of names' own."""
    folder.mkdir(parents=True, exist_ok=True)
    with running_mongod(folder / "mongo") as mongo_url:
        ports = _ports()
        settings = {**_settings(ports, mongo_url), **more}
        (folder / ".env").write_text("".join(f"{name}={value}\n" for name, value in settings.items()))
        cloud = RunningCloud(folder, settings, ports, _commands(folder, ports, faults))
        try:
            for name in cloud.commands:
                cloud.start(name)
            cloud.bucket.create()
            yield cloud
        finally:
            cloud.stop()


@contextlib.contextmanager
def yard_on(cloud: RunningCloud) -> Iterator[RunningYard]:
    """`datayard up` in the folder of the settings file."""
    yard = start_yard(cloud.folder / "yard", folder=cloud.folder)
    try:
        yield yard
    finally:
        yard.stop()


def _ports() -> Mapping[str, int]:
    taken: set[int] = set()
    for _ in PORTS:
        taken.add(choose(None, taken=taken))
    return dict(zip(PORTS, sorted(taken), strict=True))


def _settings(ports: Mapping[str, int], mongo_url: str) -> Mapping[str, str]:
    """What makes a yard run on the emulators."""
    ingest = f"http://127.0.0.1:{ports['ingest']}"
    return {
        "DATAYARD_MONGO__URL": mongo_url,
        "DATAYARD_OBJECT_STORE__BACKEND": "gcs",
        "DATAYARD_OBJECT_STORE__BUCKET": BUCKET,
        "DATAYARD_OBJECT_STORE__ENDPOINT": f"http://127.0.0.1:{ports['faults']}",
        "DATAYARD_QUEUE__BACKEND": "cloud_tasks",
        "DATAYARD_QUEUE__QUEUE": QUEUE,
        "DATAYARD_QUEUE__TARGET": ingest,
        "DATAYARD_QUEUE__SERVICE_ACCOUNT": CALLER,
        "DATAYARD_QUEUE__ENDPOINT": f"127.0.0.1:{ports['tasks']}",
        "DATAYARD_LAUNCHER__BACKEND": "cloud_run",
        "DATAYARD_LAUNCHER__JOB": JOB,
        "DATAYARD_LAUNCHER__ENDPOINT": f"127.0.0.1:{ports['jobs']}",
        "DATAYARD_CALLERS__BACKEND": "oidc",
        "DATAYARD_CALLERS__AUDIENCE": ingest,
        "DATAYARD_CALLERS__SERVICE_ACCOUNTS": f'["{CALLER}"]',
        "DATAYARD_CALLERS__KEYS_URL": f"http://127.0.0.1:{ports['keys']}/jwks",
        "DATAYARD_INGEST__PORT": str(ports["ingest"]),
        "DATAYARD_ENGINE__CLAIMERS": "3",
        "DATAYARD_ENGINE__TURN_SECONDS": "0",
        "DATAYARD_SOURCES__ALLOW_PRIVATE": "true",
        "DATAYARD_SOURCES__ALLOW_FILES": "true",
    }


def _commands(folder: Path, ports: Mapping[str, int], faults: Faults) -> Mapping[str, Sequence[str]]:
    """The emulators in the order of their start."""
    keys = ("--keys", str(folder / "keys"))
    ingest = f"http://127.0.0.1:{ports['ingest']}"
    caller = ("--audience", ingest, "--email", CALLER, *keys)
    bucket = f"http://127.0.0.1:{ports['storage']}"
    late = ("--copies", str(faults.event_copies), "--late-seconds", str(faults.events_late_seconds))
    return {
        "keys": _emulator("identity", ports["keys"], "--folder", str(folder / "keys")),
        "events": _emulator("eventarc", ports["events"], "--target", f"{ingest}/events/storage", *caller, *late),
        "storage": storage.command(ports["storage"], folder / "bucket", topic=EVENTS),
        "faults": _emulator("faults", ports["faults"], "--to", bucket, "--rate", str(faults.storage_rate)),
        "tasks": _emulator(
            "cloud_tasks", ports["tasks"], "--folder", str(folder / "tasks"), *keys, "--twice", str(faults.tasks_twice)
        ),
        "jobs": _emulator("run_jobs", ports["jobs"], "--job", JOB, sys.executable, "--", "-m", "services.worker"),
        "scheduler": _emulator("scheduler", None, "--url", f"{ingest}/maintenance", *caller),
    }


def _emulator(name: str, port: int | None, *arguments: str) -> Sequence[str]:
    where = () if port is None else ("--port", str(port))
    return (sys.executable, "-m", f"tests.emulators.{name}", *where, *arguments)


def _wait_for(port: int, process: "subprocess.Popen[bytes]") -> None:
    until = time.monotonic() + READY_SECONDS
    while time.monotonic() < until and process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.02)
    raise RuntimeError("an emulator did not start; its log says why")
