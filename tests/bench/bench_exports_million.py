"""Exports of a million images, one of each format: what making them takes of a worker, against a bare cursor.

The dataset is cloned inside the database: an export only notes where images lie, so their bytes need not be there a
million times.
"""

import os
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from tests.bench.export_pieces import ServedExport
from tests.bench.memory import PeakMemory
from tests.bench.options import Options
from tests.bench.pages_seed import seeded
from tests.bench.results import Outcome, table
from tests.bench.yard_access import DATABASE, ENDED, KeptConnection, mongo_address
from tests.factories.running_yard import RunningYard, running_yard

IMAGES = 1_000_000
FORMATS = ("yolo", "coco", "voc", "kitti", "csv", "webdataset")
RATIO_TARGET = {"yolo": 5.0}
CPU_TARGET_SECONDS = {"yolo": 90.0}
MEMORY_TARGET_MIB = 300
_POLL_SECONDS = 0.2
_MILLION = 1_000_000


@dataclass
class Making:
    """What making one export took of the worker, and what is wrong with what is served."""

    format: str
    cpu_seconds: float
    wall_seconds: float
    peak_mib: float
    files: int
    size_bytes: int
    wrong: list[str]


@dataclass
class Measured:
    """All of it; `floor_seconds` is the CPU time of a process that only walks the documents."""

    images: int
    floor_seconds: float
    before_mib: float
    makings: list[Making] = field(default_factory=list)


def run(options: Options) -> Outcome:
    """Seed a dataset, export it in each format, and compare with a walk."""
    images = options.images or IMAGES
    data = options.folder / f"pages-yard-{images}"
    with running_yard(data, workers=1) as yard:
        dataset = seeded(yard, options.folder, images=images)
        return _report(_measure(yard, dataset, images))


def _measure(yard: RunningYard, dataset: str, images: int) -> Measured:
    worker = psutil.Process(yard.pids["worker-1"])
    found = Measured(images, _walked(yard, dataset), worker.memory_info().rss / 2**20)
    for name in FORMATS:
        found.makings.append(_made(yard, dataset, name, worker))
    return found


def _made(yard: RunningYard, dataset: str, name: str, worker: psutil.Process) -> Making:
    """Ask for an export, watch the worker until it is made, look at it, and remove it."""
    began, cpu = time.perf_counter(), _cpu(worker)
    with PeakMemory(lambda: {"worker": worker.pid}) as memory:
        export = _ended(yard, f"/datasets/{dataset}/exports", name)
    wall, cpu = time.perf_counter() - began, _cpu(worker) - cpu
    path = export["links"]["file"]
    wrong = ServedExport(KeptConnection(yard.url), path, export).wrong()
    yard.http.delete(f"{yard.url}/datasets/{dataset}/exports/{export['id']}").raise_for_status()
    return Making(name, cpu, wall, memory.peaks["worker"].rss, len(export["files"]), export["size_bytes"], wrong)


def _ended(yard: RunningYard, path: str, name: str) -> dict[str, Any]:
    started = yard.http.post(f"{yard.url}{path}", json={"format": name})
    assert started.status_code == 202, started.text
    while True:
        export = yard.get(f"{path}/{started.json()['id']}")
        if export["state"] in ENDED:
            assert export["state"] == "succeeded", export
            return export
        time.sleep(_POLL_SECONDS)


def _cpu(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def _walked(yard: RunningYard, dataset: str) -> float:
    """Seconds of CPU of a process that takes every document from a cursor and does nothing with it."""
    before = os.times()
    command = [sys.executable, str(Path(__file__).with_name("bare_walk.py")), mongo_address(yard), DATABASE, dataset]
    subprocess.run(command, check=True)
    after = os.times()
    return (after.children_user - before.children_user) + (after.children_system - before.children_system)


def _report(found: Measured) -> Outcome:
    rows = [("a bare cursor over the documents", f"{found.floor_seconds:.0f} s", "", "1.0", "", "")]
    rows += [_row(found, one) for one in found.makings]
    heads = ("what", "CPU of the worker", "wall", "of the cursor's CPU", "worker at its peak", "files and bytes")
    faults = [f"- {one.format}: {fault}" for one in found.makings for fault in one.wrong]
    text = [
        f"{found.images} images, one worker, {found.before_mib:.0f} MiB before.",
        table(heads, rows),
        "\n".join(faults),
    ]
    return Outcome("\n\n".join(part for part in text if part), _checks(found))


def _checks(found: Measured) -> dict[str, bool]:
    checks = {
        f"no worker over {MEMORY_TARGET_MIB} MiB": all(one.peak_mib <= MEMORY_TARGET_MIB for one in found.makings),
        "first, middle and last ranges of each are served, and fit together": not any(o.wrong for o in found.makings),
    }
    share = found.images / _MILLION
    for one in found.makings:
        if (most := CPU_TARGET_SECONDS.get(one.format)) is not None:
            checks[f"{one.format}: at most {most:.0f} s of CPU for a million"] = one.cpu_seconds <= most * share
        if (ratio := RATIO_TARGET.get(one.format)) is not None:
            within = one.cpu_seconds <= ratio * found.floor_seconds
            checks[f"{one.format}: at most {ratio} x the CPU of a bare cursor"] = within
    return checks


def _row(found: Measured, one: Making) -> tuple[str, ...]:
    return (
        one.format,
        f"{one.cpu_seconds:.0f} s",
        f"{one.wall_seconds:.0f} s",
        f"{one.cpu_seconds / found.floor_seconds:.1f}",
        f"{one.peak_mib:.0f} MiB",
        f"{one.files}, {one.size_bytes / 1e9:.2f} GB",
    )
