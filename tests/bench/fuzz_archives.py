"""Damages archives, images, labels and descriptions at random, and lets the parsers and whole imports read them.

`python -m tests.bench.fuzz_archives --seconds 60 --seed 7` takes all targets in turn, `--target rows` gives its whole
time to one. A crash is printed with what replays it: case `n` of a target and a seed is always the same, whatever ran
before it. Parsers get their time as processor time, so that a busy machine tries as many cases as a quiet one.
"""

import argparse
import asyncio
import contextlib
import resource
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from types import FrameType

from shared.foundation.settings import EngineSettings
from tests.bench.fuzz_imports import import_one
from tests.bench.fuzz_parsers import TARGETS
from tests.factories.mongo import running_mongod
from tests.factories.yard import Yard, open_yard

CASE_SECONDS = 3.0
CASE_MIB = 96
IMPORT, IMPORTS_SHARE = "import", 0.4
AT_ONCE = 6
ENGINE = EngineSettings(claimers=2, shard_bytes=64 << 10, lease_seconds=4, max_attempts=1)


@dataclass(frozen=True)
class Crash:
    """One case that did what none may do."""

    target: str
    seed: int
    case: int
    reason: str

    def __str__(self) -> str:
        replay = f"python -m tests.bench.fuzz_archives --target {self.target} --seed {self.seed} --case {self.case}"
        return f"{self.target}: {self.reason}\nreplay: {replay}"


@dataclass
class Outcome:
    """What was tried, how it ended, and what crashed."""

    cases: Counter[str] = field(default_factory=Counter)
    endings: Counter[str] = field(default_factory=Counter)
    crashes: list[Crash] = field(default_factory=list)
    slowest_seconds: float = 0.0
    slowest: str = "none"
    grown_mib: float = 0.0
    """By how much the peak of the process's memory has grown since the first case."""

    def ended(self, target: str, case: int, seconds: float) -> None:
        """Count a case that has ended."""
        self.cases[f"{target}: all"] += 1
        if seconds > self.slowest_seconds:
            self.slowest_seconds, self.slowest = seconds, f"{target} {case}"

    def __str__(self) -> str:
        lines = [f"{count:8d} {name}" for name, count in sorted((self.cases + self.endings).items())]
        slowest = f"slowest case: {self.slowest_seconds:.2f} s ({self.slowest})"
        memory = f"memory: {_peak_mib():.0f} MiB at most, {self.grown_mib:.0f} MiB more than before the first case"
        return "\n".join([*lines, slowest, memory, *map(str, self.crashes)])


class TooSlow(Exception):
    """A parser took longer than its time."""


def fuzz_parsers(
    *, seed: int, seconds: float, targets: Sequence[str] = tuple(TARGETS), most_cases: int = sys.maxsize
) -> Outcome:
    """Give the parsers in turn damaged input for so much processor time. Must be called from the main thread."""
    outcome, until, before = Outcome(), time.process_time() + seconds, _peak_mib()
    case = 0
    while time.process_time() < until and case < most_cases:
        run_case(targets[case % len(targets)], seed=seed, case=case, outcome=outcome)
        case += 1
    outcome.grown_mib = _peak_mib() - before
    return outcome


def run_case(target: str, *, seed: int, case: int, outcome: Outcome) -> None:
    """One damaged input for one parser; what it must not do is noted as a crash."""
    before, began = _peak_mib(), time.process_time()
    try:
        with _time_limit(CASE_SECONDS):
            outcome.endings[f"{target}: {TARGETS[target](_dice(target, seed, case))}"] += 1
        if (grown := _peak_mib() - before) > CASE_MIB:
            outcome.crashes.append(Crash(target, seed, case, f"took {grown:.0f} MiB more than any case before"))
    except Exception:  # noqa: BLE001 - whatever it is, it is what we look for
        outcome.crashes.append(Crash(target, seed, case, traceback.format_exc()))
    outcome.ended(target, case, time.process_time() - began)


async def fuzz_imports(
    yard: Yard, folder: Path, *, seed: int, seconds: float, first: int = 0, most_cases: int = sys.maxsize
) -> Outcome:
    """Import damaged archives, several at once, until the time is over; those that are under way are finished."""
    outcome, until, cases = Outcome(), time.perf_counter() + seconds, iter(range(first, first + most_cases))
    before = _peak_mib()

    async def one_after_another() -> None:
        while time.perf_counter() < until and (case := next(cases, None)) is not None:
            await _import(yard, folder, outcome, seed=seed, case=case)

    async with asyncio.TaskGroup() as group:
        for _ in range(AT_ONCE):
            group.create_task(one_after_another())
    outcome.grown_mib = _peak_mib() - before
    return outcome


async def _import(yard: Yard, folder: Path, outcome: Outcome, *, seed: int, case: int) -> None:
    began = time.perf_counter()
    try:
        ending = await import_one(yard, folder / f"fuzz-{seed}-{case}", _dice("import", seed, case))
        outcome.endings[f"import: {ending}"] += 1
    except Exception:  # noqa: BLE001 - whatever it is, it is what we look for
        outcome.crashes.append(Crash("import", seed, case, traceback.format_exc()))
    outcome.ended("import", case, time.perf_counter() - began)


def _dice(target: str, seed: int, case: int) -> Random:
    return Random(f"{target}/{seed}/{case}")


def _peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


@contextlib.contextmanager
def _time_limit(seconds: float) -> Iterator[None]:
    """Raise TooSlow in the block after so much processor time; a busy machine takes none of it."""

    def too_slow(_number: int, _frame: FrameType | None) -> None:
        raise TooSlow(f"took more than {seconds} s of processor time")

    before = signal.signal(signal.SIGVTALRM, too_slow)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


async def _imports(mongo_url: str, folder: Path, arguments: argparse.Namespace, seconds: float) -> Outcome:
    async with open_yard(mongo_url, folder / "yard", engine=ENGINE) as yard:
        first, most = (0, sys.maxsize) if arguments.case is None else (arguments.case, 1)
        return await fuzz_imports(yard, folder, seed=arguments.seed, seconds=seconds, first=first, most_cases=most)


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="fuzz_archives", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60, help="how long to go on")
    parser.add_argument("--seed", type=int, default=1, help="another seed, other cases")
    parser.add_argument("--target", choices=[*TARGETS, IMPORT], help="this one alone")
    parser.add_argument("--case", type=int, help="of the target: replay this case alone")
    arguments = parser.parse_args()
    if arguments.case is not None and arguments.target is None:
        parser.error("--case needs --target")
    return arguments


def main() -> int:
    """0 when nothing crashed."""
    arguments = _parse()
    outcomes: list[Outcome] = []
    if arguments.target != IMPORT:
        outcomes.append(_parsed(arguments))
    if arguments.target in (None, IMPORT):
        with tempfile.TemporaryDirectory(prefix="datayard-fuzz-") as folder, running_mongod(Path(folder) / "db") as url:
            seconds = arguments.seconds * (1 if arguments.target else IMPORTS_SHARE)
            outcomes.append(asyncio.run(_imports(url, Path(folder), arguments, seconds)))
    for outcome in outcomes:
        print(outcome)
    return 1 if any(outcome.crashes for outcome in outcomes) else 0


def _parsed(arguments: argparse.Namespace) -> Outcome:
    if arguments.case is not None:
        outcome = Outcome()
        run_case(arguments.target, seed=arguments.seed, case=arguments.case, outcome=outcome)
        return outcome
    if arguments.target:
        return fuzz_parsers(seed=arguments.seed, seconds=arguments.seconds, targets=[arguments.target])
    return fuzz_parsers(seed=arguments.seed, seconds=arguments.seconds * (1 - IMPORTS_SHARE))


if __name__ == "__main__":
    sys.exit(main())
