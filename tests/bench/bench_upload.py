"""What an upload through the API takes: memory, which must not grow with the file, and time, beside the disk's."""

import os
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx2

from services.cli.sending import FileSender
from tests.bench.memory import PeakMemory, Resident, yard_memory
from tests.bench.options import Options
from tests.bench.results import Outcome, table
from tests.factories.running_yard import RunningYard, running_yard

GIGABYTES = 5.0
SMALL_BYTES = 64 * 2**20
GROWTH_MIB = 16
LEAST_SHARE_OF_DISK = 0.2
_BLOCK = 4 * 2**20


@dataclass(frozen=True, slots=True)
class Sent:
    """One upload, and the memory of the yard's API while it came."""

    size_bytes: int
    seconds: float
    api: Resident


def run(options: Options) -> Outcome:
    """Send a small file and a large one of zeros (sparse: it takes no room here), each to the last byte."""
    folder = options.folder
    data = folder / "upload-yard"
    shutil.rmtree(data, ignore_errors=True)
    large_bytes = int((options.gigabytes or GIGABYTES) * 1e9)
    disk = _disk_rate(folder, min(large_bytes, 10**9))
    with running_yard(data, workers=1) as yard:
        sent = [_send(yard, _sparse(folder, size)) for size in (SMALL_BYTES, SMALL_BYTES, large_bytes)]
    shutil.rmtree(data)
    return _report(sent[1], sent[2], disk)


def _send(yard: RunningYard, file: Path) -> Sent:
    body = {"name": file.name, "size_bytes": file.stat().st_size, "import": None}
    answer = httpx2.post(f"{yard.url}/uploads/archive", json=body, trust_env=False, timeout=30).raise_for_status()
    with yard_memory(yard) as memory:
        began = time.perf_counter()
        FileSender(file, answer.json()["session_url"], lambda _: None).send()
        seconds = time.perf_counter() - began
    shown = yard.get(f"/uploads/archive/{answer.json()['upload_id']}")
    assert shown["state"] == "complete", shown
    size = file.stat().st_size
    file.unlink()
    return Sent(size, seconds, _api(memory))


def _api(memory: PeakMemory) -> Resident:
    return memory.peaks["api"]


def _sparse(folder: Path, size: int) -> Path:
    path = folder / f"zeros-{size}.bin"
    with path.open("wb") as file:
        file.truncate(size)
    return path


def _disk_rate(folder: Path, size: int) -> float:
    """Bytes a second that the disk takes when every 16 MiB are synced, as an upload's are."""
    path, began = folder / "disk-rate.bin", time.perf_counter()
    with path.open("wb", buffering=0) as file:
        for number, block in enumerate(_blocks(size)):
            file.write(block)
            if number % 4 == 3:
                os.fdatasync(file.fileno())
        os.fdatasync(file.fileno())
    path.unlink()
    return size / (time.perf_counter() - began)


def _blocks(size: int) -> Iterator[bytes]:
    block = bytes(_BLOCK)
    for _ in range(size // _BLOCK):
        yield block


def _report(small: Sent, large: Sent, disk: float) -> Outcome:
    rows = [
        (f"{one.size_bytes / 1e9:.2f} GB", f"{one.seconds:.1f} s", f"{one.size_bytes / one.seconds / 1e6:.0f} MB/s",
         f"{one.api.rss:.0f} MiB", f"{one.api.anonymous:.0f} MiB")
        for one in (small, large)
    ]  # fmt: skip
    heads = ("upload", "time", "rate", "API's largest resident size", "of it anonymous")
    growth, share = large.api.anonymous - small.api.anonymous, large.size_bytes / large.seconds / disk
    said = f"The disk takes {disk / 1e6:.0f} MB/s when synced as often; the upload has {share:.0%} of it."
    checks = {
        f"the API's memory grows by less than {GROWTH_MIB} MiB with the file ({growth:+.0f} MiB)": growth < GROWTH_MIB,
        f"the rate is at least {LEAST_SHARE_OF_DISK:.0%} of the disk's": share >= LEAST_SHARE_OF_DISK,
    }
    return Outcome(f"{table(heads, rows)}\n\n{said}", checks)
