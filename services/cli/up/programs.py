"""Our own processes of a yard: the API, ingest, the workers and the callbacks."""

import sys
from collections.abc import Mapping
from pathlib import Path

from services.cli.up.child import Program

_CELERY = ("-m", "celery", "-A", "services.worker.celery_app", "worker")
_QUIET = ("--without-gossip", "--without-mingle", "--without-heartbeat", "-l", "WARNING")


def _python(name: str, *arguments: str, env: Mapping[str, str], data: Path) -> Program:
    return Program(name=name, command=(sys.executable, *arguments), env=env, log=data / "logs" / f"{name}.log")


def api_program(env: Mapping[str, str], *, data: Path, host: str, port: int) -> Program:
    """The people's door."""
    address = {"DATAYARD_API__HOST": host, "DATAYARD_API__PORT": str(port)}
    return _python("api", "-m", "services.api", env={**env, **address}, data=data)


def ingest_program(env: Mapping[str, str], *, data: Path, port: int) -> Program:
    """The machines' door."""
    address = {"DATAYARD_INGEST__HOST": "127.0.0.1", "DATAYARD_INGEST__PORT": str(port)}
    return _python("ingest", "-m", "services.ingest", env={**env, **address}, data=data)


def worker_program(env: Mapping[str, str], *, data: Path, index: int, metrics_port: int) -> Program:
    """One claimer of import work; SIGTERM makes it checkpoint and leave."""
    arguments = ("-P", "solo", "-Q", "jobs", "-n", f"worker{index}@datayard")
    metrics = {"DATAYARD_METRICS__PORT": str(metrics_port)}
    return _python(f"worker-{index}", *_CELERY, *arguments, *_QUIET, env={**env, **metrics}, data=data)


def callbacks_program(env: Mapping[str, str], *, data: Path) -> Program:
    """What calls ingest when a queued callback is due: the laptop's Cloud Tasks."""
    arguments = ("-P", "threads", "-c", "4", "-Q", "callbacks", "-n", "callbacks@datayard")
    return _python("callbacks", *_CELERY, *arguments, *_QUIET, env={**env, "DATAYARD_METRICS__PORT": "0"}, data=data)
