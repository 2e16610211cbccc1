"""Pages of a million images, against a bare handler with the same query, and deep pages against the first one."""

import contextlib
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from services.cli.up.ports import choose
from tests.bench.options import Options
from tests.bench.pages_seed import seeded
from tests.bench.results import Outcome, percentile, table
from tests.bench.yard_access import DATABASE, KeptConnection, database_of, mongo_address
from tests.factories.running_yard import RunningYard, running_yard

IMAGES = 1_000_000
BARE_TARGET, DEPTH_TARGET = 2.0, 1.2
REQUESTS_PER_ROUND = 200
LIMIT, WALK_LIMIT = 100, 500
STEPS = 200  # of a walk, at least, so that it stops near the depths also in a small dataset
DEPTHS = (0.1, 0.5, 0.99)
BARE, FIRST, FIRST_AMONG_DEEP = "bare handler, same query", "first page", "first page, in turn with deep ones"
_GZIP = {"Accept-Encoding": "gzip"}


@dataclass(frozen=True, slots=True)
class Series:
    """What is asked again and again: a path of a server."""

    name: str
    connection: KeptConnection
    path: str
    headers: Mapping[str, str]


def run(options: Options) -> Outcome:
    """Seed a dataset, ask for its pages, and compare."""
    images = options.images or IMAGES
    data = options.folder / f"pages-yard-{images}"
    with running_yard(data, workers=1) as yard:
        dataset = seeded(yard, options.folder, images=images)
        with _bare_server(yard) as bare_url:
            return _measure(yard, dataset, bare_url, options)


def _measure(yard: RunningYard, dataset: str, bare_url: str, options: Options) -> Outcome:
    images = options.images or IMAGES
    ours, bare = KeptConnection(yard.url), KeptConnection(bare_url)
    first = f"/datasets/{dataset}/images?limit={LIMIT}"
    cursors = _walk(ours, dataset, limit=max(1, min(WALK_LIMIT, images // STEPS)))
    deep = [Series(f"at {depth:.0%}", ours, f"{first}&cursor={cursor}", {}) for depth, cursor in cursors.items()]
    floor = Series(BARE, bare, f"/{dataset}?limit={LIMIT}", {})
    requests = options.rounds * REQUESTS_PER_ROUND
    # in pairs, because a process that has just answered answers faster
    times = _alternate([floor, Series(f"{FIRST}, gzip", ours, first, _GZIP)], requests)
    times |= _alternate([floor, Series(FIRST, ours, first, {})], requests)
    times |= _alternate([Series(FIRST_AMONG_DEEP, ours, first, {}), *deep], requests)
    examined = _examined(yard, ours, [first, *(one.path for one in deep)])
    return _report(times, examined, [one.name for one in deep])


def _walk(connection: KeptConnection, dataset: str, *, limit: int) -> dict[float, str]:
    """The cursors found by walking the list to each of the depths, page by page."""
    cursors: dict[float, str] = {}
    cursor, seen, last = "", 0, ""
    while len(cursors) < len(DEPTHS):
        page = connection.get(f"/datasets/{dataset}/images?limit={limit}{cursor}").json()
        paths = [image["path"] for image in page["items"]]
        assert [last, *paths] == sorted({last, *paths}), "the walk went back or stood still"
        seen, last, cursor = seen + len(paths), paths[-1], f"&cursor={page['next_cursor']}"
        cursors |= {
            depth: page["next_cursor"] for depth in DEPTHS if depth not in cursors and seen >= depth * page["total"]
        }
    return cursors


def _alternate(series: Sequence[Series], requests: int) -> dict[str, list[float]]:
    """Milliseconds of each request; one of each in turn, so that all meet the same machine."""
    times: dict[str, list[float]] = {one.name: [] for one in series}
    for number in range(requests + 20):
        for one in series:
            answer = one.connection.get(one.path, one.headers)
            assert answer.status == 200, answer.body[:500]
            if number >= 20:  # the first ones warm caches and connections
                times[one.name].append(answer.seconds * 1000)
    return times


def _examined(yard: RunningYard, connection: KeptConnection, paths: Sequence[str]) -> int:
    """The most documents or index keys any of the queries behind these pages looked at, from MongoDB's profiler."""
    with database_of(yard) as database:
        database.command("profile", 2)
        for path in paths:
            connection.get(path)
        database.command("profile", 0)
        found = list(database["system.profile"].find({"ns": f"{DATABASE}.images"}))
        database["system.profile"].drop()
    assert found
    return max(int(one.get(figure, 0)) for one in found for figure in ("keysExamined", "docsExamined"))


@contextlib.contextmanager
def _bare_server(yard: RunningYard) -> Iterator[str]:
    port = choose(None, taken=set())
    command = [sys.executable, "-m", "tests.bench.bare_app", "--port", str(port)]
    process = subprocess.Popen([*command, "--mongo-url", mongo_address(yard), "--database", DATABASE])
    try:
        _wait(f"http://127.0.0.1:{port}")
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(30)


def _wait(url: str) -> None:
    deadline = time.monotonic() + 30
    while True:
        try:
            KeptConnection(url).get("/none?limit=1")
        except OSError:
            assert time.monotonic() < deadline, "the bare handler did not start"
            time.sleep(0.05)
        else:
            return


def _report(times: Mapping[str, Sequence[float]], examined: int, deep: Sequence[str]) -> Outcome:
    p50 = {name: percentile(values, 0.5) for name, values in times.items()}
    bare, first, among_deep = p50[BARE], p50[FIRST], p50[FIRST_AMONG_DEEP]
    rows = [_row(name, values, bare) for name, values in times.items()]
    heads = ("page of 100 images", "p50", "p95", "p99", "p50 of bare")
    worst = max(p50[name] for name in deep)
    checks = {
        f"p50 of the first page within {BARE_TARGET} x the bare handler's": first <= BARE_TARGET * bare,
        f"p50 at any depth within {DEPTH_TARGET} x the first page's": worst <= DEPTH_TARGET * among_deep,
        f"no query skips: at most {LIMIT + 2} keys or documents examined": examined <= LIMIT + 2,
    }
    text = f"{len(times[FIRST])} requests each. The slowest depth takes {worst / among_deep:.2f} x the first page."
    return Outcome(f"{text}\n\n{table(heads, rows)}", checks)


def _row(name: str, values: Sequence[float], bare: float) -> tuple[str, ...]:
    p50, p95, p99 = (percentile(values, share) for share in (0.5, 0.95, 0.99))
    return name, f"{p50:.2f} ms", f"{p95:.2f} ms", f"{p99:.2f} ms", f"{p50 / bare:.2f}"
