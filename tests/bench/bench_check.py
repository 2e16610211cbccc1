"""How fast label files are read and judged and the heads of their images looked at, on one core, from memory.

The floor is what no reader can do without: the same texts split, and their values made numbers.
"""

import multiprocessing
import random
import resource
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection

from shared.formats.annotations.model import LabelContext, LabelReader, RowLimits
from shared.formats.annotations.registry import label_reader
from shared.formats.annotations.trainers.model import TrainingTask
from shared.formats.annotations.trainers.tally import TrainerTally, totals
from shared.formats.findings import FindingLog
from shared.formats.images.probe import probe_image
from tests.bench.options import Options
from tests.bench.results import Outcome, table
from tests.factories.archives import jpeg_bytes

LABELS = 100_000
ROWS = 7
CATEGORIES = 80
TARGET = 30_000
MOST_MEMORY_MIB = 32
HEADS = 64
ODD = 20
"""One label file of so many has something wrong with it, in the second table."""


@dataclass(frozen=True, slots=True)
class Measured:
    """Seconds of each step over all label files, images that a trainer keeps, findings, and memory beyond the texts."""

    seconds: dict[str, float]
    kept: int
    findings: int
    memory_mib: float


def run(options: Options) -> Outcome:
    """Plain files, and files of which some are odd, each in a process of its own."""
    count = options.images or LABELS
    plain = _median([_apart(count, 0) for _ in range(options.rounds)])
    odd = _median([_apart(count, ODD) for _ in range(options.rounds)])
    rows = [(step, *(_rate(count, one.seconds[step]) for one in (plain, odd))) for step in plain.seconds]
    rows.append(("memory beside the texts", f"{plain.memory_mib:.0f} MiB", f"{odd.memory_mib:.0f} MiB"))
    rows.append(("findings", str(plain.findings), str(odd.findings)))
    heads = ("label files a second, one core", "plain", f"one of {ODD} odd")
    checks = {
        f"at least {TARGET:,} label files and heads a second": count >= TARGET * plain.seconds[_STEP],
        "nothing is said of plain files, and each trainer keeps them": plain.kept == count and not plain.findings,
        f"no more than {MOST_MEMORY_MIB} MiB beside the texts": odd.memory_mib <= MOST_MEMORY_MIB,
    }
    text = f"{count:,} label files of {ROWS} rows, medians of {options.rounds} rounds.\n\n{table(heads, rows)}"
    return Outcome(text, checks)


_STEP = "read, judged, heads looked at"


def _rate(count: int, seconds: float) -> str:
    return f"{count / seconds:,.0f}"


def _median(found: Sequence[Measured]) -> Measured:
    seconds = {step: statistics.median(one.seconds[step] for one in found) for step in found[0].seconds}
    return Measured(seconds, found[0].kept, found[0].findings, max(one.memory_mib for one in found))


def _apart(count: int, odd: int) -> Measured:
    """Measure in a new process, whose memory nothing else has touched."""
    here, there = multiprocessing.Pipe(duplex=False)
    process = multiprocessing.get_context("spawn").Process(target=_measure, args=(there, count, odd))
    process.start()
    there.close()
    found: Measured = here.recv()
    process.join()
    return found


def _measure(answer: Connection, count: int, odd: int) -> None:
    texts, heads = labels(count, odd=odd), [jpeg_bytes(40 + at, 30 + at, seed=at) for at in range(HEADS)]
    reader = label_reader("yolo", LabelContext(CATEGORIES, RowLimits()))
    tally, log = TrainerTally(TrainingTask(CATEGORIES)), FindingLog(100)
    before = _peak_mib()
    seconds = {
        _STEP: _timed(lambda: _check(texts, heads, reader, tally, log)),
        "read and judged": _timed(lambda: _check(texts, [], reader, TrainerTally(tally.task), FindingLog(100))),
        "read": _timed(lambda: _read(texts, reader)),
        "floor: split, and made numbers": _timed(lambda: _split(texts)),
    }
    kept = totals(tally.counts)["ultralytics@8.4.190"].images_kept
    answer.send(Measured(seconds, kept, log.total, _peak_mib() - before))
    answer.close()


def _peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _timed(work: Callable[[], None]) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began


def _check(
    texts: Sequence[bytes], heads: Sequence[bytes], reader: LabelReader, tally: TrainerTally, log: FindingLog
) -> None:
    size = (640, 480)
    for at, text in enumerate(texts):
        if heads:
            header = probe_image(heads[at % HEADS])
            size = (header.width * 10, header.height * 10)
        rows = reader.read(text, file="labels/a.txt", size=size, report=log.add)
        tally.add(text, plain_rows=rows.plain_rows)


def _read(texts: Sequence[bytes], reader: LabelReader) -> None:
    log = FindingLog(100)
    for text in texts:
        reader.read(text, file="labels/a.txt", size=(640, 480), report=log.add)


def _split(texts: Sequence[bytes]) -> None:
    for text in texts:
        for line in text.decode().splitlines():
            list(map(float, line.split()))


def labels(count: int, *, odd: int, seed: int = 11) -> list[bytes]:
    """Label files of `ROWS` boxes that lie in the image; each `odd`-th has a row that is wrong."""
    dice = random.Random(seed)
    found = [_label(dice) for _ in range(count)]
    wrong = (b"0 .95 .5 .3 .2\n", b"99 .5 .5 .2 .2\n", b"0 1.005 .5 .2 .2\n", b"0 .5 .5 .2\n", b"0 .5 .5 .2 .2 .9\n")
    for at in range(0, count if odd else 0, odd or 1):
        found[at] += wrong[at // odd % len(wrong)]
    return found


def _label(dice: random.Random) -> bytes:
    rows = []
    for at in range(ROWS):
        width, height = dice.uniform(0.02, 0.1), dice.uniform(0.05, 0.3)
        x, y = (at + 0.5) / ROWS + dice.uniform(-0.01, 0.01), dice.uniform(height / 2, 1 - height / 2)
        rows.append(f"{dice.randrange(CATEGORIES)} {x:.6f} {y:.6f} {width:.6f} {height:.6f}\n")
    return "".join(rows).encode()
