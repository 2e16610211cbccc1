"""When changes are passed on, and how many are read ahead."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence

import pytest

from shared.features.imports.events.bursts import ChangeBursts
from shared.foundation.ids import JobId
from shared.foundation.mongo import Change
from shared.foundation.settings import EventSettings

SETTINGS = EventSettings(pause_seconds=0.4, keep_alive_seconds=0.2)


class Paper:
    """A change stream of paper; `given` is how many changes were asked of it."""

    token = "t"

    def __init__(self) -> None:
        self.waiting: asyncio.Queue[Change] = asyncio.Queue()
        self.given = self.closed = 0

    def write(self, count: int = 1, **updated: str) -> None:
        for _ in range(count):
            self.waiting.put_nowait(Change("t", "import_jobs", "j", is_new=False, updated=updated, document={}))

    async def next(self) -> Change:
        change = await self.waiting.get()
        self.given += 1
        return change

    async def close(self) -> None:
        self.closed += 1

    async def watch(self, _job_id: JobId, *, after: str | None, findings: bool) -> "Paper":
        return self


@pytest.fixture
def paper() -> Paper:
    return Paper()


@pytest.fixture
async def bursts(paper: Paper) -> AsyncIterator[ChangeBursts]:
    opened = ChangeBursts(JobId("j"), paper, SETTINGS)  # type: ignore[arg-type]
    await opened.watch(after=None, findings=True)
    yield opened
    await opened.close()


async def _timed(bursts: ChangeBursts) -> tuple[Sequence[Change], float]:
    began = time.monotonic()
    return await bursts.next(), time.monotonic() - began


async def test_the_first_change_is_passed_on_at_once_and_the_next_after_the_pause(
    bursts: ChangeBursts, paper: Paper
) -> None:
    paper.write(phase="index")
    first, at_once = await _timed(bursts)
    paper.write(3, phase="index")
    second, paused = await _timed(bursts)
    assert (len(first), len(second)) == (1, 3)
    assert at_once < 0.3
    assert paused > 0.25


async def test_the_end_does_not_wait(bursts: ChangeBursts, paper: Paper) -> None:
    paper.write(phase="index")
    await bursts.next()
    paper.write(state="failed")
    paper.write(phase="later")
    changes, took = await _timed(bursts)
    assert [change.updated for change in changes] == [{"state": "failed"}]
    assert took < 0.3


async def test_silence_is_told_and_nothing_is_lost_by_it(bursts: ChangeBursts, paper: Paper) -> None:
    assert await bursts.next() == []
    paper.write(phase="index")
    assert len(await bursts.next()) == 1


async def test_no_more_is_read_than_is_passed_on(bursts: ChangeBursts, paper: Paper) -> None:
    """A reader that does not come back for more leaves what there is in the database."""
    paper.write(5000, phase="index")
    changes = await bursts.next()
    await asyncio.sleep(0.05)
    assert len(changes) <= 1000
    assert paper.given <= len(changes) + 1


async def test_stopping_ends_the_waiting_at_once_and_closing_gives_back(bursts: ChangeBursts, paper: Paper) -> None:
    waiting = asyncio.create_task(_timed(bursts))
    await asyncio.sleep(0)
    bursts.stop()
    changes, took = await waiting
    assert changes == []
    assert took < 0.15
    await bursts.close()
    assert paper.closed == 1


async def test_a_failure_of_the_database_reaches_who_waits(bursts: ChangeBursts, paper: Paper) -> None:
    async def fail() -> Change:
        raise ConnectionError

    paper.next = fail  # type: ignore[method-assign]
    with pytest.raises(ConnectionError):
        await bursts.next()
