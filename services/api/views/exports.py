"""Exports, as JSON."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from shared.features.datasets.models import Dataset
from shared.features.exports.models import Export, ExportStatus
from shared.features.jobs.models import JobState
from shared.formats.annotations.writers.losses import LOSSES
from shared.formats.findings import Severity
from shared.foundation.errors import JsonScalar

_ID = "3a7c41d09be85f62c1d3e7aa"
_BASE = f"/datasets/raccoons/exports/{_ID}"
_FILE: dict[str, JsonValue] = {
    "name": "raccoons-yolo.zip",
    "size_bytes": 13512044,
    "etag": '"9e107d9d372bb6826bd81d3542a419d6"',
    "url": f"{_BASE}/file",
}
_FINDING: dict[str, JsonValue] = {
    "rule": "EXPORT_RENAMED",
    "severity": "info",
    "message": "The file has another name, for its own is taken or cannot be written.",
    "suggestion": "Nothing.",
    "count": 2,
    "examples": ["a/1.jpg", "b/1.jpg"],
}
_EXPORT: dict[str, JsonValue] = {
    "id": _ID,
    "dataset_id": "0193a5c1f2b13c5a7f00d9b4",
    "job_id": "0193a5c1f2b04be0c9d1a7e2",
    "state": "succeeded",
    "format": "yolo",
    "version": 1,
    "splits": None,
    "categories": None,
    "task": "detect",
    "tree": "ultralytics",
    "progress": {"fraction": 1.0, "images_done": 200, "images_total": 200},
    "images": 200,
    "size_bytes": 13512044,
    "etag": '"9e107d9d372bb6826bd81d3542a419d6"',
    "files": [dict(_FILE)],
    "findings": [dict(_FINDING)],
    "error": None,
    "created_at": "2026-11-21T09:00:00Z",
    "expires_at": "2026-11-28T09:00:01Z",
    "links": {"export": _BASE, "file": f"{_BASE}/file", "dataset": "/datasets/raccoons"},
}


class ExportLinks(BaseModel):
    """Where to look next."""

    export: str
    file: str
    dataset: str


class ExportFileView(BaseModel):
    """One file of an export."""

    model_config = ConfigDict(json_schema_extra={"examples": [_FILE]})

    name: str
    size_bytes: int
    etag: str
    url: str


class ExportProgressView(BaseModel):
    """How far it is."""

    fraction: float
    images_done: int
    images_total: int


class LossView(BaseModel):
    """Something that could not be written as it is: how often, and the first places."""

    model_config = ConfigDict(json_schema_extra={"examples": [_FINDING]})

    rule: str
    severity: Severity
    message: str
    suggestion: str
    count: int
    examples: list[str]


class ExportView(BaseModel):
    """One export. `error` is a problem document."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXPORT]})

    id: str = Field(description="The same for the same version and options.")
    dataset_id: str
    job_id: str
    state: JobState
    format: str
    version: int
    splits: list[str | None] | None = Field(description="Null for all.")
    categories: list[int] | None = Field(description="Ids; null for all.")
    task: str = Field(description="What the annotations are written for.")
    tree: str | None = Field(description="How folders lie; null for formats that have one way.")
    progress: ExportProgressView
    images: int | None = Field(description="How many images it holds; null until it is made.")
    size_bytes: int | None = Field(description="Of all its files; null until it is made.")
    etag: str | None = Field(description="Of its first file; null until it is made.")
    files: list[ExportFileView] = Field(description="One zip, or tars; none until it is made.")
    findings: list[LossView] = Field(description="What could not be written as it is.")
    error: dict[str, JsonScalar] | None
    created_at: datetime
    expires_at: datetime = Field(description="It is removed then, and can be made again, with the same bytes.")
    links: ExportLinks


def export_view(status: ExportStatus, dataset: Dataset) -> ExportView:
    """The export and how it stands."""
    export, options, built = status.export, status.export.options, status.export.built
    files = _files(status, dataset)
    fraction = 1.0 if built else status.progress.fraction
    done, total = status.progress.images_done, status.progress.images_total
    return ExportView(
        id=export.id,
        dataset_id=export.dataset_id,
        job_id=export.job_id,
        state=status.state,
        format=options.format,
        version=options.version,
        splits=None if options.splits is None else list(options.splits),
        categories=None if options.categories is None else list(options.categories),
        task=options.task,
        tree=options.tree if options.format == "yolo" and options.task != "classify" else None,
        progress=ExportProgressView(fraction=fraction, images_done=done, images_total=total),
        images=built.images if built else None,
        size_bytes=sum(file.size_bytes for file in files) if built else None,
        etag=files[0].etag if files else None,
        files=files,
        findings=_losses(status),
        error=status.error,
        created_at=export.created_at,
        expires_at=export.expires_at,
        links=links_of(export.id, dataset.slug),
    )


def links_of(export_id: str, dataset: str) -> ExportLinks:
    """Addresses that belong to an export."""
    base = f"/datasets/{dataset}/exports/{export_id}"
    return ExportLinks(export=base, file=f"{base}/file", dataset=f"/datasets/{dataset}")


def file_name(export: Export, name: str, dataset: Dataset) -> str:
    """What a file is called when it is saved."""
    return f"{dataset.slug}-{name}" if name.endswith(".tar") else f"{dataset.slug}-{export.options.format}.zip"


def _files(status: ExportStatus, dataset: Dataset) -> list[ExportFileView]:
    built = status.export.built
    url = links_of(status.export.id, dataset.slug).file
    return (
        [
            ExportFileView(
                name=file_name(status.export, file.name, dataset),
                size_bytes=file.size_bytes,
                etag=f'"{file.etag}"',
                url=f"{url}?shard={number}" if len(built.files) > 1 else url,
            )
            for number, file in enumerate(built.files)
        ]
        if built
        else []
    )


def _losses(status: ExportStatus) -> list[LossView]:
    built = status.export.built
    return [
        LossView(
            rule=loss.rule,
            severity=LOSSES[loss.rule].severity,
            message=LOSSES[loss.rule].meaning,
            suggestion=LOSSES[loss.rule].suggestion,
            count=loss.count,
            examples=list(loss.examples),
        )
        for loss in (built.losses if built else ())
    ]
