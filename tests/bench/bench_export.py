"""An export of 5 000 images, downloaded, against a plain file of the same bytes served by the same server."""

import hashlib
import json
import os
import random
import shutil
import statistics
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from tests.bench.archive import archive_at
from tests.bench.memory import PeakMemory
from tests.bench.options import Options
from tests.bench.results import Outcome, table
from tests.bench.yard_access import database_of
from tests.factories.running_yard import RunningYard, running_yard

IMAGES = 5000
RATE_TARGET, RESUMES = 0.8, 5
GROWTH_TARGET_MIB = 32
PLAIN = "bench-plain"


@dataclass
class Measured:
    """What was measured."""

    size_bytes: int = 0
    making: float = 0.0
    plain: list[float] = field(default_factory=list)
    ours: list[float] = field(default_factory=list)
    plain_cpu: list[float] = field(default_factory=list)
    ours_cpu: list[float] = field(default_factory=list)
    resumed_equal: bool = False
    before_mib: float = 0.0
    peak_mib: float = 0.0


def run(options: Options) -> Outcome:
    """Import the archive, export it, and download both the export and a copy of it that is one file."""
    archive = archive_at(options.folder, images=options.images or IMAGES)
    data = options.folder / "export-yard"
    shutil.rmtree(data, ignore_errors=True)
    with running_yard(data, workers=2) as yard:
        yard.run("import", str(archive), "--name", "bench", "--wait", "--json")
        measured = _measure(yard, options)
    shutil.rmtree(data)
    return _report(measured)


def _measure(yard: RunningYard, options: Options) -> Measured:
    found, whole = Measured(), options.folder / "export.zip"
    began = time.perf_counter()
    export = json.loads(yard.run("export", "bench", "--format", "yolo", "-o", str(whole), "--json"))
    found.making, found.size_bytes = time.perf_counter() - began, export["size_bytes"]
    url = f"{yard.url}{export['links']['file']}"
    plain_url = _plain_file(yard, whole)
    api = psutil.Process(yard.pids["api"])
    found.before_mib = api.memory_info().rss / 2**20
    with PeakMemory(lambda: {"api": api.pid}) as memory:
        for _ in range(options.rounds):
            for one, wall, cpu in (
                (plain_url, found.plain, found.plain_cpu),
                (url, found.ours, found.ours_cpu),
            ):
                before = _cpu(api)
                wall.append(_downloaded(one))
                cpu.append(_cpu(api) - before)
        found.resumed_equal = _resumed(url, whole, options.folder / "resumed.zip")
    found.peak_mib = memory.peaks["api"].rss
    for path in (whole, options.folder / "resumed.zip"):
        path.unlink()
    return found


def _plain_file(yard: RunningYard, whole: Path) -> str:
    """The same bytes as the one image of a dataset, served as an object by the route of images' files."""
    picture = yard.data.parent / "plain" / "images" / "train" / "plain.jpg"
    picture.parent.mkdir(parents=True)
    small = _any_image(yard)
    picture.write_bytes(small)
    (yard.data.parent / "plain" / "data.yaml").write_text("train: images/train\nval: images/train\nnames: [a]\n")
    yard.run("import", str(yard.data.parent / "plain"), "--name", PLAIN, "--wait", "--json")
    (image,) = yard.get(f"/datasets/{PLAIN}/images")["items"]
    shutil.rmtree(yard.data.parent / "plain")
    key = f"datasets/{_dataset_id(yard)}/images/{image['sha256'][:2]}/{image['sha256']}.jpeg"
    shutil.copyfile(whole, yard.data / "objects" / key)
    _resize(yard, image["id"], whole.stat().st_size)
    return f"{yard.url}{image['urls']['file']}"


def _any_image(yard: RunningYard) -> bytes:
    (image,) = yard.get("/datasets/bench/images", limit=1)["items"]
    return yard.http.get(f"{yard.url}{image['urls']['file']}").content


def _dataset_id(yard: RunningYard) -> str:
    return str(yard.get(f"/datasets/{PLAIN}")["id"])


def _resize(yard: RunningYard, image_id: str, size_bytes: int) -> None:
    with database_of(yard) as database:
        database["images"].update_one({"_id": image_id}, {"$set": {"size_bytes": size_bytes}})


def _cpu(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def _downloaded(url: str) -> float:
    """Seconds that curl takes to take everything and throw it away."""
    began = time.perf_counter()
    subprocess.run(["curl", "-fsS", "-o", os.devnull, url], check=True)
    return time.perf_counter() - began


def _resumed(url: str, whole: Path, target: Path) -> bool:
    """Whether a download that was cut off at random places, and gone on with by `curl -C -`, is the same file."""
    dice, size = random.Random(4), whole.stat().st_size
    target.unlink(missing_ok=True)
    offsets = sorted(dice.randrange(1, size) for _ in range(RESUMES))
    with whole.open("rb") as source, target.open("wb") as out:
        out.write(source.read(offsets[0]))
    for following in [*offsets[1:], size]:
        subprocess.run(["curl", "-fsS", "-C", "-", "-o", str(target), url], check=True)
        if target.stat().st_size != size:
            return False
        if following < size:
            os.truncate(target, following)
    return _digest(target) == _digest(whole)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _report(found: Measured) -> Outcome:
    plain, ours = statistics.median(found.plain), statistics.median(found.ours)
    plain_cpu, ours_cpu = statistics.median(found.plain_cpu), statistics.median(found.ours_cpu)
    rows = [
        ("one plain file, as an object", f"{plain:.2f} s", f"{_rate(found, plain)} MB/s", "1.00", f"{plain_cpu:.2f} s"),
        ("the export", f"{ours:.2f} s", f"{_rate(found, ours)} MB/s", f"{plain / ours:.2f}", f"{ours_cpu:.2f} s"),
    ]
    growth = found.peak_mib - found.before_mib
    size = f"{found.size_bytes / 1e6:.0f} MB"
    text = [
        f"{size}; medians of {len(found.ours)} downloads by curl, in turns.",
        f"`datayard export`, which makes and fetches it: {found.making:.2f} s.",
        table(("what is downloaded", "wall", "rate", "of the plain file's rate", "CPU of the API"), rows),
        f"The API's process: {found.before_mib:.0f} MiB before, {found.peak_mib:.0f} MiB at its peak.",
    ]
    checks = {
        f"the export at least {RATE_TARGET} x the rate of a plain file": plain / ours >= RATE_TARGET,
        f"{RESUMES} resumes by `curl -C -` give the identical file": found.resumed_equal,
        f"the API grows by no more than {GROWTH_TARGET_MIB} MiB": growth <= GROWTH_TARGET_MIB,
    }
    return Outcome("\n\n".join(text), checks)


def _rate(found: Measured, seconds: float) -> int:
    return round(found.size_bytes / seconds / 1e6)
