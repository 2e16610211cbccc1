"""Every call of a Google client in shared/adapters has a row in the table of permissions, and every row a call."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from google.cloud.run_v2 import ExecutionsAsyncClient, JobsAsyncClient
from google.cloud.storage import Blob, Bucket, Client
from google.cloud.storage.fileio import BlobWriter
from google.cloud.tasks_v2 import CloudTasksAsyncClient

from tests.infra.permissions import CALLS, EXACT_PLACES, PLACES, SERVICES
from tests.infra.terraform import ROOT

ADAPTERS = ROOT / "shared/adapters"
WIRING = "shared/wiring/adapters.py"
"""Passes on what others ask for."""
CLIENTS = (Client, Bucket, Blob, BlobWriter, CloudTasksAsyncClient, JobsAsyncClient, ExecutionsAsyncClient)
# Methods of clients that any object may have, and that reach nothing by themselves.
COMMON = {
    "close",
    "flush",
    "write",
    "read",
    "path",
    "list",
    "exists",
    "get",
    "create",
    "update",
    "copy",
    "batch",
    "open",
}
METHODS = {
    name for client in CLIENTS for name in dir(client) if not name.startswith("_") and callable(getattr(client, name))
} - COMMON


def calls(path: Path) -> set[str]:
    """Names of methods that are called, or handed on to be called, and that a client has."""
    return {node.attr for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Attribute)} & METHODS


def google_files() -> Iterator[Path]:
    for path in sorted(ADAPTERS.rglob("*.py")):
        imported = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.ImportFrom)]
        if any((node.module or "").startswith("google.cloud") for node in imported):
            yield path


def test_every_call_has_a_row_and_every_row_a_call() -> None:
    found = {str(path.relative_to(ADAPTERS)): calls(path) for path in google_files()}
    assert found == {name: set(rows) for name, rows in CALLS.items()}


def test_every_permission_that_a_call_needs_is_a_services() -> None:
    needed = {permission for rows in CALLS.values() for needs in rows.values() for permission in needs}
    assert needed == set().union(*SERVICES.values())
    assert all(one in EXACT_PLACES or one.rpartition(".")[0] in PLACES for one in needed)


@pytest.mark.parametrize(
    ("call", "files"),
    [
        # by the dispatcher, which ingest has; a worker that makes room is told not to (DATAYARD_ENGINE__TURN_SECONDS)
        (".launch(", {"shared/features/jobs/starting.py", "shared/features/imports/running/turns.py", WIRING}),
        (".cancel(launched", {"shared/features/jobs/starting.py", WIRING}),
        (".queue.ping(", {"services/api/routers/health.py"}),
        # by the API alone: workers and ingest show nobody an image
        (".signed_url(", {"shared/adapters/object_store/gcs.py", "shared/features/images/service.py"}),
    ],
)
def test_what_one_service_may_do_is_asked_for_by_that_one(call: str, files: set[str]) -> None:
    sources = [path for folder in ("services", "shared") for path in (ROOT / folder).rglob("*.py")]
    assert {str(path.relative_to(ROOT)) for path in sources if call in path.read_text()} == files
