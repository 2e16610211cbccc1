"""`datayard export`: have a dataset written as files, wait for that, and fetch them; what was cut off goes on."""

import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel

from services.cli.client import Client, Refused, Unreachable, path_of
from services.cli.documents import ENDED, JobStatus, JsonObject, Problem, Progress
from services.cli.failures import CliError, Exit
from services.cli.formatting import counted, number, plain, size
from services.cli.listings import print_json
from services.cli.progress import progress_view

_POLL_SECONDS = 0.2
_TRIES = 20
_RECONNECT_SECONDS = 0.5
_TAG_CHARACTERS = 16


@dataclass(frozen=True, slots=True)
class ExportOrder:
    """What a person asks for: a dataset, how it is to be written, and where to."""

    dataset: str
    format: str
    tree: str | None
    task: str | None
    splits: Sequence[str]
    categories: Sequence[str]
    version: int | None
    output: Path | None

    def body(self) -> JsonObject:
        """The body of POST …/exports."""
        found: JsonObject = {"format": self.format}
        for name, value in (("tree", self.tree), ("task", self.task), ("version", self.version)):
            if value is not None:
                found[name] = value
        for name, values in (("splits", self.splits), ("categories", self.categories)):
            if values:
                found[name] = list(values)
        return found


class File(BaseModel):
    """One file of an export."""

    name: str
    size_bytes: int
    etag: str
    url: str


class Lost(BaseModel):
    """Something that could not be written as it is."""

    severity: str
    message: str
    count: int
    examples: list[str] = []


class ExportDocument(BaseModel):
    """An export, as far as it is shown."""

    id: str
    job_id: str
    state: str
    progress: Progress = Progress()
    images: int | None = None
    files: list[File] = []
    findings: list[Lost] = []
    error: Problem | None = None

    def job(self) -> JobStatus:
        """What progress is shown of."""
        return JobStatus(job_id=self.job_id, kind="export", state=self.state, progress=self.progress, error=self.error)


def run_export(client: Client, order: ExportOrder, *, as_json: bool) -> Exit:
    """Export as asked, save the files and say what is lost; the exit code of the command."""
    started = client.post(path_of("datasets", order.dataset, "exports"), order.body())
    document = _wait(client, order, str(started["id"]))
    export = ExportDocument.model_validate(document)
    if export.state != "succeeded":
        reason = export.error.text() if export.error else f"it is {export.state}"
        print(f"datayard: the export {export.id} did not succeed. {plain(reason)}", file=sys.stderr)
        return Exit.FAILED
    saved = [fetch(client, file, target) for file, target in _targets(export.files, order.output)]
    if as_json:
        print_json({**document, "saved": [str(path) for path in saved]})
    else:
        _print(export, saved)
    return Exit.OK


def fetch(client: Client, file: File, target: Path) -> Path:
    """Save a file; what an earlier call has fetched of it is kept, and only the rest is asked for."""
    tag = "".join(letter for letter in file.etag if letter.isalnum())[:_TAG_CHARACTERS]
    partial = target.with_name(f".{target.name}.{tag}.partial")
    target.parent.mkdir(parents=True, exist_ok=True)
    tries = 0
    while (done := partial.stat().st_size if partial.exists() else 0) < file.size_bytes or not partial.exists():
        try:
            _fetch_rest(client, file, partial, done)
            tries = 0
        except Unreachable:
            tries = tries + 1 if partial.stat().st_size == done else 0
            if tries >= _TRIES:
                raise
            time.sleep(_RECONNECT_SECONDS)
    partial.replace(target)
    return target


def _fetch_rest(client: Client, file: File, partial: Path, done: int) -> None:
    with partial.open("ab") as out:
        for chunk in client.download(file.url, start=done, etag=file.etag):
            out.write(chunk)
    if partial.stat().st_size > file.size_bytes:
        partial.unlink()
        raise CliError(f"{file.name} is larger than the yard said; try again.")


def _wait(client: Client, order: ExportOrder, export_id: str) -> JsonObject:
    path, failures = path_of("datasets", order.dataset, "exports", export_id), 0
    with progress_view(f"{order.dataset} {order.format}") as view:
        while True:
            try:
                document, failures = client.get(path), 0
            except (Unreachable, Refused) as error:
                passes = isinstance(error, Unreachable) or (isinstance(error, Refused) and error.status >= 502)
                failures += 1
                if not passes or failures > _TRIES:
                    raise
            else:
                export = ExportDocument.model_validate(document)
                view.show(export.job())
                if export.state in ENDED:
                    return document
            time.sleep(_POLL_SECONDS)


def _targets(files: Sequence[File], output: Path | None) -> list[tuple[File, Path]]:
    """Where each file is saved: under its own name, in the folder that was named; a single file where it was named."""
    if len(files) == 1 and output is not None and not output.is_dir():
        return [(files[0], output)]
    if output is not None and output.is_file():
        raise CliError(f"The export has {len(files)} files; name a folder for them.", exit_code=Exit.USAGE)
    return [(file, (output or Path()) / file.name) for file in files]


def _print(export: ExportDocument, saved: Sequence[Path]) -> None:
    total = sum(file.size_bytes for file in export.files)
    where = str(saved[0]) if len(saved) == 1 else f"{counted(len(saved), 'file')} in {saved[0].parent}"
    print(f"Exported {counted(export.images or 0, 'image')} to {where}, {size(total)}.")
    for lost in export.findings:
        print(f"  {lost.severity:<8} {lost.message} {_where(lost)}")


def _where(lost: Lost) -> str:
    """What it is said of: the first example, and how many more there are."""
    more = f"{number(lost.count - 1)} more" if lost.count > 1 else ""
    return plain(
        f"({' and '.join(part for part in (*lost.examples[:1], more) if part) or counted(lost.count, 'time')})"
    )
