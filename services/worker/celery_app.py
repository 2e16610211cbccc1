"""The worker as Celery sees it: `celery -A services.worker.celery_app worker -Q jobs` (or `-Q callbacks`).

Celery looks for the application in a module, so this one builds it when it is imported; nothing else imports it.
"""

import asyncio
import threading

import httpx2
from celery import Celery, Task
from celery.signals import setup_logging, worker_init, worker_shutting_down
from prometheus_client import CollectorRegistry

from services.worker.claimer import run_job
from services.worker.settings import WorkerSettings
from shared.adapters.celery_broker import CALLBACK_TASK, RUN_JOB_TASK, make_celery
from shared.foundation.ids import JobId
from shared.foundation.logging import configure_logging, get_logger
from shared.foundation.settings import CeleryBroker
from shared.foundation.telemetry import EngineMetrics, serve_metrics

_CALLBACK_RETRIES = 20
_LONGEST_DELAY_SECONDS = 60
_GONE = 404  # the job was removed meanwhile: nothing to start


def make_app(settings: WorkerSettings) -> Celery:
    """The application with both tasks, and its hooks for logging, metrics and leaving in time."""
    app = make_celery(_broker(settings).broker_url.get_secret_value())
    registry = CollectorRegistry()
    metrics = EngineMetrics(registry)
    stopping = threading.Event()
    log = get_logger(__name__)

    @app.task(name=RUN_JOB_TASK)
    def claim(job_id: str) -> None:
        """Share in a job until it has ended."""
        asyncio.run(run_job(JobId(job_id), settings, metrics, stopping=stopping.is_set))

    @app.task(name=CALLBACK_TASK, bind=True, max_retries=_CALLBACK_RETRIES)
    def call_back(self: "Task[[str], None]", job_id: str) -> None:
        """Tell the ingest service that a job is due; again, ever later, until it answers."""
        try:
            _post(settings, f"/tasks/{job_id}")
        except httpx2.HTTPError as error:
            delay = min(_LONGEST_DELAY_SECONDS, 2**self.request.retries)
            log.warning("callback failed", job_id=job_id, error=type(error).__name__, delay_seconds=delay)
            raise self.retry(countdown=delay) from error

    def on_init(**_: object) -> None:
        serve_metrics(registry, settings.metrics.port)

    def on_shutting_down(**_: object) -> None:
        stopping.set()

    def on_logging(**_: object) -> None:
        configure_logging(settings.log, service="worker")

    worker_init.connect(on_init, weak=False)
    worker_shutting_down.connect(on_shutting_down, weak=False)
    setup_logging.connect(on_logging, weak=False)
    return app


def _broker(settings: WorkerSettings) -> CeleryBroker:
    if not isinstance(settings.queue, CeleryBroker):
        raise SystemExit("A Celery worker needs DATAYARD_QUEUE__BACKEND=celery.")
    return settings.queue


def _post(settings: WorkerSettings, path: str) -> None:
    callback = settings.callback
    headers = {"Authorization": f"Bearer {callback.token.get_secret_value()}"}
    with httpx2.Client(timeout=callback.timeout_seconds, trust_env=False) as client:
        answer = client.post(f"{callback.url}{path}", headers=headers)
    if answer.status_code != _GONE:
        answer.raise_for_status()


app = make_app(WorkerSettings())
