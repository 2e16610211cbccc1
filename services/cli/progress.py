"""Shows how far an import is: a bar on a terminal, a plain line every few seconds elsewhere, both on stderr."""

import sys
import time
from collections.abc import Callable
from types import TracebackType
from typing import Protocol, Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from services.cli.documents import JobStatus
from services.cli.formatting import cut, duration, number, size

_LINE_SECONDS = 3.0
_LINE_COLUMNS = 300


def describe(job: JobStatus) -> str:
    """How far the job is, short enough to stand behind a bar: phase, share, images, bytes, rate and what is left.

    While it is indexed, images count that can be looked at; later those that are complete.
    """
    progress = job.progress
    phase = job.phase if job.state == "running" and job.phase else job.shown_state
    images = progress.images_indexed if job.phase == "index" else progress.images_done
    parts = [phase] if progress.fraction is None else [f"{phase} {progress.fraction:.0%}"]
    noun = "image" if (progress.images_total or images) == 1 else "images"
    if job.kind != "upload":
        parts.append(f"{_share(number, images, progress.images_total)} {noun}")
    if progress.bytes_total or progress.bytes_done:
        parts.append(_share(size, progress.bytes_done, progress.bytes_total))
    if progress.bytes_per_second:
        parts.append(f"{size(progress.bytes_per_second)}/s")
    if job.seconds_left is not None:
        parts.append(f"{duration(job.seconds_left)} left")
    return " · ".join(parts)


def _share(shown: Callable[[int], str], done: int, total: int | None) -> str:
    return f"{shown(done)}/{shown(total)}" if total else shown(done)


class ProgressView(Protocol):
    """Where progress is shown; a context, so that a bar leaves the terminal as it was."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None: ...

    def show(self, job: JobStatus) -> None:
        """Show the newest status."""

    def note(self, text: str) -> None:
        """Show a line that stays, unless notes are not wanted."""


class Bar:
    """A bar that moves."""

    def __init__(self, label: str, *, notes: bool) -> None:
        self._notes = notes
        self._progress = Progress(
            TextColumn("{task.fields[label]}", markup=False),
            BarColumn(bar_width=16),
            TextColumn("{task.description}", markup=False),
            console=Console(stderr=True),
        )
        self._task = self._progress.add_task("waiting for a worker", total=None, label=cut(label, 16))

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def show(self, job: JobStatus) -> None:
        """Move the bar."""
        fraction = job.progress.fraction
        total = None if fraction is None else 1.0
        self._progress.update(self._task, description=describe(job), total=total, completed=fraction or 0.0)

    def note(self, text: str) -> None:
        """Print a line above the bar."""
        if self._notes:
            console = self._progress.console
            console.print(cut(text, console.width), markup=False, highlight=False)


class Lines:
    """A line now and then, for logs; nothing for what ends at once."""

    def __init__(self, label: str, *, notes: bool) -> None:
        self._label = label
        self._notes = notes
        self._next = time.monotonic() + _LINE_SECONDS

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        return

    def show(self, job: JobStatus) -> None:
        """Print a line if the last one is old enough, or if the job has ended."""
        if time.monotonic() < self._next and not job.ended:
            return
        self._next = time.monotonic() + _LINE_SECONDS
        print(f"{self._label}: {describe(job)}", file=sys.stderr, flush=True)

    def note(self, text: str) -> None:
        """Print a line."""
        if self._notes:
            print(cut(text, _LINE_COLUMNS), file=sys.stderr, flush=True)


def progress_view(label: str, *, notes: bool = False) -> ProgressView:
    """The view that fits where stderr goes; with `notes` it also shows what is told beside progress."""
    return Bar(label, notes=notes) if sys.stderr.isatty() else Lines(label, notes=notes)
