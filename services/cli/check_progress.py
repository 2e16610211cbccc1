"""How far `datayard check` is: a bar on a terminal, nothing elsewhere."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from services.cli.formatting import number, size
from shared.features.imports.checks.checker import CheckProgress

_PHASES = {"open": ("opening", size), "labels": ("reading labels", number)}


@contextmanager
def progress_view() -> Iterator[Callable[[CheckProgress], None]]:
    """Shows progress on stderr, and leaves nothing there."""
    if not sys.stderr.isatty():
        yield lambda _progress: None
        return
    columns = (TextColumn("{task.description}", markup=False), BarColumn(bar_width=24), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("opening", total=None)

        def show(news: CheckProgress) -> None:
            name, shown = _PHASES[news.phase]
            of = f" of {shown(news.total)}" if news.total else ""
            progress.update(task, description=f"{name} {shown(news.done)}{of}", total=news.total, completed=news.done)

        yield show
