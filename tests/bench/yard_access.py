"""Behind the doors of a running yard: its database, and requests timed by a client that does nothing else."""

import contextlib
import http.client
import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from pymongo import MongoClient
from pymongo.database import Database

from services.cli.state import load
from shared.foundation.settings import MongoSettings
from tests.factories.running_yard import RunningYard

DATABASE = MongoSettings().database
ENDED = ("succeeded", "failed", "cancelled", "dead")


def mongo_address(yard: RunningYard) -> str:
    """The address of the yard's embedded server."""
    state = load(yard.data)
    assert state is not None, "the yard has stopped"
    return f"mongodb://127.0.0.1:{state.ports['mongod']}/?directConnection=true"


@contextlib.contextmanager
def database_of(yard: RunningYard) -> Iterator[Database[dict[str, Any]]]:
    """The yard's database, past the product."""
    with MongoClient[dict[str, Any]](mongo_address(yard)) as client:
        yield client[DATABASE]


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer, and how long it took from the first byte sent to the last one read."""

    seconds: float
    status: int
    body: bytes

    def json(self) -> Any:
        """What the body says."""
        return json.loads(self.body)


class KeptConnection:
    """One connection that is kept, without the weight of a client library, so that the server is what is timed."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=120)

    def get(self, path: str, headers: Mapping[str, str] | None = None) -> Answer:
        """GET a path."""
        return self._ask("GET", path, headers or {}, None)

    def post(self, path: str, body: object) -> Answer:
        """POST a JSON body."""
        return self._ask("POST", path, {"Content-Type": "application/json"}, json.dumps(body).encode())

    def close(self) -> None:
        """Give the connection back."""
        self._connection.close()

    def _ask(self, method: str, path: str, headers: Mapping[str, str], body: bytes | None) -> Answer:
        began = time.perf_counter()
        self._connection.request(method, path, body, {"Accept-Encoding": "identity", **headers})
        answer = self._connection.getresponse()
        content = answer.read()
        return Answer(time.perf_counter() - began, answer.status, content)


def import_ended(yard: RunningYard, body: Mapping[str, object]) -> dict[str, Any]:
    """The status of an import once it has succeeded; AssertionError when it ends otherwise."""
    started = yard.http.post(f"{yard.url}/datasets/import", json=dict(body))
    assert started.status_code == 202, started.text
    while True:
        status: dict[str, Any] = yard.get(f"/datasets/import/{started.json()['job_id']}/status")
        if status["state"] in ENDED:
            assert status["state"] == "succeeded", status
            return status
        time.sleep(0.1)
