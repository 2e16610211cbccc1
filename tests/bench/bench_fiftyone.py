"""The same 5 000 JPEGs into a dataset of FiftyOne, installed from the registry into an environment of its own."""

import json
import os
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from tests.bench.archive import archive_at
from tests.bench.bench_import import IMAGES, timed_import, timed_unzip
from tests.bench.options import Options
from tests.bench.results import Outcome, table
from tests.bench.yard_access import mongo_address
from tests.factories.running_yard import running_yard

PEER = "fiftyone==1.22.1"
TARGET = 5.0
SCRIPT = Path(__file__).with_name("peer_fiftyone.py")
STEPS = {
    "unzip": "`unzip -q`",
    "start": "Python imports it",
    "read": "reads the folder",
    "metadata": "looks at the images",
}


def run(options: Options) -> Outcome:
    """Both in turn, from the archive to a dataset that knows boxes and dimensions, on the same database server."""
    python = _installed(options.folder / "fiftyone")
    archive = archive_at(options.folder, images=options.images or IMAGES)
    data = options.folder / "yard-fiftyone"
    ours: list[float] = []
    theirs: list[Mapping[str, float]] = []
    with running_yard(data) as yard:
        environment = {
            **os.environ,
            "FIFTYONE_DATABASE_URI": mongo_address(yard),
            "FIFTYONE_DATABASE_DIR": str(options.folder / "fiftyone-data"),
            "FIFTYONE_DO_NOT_TRACK": "true",
            "FIFTYONE_SHOW_PROGRESS_BARS": "false",
        }
        _peer_import(python, archive, options.folder / "unzipped", environment)  # compiles it, and makes its database
        for _ in range(options.rounds):
            theirs.append(_peer_import(python, archive, options.folder / "unzipped", environment))
            ours.append(timed_import(yard, archive))
    shutil.rmtree(data)
    return _report(ours, theirs, images=options.images or IMAGES)


def _installed(folder: Path) -> Path:
    """The Python of an environment that has the peer."""
    python = folder / "bin" / "python"
    if not python.is_file():
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        subprocess.run([sys.executable, "-m", "uv", "pip", "install", "-q", "--python", str(python), PEER], check=True)
    return python


def _peer_import(python: Path, archive: Path, target: Path, environment: Mapping[str, str]) -> Mapping[str, float]:
    """The seconds of every step, `all` among them, and how much was imported."""
    seconds = timed_unzip(archive, target)
    os.sync()
    began = time.perf_counter()
    command = [str(python), str(SCRIPT), str(target / "bench")]
    done = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, text=True)
    took = time.perf_counter() - began
    shutil.rmtree(target)
    answer: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return {**answer, "unzip": seconds, "all": seconds + took}


def _report(ours: list[float], theirs: list[Mapping[str, float]], *, images: int) -> Outcome:
    own = statistics.median(ours)
    whole = statistics.median(one["all"] for one in theirs)
    started = statistics.median(one["all"] - one["start"] for one in theirs)
    rows = [(f"{PEER}: {text}", f"{statistics.median(one[step] for one in theirs):.2f} s", "")
            for step, text in STEPS.items()]  # fmt: skip
    rows += [
        (f"{PEER}, all of it", f"{whole:.2f} s", f"{whole / own:.1f}"),
        (f"{PEER}, without the start of Python", f"{started:.2f} s", f"{started / own:.1f}"),
        ("`datayard import --wait`, 2 worker(s)", f"{own:.2f} s", "1.0"),
    ]
    return Outcome(
        f"Medians of {len(ours)} rounds.\n\n{table(('what', 'wall', 'of datayard'), rows)}",
        {
            f"at least {TARGET:.0f} x as fast as {PEER}": whole >= TARGET * own,
            "it has imported every image": all(one["images"] == images for one in theirs),
        },
    )
