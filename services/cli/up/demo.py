"""`datayard up --demo`: into an empty yard a generated archive is imported, over HTTP as a user would."""

import asyncio
import threading
from pathlib import Path

from services.cli.client import Client, path_of
from services.cli.documents import Dataset, Finding, JobStatus, JsonObject, Page
from services.cli.failures import CliError
from services.cli.following import finding_line, wait_for_import
from services.cli.formatting import Column, command, counted, table
from services.cli.import_request import ImportRequest
from services.cli.importing import start_import, summary_lines
from services.cli.progress import progress_view

_NAME = "shapes"
_SHOWN_FINDINGS = 5


class Demo:
    """One demonstration; it runs in a thread, and `give_up` makes that thread end soon."""

    def __init__(self, url: str, data: Path) -> None:
        self._url = url
        self._archive = data / "demo" / f"{_NAME}.zip"
        self._given_up = threading.Event()

    def give_up(self) -> None:
        """The yard is being stopped: leave the import alone, it goes on with the next start."""
        self._given_up.set()

    async def run(self) -> None:
        """Import the demo if the yard is empty and show what came of it; a failure is told, and the yard stays."""
        try:
            await asyncio.to_thread(self._show)
        except CliError as error:
            if not self._given_up.is_set():
                print(f"The demo failed: {error}", flush=True)

    def _show(self) -> None:
        with Client(self._url) as client:
            total = Page.model_validate(client.get("/datasets", {"limit": 1})).total
            if total:
                print(f"The yard already holds {counted(total, 'dataset')}; no demo needed:", end=" ")
                print(f"{command()} --url {self._url} datasets", flush=True)
                return
            self._import(client)

    def _import(self, client: Client) -> None:
        from services.cli.demo_archive import write_demo_archive  # noqa: PLC0415 - it needs Pillow

        if not self._archive.exists():
            self._archive.parent.mkdir(exist_ok=True)
            write_demo_archive(self._archive)
        started = start_import(client, ImportRequest(source=str(self._archive), name=_NAME))
        print("The yard is empty: importing a generated dataset as a demo.", flush=True)
        with progress_view(_NAME) as view:
            final = wait_for_import(client, str(started["job_id"]), view=view, should_stop=self._given_up.is_set)
        if not self._given_up.is_set():
            print("\n".join(_result(client, JobStatus.model_validate(final))), flush=True)


def _result(client: Client, job: JobStatus) -> list[str]:
    if job.state != "succeeded":
        return [f"The demo import is {job.state}. {job.error.text() if job.error else ''}".rstrip()]
    document = client.get(path_of("datasets", str(job.dataset_id)))
    slug = Dataset.model_validate(document).slug
    counts = count_lines(client.get(path_of("datasets", slug, "statistics")))
    return [*summary_lines(client, job, document), *counts, *_finding_lines(client, job)]


def _finding_lines(client: Client, job: JobStatus) -> list[str]:
    findings = _worst(client, job)
    lines = [f"The worst of {counted(job.progress.findings, 'finding')}:"] if findings else []
    return lines + [finding_line(finding) for finding in findings]


def _worst(client: Client, job: JobStatus) -> list[Finding]:
    path = path_of("datasets", "import", job.job_id, "report")
    found: list[Finding] = []
    for severity in ("error", "warning", "info"):
        if left := _SHOWN_FINDINGS - len(found):
            page = Page.model_validate(client.get(path, {"severity": severity, "limit": left}))
            found += [Finding.model_validate(item) for item in page.items]
    return found


def count_lines(statistics: JsonObject) -> list[str]:
    """Images and annotations per split, annotations per category, as tables."""
    lines: list[str] = []
    for title, key, label in (("SPLIT", "splits", "split"), ("CATEGORY", "categories", "name")):
        rows = _rows(statistics.get(key), label)
        if rows:
            columns = (Column(title, shrinks=True), Column("IMAGES", right=True), Column("ANNOTATIONS", right=True))
            lines += ["", table(columns, rows, width=60)]
    return [*lines, ""] if lines else []


def _rows(entries: object, label: str) -> list[list[str]]:
    if not isinstance(entries, list):
        return []
    return [
        [str(entry.get(label) or "(none)"), str(entry.get("images", "-")), str(entry.get("annotations", "-"))]
        for entry in entries
        if isinstance(entry, dict)
    ]
