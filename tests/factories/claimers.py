"""Claimers in processes of their own, as a Cloud Run Job task runs them; to be killed."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from tests.factories.yard import Yard

ROOT = Path(__file__).parents[2]


def claimer_process(yard: Yard, job_id: str, **settings: object) -> "subprocess.Popen[bytes]":
    """Start `python -m services.worker JOB_ID` on the yard's database and objects; `settings` are environment names."""
    yard.objects.mkdir(parents=True, exist_ok=True)
    with claimers_log(yard).open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "services.worker", job_id],
            cwd=ROOT,
            env={**os.environ, **claimer_environment(yard), **{name: str(value) for name, value in settings.items()}},
            stdout=log,
            stderr=log,
        )


def claimers_log(yard: Yard) -> Path:
    """What the claimers have written."""
    return yard.objects.parent / "claimers.log"


def claimer_environment(yard: Yard) -> dict[str, str]:
    """The settings of a worker that shares the yard."""
    return {
        "DATAYARD_MONGO__URL": yard.mongo.url.get_secret_value(),
        "DATAYARD_MONGO__DATABASE": yard.mongo.database,
        "DATAYARD_OBJECT_STORE__BACKEND": "local",
        "DATAYARD_OBJECT_STORE__ROOT": str(yard.objects),
        "DATAYARD_SOURCES__ALLOW_FILES": "true",
        "DATAYARD_SOURCES__ALLOW_PRIVATE": "true",
        "DATAYARD_ENGINE__LEASE_SECONDS": str(yard.runner.engine.lease_seconds),
        "DATAYARD_ENGINE__SHARD_BYTES": str(yard.runner.engine.shard_bytes),
        "DATAYARD_ENGINE__SHARD_IMAGES": str(yard.runner.engine.shard_images),
    }


def kill(process: "subprocess.Popen[bytes]") -> None:
    """SIGKILL, if it still runs."""
    if process.poll() is None:
        process.send_signal(signal.SIGKILL)
    process.wait(10)
