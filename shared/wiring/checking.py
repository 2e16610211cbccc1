"""Dry runs of imports: in this process with as many helpers as there are cores, or as the work of a child process."""

import asyncio
import os
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path

from shared.adapters.object_store.local import LocalObjectStore
from shared.features.imports.checks.checker import Checker, CheckProgress
from shared.features.imports.checks.options import CheckOptions
from shared.features.imports.checks.report import CheckReport
from shared.features.imports.checks.shards import ShardChecker, ShardResult, ShardRunner, ShardTask
from shared.features.imports.models import ImportPlan, ImportRequest
from shared.foundation.collector import settle_collector
from shared.foundation.errors import AppError
from shared.foundation.settings import EngineSettings, LimitSettings, SourceSettings
from shared.ports.image_decoder import ImageDecoder
from shared.wiring.adapters import byte_sources
from shared.wiring.child_process import ChildProcess, questions

WORTH_PROCESSES = 20_000
"""So many images take longer than to start processes for them."""
WORTH_DECODERS = 2_000
"""The same where each image is decoded."""


@dataclass(frozen=True, slots=True)
class CheckContext:
    """What checks are run with, wherever they run. `processes` share the work of one.

    `make_decoder` is for those that are asked to decode images; without it they look at heads alone.
    """

    sources: SourceSettings = field(default_factory=SourceSettings)
    limits: LimitSettings = field(default_factory=LimitSettings)
    engine: EngineSettings = field(default_factory=EngineSettings)
    processes: int = 1
    make_decoder: Callable[[], ImageDecoder] | None = None

    def decoder_for(self, request: ImportRequest) -> ImageDecoder | None:
        """What decodes the images of a check, if it was asked for."""
        return self.make_decoder() if self.make_decoder is not None and request.deep else None


_YIELDS = 5  # how far a check that somebody waits for stands back behind those who wait for anything else


def _ignore(_progress: CheckProgress) -> None:
    return


async def check_source(
    context: CheckContext,
    request: ImportRequest,
    options: CheckOptions,
    *,
    folder: Path,
    progress: Callable[[CheckProgress], None] = _ignore,
) -> CheckReport:
    """What an import would make of the source; see Checker.check. `folder` is used meanwhile, and the caller's."""
    store = LocalObjectStore(folder)
    sources = byte_sources(context.sources, store)

    @asynccontextmanager
    async def runners(plan: ImportPlan, images: int) -> AsyncIterator[ShardRunner]:
        if context.processes == 1 or images < (WORTH_DECODERS if request.deep else WORTH_PROCESSES):
            async with _decoder(context, request) as decoder:
                yield ShardChecker(sources, store, context.limits, plan, decoder)
            return
        pool = _Processes(context, folder, request, plan)
        try:
            yield pool
        finally:
            await pool.close()

    return await Checker(sources, store, context.limits, context.engine, runners, progress).check(request, options)


@dataclass(frozen=True, slots=True)
class CheckQuestion:
    """A check as a child process is asked for it. It may use the folder, which its parent removes."""

    request: ImportRequest
    options: CheckOptions
    folder: Path


def serve_checks(connection: Connection, context: CheckContext) -> None:
    """Check the sources that come, one after the other: answers are a CheckReport, or the failure."""
    settle_collector()
    os.nice(_YIELDS)
    folders: list[Path] = []

    def clear() -> None:
        for folder in folders:
            shutil.rmtree(folder, ignore_errors=True)

    for question in questions(connection, orphaned=clear):
        if isinstance(question, CheckQuestion):
            folders[:] = [question.folder]
            connection.send(asyncio.run(_checked(context, question)))


async def _checked(context: CheckContext, question: CheckQuestion) -> CheckReport | AppError:
    try:
        return await check_source(context, question.request, question.options, folder=question.folder)
    except AppError as error:
        return error


@asynccontextmanager
async def _decoder(context: CheckContext, request: ImportRequest) -> AsyncIterator[ImageDecoder | None]:
    decoder = context.decoder_for(request)
    try:
        yield decoder
    finally:
        if decoder is not None:
            await decoder.close()


class _Processes:
    """Checks shards in processes of their own."""

    def __init__(self, context: CheckContext, folder: Path, request: ImportRequest, plan: ImportPlan) -> None:
        self._children = [ChildProcess(_serve_shards, context, folder, request, plan) for _ in range(context.processes)]
        self._idle: asyncio.Queue[ChildProcess] = asyncio.Queue()
        for child in self._children:
            self._idle.put_nowait(child)

    @property
    def at_once(self) -> int:
        """One shard for each process."""
        return len(self._children)

    async def run(self, task: ShardTask) -> ShardResult:
        """Let the next process that is idle check a shard. Raises what sources raise."""
        child = await self._idle.get()
        answer = await child.ask(task)
        self._idle.put_nowait(child)
        if isinstance(answer, ShardResult):
            return answer
        raise answer if isinstance(answer, AppError) else TypeError(type(answer))

    async def close(self) -> None:
        """End the processes."""
        for child in self._children:
            await asyncio.to_thread(child.kill)


def _serve_shards(
    connection: Connection, context: CheckContext, folder: Path, request: ImportRequest, plan: ImportPlan
) -> None:
    """Check the shards that come, one after the other."""
    settle_collector()
    store = LocalObjectStore(folder)
    with asyncio.Runner() as runner:
        decoder = context.decoder_for(request)
        checker = ShardChecker(byte_sources(context.sources, store), store, context.limits, plan, decoder)
        for task in questions(connection):
            if isinstance(task, ShardTask):
                connection.send(runner.run(_answer(checker, task)))


async def _answer(checker: ShardChecker, task: ShardTask) -> ShardResult | AppError:
    try:
        return await checker.run(task)
    except AppError as error:
        return error
