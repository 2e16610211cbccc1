"""Three equal imports at once on two workers: whether they share, and whether cancelling one disturbs the others."""

import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.bench.archive import archive_at
from tests.bench.options import Options
from tests.bench.results import Outcome, table
from tests.bench.watching import Watched, start_import
from tests.bench.yard_access import KeptConnection
from tests.factories.running_yard import running_yard

IMAGES = 3000
IMPORTS = 3
LEADER_AT, OTHERS_AT_LEAST = 0.6, 0.15
CANCEL_AT = 0.2
POLL_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Shared:
    """Three imports that ran at once: how far each was when the first of them had reached LEADER_AT."""

    imports: Sequence[Watched]
    fractions: Sequence[float]


@dataclass(frozen=True, slots=True)
class Cancelled:
    """Three imports of which the first was cancelled; the images each of the others has in the end."""

    imports: Sequence[Watched]
    images: Sequence[int]
    seconds_to_stop: float


def run(options: Options) -> Outcome:
    """Run three imports, then three of which one is cancelled."""
    images = options.images or IMAGES
    archive = archive_at(options.folder, images=images)
    data = options.folder / "fairness-yard"
    shutil.rmtree(data, ignore_errors=True)
    with running_yard(data, workers=2) as yard:
        connection = KeptConnection(yard.url)
        shared, cancelled = _share(connection, archive), _cancel_one(connection, archive)
    shutil.rmtree(data)
    return _report(shared, cancelled, images)


def _start(connection: KeptConnection, archive: Path) -> list[Watched]:
    return [start_import(connection, archive, name=f"number {number}") for number in range(1, IMPORTS + 1)]


def _look(connection: KeptConnection, imports: Sequence[Watched]) -> None:
    time.sleep(POLL_SECONDS)
    for one in imports:
        one.look(connection)


def _share(connection: KeptConnection, archive: Path) -> Shared:
    imports = _start(connection, archive)
    fractions: list[float] = []
    while not all(one.ended for one in imports):
        _look(connection, imports)
        if not fractions and max(one.fraction for one in imports) >= LEADER_AT:
            fractions = [one.fraction for one in imports]
    return Shared(imports, fractions or [one.fraction for one in imports])


def _cancel_one(connection: KeptConnection, archive: Path) -> Cancelled:
    imports = _start(connection, archive)
    while imports[0].fraction < CANCEL_AT and not imports[0].ended:
        _look(connection, imports)
    began = time.perf_counter()
    connection.post(f"/datasets/import/{imports[0].job_id}/cancel", None)
    imports[0].look(connection)
    stopped = time.perf_counter() - began
    while not all(one.ended for one in imports):
        _look(connection, imports)
    images = [_images(connection, one) for one in imports[1:]]
    return Cancelled(imports, images, stopped)


def _images(connection: KeptConnection, one: Watched) -> int:
    answer = connection.get(f"/datasets/{one.dataset_id}/statistics")
    return int(answer.json()["images"]) if answer.status == 200 else 0


def _report(shared: Shared, cancelled: Cancelled, images: int) -> Outcome:
    rows = [
        (*_row(number, one), f"{fraction:.0%}")
        for number, (one, fraction) in enumerate(zip(shared.imports, shared.fractions, strict=True), start=1)
    ]
    later = [_row(number, one) for number, one in enumerate(cancelled.imports, start=1)]
    heads = ("import", "first 10 %", "end", "state", f"done when the first had {LEADER_AT:.0%}")
    others = cancelled.imports[1:]
    last = max(one.reached["end"] for one in shared.imports)
    checks = {
        "all three imports succeed": all(one.state == "succeeded" for one in shared.imports),
        f"each has {OTHERS_AT_LEAST:.0%} when the first has {LEADER_AT:.0%}": min(shared.fractions) >= OTHERS_AT_LEAST,
        "the cancelled one is cancelled": cancelled.imports[0].state == "cancelled",
        "the others succeed with every image": (
            all(one.state == "succeeded" for one in others) and set(cancelled.images) == {images}
        ),
        "the others end no later than without cancelling, by a tenth at most": (
            max(one.reached["end"] for one in others) <= 1.1 * last
        ),
    }
    text = [
        f"{IMPORTS} imports of {images} images each, started at once on 2 workers:",
        table(heads, rows),
        f"The same, the first cancelled at {CANCEL_AT:.0%} (answered in {cancelled.seconds_to_stop * 1000:.0f} ms):",
        table(heads[:4], later),
    ]
    return Outcome("\n\n".join(text), checks)


def _row(number: int, one: Watched) -> tuple[str, ...]:
    tenth, end = (f"{one.reached[name]:.1f} s" if name in one.reached else "-" for name in ("10 %", "end"))
    return str(number), tenth, end, one.state
