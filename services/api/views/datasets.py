"""Datasets, their categories and their statistics, as JSON."""

from collections.abc import Sequence
from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field, JsonValue, TypeAdapter

from shared.features.datasets.models import Category, Dataset, DatasetState, PoseNames, Task
from shared.features.datasets.statistics import (
    ASPECT_EDGES,
    BOX_AREA_EDGES,
    BOXES_EDGES,
    PIXEL_EDGES,
    Statistics,
    category_rows,
)
from shared.features.sharing.access import Visibility

_METADATA: TypeAdapter[dict[str, JsonValue]] = TypeAdapter(dict[str, JsonValue])


class Totals(BaseModel):
    """A dataset in three numbers."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"images": 200, "annotations": 217, "bytes": 13316813}]})

    images: int
    annotations: int
    bytes: int


class SplitView(Totals):
    """One split; its name is null for images without one."""

    split: str | None


class SplitCount(BaseModel):
    """Images that show a category, and its annotations, in one split."""

    images: int
    annotations: int


class CategoryView(BaseModel):
    """One category with its exact counts."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": 0,
                    "name": "raccoon",
                    "images": 196,
                    "annotations": 217,
                    "splits": {"train": {"images": 157, "annotations": 174}, "val": {"images": 39, "annotations": 43}},
                }
            ]
        }
    )

    id: int
    name: str
    images: int
    annotations: int
    splits: dict[str, SplitCount]


class DescribedCategory(CategoryView):
    """A category with all that the source says of it."""

    source_id: str | None = Field(description="What the source calls it, where that is neither its id nor its name.")
    supercategory: str | None = Field(description="What it is a kind of, as the source says.")
    keypoints: list[str] = Field(description="What the keypoints of its poses are called; empty where nobody says.")
    skeleton: list[tuple[int, int]] = Field(description="Keypoints that are joined, counted from 1 as in COCO.")


class DraftView(BaseModel):
    """A version that is being made, and the job that makes it."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"number": 2, "job_id": "0193a5c1f2b04be0c9d1a7e3"}]})

    number: int
    job_id: str


class DatasetView(BaseModel):
    """One dataset."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": "0193a5c1f2b13c5a7f00d9b4",
                    "slug": "raccoons",
                    "name": "raccoons",
                    "description": "",
                    "state": "ready",
                    "task": "detect",
                    "format": "yolo",
                    "layout": "ultralytics",
                    "storage": "objects",
                    "source": "https://example.org/raccoons.zip",
                    "version": 1,
                    "pending_version": None,
                    "visibility": "private",
                    "tags": [],
                    "categories": [{"id": 0, "name": "raccoon"}],
                    "license": "CC BY 4.0",
                    "metadata": {"roboflow": {"workspace": "raccoons", "license": "CC BY 4.0"}},
                    "splits": [{"split": "train", "images": 160, "annotations": 174, "bytes": 10600000}],
                    "statistics": {"images": 200, "annotations": 217, "bytes": 13306000},
                    "import_job_id": "0193a5c1f2b04be0c9d1a7e2",
                    "created_at": "2026-11-21T09:00:00Z",
                    "updated_at": "2026-11-21T09:00:04Z",
                }
            ]
        }
    )

    id: str = Field(description="Never changes.")
    slug: str = Field(description="The name as a part of addresses; unique, and kept when the name changes.")
    name: str = Field(description="For people; may be changed.")
    description: str = Field(description="Free text; empty until somebody writes one.")
    state: DatasetState = Field(description="`importing`: filling up. `ready`: published.")
    task: Task | None = Field(description="What its annotations are good for; null until it is ready.")
    format: str | None = Field(description="Annotation format; null until it is recognised.")
    layout: str | None = Field(description="`ultralytics`, `roboflow` or `darknet`; null until it is recognised.")
    storage: str = Field(description="`objects`: each image is an object. `packed`: images are ranges of the archive.")
    source: str = Field(description="Where it was imported from, without query and credentials.")
    version: int = Field(description="The published version; 0 until it is ready.")
    pending_version: DraftView | None = Field(description="The version that a job is making; null where none is.")
    visibility: Visibility = Field(description="Who may read it: only its owner, or everybody.")
    tags: list[str] = Field(description="Free words.")
    categories: list[dict[str, int | str]] = Field(description="`id` and `name`; empty until it is recognised.")
    license: str | None = Field(description="The licence that the source names, in its words; null where it does not.")
    metadata: dict[str, JsonValue] = Field(
        description="What the source's description says of the whole, such as `info` or `roboflow`; empty in lists."
    )
    splits: list[SplitView] = Field(description="The splits with their exact counts; empty until it is ready.")
    statistics: Totals = Field(description="Exact totals; zeros until it is ready.")
    import_job_id: str = Field(description="The job that imported it; its report tells what was found.")
    created_at: datetime = Field(description="When its import was asked for.")
    updated_at: datetime = Field(description="When it was last changed or published.")


class Histogram(BaseModel):
    """Counts per bin: bin i holds values from edges[i] up to but without edges[i + 1]; the last one all beyond."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"edges": [0, 1, 2], "counts": [4, 179, 17]}]})

    edges: list[float]
    counts: list[int]


class StatisticsView(Totals):
    """Exact figures of the published version, counted while importing."""

    version: int
    images_with_findings: int
    splits: list[SplitView]
    categories: list[CategoryView]
    annotation_types: dict[str, int]
    formats: dict[str, int]
    boxes_per_image: Histogram
    box_area: Histogram = Field(description="Share of the image's area.")
    aspect_ratio: Histogram = Field(description="Width by height of boxes, in pixels.")
    image_width: Histogram = Field(description="Pixels.")
    image_height: Histogram = Field(description="Pixels.")
    centre_heat_map: list[list[int]] = Field(description="Annotation centres on a 32 x 32 grid, top row first.")
    findings: dict[str, int] = Field(description="Findings of the import by rule.")


class CategoriesView(BaseModel):
    """Every category of a dataset."""

    items: list[DescribedCategory]
    next_cursor: None = None
    total: int


def dataset_view(dataset: Dataset) -> DatasetView:
    """The dataset with its totals."""
    statistics = Statistics(dataset.rollup)
    return DatasetView(
        **dataset.model_dump(include=_SAME_NAMES),
        pending_version=DraftView(**dataset.draft.model_dump()) if dataset.draft else None,
        visibility=dataset.access.visibility,
        tags=list(dataset.tags),
        categories=[{"id": category.id, "name": category.name} for category in dataset.categories],
        metadata=_METADATA.validate_python(dataset.notes),
        splits=_splits(statistics),
        statistics=_totals(statistics),
    )


_SAME_NAMES = {
    "id", "slug", "name", "description", "state", "task", "format", "layout", "storage", "source", "version",
    "import_job_id", "license", "created_at", "updated_at",
}  # fmt: skip


def statistics_view(dataset: Dataset) -> StatisticsView:
    """Every figure of the dataset."""
    statistics = Statistics(dataset.rollup)

    def histogram(figure: str, edges: Sequence[float]) -> Histogram:
        return Histogram(edges=list(edges), counts=statistics.histogram(figure, edges))

    return StatisticsView(
        **_totals(statistics).model_dump(),
        version=dataset.version,
        images_with_findings=statistics.total("images_with_findings"),
        splits=_splits(statistics),
        categories=_categories(dataset, statistics),
        annotation_types=statistics.by_name("type"),
        formats=statistics.by_name("format"),
        boxes_per_image=histogram("boxes_per_image", BOXES_EDGES),
        box_area=histogram("box_area", BOX_AREA_EDGES),
        aspect_ratio=histogram("aspect_ratio", ASPECT_EDGES),
        image_width=histogram("image_width", PIXEL_EDGES),
        image_height=histogram("image_height", PIXEL_EDGES),
        centre_heat_map=statistics.heat_map(),
        findings=statistics.by_name("findings"),
    )


def categories_view(dataset: Dataset) -> CategoriesView:
    """Every category with its counts."""
    rows = category_rows(Statistics(dataset.rollup), dataset.categories)
    items = [_described(row, category) for row, category in zip(rows, dataset.categories, strict=True)]
    return CategoriesView(items=items, total=len(items))


def _described(row: dict[str, object], category: Category) -> DescribedCategory:
    pose = category.pose or PoseNames()
    said = {"source_id": category.source_id, "supercategory": category.supercategory}
    return DescribedCategory.model_validate(
        {**row, **said, "keypoints": list(pose.keypoints), "skeleton": list(pose.skeleton)}
    )


def _categories(dataset: Dataset, statistics: Statistics) -> list[CategoryView]:
    rows = category_rows(statistics, dataset.categories)
    return [CategoryView.model_validate(row) for row in rows]


def _totals(statistics: Statistics) -> Totals:
    return Totals(
        images=statistics.total("images"),
        annotations=statistics.total("annotations"),
        bytes=statistics.total("bytes"),
    )


def _splits(statistics: Statistics) -> list[SplitView]:
    images, annotations = statistics.by_name("images"), statistics.by_name("annotations")
    sizes = statistics.by_name("bytes")
    return [
        SplitView(
            split=split or None, images=images[split], annotations=annotations.get(split, 0), bytes=sizes.get(split, 0)
        )
        for split in images
    ]
