"""A zip of 100 GB with a million images and a million labels, from the request to the first page and to the end."""

import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.bench.huge_archive import HugeRequest, HugeTruth, read_truth, truth_file, write_huge
from tests.bench.huge_checks import wrong_counts, wrong_documents, wrong_samples
from tests.bench.huge_floors import Floor, forget, image_offsets, insert_documents, read_directory, read_heads
from tests.bench.memory import PeakMemory, yard_memory
from tests.bench.options import Options
from tests.bench.results import Outcome, table
from tests.bench.yard_access import ENDED, KeptConnection, database_of
from tests.factories.running_yard import RunningYard, running_yard

PAGE_TARGET_SECONDS, DONE_TARGET_SECONDS = 60, 120
MEMORY_TARGET_MIB = 256
DEADLINE_SECONDS = 3600
POLL_SECONDS = 0.2
LIMIT = 100
_DATABASE_BYTES_PER_IMAGE = 2000


@dataclass
class Course:
    """How an import went: seconds from the request to what was seen first, by name."""

    dataset: str
    seen: dict[str, float] = field(default_factory=dict)
    status: dict[str, object] = field(default_factory=dict)

    @property
    def succeeded(self) -> bool:
        """Whether the job did."""
        return self.status.get("state") == "succeeded"


def run(options: Options) -> Outcome:
    """Write the archive, import it into an empty yard, check the result, and measure the floors."""
    request = _request(options)
    archive, data = options.folder / request.name, options.folder / "huge-yard"
    _check_space(options.folder, request, options.storage)
    shutil.rmtree(data, ignore_errors=True)
    try:
        written, truth = _written(archive, request)
        with running_yard(data, workers=2) as yard:
            return _measure(yard, archive, truth, _Facts(options, written))
    finally:
        shutil.rmtree(data, ignore_errors=True)
        if not options.keep:
            archive.unlink(missing_ok=True)
            truth_file(archive).unlink(missing_ok=True)


@dataclass(frozen=True, slots=True)
class _Facts:
    """What the report says besides figures; `written_seconds` is None for an archive that was there."""

    options: Options
    written_seconds: float | None


def _request(options: Options) -> HugeRequest:
    images = options.images or HugeRequest().images
    gigabytes = options.gigabytes or HugeRequest().archive_bytes / 1e9 * images / HugeRequest().images
    return HugeRequest(images, int(gigabytes * 1e9), options.interleaved)


def _check_space(folder: Path, request: HugeRequest, storage: str) -> None:
    """Raises SystemExit when the disk has no room for the archive's blocks, the database and copies."""
    copies = request.archive_bytes if storage == "objects" else 0
    needed = request.images * (4500 + _DATABASE_BYTES_PER_IMAGE) + copies + 2 * 2**30
    if (free := shutil.disk_usage(folder).free) < needed:
        raise SystemExit(f"{folder} has {free / 1e9:.0f} GB free, this bench needs {needed / 1e9:.0f}; see --folder")


def _written(archive: Path, request: HugeRequest) -> tuple[float | None, HugeTruth]:
    if archive.is_file() and truth_file(archive).is_file():
        return None, read_truth(archive)
    began = time.perf_counter()
    truth = write_huge(archive, request)
    return time.perf_counter() - began, truth


def _measure(yard: RunningYard, archive: Path, truth: HugeTruth, facts: _Facts) -> Outcome:
    forget(archive)
    connection = KeptConnection(yard.url)
    with yard_memory(yard) as memory:
        course = _import(connection, archive, truth, storage=facts.options.storage)
    faults = [] if course.succeeded else [f"the job ended as {course.status}"]
    if course.succeeded:
        faults += wrong_counts(connection, course.dataset, truth)
        faults += wrong_samples(connection, course.dataset, archive, truth)
    with database_of(yard) as database:
        faults += wrong_documents(database, course.dataset, truth) if course.succeeded else []
        floors = [
            read_directory(archive, truth),
            *read_heads(archive, image_offsets(archive, truth)),
            *insert_documents(database, course.dataset, truth.images),
        ]
    return _report(archive, facts, _Figures(course, truth, memory, floors, faults))


def _import(connection: KeptConnection, archive: Path, truth: HugeTruth, *, storage: str) -> Course:
    """Ask for the import, then ask again and again for its status and, until it is there, for the first page."""
    body: dict[str, object] = {"source": str(archive), "name": "huge", "storage": storage}
    began = time.perf_counter()
    started = connection.post("/datasets/import", body | ({"in_place": True} if storage == "packed" else {}))
    assert started.status == 202, started.body
    course = Course(started.json()["dataset_id"])
    job = started.json()["job_id"]
    while course.status.get("state") not in ENDED:
        if "first page" not in course.seen and _page_is_there(connection, course.dataset, truth):
            course.seen["first page"] = time.perf_counter() - began
        course.status = connection.get(f"/datasets/import/{job}/status").json()
        for name in (f"phase {course.status['phase']}", f"state {course.status['state']}"):
            course.seen.setdefault(name, time.perf_counter() - began)
        assert time.perf_counter() - began < DEADLINE_SECONDS, course.status
        time.sleep(POLL_SECONDS)
    if course.succeeded:
        course.seen.setdefault("first page", course.seen["state succeeded"])
    return course


def _page_is_there(connection: KeptConnection, dataset: str, truth: HugeTruth) -> bool:
    answer = connection.get(f"/datasets/{dataset}/images?limit={LIMIT}")
    items = answer.json()["items"] if answer.status == 200 else []
    return len(items) == min(LIMIT, truth.images) and all(item["annotations"] for item in items)


@dataclass(frozen=True, slots=True)
class _Figures:
    """Everything measured."""

    course: Course
    truth: HugeTruth
    memory: PeakMemory
    floors: list[Floor]
    faults: list[str]


def _report(archive: Path, facts: _Facts, figures: _Figures) -> Outcome:
    seen, none = figures.course.seen, float("inf")
    page, done = seen.get("first page", none), seen.get("state succeeded", none)
    largest = max(peak.rss for peak in figures.memory.ours().values())
    checks = {
        f"first page of {LIMIT} images with annotations within {PAGE_TARGET_SECONDS} s": page <= PAGE_TARGET_SECONDS,
        f"done within {DONE_TARGET_SECONDS} s": done <= DONE_TARGET_SECONDS,
        f"every Python process within {MEMORY_TARGET_MIB} MiB resident": largest <= MEMORY_TARGET_MIB,
        "counts exact, sampled images byte for byte": not figures.faults,
    }
    parts = [
        _what(archive, facts, figures.truth),
        table(("from the request to", "wall"), [(name, f"{seconds:.1f} s") for name, seconds in seen.items()]),
        table(("floor", "wall", "done, of it"), list(_floor_rows(figures.floors, done))),
        table(("process", "peak RSS", "of it anonymous"), list(_memory_rows(figures.memory))),
        *(f"- {fault}" for fault in figures.faults[:20]),
    ]
    return Outcome("\n\n".join(parts), checks)


def _what(archive: Path, facts: _Facts, truth: HugeTruth) -> str:
    size, used = archive.stat().st_size, archive.stat().st_blocks * 512
    written = f", written in {facts.written_seconds:.0f} s" if facts.written_seconds is not None else ""
    kind = "between the images" if facts.options.interleaved else "behind the images"
    return (
        f"{size / 1e9:.1f} GB ({used / 1e9:.1f} GB on the disk{written}): {truth.images} images, as many labels {kind},"
        f" {truth.annotations} annotations; storage `{facts.options.storage}`, 2 workers."
    )


def _floor_rows(floors: list[Floor], done: float) -> Iterator[tuple[str, ...]]:
    for floor in floors:
        yield floor.name, f"{floor.seconds:.1f} s", f"{done / floor.seconds:.1f} x"


def _memory_rows(memory: PeakMemory) -> Iterator[tuple[str, ...]]:
    for name, peak in (memory.ours() | memory.others()).items():
        yield name, f"{peak.rss:.0f} MiB", f"{peak.anonymous:.0f} MiB"
