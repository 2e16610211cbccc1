"""The import of 5 000 JPEGs as objects against `unzip -q` of the same file, with one worker and with two."""

import json
import os
import shutil
import statistics
import subprocess
import time
import zipfile
from dataclasses import dataclass
from pathlib import Path

from tests.bench.archive import archive_at
from tests.bench.memory import PeakMemory, listed, yard_memory
from tests.bench.options import Options
from tests.bench.results import Outcome, table
from tests.factories.running_yard import RunningYard, running_yard

IMAGES = 5000
UNZIP_TARGET, SPEEDUP_TARGET, MEMORY_TARGET_MIB = 0.8, 1.6, 256


@dataclass(frozen=True, slots=True)
class Measured:
    """One import, repeated."""

    workers: int
    seconds: list[float]
    memory: PeakMemory

    @property
    def median(self) -> float:
        """Of its wall times."""
        return statistics.median(self.seconds)

    @property
    def largest_mib(self) -> float:
        """The peak of whichever of our processes took most."""
        return max(peak.rss for peak in self.memory.ours().values())


def run_deflated(options: Options) -> Outcome:
    """The archive whose images are deflated: inflating is a large part of the work, for `unzip` as well."""
    return _run(options, zipfile.ZIP_DEFLATED)


def run_stored(options: Options) -> Outcome:
    """The archive whose images are stored: `unzip` only copies, so there is no target for the wall time."""
    return _run(options, zipfile.ZIP_STORED)


def _run(options: Options, method: int) -> Outcome:
    archive = archive_at(options.folder, images=options.images or IMAGES, method=method)
    unzip: list[float] = []
    one, two = (_import(options, archive, workers, unzip) for workers in (1, 2))
    return _report(unzip, one, two, deflated=method == zipfile.ZIP_DEFLATED)


def _import(options: Options, archive: Path, workers: int, unzip: list[float]) -> Measured:
    """Each round measures `unzip` and the import next to each other, so that both meet the same machine."""
    seconds: list[float] = []
    data = options.folder / f"yard-{workers}"
    shutil.rmtree(data, ignore_errors=True)
    with running_yard(data, workers=workers) as yard, yard_memory(yard) as memory:
        for _ in range(options.rounds):
            unzip.append(timed_unzip(archive, options.folder / "unzipped"))
            shutil.rmtree(options.folder / "unzipped")
            seconds.append(timed_import(yard, archive))
    shutil.rmtree(data)
    return Measured(workers, seconds, memory)


def timed_import(yard: RunningYard, archive: Path) -> float:
    """Seconds of `datayard import --wait`, from the start of the command to its end."""
    os.sync()  # nobody pays for what the one before left to be written or discarded
    began = time.perf_counter()
    answer = json.loads(yard.run("import", str(archive), "--wait", "--json"))
    seconds = time.perf_counter() - began
    assert answer["state"] == "succeeded", answer
    return seconds


def timed_unzip(archive: Path, target: Path) -> float:
    """Seconds of `unzip -q` into the empty folder `target`."""
    shutil.rmtree(target, ignore_errors=True)
    os.sync()
    began = time.perf_counter()
    subprocess.run(["unzip", "-q", str(archive), "-d", str(target)], check=True)
    return time.perf_counter() - began


def _report(unzip: list[float], one: Measured, two: Measured, *, deflated: bool) -> Outcome:
    floor = statistics.median(unzip)
    rows = [("`unzip -q`", f"{floor:.2f} s", "1.00", "")] + [
        (f"`datayard import --wait`, {each.workers} worker(s)", f"{each.median:.2f} s", f"{each.median / floor:.2f}",
         f"{each.largest_mib:.0f} MiB")
        for each in (one, two)
    ]  # fmt: skip
    checks = {f"every Python process within {MEMORY_TARGET_MIB} MiB": _fits(one) and _fits(two)}
    if deflated:
        checks[f"two workers within {UNZIP_TARGET} x unzip"] = two.median <= UNZIP_TARGET * floor
        checks[f"two workers at least {SPEEDUP_TARGET} x as fast as one"] = one.median >= SPEEDUP_TARGET * two.median
    text = [
        f"Medians of {len(two.seconds)} rounds. Two workers are {one.median / two.median:.2f} x as fast as one.",
        table(("what", "wall", "of unzip", "largest Python process"), rows),
        f"Peaks with two workers: {listed((two.memory.ours() | two.memory.others()).items())}.",
    ]
    return Outcome("\n\n".join(text), checks)


def _fits(measured: Measured) -> bool:
    return measured.largest_mib <= MEMORY_TARGET_MIB
