"""`datayard import`: start an import, watch it, and say how it ended. The demo takes the same road."""

import re
import sys
import time
import uuid
from pathlib import Path
from urllib.parse import unquote, urlsplit

from services.cli.client import Client, Refused, Unreachable, path_of
from services.cli.documents import Dataset, JobStatus, JsonObject, Problem
from services.cli.failures import CliError, Exit
from services.cli.following import wait_for_import
from services.cli.formatting import command, counted, number, plain, size
from services.cli.import_request import ImportRequest
from services.cli.listings import dataset_of, print_json, print_status
from services.cli.progress import progress_view
from services.cli.uploading import upload_file

_CANCEL_SECONDS = 15.0
_OPTIONS = {
    "source": "SOURCE",
    **{
        name: f"--{name.replace('_', '-')}" for name in ("images", "labels", "config", "name", "format", "root", "task")
    },
    **{name: f"--{name.replace('_', '-')}" for name in ("storage", "in_place", "deep", "checksum", "on_finding")},
    "fixes": "--fix",
    "category_map": "--map",
}
_ALL_OPTIONS = re.compile(r"\b(in_place|storage|checksum|on_finding)\b")


def start_import(client: Client, request: ImportRequest) -> JsonObject:
    """Post the import; the 202 document. Its key makes a repetition on a broken connection harmless.

    Raises CliError (usage) that names the options which do not fit.
    """
    body, key = request.body(), uuid.uuid4().hex
    try:
        try:
            return client.post("/datasets/import", body, idempotency_key=key)
        except Unreachable:
            time.sleep(0.2)
            return client.post("/datasets/import", body, idempotency_key=key)
    except Refused as refused:
        if refused.problem.errors:
            raise CliError(in_options(refused.problem), exit_code=Exit.USAGE) from refused
        raise


def upload_and_import(client: Client, request: ImportRequest, *, notes: bool) -> JsonObject:
    """Send the file that was named, which is imported then; the same document.

    Raises CliError (usage) for what is no file, and for options that do not fit.
    """
    body = request.body()
    source = body.pop("source")
    path = Path(unquote(urlsplit(source).path)) if isinstance(source, str) and source.startswith("file:") else None
    if path is None or not path.is_file():
        raise CliError("--upload is for one archive that is a file on this machine.", exit_code=Exit.USAGE)
    if not path.stat().st_size:
        raise CliError(f"{path} is empty.", exit_code=Exit.USAGE)
    try:
        return upload_file(client, path, body, notes=notes)
    except Refused as refused:
        if refused.problem.errors:
            raise CliError(in_options(refused.problem), exit_code=Exit.USAGE) from refused
        raise


def in_options(problem: Problem) -> str:
    """What does not fit about an import, by the options of the command instead of the parts of its request."""
    return "\n".join(["This import cannot be started:", *(f"  {_in_option(error)}" for error in problem.errors)])


def _in_option(error: JsonObject) -> str:
    pointer, detail = str(error.get("pointer")), str(error.get("detail"))
    if pointer in {"#/body", "#/body/import"}:  # it is about several of them
        return _ALL_OPTIONS.sub(lambda found: _OPTIONS[found[0]], detail)
    part = pointer.removeprefix("#/body/").removeprefix("source/").removeprefix("import/")
    return f"{_OPTIONS.get(part, pointer)}: {detail}"


def run_import(client: Client, request: ImportRequest, *, wait: bool, as_json: bool) -> Exit:
    """Import as asked and print the result; the exit code of the command."""
    started = upload_and_import(client, request, notes=not as_json) if request.upload else start_import(client, request)
    if not wait:
        _print_started(client, started, "Import", as_json=as_json)
        return Exit.OK
    job_id = str(started["job_id"])
    label = str(request.body()["name"])
    try:
        with progress_view(label, notes=not as_json) as view:
            final = wait_for_import(client, job_id, view=view)
    except KeyboardInterrupt:
        return _interrupted(client, job_id)
    if request.fixes and final.get("state") == "succeeded":
        follow_fixes(client, JobStatus.model_validate(final), as_json=as_json)
    return _print_final(client, final, as_json=as_json)


def follow_fixes(client: Client, imported: JobStatus, *, as_json: bool) -> None:
    """Wait for the version that an import was asked to be followed by. Raises CliError if it does not come to be."""
    pending = (dataset_of(client, imported) or {}).get("pending_version")
    if isinstance(pending, dict):
        with progress_view("fixes", notes=not as_json) as view:
            final = JobStatus.model_validate(wait_for_import(client, str(pending["job_id"]), view=view))
        if final.state != "succeeded":
            reason = f" {final.error.text()}" if final.error else ""
            raise CliError(f"Version 1 is there as it was found, but the fixes are {final.state}.{reason}")


def run_verification(client: Client, dataset: str, *, wait: bool, as_json: bool) -> Exit:
    """Let a dataset be verified and print the result, or how to follow it; the exit code of the command."""
    started = client.post(path_of("datasets", dataset, "verify"))
    if wait:
        return follow_import(client, str(started["job_id"]), as_json=as_json, label=f"verify {dataset}")
    _print_started(client, started, "Verification", as_json=as_json)
    return Exit.OK


def follow_import(client: Client, job_id: str, *, as_json: bool, label: str | None = None) -> Exit:
    """Show how a job goes on until it has ended, then its status; the exit code of the command."""
    status = client.get(path_of("datasets", "import", job_id, "status"))
    try:
        with progress_view(label or job_id, notes=not as_json) as view:
            final = wait_for_import(client, job_id, view=view) if not JobStatus.model_validate(status).ended else status
    except KeyboardInterrupt:
        print(f"\nThe job goes on; {_follow_it(client, job_id)}", file=sys.stderr)
        return Exit.INTERRUPTED
    print_status(client, final, as_json=as_json)
    return Exit.OK if JobStatus.model_validate(final).state == "succeeded" else Exit.FAILED


def _print_started(client: Client, started: JsonObject, what: str, *, as_json: bool) -> None:
    if as_json:
        print_json(started)
        return
    print(f"{what} {started['job_id']} is {started.get('state', 'queued')}.")
    print(f"  {_follow_it(client, str(started['job_id']))}")


def _follow_it(client: Client, job_id: str) -> str:
    return f"follow it: {command()} --url {client.url} status --follow {job_id}"


def _print_final(client: Client, final: JsonObject, *, as_json: bool) -> Exit:
    job = JobStatus.model_validate(final)
    document = dataset_of(client, job)
    if as_json:
        print_json({**final, "dataset": document})
    elif job.state == "succeeded":
        print("\n".join(summary_lines(client, job, document)))
    if job.state == "succeeded":
        return Exit.OK
    reason = job.error.text() if job.error else f"the job is {job.state}"
    print(f"datayard: the import {job.job_id} did not succeed ({job.state}). {plain(reason)}", file=sys.stderr)
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
        print(f"The import goes on; {_follow_it(client, job_id)}", file=sys.stderr)
        return Exit.INTERRUPTED
    client.post(path_of("datasets", "import", job_id, "cancel"))
    deadline = time.monotonic() + _CANCEL_SECONDS
    with progress_view("cancelling") as view:
        final = wait_for_import(client, job_id, view=view, should_stop=lambda: time.monotonic() > deadline)
    print(f"The import is {final.get('state')}.", file=sys.stderr)
    return Exit.INTERRUPTED


def _asks() -> bool:
    return sys.stdin.isatty() and sys.stderr.isatty()
