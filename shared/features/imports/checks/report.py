"""What a check of a source answers, to the API and to the command line alike."""

from datetime import date

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from shared.features.datasets.models import Task
from shared.features.imports.findings.views import FindingView, TrainerView
from shared.features.imports.models import Way
from shared.formats.findings import Severity

_EXAMPLE: dict[str, JsonValue] = {
    "format": "yolo",
    "layout": "ultralytics",
    "confidence": 0.97,
    "reason": "raccoons/data.yaml names 1 category and 2 splits",
    "root": "raccoons",
    "choices": [],
    "task": "detect",
    "splits": [{"name": "train", "images": 160, "annotations": 173}, {"name": "val", "images": 40, "annotations": 44}],
    "categories": [{"id": 0, "name": "raccoon", "images": 200, "annotations": 217}],
    "images": 200,
    "annotations": 217,
    "images_read": 200,
    "labels_read": 200,
    "rows_read": 218,
    "rows_left_out": 1,
    "findings": {
        "errors": 1,
        "warnings": 0,
        "infos": 0,
        "by_rule": {
            "ROW_CLASS_RANGE": {
                "severity": "error",
                "count": 1,
                "meaning": "The category id has no name.",
                "suggestion": "Add the name or correct the id.",
            }
        },
        "items": [
            {
                "rule": "ROW_CLASS_RANGE",
                "severity": "error",
                "file": "raccoons/labels/train/raccoon-1.txt",
                "line": 3,
                "column": 1,
                "message": "category 7 has no name; ids go from 0 to 0",
                "suggestion": "Add the name or correct the id.",
                "effect": {"ultralytics>=8.4.190": "drop_image"},
            }
        ],
    },
    "trainers": {
        "ultralytics@8.4.190": {
            "images_kept": 199,
            "images_dropped": 1,
            "images_background": 0,
            "rows_kept": 216,
            "aborts": 0,
            "images_not_judged": 0,
            "images_rewritten": 0,
            "refused": None,
        }
    },
    "bytes": {"archive": 13316813, "images": 13246541, "labels": 9211, "to_read": 13255752},
    "way": "together",
    "way_reason": "13246541 bytes of images are read in one pass: too few to be waited for",
    "estimate": {
        "seconds": 2.1,
        "objects": 202,
        "storage_bytes": 13255752,
        "cost_usd": 0.001334,
        "cost": {"operations_usd": 0.00101, "compute_usd": 0.00006, "storage_month_usd": 0.000264},
        "prices": "Google Cloud list prices of us-central1",
        "prices_as_of": "2022-12-30",
    },
    "complete": True,
    "seconds": 0.4,
}


class Choice(BaseModel):
    """One of several datasets that a source holds; `root` of a request picks it."""

    model_config = ConfigDict(from_attributes=True)

    root: str
    format: str
    layout: str
    description: str = Field(description="The file that describes it.")
    reason: str


class CheckedSplit(BaseModel):
    """A split and what is in it; `name` is null for images without one."""

    name: str | None
    images: int
    annotations: int


class CategoryCount(BaseModel):
    """A category, and in how many images it is how often."""

    id: int
    name: str
    images: int
    annotations: int


class RuleCount(BaseModel):
    """How often a rule was met."""

    severity: Severity
    count: int
    meaning: str
    suggestion: str


class CheckFindings(BaseModel):
    """Exact counts of all findings, and the first of each rule."""

    errors: int
    warnings: int
    infos: int
    by_rule: dict[str, RuleCount] = Field(description="Worst first, then the most frequent.")
    items: list[FindingView] = Field(description="The first 100 of each rule, in the order of `by_rule`.")


class CheckBytes(BaseModel):
    """Bytes of the source: all of it, what its images and labels take there, and what an import would read."""

    archive: int | None = Field(description="Size of the source; null where it does not say.")
    images: int
    labels: int
    to_read: int


class CostParts(BaseModel):
    """What the cost consists of."""

    operations_usd: float = Field(description="Writing the objects.")
    compute_usd: float = Field(description="The workers' time.")
    storage_month_usd: float = Field(description="Keeping the bytes for one month.")


class Estimate(BaseModel):
    """What an import would take and, in the cloud, cost. docs/check.md has the formula."""

    seconds: float
    objects: int
    storage_bytes: int
    cost_usd: float = Field(description="The sum of `cost`: the import, and its first month.")
    cost: CostParts
    prices: str = Field(description="Which prices these are.")
    prices_as_of: date = Field(description="The day of the list that they are from.")


class CheckReport(BaseModel):
    """What an import would make of a source. Nothing was stored."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    format: str
    layout: str
    confidence: float
    reason: str
    root: str = Field(description="The folder of the dataset in the source; empty for all of it.")
    choices: list[Choice] = Field(description="Datasets of which one has to be picked; empty where there is one.")
    task: Task | None
    splits: list[CheckedSplit]
    categories: list[CategoryCount]
    images: int = Field(description="Images that the import would have, as far as they have been looked at.")
    annotations: int
    images_read: int = Field(description="Images whose labels have been read, those that were left out included.")
    labels_read: int = Field(description="Label files read or, where one file labels many images, images it labels.")
    rows_read: int
    rows_left_out: int
    findings: CheckFindings
    trainers: dict[str, TrainerView] = Field(description="What each known trainer would see, by `trainer@release`.")
    bytes: CheckBytes
    way: Way
    way_reason: str
    estimate: Estimate
    complete: bool = Field(description="False where time ran out: then counts are of what has been read.")
    seconds: float = Field(description="How long the check took.")
