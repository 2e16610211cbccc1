"""The ingest service as a Cloud Function: the framework's own server, over HTTP."""

import contextlib
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx2
import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def function(tmp_path_factory):
    """Address of the function. Its database does not exist: what needs one answers 503."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    framework = Path(sys.executable).parent / "functions-framework"
    command = [framework, "--asgi", "--source", "services/ingest/function.py", "--target", "ingest"]
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "DATAYARD_MONGO__URL": "mongodb://127.0.0.1:9/?directConnection=true",
        "DATAYARD_MONGO__TIMEOUT_SECONDS": "0.5",
        "DATAYARD_OBJECT_STORE__BACKEND": "local",
        "DATAYARD_OBJECT_STORE__ROOT": str(tmp_path_factory.mktemp("objects")),
        "DATAYARD_CALLBACK__TOKEN": "known",
    }
    process = subprocess.Popen([*command, "--host", "127.0.0.1", "--port", str(port)], cwd=ROOT, env=environment)
    try:
        address = f"http://127.0.0.1:{port}"
        _wait_for(address)
        yield address
    finally:
        process.terminate()
        process.wait(10)


def _wait_for(address: str) -> None:
    until = time.monotonic() + 30
    while time.monotonic() < until:
        with contextlib.suppress(httpx2.TransportError):
            if httpx2.get(f"{address}/health/live", timeout=5).status_code == 200:
                return
        time.sleep(0.05)
    raise AssertionError("the function did not start")


def test_answers_what_the_service_answers(function):
    assert httpx2.get(f"{function}/health/live").json() == {"status": "live"}
    assert httpx2.post(f"{function}/tasks/a").status_code == 401
    answer = httpx2.post(f"{function}/tasks/a", headers={"Authorization": "Bearer known"}, timeout=10)
    assert answer.status_code == 503  # the queue calls again
    assert answer.json()["type"] == "/problems/database-unavailable"
    assert httpx2.post(f"{function}/nothing/here", headers={"Authorization": "Bearer known"}).status_code == 404
