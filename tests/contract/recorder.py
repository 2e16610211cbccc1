"""What arrived: a record of deliveries, also as a web server for deliveries from other processes."""

import asyncio
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from shared.foundation.errors import Unavailable
from shared.foundation.ids import JobId


class Recorder:
    """Counts deliveries by job; fails the next ones of a job on demand."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._failures: Counter[str] = Counter()
        self.arrivals: list[tuple[str, float]] = []

    def fail_next(self, job_id: JobId, times: int) -> None:
        self._failures[job_id] = times

    def arrive(self, job_id: str) -> None:
        with self._lock:
            self.arrivals.append((job_id, time.monotonic()))
            if self._failures[job_id] > 0:
                self._failures[job_id] -= 1
                raise Unavailable("The callback fails, as it was told to.")

    async def deliver(self, job_id: JobId) -> None:
        self.arrive(job_id)

    def count(self, job_id: JobId) -> int:
        with self._lock:
            return sum(arrived == job_id for arrived, _ in self.arrivals)

    async def wait_for(self, job_id: JobId, times: int, *, timeout: float = 15) -> float:
        """When the `times`-th delivery of the job arrived, on the monotonic clock."""
        async with asyncio.timeout(timeout):
            while self.count(job_id) < times:  # noqa: ASYNC110 - arrivals come from other threads
                await asyncio.sleep(0.01)
        return [at for arrived, at in self.arrivals if arrived == job_id][times - 1]


@contextmanager
def serving(recorder: Recorder) -> Iterator[str]:
    """A web server to which any POST of /.../{job_id} is a delivery; its address."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            try:
                recorder.arrive(self.path.rpartition("/")[2])
            except Unavailable:
                self.send_response(503)
            else:
                self.send_response(204)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
