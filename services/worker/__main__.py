"""`python -m services.worker JOB_ID`: one claimer in a process of its own, as a Cloud Run Job task runs it."""

import argparse
import asyncio
import signal
import threading

from prometheus_client import CollectorRegistry

from services.worker.claimer import run_job
from services.worker.settings import WorkerSettings
from shared.foundation.ids import JobId
from shared.foundation.logging import configure_logging
from shared.foundation.telemetry import EngineMetrics, serve_metrics


def main() -> None:
    """Run the claimer; SIGTERM and SIGINT make it leave at the next safe place."""
    parser = argparse.ArgumentParser(prog="services.worker", description="Share in one job until it has ended.")
    parser.add_argument("job_id")
    job_id = JobId(parser.parse_args().job_id)
    settings = WorkerSettings()
    configure_logging(settings.log, service="worker")
    registry = CollectorRegistry()
    metrics = EngineMetrics(registry)
    serve_metrics(registry, settings.metrics.port)
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    asyncio.run(run_job(job_id, settings, metrics, stopping=stopping.is_set))


if __name__ == "__main__":
    main()
