"""Settings to adapters: reads as the list of what the system can be run on.

An adapter is imported when it is chosen: what a service is not run on need not be installed beside it.
"""

import asyncio
import os
import tempfile
from pathlib import Path

from shared.adapters.byte_source.registry import SchemeByteSources
from shared.adapters.object_store.keys import RESERVED_FOLDER
from shared.adapters.object_store.local import LocalObjectStore
from shared.adapters.object_store.memory import MemoryObjectStore
from shared.adapters.upload_sessions.local import Deliver, LocalUploadSessions
from shared.foundation.ids import JobId
from shared.foundation.settings import (
    CeleryBroker,
    CeleryLauncher,
    CloudRunLauncher,
    CloudTasksQueue,
    GcsStore,
    LauncherSettings,
    LocalStore,
    MemoryStore,
    ObjectStoreSettings,
    QueueSettings,
    SourceSettings,
)
from shared.ports.byte_source import ByteSources
from shared.ports.job_launcher import JobLauncher
from shared.ports.job_queue import JobQueue
from shared.ports.object_store import ObjectStore
from shared.ports.upload_sessions import UploadSessions


def object_store(settings: ObjectStoreSettings) -> ObjectStore:
    """The object store the settings name."""
    match settings:
        case LocalStore(root=root):
            return LocalObjectStore(root)
        case MemoryStore():
            return MemoryObjectStore()
        case GcsStore():
            from shared.adapters.object_store.gcs import GcsObjectStore

            return GcsObjectStore(settings)


def upload_sessions(settings: ObjectStoreSettings, store: ObjectStore) -> UploadSessions:
    """Where archives for the object store are sent: where it speaks the protocol, straight to it."""
    match settings:
        case LocalStore(root=root):
            return LocalUploadSessions(root / RESERVED_FOLDER / "uploads", LocalObjectStore(root).take_in)
        case MemoryStore():
            folder = Path(tempfile.gettempdir()) / f"datayard-uploads-{os.getpid()}"
            return LocalUploadSessions(folder, _into_memory(store))
        case GcsStore():
            from shared.adapters.upload_sessions.gcs import GcsUploadSessions

            return GcsUploadSessions(settings)


def byte_sources(settings: SourceSettings, store: ObjectStore) -> ByteSources:
    """Sources of every scheme the settings allow."""
    return SchemeByteSources(settings, store)


def job_queue(settings: QueueSettings) -> JobQueue:
    """The queue the settings name."""
    match settings:
        case CeleryBroker(broker_url=url):
            from shared.adapters.job_queue.celery import CeleryJobQueue

            return CeleryJobQueue(url.get_secret_value())
        case CloudTasksQueue():
            from shared.adapters.job_queue.cloud_tasks import CloudTasksJobQueue

            return CloudTasksJobQueue(settings)


def job_launcher(settings: LauncherSettings, queue: QueueSettings) -> JobLauncher:
    """The launcher the settings name; one over Celery may share the broker of the queue."""
    match settings:
        case CeleryLauncher():
            from shared.adapters.job_launcher.celery import CeleryJobLauncher

            return CeleryJobLauncher(_launcher_broker(settings, queue))
        case CloudRunLauncher():
            return CloudRunWhenNeeded(settings)


class CloudRunWhenNeeded:
    """A launcher over Cloud Run that is made at its first launch: most services start nothing, and have not its SDK."""

    def __init__(self, settings: CloudRunLauncher) -> None:
        self._settings = settings
        self._made: JobLauncher | None = None

    async def launch(self, job_id: JobId, *, tasks: int) -> str:
        """Start claimers."""
        return await self._launcher().launch(job_id, tasks=tasks)

    async def cancel(self, launched: str) -> None:
        """Stop claimers."""
        await self._launcher().cancel(launched)

    def _launcher(self) -> JobLauncher:
        if self._made is None:
            from shared.adapters.job_launcher.cloud_run import CloudRunJobLauncher

            self._made = CloudRunJobLauncher(self._settings)
        return self._made


def _into_memory(store: ObjectStore) -> Deliver:
    async def deliver(path: str, key: str) -> None:
        file = Path(path)
        await store.put(key, await asyncio.to_thread(file.read_bytes))
        await asyncio.to_thread(file.unlink)

    return deliver


def _launcher_broker(settings: CeleryLauncher, queue: QueueSettings) -> str:
    own = settings.broker_url.get_secret_value()
    if own or not isinstance(queue, CeleryBroker):
        return own
    return queue.broker_url.get_secret_value()
