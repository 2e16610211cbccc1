"""`datayard import`: start an import, watch it, and say how it ended. The demo takes the same road."""

import sys
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field

from services.cli.client import Client, Refused, Unreachable, path_of
from services.cli.documents import Dataset, JobStatus, JsonObject
from services.cli.failures import Exit
from services.cli.following import wait_for_import
from services.cli.formatting import command, counted, number, size
from services.cli.listings import print_json, print_status
from services.cli.progress import progress_view
from services.cli.sources import source_of

_CANCEL_SECONDS = 15.0


@dataclass(frozen=True, slots=True)
class ImportRequest:
    """What a person asks to import: one source, or `parts` (images, labels, config). Any of them may be a path."""

    source: str | None = None
    name: str | None = None
    format: str = "auto"
    storage: str = "objects"
    in_place: bool = False
    checksum: str | None = None
    on_finding: str = "skip"
    parts: Mapping[str, str] = field(default_factory=dict)

    def body(self) -> JsonObject:
        """The body of POST /datasets/import. Raises CliError when a path points to nothing, or parts do not fit."""
        source = source_of(self.source, self.parts)
        body: JsonObject = {
            "name": self.name or source.name,
            "source": source.value if isinstance(source.value, str) else dict(source.value),
            "format": self.format,
            "storage": self.storage,
            "on_finding": self.on_finding,
        }
        if self.in_place:
            body["in_place"] = True
        return body | ({"checksum": self.checksum} if self.checksum else {})


def start_import(client: Client, request: ImportRequest) -> JsonObject:
    """Post the import; the 202 document. Its key makes a repetition on a broken connection harmless."""
    body, key = request.body(), uuid.uuid4().hex
    try:
        return client.post("/datasets/import", body, idempotency_key=key)
    except Unreachable:
        time.sleep(0.2)
        return client.post("/datasets/import", body, idempotency_key=key)


def run_import(client: Client, request: ImportRequest, *, wait: bool, as_json: bool) -> Exit:
    """Import as asked and print the result; the exit code of the command."""
    started = start_import(client, request)
    if not wait:
        _print_started(client, started, as_json=as_json)
        return Exit.OK
    job_id = str(started["job_id"])
    label = str(request.body()["name"])
    try:
        with progress_view(label, notes=not as_json) as view:
            final = wait_for_import(client, job_id, view=view)
    except KeyboardInterrupt:
        return _interrupted(client, job_id)
    return _print_final(client, final, as_json=as_json)


def follow_import(client: Client, job_id: str, *, as_json: bool) -> Exit:
    """Show how an import goes on until it has ended, then its status; the exit code of the command."""
    status = client.get(path_of("datasets", "import", job_id, "status"))
    try:
        with progress_view(job_id, notes=not as_json) as view:
            final = wait_for_import(client, job_id, view=view) if not JobStatus.model_validate(status).ended else status
    except KeyboardInterrupt:
        return Exit.INTERRUPTED
    print_status(final, as_json=as_json)
    return Exit.OK if JobStatus.model_validate(final).state == "succeeded" else Exit.FAILED


def _print_started(client: Client, started: JsonObject, *, as_json: bool) -> None:
    if as_json:
        print_json(started)
        return
    print(f"Import {started['job_id']} is {started.get('state', 'queued')}.")
    print(f"  follow it: {command()} --url {client.url} status {started['job_id']}")


def _dataset(client: Client, job: JobStatus) -> JsonObject | None:
    if not job.dataset_id:
        return None
    try:
        return client.get(path_of("datasets", job.dataset_id))
    except Refused:  # an import that failed leaves no dataset
        return None


def _print_final(client: Client, final: JsonObject, *, as_json: bool) -> Exit:
    job = JobStatus.model_validate(final)
    document = _dataset(client, job)
    if as_json:
        print_json({**final, "dataset": document})
    elif job.state == "succeeded":
        print("\n".join(summary_lines(client, job, document)))
    if job.state == "succeeded":
        return Exit.OK
    reason = job.error.text() if job.error else f"the job is {job.state}"
    print(f"datayard: the import {job.job_id} did not succeed ({job.state}). {reason}", file=sys.stderr)
    return Exit.FAILED


def summary_lines(client: Client, job: JobStatus, document: JsonObject | None) -> list[str]:
    """What an import that succeeded has made, for a person."""
    progress = job.progress
    counts = f"{counted(progress.images_done, 'image')}, {counted(progress.annotations, 'annotation')}"
    if document is None:
        return [f"Imported {counts}, {counted(progress.findings, 'finding')}."]
    dataset = Dataset.model_validate(document)
    if dataset.statistics:
        totals = dataset.statistics
        counts = f"{counted(totals.images, 'image')}, {counted(totals.annotations, 'annotation')}, {size(totals.bytes)}"
    lines = [
        f"Imported {dataset.slug!r}: {counts}, {counted(len(dataset.categories or []), 'category')}.",
        f"  dataset:  {client.url}{path_of('datasets', dataset.slug)}",
    ]
    if progress.findings:
        report = path_of("datasets", "import", job.job_id, "report")
        lines.append(f"  findings: {number(progress.findings)}, listed at {client.url}{report}")
    return lines


def _interrupted(client: Client, job_id: str) -> Exit:
    """Ctrl-C while waiting: on a terminal ask what is meant, elsewhere leave the import alone."""
    try:
        answer = input("\nCancel this import? [y = cancel, Enter = let it go on in the background] ") if _asks() else ""
    except (EOFError, KeyboardInterrupt):
        answer = ""
    if not answer.strip().lower().startswith("y"):
        print(f"The import goes on; follow it: {command()} --url {client.url} status {job_id}", file=sys.stderr)
        return Exit.INTERRUPTED
    client.post(path_of("datasets", "import", job_id, "cancel"))
    deadline = time.monotonic() + _CANCEL_SECONDS
    with progress_view("cancelling") as view:
        final = wait_for_import(client, job_id, view=view, should_stop=lambda: time.monotonic() > deadline)
    print(f"The import is {final.get('state')}.", file=sys.stderr)
    return Exit.INTERRUPTED


def _asks() -> bool:
    return sys.stdin.isatty() and sys.stderr.isatty()
