"""One queue of the Cloud Tasks emulator: when a task is due, how often it is tried, how many at once."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import quote

import grpc
from google.cloud import tasks_v2

from tests.emulators.wire import Refusal

NAMES_KEPT_SECONDS = 3600.0
"""How long a finished task's name is refused; the service says up to 24 hours, one hour as a rule."""
DEFAULT_ATTEMPTS, DEFAULT_CONCURRENT, DEFAULT_RATE = 100, 1000, 500.0
FIRST_SECONDS, MOST_SECONDS, DOUBLINGS = 0.1, 3600.0, 16

Deliver = Callable[[tasks_v2.Queue, tasks_v2.Task], Awaitable[bool]]


class TaskQueue:
    """Holds tasks and has them delivered. What is in `folder` outlives the process."""

    def __init__(self, queue: tasks_v2.Queue, deliver: Deliver, folder: Path | None) -> None:
        self.queue = queue
        self.tasks: dict[str, tasks_v2.Task] = {}
        self.given_up: list[str] = []
        self._deliver, self._folder = deliver, folder
        self._gone: dict[str, float] = {}
        self._running = asyncio.Event()
        self._running.set()
        self._slots = asyncio.Semaphore(queue.rate_limits.max_concurrent_dispatches or DEFAULT_CONCURRENT)
        self._rate = _Rate(queue.rate_limits.max_dispatches_per_second or DEFAULT_RATE)
        self._loops: dict[str, asyncio.Task[None]] = {}
        for task in _kept(folder):
            self._take(task)

    def add(self, task: tasks_v2.Task) -> tasks_v2.Task:
        """Take a task; one name is one task, for an hour after it is gone too."""
        if task.name in self.tasks or self._gone.get(task.name, 0) > time.monotonic():
            detail = "The task cannot be created because a task with this name existed too recently."
            raise Refusal(grpc.StatusCode.ALREADY_EXISTS, detail)
        task.http_request.http_method = task.http_request.http_method or tasks_v2.HttpMethod.POST
        task.create_time = datetime.now(UTC)
        task.schedule_time = task.schedule_time or datetime.now(UTC)
        self._keep(task)
        self._take(task)
        return task

    def find(self, name: str) -> tasks_v2.Task:
        """A task that has not been done yet."""
        if name not in self.tasks:
            raise Refusal(grpc.StatusCode.NOT_FOUND, "Requested entity was not found.")
        return self.tasks[name]

    def remove(self, name: str) -> None:
        """Forget a task, and stop trying it."""
        del self.tasks[name]
        self._gone[name] = time.monotonic() + NAMES_KEPT_SECONDS
        self._drop(name)
        loop = self._loops.pop(name, None)
        if loop is not None and loop is not asyncio.current_task():
            loop.cancel()

    def stop(self) -> None:
        """Deliver no more; what is kept stays kept."""
        for loop in self._loops.values():
            loop.cancel()

    def purge(self) -> None:
        """Forget every task."""
        for name in list(self.tasks):
            self.remove(name)

    def pause(self) -> None:
        """Deliver nothing until resumed."""
        self._running.clear()
        self.queue.state = tasks_v2.Queue.State.PAUSED

    def resume(self) -> None:
        """Deliver again."""
        self._running.set()
        self.queue.state = tasks_v2.Queue.State.RUNNING

    async def attempt(self, task: tasks_v2.Task) -> bool:
        """Deliver once; a task that was done is forgotten."""
        done = await self._deliver(self.queue, task)
        if done and task.name in self.tasks:
            self.remove(task.name)
        return done

    def _take(self, task: tasks_v2.Task) -> None:
        self.tasks[task.name] = task
        self._loops[task.name] = asyncio.create_task(self._until_done(task))

    async def _until_done(self, task: tasks_v2.Task) -> None:
        await asyncio.sleep((task.schedule_time - datetime.now(UTC)).total_seconds())
        for pause in _pauses(self.queue.retry_config):
            await self._running.wait()
            await self._rate.wait()
            async with self._slots:
                if task.name not in self.tasks or await self.attempt(task):
                    return
            await asyncio.sleep(pause)
        self.given_up.append(task.name)
        self.remove(task.name)

    def _file(self, name: str) -> Path | None:
        return self._folder and self._folder / quote(name, safe="")

    def _keep(self, task: tasks_v2.Task) -> None:
        if (file := self._file(task.name)) is not None:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(tasks_v2.Task.serialize(task))

    def _drop(self, name: str) -> None:
        if (file := self._file(name)) is not None:
            with suppress(FileNotFoundError):
                file.unlink()


class _Rate:
    """So many tokens a second, at most a second's worth at once."""

    def __init__(self, per_second: float) -> None:
        self._gap, self._next = 1 / per_second, 0.0

    async def wait(self) -> None:
        now = time.monotonic()
        self._next = max(self._next, now - 1) + self._gap
        await asyncio.sleep(max(0.0, self._next - now))


def _kept(folder: Path | None) -> Iterator[tasks_v2.Task]:
    for file in sorted(folder.iterdir()) if folder is not None and folder.is_dir() else ():
        yield tasks_v2.Task.deserialize(file.read_bytes())


def _pauses(retry: tasks_v2.RetryConfig) -> Iterator[float]:
    """The pause after each attempt: min_backoff doubled max_doublings times, then growing linearly to max_backoff."""
    first, most = _seconds(retry.min_backoff) or FIRST_SECONDS, _seconds(retry.max_backoff) or MOST_SECONDS
    doublings = retry.max_doublings or DOUBLINGS
    attempts = retry.max_attempts or DEFAULT_ATTEMPTS
    number = 0
    while attempts < 0 or number < attempts:
        beyond = max(0, number - doublings)
        yield min(most, first * 2 ** min(number, doublings) * (1 + beyond))
        number += 1


def _seconds(duration: timedelta | None) -> float:
    return duration.total_seconds() if duration else 0.0
