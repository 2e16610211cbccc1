"""How long readers wait for the API while two workers import."""

import shutil
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.bench.archive import archive_at
from tests.bench.options import Options
from tests.bench.results import Outcome, percentile, table
from tests.bench.watching import Watched, start_import
from tests.bench.yard_access import KeptConnection
from tests.factories.running_yard import running_yard

IMAGES = 5000
P99_TARGET_MS = 100
IDLE_REQUESTS, LEAST_REQUESTS = 100, 100
THINKING_SECONDS = 0.01

Times = dict[str, list[float]]


def run(options: Options) -> Outcome:
    """Import the archive again and again, and ask for pages and progress meanwhile."""
    archive = archive_at(options.folder, images=options.images or IMAGES)
    data = options.folder / "latency-yard"
    shutil.rmtree(data, ignore_errors=True)
    with running_yard(data, workers=2) as yard:
        idle, busy = _measure(KeptConnection(yard.url), archive, options.rounds)
    shutil.rmtree(data)
    return _report(idle, busy)


def _measure(connection: KeptConnection, archive: Path, rounds: int) -> tuple[Times, Times]:
    """Milliseconds by what was asked for: of an idle yard, and during `rounds` imports or as many as it takes."""
    ready = start_import(connection, archive, name="ready")
    while not ready.ended:
        time.sleep(THINKING_SECONDS)
        ready.look(connection)
    assert ready.state == "succeeded", ready.status
    idle: Times = {}
    busy: Times = {}
    for _ in range(IDLE_REQUESTS):
        _ask(connection, ready, ready, idle)
    done = 0
    while done < rounds or min(map(len, busy.values())) < LEAST_REQUESTS:
        _during_one(connection, ready, start_import(connection, archive), busy)
        done += 1
    return idle, busy


def _during_one(connection: KeptConnection, ready: Watched, running: Watched, times: Times) -> None:
    while not running.ended:
        _ask(connection, ready, running, times)
        time.sleep(THINKING_SECONDS)
        running.look(connection)
    assert running.state == "succeeded", running.status


def _ask(connection: KeptConnection, ready: Watched, running: Watched, times: Times) -> None:
    paths = {
        "`GET /datasets`": "/datasets",
        "images of a dataset that is ready": f"/datasets/{ready.dataset_id}/images?limit=50",
        "images of the dataset being imported": f"/datasets/{running.dataset_id}/images?limit=50",
        "status of the import": f"/datasets/import/{running.job_id}/status",
    }
    for name, path in paths.items():
        answer = connection.get(path)
        assert answer.status == 200, answer.body
        times.setdefault(name, []).append(answer.seconds * 1000)


def _report(idle: Times, busy: Mapping[str, Sequence[float]]) -> Outcome:
    rows = [
        (name, str(len(values)), *(f"{percentile(values, share):.1f} ms" for share in (0.5, 0.95, 0.99)),
         f"{max(values):.1f} ms", f"{percentile(idle[name], 0.99):.1f} ms")
        for name, values in busy.items()
    ]  # fmt: skip
    heads = ("asked during imports", "times", "p50", "p95", "p99", "longest", "p99 when idle")
    checks = {
        f"p99 under {P99_TARGET_MS} ms: {name}": percentile(values, 0.99) < P99_TARGET_MS
        for name, values in busy.items()
    }
    return Outcome(table(heads, rows), checks)
