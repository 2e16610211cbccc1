"""Dry runs of imports for the API: each in a child process, a few at a time, and gone with whoever asked for it."""

import asyncio
import shutil
import tempfile
from collections.abc import Coroutine
from pathlib import Path
from typing import TypeVar

import structlog
from fastapi import Request

from shared.features.imports.checks.options import CheckOptions
from shared.features.imports.checks.report import CheckReport
from shared.features.imports.models import ImportRequest
from shared.foundation.errors import AppError, Unavailable, unforeseen
from shared.foundation.settings import CheckSettings
from shared.wiring.checking import CheckContext, CheckQuestion, serve_checks
from shared.wiring.child_process import ChildLost, ChildProcess

T = TypeVar("T")

_LARGE = 100_000
_LOOK_SECONDS = 0.3

_log = structlog.get_logger(__name__)


class TooManyChecks(Unavailable):
    """As many dry runs as are allowed are in progress."""

    slug, title = "too-many-checks", "Too many dry runs are in progress"


class CheckTooSlow(Unavailable):
    """Nobody knows after all this time what the source holds."""

    slug, title = "check-too-slow", "The dry run took too long"


class ClientGone(Exception):
    """Whoever asked does not wait any more."""


class CheckDesk:
    """Checks sources, `settings.at_once` at a time. Processes are started when they are needed, and used again."""

    def __init__(self, context: CheckContext, settings: CheckSettings) -> None:
        self._context = context
        self._settings = settings
        self._busy = 0
        self._idle: list[ChildProcess] = []
        self._endings: set[asyncio.Task[None]] = set()

    async def check(self, request: ImportRequest, *, correlation_id: str) -> CheckReport:
        """What an import would make of the source. When this is cancelled, its process is killed.

        Raises TooManyChecks, CheckTooSlow, and what Checker.check raises.
        """
        if self._busy >= self._settings.at_once:
            raise TooManyChecks(f"{self._busy} dry runs are in progress.")
        self._busy += 1
        folder = Path(tempfile.mkdtemp(prefix="datayard-check-"))
        child: ChildProcess | None = None
        try:
            child = self._idle.pop() if self._idle else await asyncio.to_thread(self._start)
            answer = await self._ask(child, request, folder)
            if not isinstance(answer, CheckReport) or answer.images < _LARGE:  # else it has grown, and stays so
                self._idle.append(child)
                child = None
            return _report(answer)
        except ChildLost as error:
            _log.error("a dry run ended without an answer", exc_info=error)
            raise unforeseen(correlation_id) from error
        finally:
            self._busy -= 1
            self._end(child, folder)

    async def close(self) -> None:
        """End all processes."""
        for child in self._idle:
            self._end(child, None)
        self._idle.clear()
        await asyncio.gather(*self._endings)

    def _start(self) -> ChildProcess:
        return ChildProcess(serve_checks, self._context)

    async def _ask(self, child: ChildProcess, request: ImportRequest, folder: Path) -> object:
        question = CheckQuestion(request, CheckOptions(seconds=self._settings.seconds), folder)
        try:
            async with asyncio.timeout(self._settings.seconds + self._settings.open_seconds):
                return await child.ask(question)
        except TimeoutError as error:
            detail = (
                f"After {self._settings.open_seconds:g} s it was not known what the source holds; import it instead."
            )
            raise CheckTooSlow(detail) from error

    def _end(self, child: ChildProcess | None, folder: Path | None) -> None:
        """Kill the process, then remove its folder; it writes there until it is dead."""
        ending = asyncio.create_task(asyncio.to_thread(_ended, child, folder))
        self._endings.add(ending)
        ending.add_done_callback(self._endings.discard)


async def while_connected(request: Request, work: Coroutine[None, None, T]) -> T:
    """The result of `work`, which is cancelled when the client goes away. Raises ClientGone then."""
    doing, watching = asyncio.ensure_future(work), asyncio.create_task(_gone(request))
    try:
        await asyncio.wait({doing, watching}, return_when=asyncio.FIRST_COMPLETED)
        if not doing.done():
            raise ClientGone
        return doing.result()
    finally:
        for task in (doing, watching):
            task.cancel()
        await asyncio.gather(doing, watching, return_exceptions=True)


async def _gone(request: Request) -> None:
    while not await request.is_disconnected():  # noqa: ASYNC110 - nothing tells us: it has to be asked for
        await asyncio.sleep(_LOOK_SECONDS)


def _report(answer: object) -> CheckReport:
    if isinstance(answer, AppError):
        raise answer
    if not isinstance(answer, CheckReport):
        raise TypeError(type(answer))
    return answer


def _ended(child: ChildProcess | None, folder: Path | None) -> None:
    if child is not None:
        child.kill()
    if folder is not None:
        shutil.rmtree(folder, ignore_errors=True)
