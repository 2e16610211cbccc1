"""The import of 5 000 deflated JPEGs against `unzip -q` of the same file, with one worker and with two."""

import json
import os
import shutil
import statistics
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from tests.bench.archive import write_archive
from tests.bench.memory import PeakMemory
from tests.factories.running_yard import running_yard

UNZIP_TARGET = 1.2
SPEEDUP_TARGET = 1.5
MEMORY_TARGET_MIB = 256


@dataclass
class Measured:
    """One import, repeated."""

    workers: int
    seconds: list[float]
    peak_mib: dict[str, float]

    @property
    def median(self) -> float:
        return statistics.median(self.seconds)

    @property
    def worker_mib(self) -> float:
        return max(size for name, size in self.peak_mib.items() if name.startswith("worker"))


def run(folder: Path, *, images: int, rounds: int) -> bool:
    """Measure, print a Markdown table, and say whether the targets are met."""
    archive = folder / f"bench-{images}.zip"
    if not archive.is_file():
        write_archive(archive, images=images)
    unzip: list[float] = []
    measured = [_import(folder, archive, workers, rounds, unzip) for workers in (1, 2)]
    return _report(archive, unzip, measured)


def _import(folder: Path, archive: Path, workers: int, rounds: int, unzip: list[float]) -> Measured:
    """Each round measures `unzip` and the import next to each other, so that both meet the same machine."""
    seconds: list[float] = []
    data = folder / f"yard-{workers}"
    shutil.rmtree(data, ignore_errors=True)
    with running_yard(data, workers=workers) as yard, PeakMemory(yard.pids) as memory:
        for _ in range(rounds):
            unzip.append(_unzip(archive, folder / "unzipped"))
            os.sync()  # nobody pays for what the one before left to be written or discarded
            began = time.perf_counter()
            answer = json.loads(yard.run("import", str(archive), "--wait", "--json"))
            seconds.append(time.perf_counter() - began)
            assert answer["state"] == "succeeded", answer
    shutil.rmtree(data)
    return Measured(workers, seconds, memory.mebibytes)


def _unzip(archive: Path, target: Path) -> float:
    shutil.rmtree(target, ignore_errors=True)
    os.sync()
    began = time.perf_counter()
    subprocess.run(["unzip", "-q", str(archive), "-d", str(target)], check=True)
    seconds = time.perf_counter() - began
    shutil.rmtree(target)
    return seconds


def _report(archive: Path, unzip: list[float], measured: list[Measured]) -> bool:
    floor = statistics.median(unzip)
    one, two = measured
    print(f"\n{archive.name}: {archive.stat().st_size / 1e6:.0f} MB; medians of {len(two.seconds)} rounds\n")
    print("| what | wall | of unzip | peak RSS of a worker |")
    print("|---|---|---|---|")
    print(f"| `unzip -q` | {floor:.2f} s | 1.00 | |")
    for each in measured:
        wall = f"{each.median:.2f} s | {each.median / floor:.2f}"
        print(f"| `datayard import --wait`, {each.workers} worker(s) | {wall} | {each.worker_mib:.0f} MiB |")
    others = ", ".join(f"{name} {size:.0f} MiB" for name, size in sorted(two.peak_mib.items()) if "worker" not in name)
    print(f"\nOther processes at their peak: {others}.")
    checks = {
        f"two workers within {UNZIP_TARGET} x unzip": two.median <= UNZIP_TARGET * floor,
        f"two workers at least {SPEEDUP_TARGET} x as fast as one": one.median >= SPEEDUP_TARGET * two.median,
        f"every worker within {MEMORY_TARGET_MIB} MiB": max(one.worker_mib, two.worker_mib) <= MEMORY_TARGET_MIB,
    }
    for name, met in checks.items():
        print(f"{'met   ' if met else 'MISSED'} {name}")
    return all(checks.values())
