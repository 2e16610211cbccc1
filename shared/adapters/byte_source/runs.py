"""Many small ranges where each request costs a round trip: neighbours are asked for together, a few at once."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

Span = tuple[int, int]
T = TypeVar("T")
R = TypeVar("R")

GAP_BYTES = 64 * 1024
RUN_BYTES = 4 * 1024 * 1024
AT_ONCE = 8


@dataclass(slots=True)
class Run:
    """One request from `start` to `end`, and which of the spans lie in it."""

    start: int
    end: int
    indexes: list[int] = field(default_factory=list)

    def takes(self, start: int, end: int) -> bool:
        """Whether a span that does not begin before the run may join it."""
        return start < self.end + GAP_BYTES and max(end, self.end) <= max(self.start + RUN_BYTES, self.end)


def coalesce(spans: Sequence[Span]) -> list[Run]:
    """Runs that cover the spans that are not empty: gaps under 64 KiB are read over, up to 4 MiB at a time.

    >>> [(run.start, run.end, run.indexes) for run in coalesce([(200_000, 200_010), (0, 10), (5, 5), (20, 30)])]
    [(0, 30, [1, 3]), (200000, 200010, [0])]
    """
    runs: list[Run] = []
    for index in sorted(range(len(spans)), key=spans.__getitem__):
        start, end = spans[index]
        if end <= start:
            continue
        if not runs or not runs[-1].takes(start, end):
            runs.append(Run(start, end))
        runs[-1].end = max(runs[-1].end, end)
        runs[-1].indexes.append(index)
    return runs


async def read_runs(spans: Sequence[Span], read: Callable[[int, int], Awaitable[bytes]]) -> list[bytes]:
    """The spans' bytes, in the order asked, out of runs that `read` gives whole; a few runs at once."""
    parts = [b""] * len(spans)

    async def fill(run: Run) -> None:
        data = await read(run.start, run.end)
        for index in run.indexes:
            start, end = spans[index]
            parts[index] = data[start - run.start : end - run.start]

    await each_of(coalesce(spans), fill)
    return parts


async def each_of(items: Sequence[T], work: Callable[[T], Awaitable[R]]) -> list[R]:
    """What `work` gives for each of the items, in their order; at most eight are in work at once.

    The first failure ends the others and is raised.
    """
    results: dict[int, R] = {}
    pending = iter(enumerate(items))

    async def go_on() -> None:
        for index, item in pending:
            results[index] = await work(item)

    tasks = [asyncio.create_task(go_on()) for _ in range(min(AT_ONCE, len(items)))]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    return [results[index] for index in range(len(items))]
