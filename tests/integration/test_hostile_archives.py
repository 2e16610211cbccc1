"""Archives made to do harm: each ends in time, is told apart, and neither memory, disk nor neighbours suffer.

The cases are in tests/factories/hostile_*.py. They share one yard and run beside each other; a test waits for its own.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import pytest_asyncio

from shared.foundation.settings import EngineSettings, LimitSettings
from tests.bench.fuzz_archives import fuzz_imports, fuzz_parsers
from tests.bench.fuzz_parsers import TARGETS
from tests.factories.hostile import Case
from tests.factories.hostile_cuts import CUTS
from tests.factories.hostile_descriptions import DESCRIPTIONS, OWNED
from tests.factories.hostile_heavy import HEAVY
from tests.factories.hostile_names import NAMES
from tests.factories.hostile_payloads import IMAGES, LABELS
from tests.factories.hostile_tars import TARS
from tests.factories.hostile_trial import DEADLINE_SECONDS, Trial, attempt, files_below, judge, noted
from tests.factories.hostile_zips import ZIPS
from tests.factories.measured_worker import MeasuredWorker
from tests.factories.yard import QuietLauncher, Yard, open_yard

MODULE = pytest.mark.asyncio(loop_scope="module")
STORAGES: Mapping[str, Mapping[str, object]] = {
    "objects": {"storage": "objects"},
    "packed": {"storage": "packed"},
    "in place": {"storage": "packed", "in_place": True},
}
"""The ways to import each archive."""
READS_ALL = {"objects"}
EVERY: Mapping[str, int] = {"packed": 6, "in place": 6}
"""Of how many cases one is imported in this way; all, where it is not said. It bounds the time."""
ALWAYS = {"in place-zip: local extra of 64 KB"}
"""These are imported in that way, whatever their number."""
AT_ONCE, MOST_MIB = 12, 256
SEED, PARSER_SECONDS, IMPORT_SECONDS, IMPORTS = 1, 3.0, 3.0, 40

FAMILIES: Mapping[str, Mapping[str, Case]] = {
    "zip": ZIPS,
    "tar": TARS,
    "cut": CUTS,
    "name": NAMES,
    "description": DESCRIPTIONS,
    "label": LABELS,
    "image": IMAGES,
}
CASES: Mapping[str, Case] = {
    f"{family}: {name}": case for family, cases in FAMILIES.items() for name, case in cases.items()
}


@dataclass
class Trials:
    """The imports under way, and the folder that they share."""

    yard: Yard
    folder: Path
    running: dict[tuple[str, str], "asyncio.Task[Trial]"] = field(default_factory=dict)
    archives: set[Path] = field(default_factory=set)
    room: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_ONCE))

    def begin(self, name: str, storage: str) -> None:
        """Start an import, as soon as there is room."""
        archive = self.folder / "archives" / f"{len(self.running)}.{CASES[name].ending}"
        self.archives.add(archive)
        self.running[name, storage] = asyncio.create_task(self._run(CASES[name], archive, STORAGES[storage]))

    async def _run(self, case: Case, archive: Path, options: Mapping[str, object]) -> Trial:
        async with self.room:
            await asyncio.to_thread(case.build, archive)
            return await attempt(self.yard, archive, case, options)


def _chosen(request: pytest.FixtureRequest, *, with_: str = "name", without: str = "") -> Iterator[Mapping[str, str]]:
    """The parameters of this module's tests that will run."""
    for item in request.session.items:
        given = getattr(item, "callspec", None)
        if item.path == request.path and given and with_ in given.params and without not in given.params:
            yield given.params


async def _given_up(tasks: Iterable["asyncio.Task[object]"]) -> None:
    """Cancel what nobody has waited for, and take note of failures that nobody has seen."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def trials(
    mongo_url: str, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest, weighed: "Weighed"
) -> AsyncIterator[Trials]:
    """Every case that was asked for, under way beside the heavy ones. Relative paths would lead to an empty folder."""
    folder, before = tmp_path_factory.mktemp("hostile"), Path.cwd()
    for name in ("archives", "here"):
        (folder / name).mkdir()
    os.chdir(folder / "here")
    engine = EngineSettings(claimers=1, shard_bytes=64 << 10, lease_seconds=4, max_attempts=1)
    limits = LimitSettings(max_members=20_000)
    async with open_yard(mongo_url, folder / "yard", engine=engine, limits=limits) as yard:
        begun = Trials(yard, folder)
        for chosen in _chosen(request, with_="storage"):
            begun.begin(chosen["name"], chosen["storage"])
        yield begun
        await _given_up(begun.running.values())
    os.chdir(before)


# What the product does not withstand as yet. A row that is mended fails, and is then removed.
DEFECTS: Mapping[str, str] = {}
HANGS: Mapping[str, str] = {}
"""These are not even run, as each takes its whole time."""


def _marks(name: str, storage: str = "") -> tuple[pytest.MarkDecorator, ...]:
    if name in HANGS:
        return (pytest.mark.xfail(run=False, reason=HANGS[name]),)
    reason = DEFECTS.get(name) or DEFECTS.get(f"{storage}-{name}")
    return (pytest.mark.xfail(strict=True, reason=reason),) if reason else ()


def _to_import() -> Iterator[object]:
    """Each case in each way that there is for it: what is compressed as a whole cannot be used in place."""
    for storage, options in STORAGES.items():
        for number, (name, case) in enumerate(CASES.items()):
            possible = not options.get("in_place") or case.ending in ("zip", "tar")
            chosen = number % EVERY.get(storage, 1) == 0 or f"{storage}-{name}" in {*DEFECTS, *ALWAYS}
            if possible and chosen:
                yield pytest.param(storage, name, id=f"{storage}-{name}", marks=_marks(name, storage))


@MODULE
@pytest.mark.parametrize(("storage", "name"), [*_to_import()])
async def test_a_hostile_archive(trials: Trials, storage: str, name: str) -> None:
    trial = await trials.running[name, storage]

    judge(CASES[name], trial, reads_all=storage in READS_ALL)


@dataclass
class Weighed:
    """Heavy imports, which one worker process takes in turn, and the memory that each took."""

    worker: MeasuredWorker
    folder: Path
    running: dict[str, "asyncio.Task[tuple[Trial, float]]"] = field(default_factory=dict)

    def begin(self, name: str) -> None:
        """Let the worker take it when it has the time."""
        self.running[name] = asyncio.create_task(
            self._run(HEAVY[name], self.folder / f"{len(self.running)}.{HEAVY[name].ending}")
        )

    async def _run(self, case: Case, archive: Path) -> tuple[Trial, float]:
        yard = self.worker.yard
        async with self.worker.turn:
            await asyncio.to_thread(case.build, archive)
            job_id = await yard.start_import(archive)
            await yard.begun(job_id)
            peak_mib = await self.worker.run(job_id, seconds=DEADLINE_SECONDS)
            await asyncio.to_thread(archive.unlink)
            return await noted(yard, archive, case, job_id), peak_mib


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def weighed(
    mongo_url: str, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> AsyncIterator[Weighed]:
    """Every heavy case that was asked for, under way, with the default limits."""
    folder = tmp_path_factory.mktemp("heavy")
    engine = EngineSettings(claimers=1, lease_seconds=12, max_attempts=1)
    async with open_yard(mongo_url, folder / "yard", engine=engine, launcher=QuietLauncher()) as yard:
        begun = Weighed(MeasuredWorker(yard, MOST_MIB), folder)
        for chosen in _chosen(request, without="storage"):
            if chosen["name"] not in HANGS:
                begun.begin(chosen["name"])
        yield begun
        begun.worker.close()
        await _given_up(begun.running.values())


@MODULE
@pytest.mark.parametrize("name", [pytest.param(name, id=name, marks=_marks(name)) for name in HEAVY])
async def test_a_heavy_archive(weighed: Weighed, name: str) -> None:
    """In time, and in bounded memory."""
    trial, peak_mib = await weighed.running[name]

    judge(HEAVY[name], trial, reads_all=True)
    assert peak_mib < MOST_MIB


def test_damaged_bytes_in_every_parser() -> None:
    """Seconds of what `python -m tests.bench.fuzz_archives` does for as long as it is told."""
    outcome = fuzz_parsers(seed=SEED, seconds=PARSER_SECONDS)

    assert set(outcome.cases) == {f"{target}: all" for target in TARGETS}
    assert [str(crash) for crash in outcome.crashes] == []


@MODULE
async def test_damaged_archives(trials: Trials) -> None:
    folder = trials.folder / "archives"
    outcome = await fuzz_imports(trials.yard, folder, seed=SEED, seconds=IMPORT_SECONDS, most_cases=IMPORTS)

    assert outcome.cases["import: all"] > 0
    assert [str(crash) for crash in outcome.crashes] == []


@MODULE
async def test_nothing_was_written_elsewhere(trials: Trials) -> None:
    """Behind all of them: no file beside the store, no object of a dataset that is not there, no script was run."""
    done = await asyncio.gather(*trials.running.values(), return_exceptions=True)
    assert len(done) == len(trials.running)
    jobs = trials.yard.database["import_jobs"].find({"state": {"$ne": "failed"}})
    kept = {place async for job in jobs for place in _places(job)}
    objects = trials.yard.objects
    places = {Path(file).relative_to(objects).parts[:2] for file in files_below(objects)}

    assert {path.name for path in trials.folder.iterdir()} == {"archives", "here", "yard"}
    assert set(trials.folder.glob("archives/*")) <= trials.archives
    assert list(trials.folder.glob("here/*")) == []
    assert {path.name for path in trials.folder.glob("yard/*")} == {"objects"}
    assert places <= kept
    assert not OWNED.exists()


def _places(job: Mapping[str, str]) -> list[tuple[str, str]]:
    """Where a job may have left objects. A dead one keeps its work for a retry; that it is dead is told elsewhere."""
    dataset = ("datasets", job["dataset_id"])
    return [dataset] if job["state"] == "succeeded" else [dataset, ("temp", job["_id"])]
