"""`python -m services.worker JOB_ID`: one claimer in a process of its own, as a task of a Cloud Run job runs it.

Its exit status tells whether starting it again helps: 0 when the job has ended or goes on without it, 75 when it was
told to leave a job that still runs, anything else when it broke. What a job fails with is in the job's document.
"""

import argparse
import asyncio
import os
import signal
import sys
import threading
from collections.abc import Mapping

from prometheus_client import CollectorRegistry

from services.worker.claimer import run_job
from services.worker.settings import WorkerSettings
from shared.foundation.ids import JobId
from shared.foundation.logging import bind_correlation, configure_logging
from shared.foundation.telemetry import EngineMetrics, serve_metrics

_COME_AGAIN = os.EX_TEMPFAIL
_TASK_NAMES = {
    "execution": "CLOUD_RUN_EXECUTION",
    "task": "CLOUD_RUN_TASK_INDEX",
    "tasks": "CLOUD_RUN_TASK_COUNT",
    "attempt": "CLOUD_RUN_TASK_ATTEMPT",
}


def main() -> int:
    """Run the claimer; SIGTERM and SIGINT make it leave at the next safe place. The exit status."""
    parser = argparse.ArgumentParser(prog="services.worker", description="Share in one job until it has ended.")
    parser.add_argument("job_id")
    job_id = JobId(parser.parse_args().job_id)
    settings = WorkerSettings()
    configure_logging(settings.log, service="worker")
    bind_correlation(None, **task_fields(os.environ))
    registry = CollectorRegistry()
    metrics = EngineMetrics(registry)
    serve_metrics(registry, settings.metrics.port)
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    goes_on = asyncio.run(run_job(job_id, settings, metrics, stopping=stopping.is_set))
    return _COME_AGAIN if goes_on and stopping.is_set() else 0


def task_fields(environ: Mapping[str, str]) -> dict[str, str]:
    """Which task of which execution this process is, for the log; nothing where Cloud Run has not started it."""
    return {field: environ[name] for field, name in _TASK_NAMES.items() if name in environ}


if __name__ == "__main__":
    sys.exit(main())
