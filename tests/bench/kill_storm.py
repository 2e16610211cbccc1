"""`kill -9` at random moments, by the hundred: every import must end as one that nobody disturbs.

`python -m tests.bench.kill_storm --kills 100 --seed 1` runs every scenario, a line each; tests/e2e/test_kill_storm.py
does the same with few kills. Claimers are processes; some kills take all of them, the database, or both at once.
"""

import argparse
import asyncio
import contextlib
import logging
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import structlog

from shared.foundation.ids import DatasetId
from shared.foundation.settings import EngineSettings
from tests.bench.storm_archive import storm_tar, storm_zip
from tests.factories.claimers import ForkedClaimer, Nursery, claimers_log, nursery
from tests.factories.http_servers import source_server
from tests.factories.mortal_mongod import MortalMongod, mortal_mongod
from tests.factories.snapshots import differences, snapshot
from tests.factories.yard import ENDED, QuietLauncher, Yard, open_yard

CLAIMERS = 2
PATIENCE_SECONDS = 180
DROP_AFTER_BYTES = 600_000
PHASES = ("plan", "index", "transfer", "finish", "cleanup")
VICTIMS = {"one claimer": 16, "all claimers": 2, "database": 1, "all and database": 1}

_POLL_SECONDS = 0.004
_LONGEST_WAIT_SECONDS = 0.6
_AIMED_SHARE = 0.5
_SOON_SECONDS = {"plan": 0.1, "index": 0.1, "transfer": 0.1, "finish": 0.012, "cleanup": 0.03}


@dataclass(frozen=True, slots=True)
class Scenario:
    """An archive and what is asked of the import. `labels_first_bytes` is the setting `index_first_bytes`."""

    write: Callable[[Path, int], Path]
    options: Mapping[str, object] = field(default_factory=dict)
    labels_first_bytes: int = 0
    over_http: bool = False


SCENARIOS: Mapping[str, Scenario] = {
    "zip-objects": Scenario(storm_zip),
    "zip-packed": Scenario(storm_zip, {"storage": "packed"}),
    "zip-in-place": Scenario(storm_zip, {"storage": "packed", "in_place": True}),
    "tar.gz-objects": Scenario(storm_tar, labels_first_bytes=1 << 40),
    "http-objects": Scenario(storm_zip, over_http=True),
}


@dataclass(slots=True)
class Outcome:
    """What a storm has shown; `difference` is empty when every import ended as the undisturbed one."""

    scenario: str
    kills: Counter[str] = field(default_factory=Counter)
    phases: Counter[str] = field(default_factory=Counter)
    imports: int = 0
    seconds: float = 0
    undisturbed_seconds: float = 0
    difference: str = ""

    def __str__(self) -> str:
        hit = ", ".join(f"{phase} {self.phases[phase]}" for phase in PHASES if self.phases[phase])
        return (
            f"{self.scenario}: {self.kills.total()} kills ({hit}; {_counts(self.kills)}) in {self.imports} imports,"
            f" {self.seconds:.0f} s (undisturbed {self.undisturbed_seconds:.1f} s each): {self.difference or 'equal'}"
        )


def _counts(counter: Counter[str]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counter.most_common())


@dataclass(slots=True)
class Storm:
    """Imports in one yard, disturbed."""

    yard: Yard
    mongod: MortalMongod
    forks: Nursery
    dice: random.Random
    claimers: list[ForkedClaimer] = field(default_factory=list)

    async def run(self, source: str, options: Mapping[str, object], outcome: Outcome, kills: int) -> None:
        """Import again and again until there were so many kills, and compare each with an undisturbed import."""
        began = time.monotonic()
        job_id = await self.yard.start_import(source, **options)
        await self._until_cleaned(job_id)
        expected = await self._taken(job_id)
        outcome.undisturbed_seconds = time.monotonic() - began
        _check_baseline(expected)
        began = time.monotonic()
        while outcome.kills.total() < kills and not outcome.difference:
            job_id = await self.yard.start_import(source, **options)
            await self._disturb(job_id, outcome, kills)
            await self._until_cleaned(job_id)
            outcome.difference = next(differences(expected, await self._taken(job_id)), "")
            outcome.imports += 1
        outcome.seconds = time.monotonic() - began

    async def _taken(self, job_id: str) -> dict[str, Any]:
        """The snapshot of an import, whose data is then removed."""
        found = await snapshot(self.yard, job_id)
        job = await self.yard.job(job_id)
        await self.yard.container.images.remove_all(DatasetId(job["dataset_id"]))
        return found

    async def _disturb(self, job_id: str, outcome: Outcome, kills: int) -> None:
        """Kill until the import is over, or there were enough kills; once while it is cleaned up."""
        phase: str | None = "plan"
        while outcome.kills.total() < kills and phase != "cleanup":
            phase = await self._moment(job_id)
            if phase is None:
                return
            victims = self.dice.choices([*VICTIMS], [*VICTIMS.values()])[0]
            await self._kill(victims)
            outcome.kills[victims] += 1
            outcome.phases[phase] += 1

    async def _moment(self, job_id: str) -> str | None:
        """Wait for a random moment: at any time, or soon after a phase has begun. The phase then; None at the end."""
        aim = self.dice.choice(PHASES) if self.dice.random() < _AIMED_SHARE else None
        wait = self.dice.uniform(0, _SOON_SECONDS[aim] if aim else _LONGEST_WAIT_SECONDS)
        deadline = time.monotonic() + (PATIENCE_SECONDS if aim else wait)
        async for phase in self._phases(job_id):
            if time.monotonic() > deadline:
                return phase
            if aim is not None and PHASES.index(phase) >= PHASES.index(aim):
                aim, deadline = None, time.monotonic() + wait
        return None

    async def _phases(self, job_id: str, *, killing: bool = True) -> AsyncIterator[str]:
        """The phase again and again, while claimers are kept alive, until nothing is left to do."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            job = await self.yard.job(job_id)
            if job["state"] in ENDED and "cleanup_at" not in job:
                return
            await self._play_the_queue(job)
            self._keep_alive(job, until_cleaned=killing)
            if job["state"] != "queued":
                yield "cleanup" if job["state"] in ENDED else job["phase"]
            await asyncio.sleep(_POLL_SECONDS)
        raise AssertionError(f"the import does not end; {claimers_log(self.yard).read_text()[-3000:]}")

    def _keep_alive(self, job: Mapping[str, Any], *, until_cleaned: bool) -> None:
        """Start claimers in place of those that have gone, as the launcher of a cloud would.

        After the end of the job one is enough: the last to leave cleans up.
        """
        for claimer in [claimer for claimer in self.claimers if not claimer.lives]:
            claimer.kill()
            self.claimers.remove(claimer)
        wanted = {"queued": 0, "running": CLAIMERS}.get(job["state"], int(until_cleaned))
        new = range(wanted - len(self.claimers))
        self.claimers += [self.forks.claimer(self.yard, job["_id"]) for _ in new]

    async def _play_the_queue(self, job: Mapping[str, Any]) -> None:
        """A job whose database was away for too long waits for another attempt, or for somebody who asks for one."""
        if job["state"] == "queued":
            await self.yard.container.dispatcher.dispatch(job["_id"])
        if job["state"] == "dead":
            await self.yard.api.post(f"/datasets/import/{job['_id']}/retry")

    async def _kill(self, victims: str) -> None:
        if victims == "one claimer" and self.claimers:
            self.dice.choice(self.claimers).kill()
        if "database" in victims:
            self.mongod.kill()
        if "all" in victims:
            self.end_claimers()
        if "database" in victims:
            await self.mongod.start()

    async def _until_cleaned(self, job_id: str) -> None:
        """Let claimers and sweeper finish what is left."""
        async for phase in self._phases(job_id, killing=False):
            if phase == "cleanup":
                await self.yard.swept()

    def end_claimers(self) -> None:
        """Leave no process behind."""
        for claimer in self.claimers:
            claimer.kill()
        self.claimers.clear()


def _check_baseline(expected: Mapping[str, Any]) -> None:
    assert expected["state"] == "succeeded", expected["error"]
    assert expected["images"]
    assert expected["findings"]
    assert expected["left over"] == []
    assert expected["shards"] == 0


async def storm(name: str, folder: Path, mongod: MortalMongod, *, kills: int, seed: int, images: int) -> Outcome:
    """The outcome of one scenario. The same seed makes the same choices; processes take their own time."""
    scenario, outcome = SCENARIOS[name], Outcome(name)
    archive = scenario.write(folder, images)
    engine = EngineSettings(
        claimers=CLAIMERS,
        shard_bytes=512 << 10,
        shard_images=128,
        lease_seconds=1,
        index_first_bytes=scenario.labels_first_bytes,
    )
    with nursery() as forks, _served(archive, scenario) as source:
        async with open_yard(mongod.url, folder / name, engine=engine, launcher=QuietLauncher()) as yard:
            disturbed = Storm(yard, mongod, forks, random.Random(f"{name} {seed}"))
            try:
                await disturbed.run(source, scenario.options, outcome, kills)
            finally:
                disturbed.end_claimers()
    return outcome


@contextlib.contextmanager
def _served(archive: Path, scenario: Scenario) -> Iterator[str]:
    """The address of the archive; over HTTP every connection is cut after some bytes."""
    if not scenario.over_http:
        yield str(archive)
        return
    with source_server(archive.read_bytes()) as server:
        server.cut_after = DROP_AFTER_BYTES
        yield server.url


async def _main() -> int:
    parser = argparse.ArgumentParser(prog="kill_storm", description="Kill processes of imports at random moments.")
    parser.add_argument("--kills", type=int, default=100, help="kills per scenario")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--images", type=int, default=2000)
    parser.add_argument("--only", action="append", choices=SCENARIOS, help="this scenario, and others named so")
    arguments = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    unequal = 0
    with tempfile.TemporaryDirectory(prefix="datayard-storm-", dir="/var/tmp") as temporary:
        folder = Path(temporary)
        async with mortal_mongod(folder / "mongo") as mongod:
            for name in arguments.only or SCENARIOS:
                outcome = await storm(
                    name, folder, mongod, kills=arguments.kills, seed=arguments.seed, images=arguments.images
                )
                print(outcome, flush=True)
                unequal += bool(outcome.difference)
    return 1 if unequal else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(_main()))
