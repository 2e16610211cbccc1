"""Clients to repositories to services, for the services that answer requests."""

from dataclasses import dataclass
from datetime import timedelta

from shared.features.auth.models import LOCAL_OWNER
from shared.features.datasets.repository import DatasetRepository, VersionRepository
from shared.features.datasets.service import DatasetService
from shared.features.exports.builder import ExportBuilder
from shared.features.exports.cleanup import ExportCleaner
from shared.features.exports.dispatch import ExportDispatcher
from shared.features.exports.reader import ExportReader
from shared.features.exports.repository import ExportRepository, OtherJobRepository
from shared.features.exports.service import ExportService
from shared.features.images.drafts.repository import DraftRepository
from shared.features.images.drafts.service import DraftService
from shared.features.images.repository import ImageRepository
from shared.features.images.service import ImageService
from shared.features.imports.events.changes import ImportChanges
from shared.features.imports.events.stream import EventService, EventSources
from shared.features.imports.progress import ProgressReader
from shared.features.imports.repository import FindingRepository, ImportJobRepository, ShardRepository
from shared.features.imports.running.cleanup import Cleaner
from shared.features.imports.running.dispatch import ImportDispatcher
from shared.features.imports.running.ending import Ending
from shared.features.imports.running.leftovers import Leftovers
from shared.features.imports.service import ImportService
from shared.features.imports.uploaded.arrivals import Arrivals
from shared.features.imports.uploaded.keeping import UploadKeeper
from shared.features.imports.verification.service import VerificationService
from shared.features.imports.versions.service import VersionService
from shared.features.jobs.calls.repository import CallRepository
from shared.features.jobs.starting import JobStarter
from shared.features.uploads.repository import UploadRepository
from shared.features.uploads.service import UploadService
from shared.foundation.mongo import CollectionSpec, Database, MongoClient, Transactions, connect
from shared.foundation.settings import CommonSettings, EngineSettings, EventSettings
from shared.ports.byte_source import ByteSources
from shared.ports.job_launcher import JobLauncher
from shared.ports.job_queue import JobQueue
from shared.ports.object_store import ObjectStore
from shared.ports.upload_sessions import UploadSessions
from shared.wiring import adapters
from shared.wiring.dispatch import JobDispatcher
from shared.wiring.job_list import JobList


@dataclass(frozen=True, slots=True)
class Repositories:
    """Every repository, over one database."""

    datasets: DatasetRepository
    versions: VersionRepository
    images: ImageRepository
    drafts: DraftRepository
    jobs: ImportJobRepository
    shards: ShardRepository
    findings: FindingRepository
    exports: ExportRepository
    other_jobs: OtherJobRepository
    calls: CallRepository
    uploads: UploadRepository

    @property
    def specs(self) -> tuple[CollectionSpec, ...]:
        """What the repositories declare of their collections."""
        kept = (self.datasets, self.versions, self.images, self.jobs, self.shards, self.findings)
        return tuple(one.spec for one in (*kept, self.exports, self.other_jobs, self.calls, self.uploads))


def make_repositories(database: Database, engine: EngineSettings) -> Repositories:
    """The repositories over a database."""
    lease = timedelta(seconds=engine.lease_seconds)
    return Repositories(
        datasets=DatasetRepository(database),
        versions=VersionRepository(database),
        images=ImageRepository(database),
        drafts=DraftRepository(database),
        jobs=ImportJobRepository(database, lease=lease),
        shards=ShardRepository(database, lease=lease),
        findings=FindingRepository(database),
        exports=ExportRepository(database),
        other_jobs=OtherJobRepository(database, lease=lease),
        calls=CallRepository(database),
        uploads=UploadRepository(database),
    )


@dataclass(frozen=True, slots=True)
class Outside:
    """The adapters a container is built on."""

    client: MongoClient
    database: Database
    store: ObjectStore
    upload_sessions: UploadSessions
    sources: ByteSources
    queue: JobQueue
    launcher: JobLauncher


def open_outside(settings: CommonSettings) -> Outside:
    """The adapters the settings name. Nothing is connected yet."""
    client = connect(settings.mongo)
    store = adapters.object_store(settings.object_store)
    return Outside(
        client=client,
        database=client[settings.mongo.database],
        store=store,
        upload_sessions=adapters.upload_sessions(settings.object_store, store),
        sources=adapters.byte_sources(settings.sources, store),
        queue=adapters.job_queue(settings.queue),
        launcher=adapters.job_launcher(settings.launcher, settings.queue),
    )


@dataclass(frozen=True, slots=True)
class Container:
    """The services of one process."""

    outside: Outside
    repositories: Repositories
    datasets: DatasetService
    images: ImageService
    drafts: DraftService
    imports: ImportService
    uploads: UploadService
    upload_keeper: UploadKeeper
    verifications: VerificationService
    versions: VersionService
    progress: ProgressReader
    events: EventService
    exports: ExportService
    jobs: JobList
    export_builder: ExportBuilder
    export_cleaner: ExportCleaner
    dispatcher: JobDispatcher
    ending: Ending
    cleaner: Cleaner
    transactions: Transactions

    @property
    def arrivals(self) -> Arrivals:
        """What begins the imports of uploads."""
        return self.upload_keeper.arrivals

    async def close(self) -> None:
        """Give the connections back."""
        await self.outside.client.close()


def make_container(outside: Outside, engine: EngineSettings, events: EventSettings | None = None) -> Container:
    """The services over the given adapters; `events` is for the service that people ask."""
    repositories = make_repositories(outside.database, engine)
    transactions = Transactions(outside.client)
    datasets = DatasetService(repositories.datasets, repositories.versions, trash_days=engine.trash_days)
    images = ImageService(repositories.images, outside.store, outside.sources)
    ending = Ending(datasets, repositories.jobs, outside.queue, transactions, engine)
    drafts = DraftService(repositories.drafts, outside.store)
    cleaner = Cleaner(
        datasets, images, drafts, repositories.jobs, repositories.shards, repositories.findings, outside.store, engine
    )
    export_cleaner = ExportCleaner(repositories.other_jobs, repositories.exports, datasets, outside.store)
    progress = ProgressReader(repositories.shards, repositories.findings)
    sources = EventSources(repositories.jobs, repositories.findings, progress, ImportChanges(outside.database))
    uploads = UploadService(repositories.uploads, outside.upload_sessions, outside.store, engine)
    imports = _imports(outside, repositories, uploads, ending)
    keeper = UploadKeeper(uploads, Arrivals(uploads, imports, LOCAL_OWNER), repositories.jobs, datasets, engine)
    exports = _exports(outside, repositories, datasets, export_cleaner, transactions, engine)
    return Container(
        outside=outside,
        repositories=repositories,
        datasets=datasets,
        images=images,
        drafts=drafts,
        imports=imports,
        uploads=uploads,
        upload_keeper=keeper,
        verifications=VerificationService(repositories.jobs, outside.queue, engine),
        versions=VersionService(datasets, images, repositories.jobs, outside.queue, transactions, engine),
        progress=progress,
        events=EventService(sources, events or EventSettings()),
        exports=exports,
        jobs=JobList(imports, exports, progress),
        export_builder=ExportBuilder(images, outside.store),
        export_cleaner=export_cleaner,
        dispatcher=_dispatcher(outside, repositories, cleaner, export_cleaner, keeper),
        ending=ending,
        cleaner=cleaner,
        transactions=transactions,
    )


def _dispatcher(
    outside: Outside,
    repositories: Repositories,
    cleaner: Cleaner,
    export_cleaner: ExportCleaner,
    keeper: UploadKeeper,
) -> JobDispatcher:
    return JobDispatcher(
        ExportDispatcher(JobStarter(repositories.other_jobs, outside.launcher), export_cleaner),
        ImportDispatcher(JobStarter(repositories.jobs, outside.launcher), cleaner.datasets, cleaner),
        keeper,
        Leftovers(repositories.jobs, outside.store),
    )


def _exports(
    outside: Outside,
    repositories: Repositories,
    datasets: DatasetService,
    cleaner: ExportCleaner,
    transactions: Transactions,
    engine: EngineSettings,
) -> ExportService:
    return ExportService(
        datasets=datasets,
        jobs=repositories.other_jobs,
        exports=repositories.exports,
        cleaner=cleaner,
        reader=ExportReader(outside.store, outside.sources),
        queue=outside.queue,
        transactions=transactions,
        engine=engine,
    )


def _imports(
    outside: Outside,
    repositories: Repositories,
    uploads: UploadService,
    ending: Ending,
) -> ImportService:
    return ImportService(
        datasets=ending.datasets,
        jobs=repositories.jobs,
        findings=repositories.findings,
        ending=ending,
        uploads=uploads,
        sources=outside.sources,
        queue=outside.queue,
        transactions=ending.transactions,
        engine=ending.engine,
    )
