"""Settings to adapters: reads as the list of what the system can be run on."""

from shared.adapters.byte_source.registry import SchemeByteSources
from shared.adapters.job_launcher.celery import CeleryJobLauncher
from shared.adapters.job_queue.celery import CeleryJobQueue
from shared.adapters.object_store.local import LocalObjectStore
from shared.adapters.object_store.memory import MemoryObjectStore
from shared.foundation.settings import CeleryBroker, LocalStore, MemoryStore, ObjectStoreSettings, SourceSettings
from shared.ports.byte_source import ByteSources
from shared.ports.job_launcher import JobLauncher
from shared.ports.job_queue import JobQueue
from shared.ports.object_store import ObjectStore


def object_store(settings: ObjectStoreSettings) -> ObjectStore:
    """The object store the settings name."""
    match settings:
        case LocalStore(root=root):
            return LocalObjectStore(root)
        case MemoryStore():
            return MemoryObjectStore()


def byte_sources(settings: SourceSettings, store: ObjectStore) -> ByteSources:
    """Sources of every scheme the settings allow."""
    return SchemeByteSources(settings, store)


def job_queue(settings: CeleryBroker) -> JobQueue:
    """The queue the settings name."""
    return CeleryJobQueue(settings.broker_url.get_secret_value())


def job_launcher(settings: CeleryBroker) -> JobLauncher:
    """The launcher that goes with the queue."""
    return CeleryJobLauncher(settings.broker_url.get_secret_value())
