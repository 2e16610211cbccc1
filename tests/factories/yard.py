"""A whole yard in one process: real database, real files, the API by ASGI; queue and launcher run in the loop."""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx2
import structlog
from fastapi import FastAPI
from prometheus_client import CollectorRegistry

from services.api.checks import CheckDesk
from services.api.main import build_app
from shared.adapters.byte_source.registry import SchemeByteSources
from shared.adapters.image_decoder.pillow import PillowImageDecoder
from shared.adapters.job_launcher.memory import MemoryJobLauncher
from shared.adapters.job_queue.memory import MemoryJobQueue
from shared.adapters.object_store.local import LocalObjectStore
from shared.features.imports.running.runner import ImportRunner
from shared.foundation.ids import JobId
from shared.foundation.mongo import Database, connect
from shared.foundation.settings import (
    CheckSettings,
    EngineSettings,
    LimitSettings,
    LocalStore,
    MongoSettings,
    PillowDecoder,
    SourceSettings,
)
from shared.foundation.telemetry import EngineMetrics
from shared.ports.job_launcher import JobLauncher
from shared.ports.job_queue import JobQueue
from shared.wiring.adapters import upload_sessions
from shared.wiring.checking import CheckContext
from shared.wiring.container import Container, Outside, make_container
from shared.wiring.job_handlers import JobRunner, make_export_runner, make_import_runner
from tests.factories.databases import give_back, migrated_database

_SPARE_APPS: list[FastAPI] = []
ENDED = {"succeeded", "failed", "cancelled", "dead"}


@dataclass
class QuietLauncher:
    """A JobLauncher that only notes what it was asked for: claimers are started by the test."""

    asked: list[tuple[JobId, int]] = field(default_factory=list)

    cancelled: list[str] = field(default_factory=list)

    async def launch(self, job_id: JobId, *, tasks: int) -> str:
        """Note it."""
        self.asked.append((job_id, tasks))
        return f"launch-{len(self.asked)}"

    async def cancel(self, launched: str) -> None:
        """Note it."""
        self.cancelled.append(launched)


@dataclass
class Yard:
    """What a test talks to."""

    api: httpx2.AsyncClient
    container: Container
    database: Database
    objects: Path
    stop: asyncio.Event
    runner: ImportRunner
    mongo: MongoSettings
    checks: CheckDesk
    everything: JobRunner
    disturbed: bool = False
    """Whether the test has started claimers of its own, which it may have killed in the middle of a write."""

    def claimer(self, job_id: str) -> asyncio.Task[None]:
        """One more claimer of the job, in this loop."""
        self.disturbed = True
        return asyncio.create_task(self.everything.run(JobId(job_id), stopping=self.stop.is_set))

    async def swept(self) -> None:
        """What the scheduler does every few seconds."""
        await self.container.dispatcher.sweep()

    async def cleaned(self, job_id: str, *, seconds: float = 20) -> None:
        """Wait until the leftovers of an ended job are gone, sweeping as the scheduler does."""
        async with asyncio.timeout(seconds):
            while "cleanup_at" in (await self.job(job_id, "cleanup_at")):
                await self.swept()
                await asyncio.sleep(0.05)

    async def begun(self, job_id: str, *, seconds: float = 10) -> None:
        """Wait until a job is no longer queued."""
        async with asyncio.timeout(seconds):
            while (await self.job(job_id, "state"))["state"] == "queued":  # noqa: ASYNC110 - a document tells no one
                await asyncio.sleep(0.02)

    async def job(self, job_id: str, *fields: str) -> dict:
        """The job's document; only these fields of it, where some are named."""
        document = await self.database["import_jobs"].find_one({"_id": job_id}, fields or None)
        assert document is not None
        return document

    async def start_import(self, source: str | Path, **options: object) -> str:
        """Post an import; its job id."""
        answer = await self.api.post("/datasets/import", json={"source": str(source), **options})
        assert answer.status_code == 202, answer.text
        return str(answer.json()["job_id"])

    async def ended(self, job_id: str, *, seconds: float = 60) -> dict:
        """The job's status once it has ended; looks at the database meanwhile, which costs less than requests."""
        async with asyncio.timeout(seconds):
            while (await self.job(job_id, "state"))["state"] not in ENDED:  # noqa: ASYNC110 - a document tells no one
                await asyncio.sleep(0.05)
        return dict((await self.api.get(f"/datasets/import/{job_id}/status")).json())

    async def imported(self, source: str | Path, **options: object) -> dict:
        """The status of an import that has ended."""
        return await self.ended(await self.start_import(source, **options))

    async def report(self, job_id: str, **query: object) -> list[dict]:
        """Every finding of a job."""
        answer = await self.api.get(f"/datasets/import/{job_id}/report", params={"limit": 500, **query})
        return list(answer.json()["items"])

    async def all_images(self, dataset: str, **query: object) -> list[dict]:
        """Every image of a dataset, page by page."""
        items, cursor = [], None
        while True:
            params = {"limit": 100, **query, **({"cursor": cursor} if cursor else {})}
            page = (await self.api.get(f"/datasets/{dataset}/images", params=params)).json()
            items += page["items"]
            cursor = page["next_cursor"]
            if cursor is None:
                return items

    def stored(self) -> list[str]:
        """Every file of the object store; a folder may vanish meanwhile."""
        found = (Path(folder, name) for folder, _, names in os.walk(self.objects) for name in names)
        return sorted(str(path.relative_to(self.objects)) for path in found)


@contextlib.asynccontextmanager
async def open_yard(
    mongo_url: str,
    folder: Path,
    *,
    engine: EngineSettings | None = None,
    limits: LimitSettings | None = None,
    sources: SourceSettings | None = None,
    launcher: JobLauncher | None = None,
    queue: JobQueue | None = None,
) -> AsyncIterator[Yard]:
    """A yard on an empty database of its own."""
    _log_plainly()
    engine = engine or EngineSettings(claimers=2, shard_bytes=64 << 10, lease_seconds=2)
    settings = await migrated_database(mongo_url)
    client = connect(settings)
    database = client[settings.database]
    store = LocalObjectStore(folder / "objects")
    stop = asyncio.Event()

    async def deliver(job_id: JobId) -> None:
        await container.dispatcher.dispatch(job_id)

    async def run(job_id: JobId) -> None:
        await everything.run(job_id, stopping=stop.is_set)

    in_loop = MemoryJobLauncher(run)
    source_settings = sources or SourceSettings(
        allow_files=True, allow_private=True, connect_seconds=2, read_seconds=2, attempts=2
    )
    outside = Outside(
        client=client,
        database=database,
        store=store,
        upload_sessions=upload_sessions(LocalStore(root=folder / "objects"), store),
        sources=SchemeByteSources(source_settings, store),
        queue=queue or MemoryJobQueue(deliver),
        launcher=launcher or in_loop,
    )
    container = make_container(outside, engine)
    metrics = EngineMetrics(CollectorRegistry())
    decoder = PillowImageDecoder(PillowDecoder())
    runner = make_import_runner(
        container, limits=limits or LimitSettings(), engine=engine, metrics=metrics, decoder=decoder
    )
    everything = JobRunner(runner, make_export_runner(container, engine=engine))
    checks = CheckDesk(CheckContext(source_settings, limits or LimitSettings(), engine), CheckSettings())
    app = _app_for(container, checks)
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://yard") as api:
        yard = Yard(api, container, database, folder / "objects", stop, runner, settings, checks, everything)
        try:
            yield yard
        finally:
            stop.set()
            await checks.close()
            await in_loop.drain()
            with contextlib.suppress(TimeoutError):  # killed tasks may have left it in any state
                async with asyncio.timeout(10):
                    await client.close()
            await give_back(settings, drop=yard.disturbed)
            _SPARE_APPS.append(app)


def _app_for(container: Container, checks: CheckDesk) -> FastAPI:
    """The API over the container; one that another test has used, if there is one: it learns its routes for 0.1 s."""
    app = _SPARE_APPS.pop() if _SPARE_APPS else build_app(container, checks)
    app.state.container = container
    app.state.checks = checks
    return app


def _log_plainly() -> None:
    """Tracebacks as text: structlog's default renders every local variable, which takes minutes for large ones."""
    renderer = structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)
    structlog.configure(
        processors=[structlog.contextvars.merge_contextvars, structlog.processors.add_log_level, renderer]
    )
