"""The parts of the API's documents that the command line shows; what it does not know it leaves alone."""

from typing import TypeAlias

from pydantic import BaseModel, JsonValue

from services.cli.formatting import in_lines

JsonObject: TypeAlias = dict[str, JsonValue]

ENDED = frozenset({"succeeded", "failed", "cancelled", "dead"})


class Problem(BaseModel):
    """RFC 9457, as far as it is shown."""

    title: str = "Something went wrong"
    detail: str | None = None
    correlation_id: str | None = None
    errors: list[JsonObject] = []

    def text(self) -> str:
        """The problem in a line or more, for a person."""
        if self.errors:  # they say what `detail` would
            lines = [f"{self.title}:"]
        else:
            lines = [f"{self.title}: {in_lines(self.detail)}" if self.detail else self.title]
        lines += [f"  {_option(error.get('pointer'))}: {error.get('detail')}" for error in self.errors]
        return "\n".join(lines)


def _option(pointer: JsonValue) -> str:
    """The option that a query parameter comes from; any other part of a request as it is called there."""
    return str(pointer).replace("#/query/", "--")


class Progress(BaseModel):
    """How far an import is; None where it is not known yet."""

    fraction: float | None = None
    bytes_total: int | None = None
    bytes_done: int = 0
    images_total: int | None = None
    images_indexed: int = 0
    images_done: int = 0
    annotations: int = 0
    findings: int = 0
    bytes_per_second: float | None = None
    eta_seconds: float | None = None


class JobStatus(BaseModel):
    """One job."""

    job_id: str
    kind: str = "import"
    dataset_id: str | None = None
    state: str
    phase: str | None = None
    paused: bool = False
    attempts: int = 0
    progress: Progress = Progress()
    error: Problem | None = None
    created_at: str | None = None
    started_at: str | None = None
    finished_at: str | None = None

    @property
    def ended(self) -> bool:
        """Nothing more will happen to it by itself."""
        return self.state in ENDED

    @property
    def shown_state(self) -> str:
        """The state, and whether the job rests."""
        return f"{self.state} (paused)" if self.paused else self.state

    @property
    def seconds_left(self) -> float | None:
        """How long it will go on; None where nothing goes on, or nobody knows."""
        return None if self.ended or self.paused else self.progress.eta_seconds


class Totals(BaseModel):
    """The summary of a dataset's statistics."""

    images: int = 0
    annotations: int = 0
    bytes: int = 0


class Dataset(BaseModel):
    """One dataset."""

    id: str
    slug: str
    name: str
    state: str = ""
    task: str | None = None
    categories: list[JsonValue] | None = None
    source: str = ""
    statistics: Totals | None = None


class Annotation(BaseModel):
    """One annotation of an image."""

    category: str | None = None


class Image(BaseModel):
    """One image."""

    id: str
    path: str
    split: str | None = None
    width: int | None = None
    height: int | None = None
    size_bytes: int | None = None
    annotations: list[Annotation] = []


class Page(BaseModel):
    """One page of a list."""

    items: list[JsonObject]
    next_cursor: str | None = None
    total: int | None = None


class Finding(BaseModel):
    """One line of an import's report."""

    rule: str
    severity: str
    file: str | None = None
    line: int | None = None
    message: str = ""


class VersionCounts(BaseModel):
    """What a version changed, or would change."""

    images_changed: int = 0
    annotations_changed: int = 0
    annotations_dropped: int = 0
    annotations_added: int = 0
    mended: dict[str, int] = {}
    remaining: dict[str, int] = {}


class Version(BaseModel):
    """One version of a dataset."""

    version: int
    kind: str = ""
    parent: int | None = None
    created_at: str | None = None
    note: str = ""
    fixes: dict[str, str] = {}
    restored: int | None = None
    counts: VersionCounts = VersionCounts()


class Preview(BaseModel):
    """What fixes would change, as far as images were looked at."""

    images_looked_at: int = 0
    images: int = 0
    complete: bool = True
    fixes: dict[str, str] = {}
    counts: VersionCounts = VersionCounts()
