"""What the reading commands print: tables for people, the API's own documents for programs."""

import json
import shlex
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import JsonValue

from services.cli.client import Client, Refused, path_of
from services.cli.documents import Dataset, Image, JobStatus, JsonObject, Page, Progress
from services.cli.formatting import Column, duration, moment, number, output_width, plain, size, table

_DATASET_COLUMNS = (
    Column("SLUG", shrinks=True),
    Column("STATE"),
    Column("TASK"),
    Column("IMAGES", right=True),
    Column("ANNOTATIONS", right=True),
    Column("CATEGORIES", right=True),
    Column("SIZE", right=True),
)
_IMAGE_COLUMNS = (
    Column("ID"),
    Column("PATH", shrinks=True, keeps_end=True),
    Column("SPLIT"),
    Column("PIXELS", right=True),
    Column("SIZE", right=True),
    Column("ANNOTATIONS", shrinks=True),
)
_JOB_COLUMNS = (
    Column("JOB"),
    Column("KIND"),
    Column("STATE"),
    Column("DONE", right=True),
    Column("IMAGES", right=True),
    Column("CREATED"),
)


@dataclass(frozen=True, slots=True)
class ImageQuery:
    """Which images of which dataset."""

    dataset: str
    split: str | None
    category: str | None
    limit: int
    cursor: str | None

    def params(self) -> dict[str, str | int | None]:
        """The query parameters of the API."""
        return {"split": self.split, "category": self.category, "limit": self.limit, "cursor": self.cursor}


@dataclass(frozen=True, slots=True)
class JobQuery:
    """Which jobs."""

    state: str | None
    kind: str | None
    limit: int
    cursor: str | None

    def params(self) -> dict[str, str | int | None]:
        """The query parameters of the API."""
        return {"state": self.state, "kind": self.kind, "limit": self.limit, "cursor": self.cursor}


def print_json(document: JsonValue) -> None:
    """One JSON document on stdout."""
    print(json.dumps(document, indent=2, ensure_ascii=False))


def _print_table(columns: tuple[Column, ...], rows: list[list[str]], *, page: Page, noun: str) -> None:
    if not rows:
        print(f"No {noun}.")
        return
    print(table(columns, rows, width=output_width()))
    if page.next_cursor:
        of_total = f" of {number(page.total)}" if page.total is not None else ""
        print(f"\n{number(len(rows))}{of_total} {noun} shown; go on with --cursor {shlex.quote(page.next_cursor)}")


def show_datasets(client: Client, *, limit: int, cursor: str | None, as_json: bool) -> None:
    """Print a page of datasets."""
    document = client.get("/datasets", {"limit": limit, "cursor": cursor})
    if as_json:
        print_json(document)
        return
    page = Page.model_validate(document)
    rows = [_dataset_row(Dataset.model_validate(item)) for item in page.items]
    _print_table(_DATASET_COLUMNS, rows, page=page, noun="datasets")


def _dataset_row(dataset: Dataset) -> list[str]:
    totals = dataset.statistics
    counts = [number(totals.images), number(totals.annotations)] if totals else ["-", "-"]
    categories = "-" if dataset.categories is None else number(len(dataset.categories))
    total_bytes = size(totals.bytes) if totals else "-"
    return [dataset.slug, dataset.state, dataset.task or "-", *counts, categories, total_bytes]


def show_images(client: Client, query: ImageQuery, *, as_json: bool) -> None:
    """Print a page of images."""
    document = client.get(path_of("datasets", query.dataset, "images"), query.params())
    if as_json:
        print_json(document)
        return
    page = Page.model_validate(document)
    rows = [_image_row(Image.model_validate(item)) for item in page.items]
    _print_table(_IMAGE_COLUMNS, rows, page=page, noun="images")


def stream_images(client: Client, query: ImageQuery) -> None:
    """Print every image from `query.cursor` on, one JSON line each; memory holds one page."""
    params = {**query.params(), "limit": 500}
    while True:
        page = Page.model_validate(client.get(path_of("datasets", query.dataset, "images"), params))
        for item in page.items:
            print(json.dumps(item, ensure_ascii=False))
        if page.next_cursor is None:
            return
        params["cursor"] = page.next_cursor


def _image_row(image: Image) -> list[str]:
    pixels = f"{image.width}x{image.height}" if image.width and image.height else "-"
    kept = size(image.size_bytes) if image.size_bytes is not None else "-"
    counts = Counter(annotation.category or "?" for annotation in image.annotations)
    annotations = ", ".join(f"{count} {category}" for category, count in counts.most_common()) or "-"
    return [image.id, image.path, image.split or "-", pixels, kept, annotations]


def show_jobs(client: Client, query: JobQuery, *, as_json: bool) -> None:
    """Print a page of jobs."""
    document = client.get("/jobs", query.params())
    if as_json:
        print_json(document)
        return
    page = Page.model_validate(document)
    rows = [_job_row(JobStatus.model_validate(item)) for item in page.items]
    _print_table(_JOB_COLUMNS, rows, page=page, noun="jobs")


def _job_row(job: JobStatus) -> list[str]:
    fraction = job.progress.fraction
    done = "-" if fraction is None else f"{fraction:.0%}"
    return [job.job_id, job.kind, job.shown_state, done, number(job.progress.images_done), moment(job.created_at)]


def show_status(client: Client, job_id: str, *, as_json: bool) -> None:
    """Print the status of one import."""
    print_status(client, client.get(path_of("datasets", "import", job_id, "status")), as_json=as_json)


def show_order(client: Client, path: Sequence[str], *, as_json: bool) -> None:
    """Post an order about a job or dataset, and print how the job stands then."""
    document = client.post(path_of(*path))
    if as_json:
        print_json(document)
        return
    job = JobStatus.model_validate(document)
    print(f"Job {job.job_id} is {job.shown_state}.")


def print_status(client: Client, document: JsonObject, *, as_json: bool) -> None:
    """Print a status; to a person with the name and source of its dataset."""
    if as_json:
        print_json(document)
        return
    job = JobStatus.model_validate(document)
    for label, value in status_lines(job, dataset_of(client, job)):
        print(f"{label + ':':<13}{plain(value)}")


def dataset_of(client: Client, job: JobStatus) -> JsonObject | None:
    """The dataset of a job; None where there is none: an import that failed leaves none."""
    if not job.dataset_id:
        return None
    try:
        return client.get(path_of("datasets", job.dataset_id))
    except Refused:
        return None


def status_lines(job: JobStatus, document: JsonObject | None) -> list[tuple[str, str]]:
    """What a person wants to know of a job and its dataset: label and value."""
    lines = [("job", job.job_id), ("dataset", job.dataset_id or "-")]
    if document is not None:
        dataset = Dataset.model_validate(document)
        lines[1:] = [("dataset", f"{dataset.slug} ({dataset.id})"), ("source", dataset.source or "-")]
    lines.append(("state", job.shown_state))
    if job.phase:
        lines.append(("phase", job.phase))
    lines += _progress_lines(job)
    lines += [(label, moment(at)) for label, at in _times(job) if at]
    if job.error:
        lines.append(("error", job.error.text()))
    return lines


def _progress_lines(job: JobStatus) -> list[tuple[str, str]]:
    progress = job.progress
    lines = []
    if progress.fraction is not None:
        lines.append(("done", f"{progress.fraction:.0%}"))
    lines += [
        ("images", _of(number(progress.images_done), progress.images_total and number(progress.images_total))),
        *([("bytes", _of(size(progress.bytes_done), total))] if (total := _known_size(progress)) else []),
        ("annotations", number(progress.annotations)),
        ("findings", number(progress.findings)),
    ]
    if job.seconds_left is not None:
        lines.append(("left", duration(job.seconds_left)))
    return lines


def _known_size(progress: Progress) -> str | None:
    """Of what size it is; None for what has none, such as a version or an export."""
    known = progress.bytes_total or progress.bytes_done
    return size(known) if known else None


def _times(job: JobStatus) -> list[tuple[str, str | None]]:
    return [("created", job.created_at), ("started", job.started_at), ("finished", job.finished_at)]


def _of(done: str, total: str | int | None) -> str:
    return f"{done} of {total}" if total else done
