"""Datasets as such: list, look, change, trash; statistics and categories."""

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, StringConstraints

from services.api.dependencies import Asker, DatasetAtVersion, Paging, ReadDataset, Reference, Services
from services.api.views.datasets import (
    CategoriesView,
    DatasetView,
    StatisticsView,
    categories_view,
    dataset_view,
    statistics_view,
)
from services.api.views.pages import PageView
from shared.features.datasets.models import Task
from shared.features.datasets.service import DatasetChange
from shared.features.sharing.access import Visibility

router = APIRouter(prefix="/datasets", tags=["datasets"])

Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
Tag = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=64)]


class DatasetPatch(BaseModel):
    """What to change; fields left out stay as they are."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"name": "Raccoons at night", "tags": ["wildlife"]}]}
    )

    name: Name | None = None
    description: Annotated[str, StringConstraints(max_length=10_000)] | None = None
    tags: list[Tag] | None = None
    visibility: Visibility | None = None


@router.get("")
async def list_datasets(
    services: Services,
    asker: Asker,
    paging: Paging,
    q: Annotated[str | None, Query(max_length=200, description="Part of the name.")] = None,
    task: Annotated[Task | None, Query(description="Only datasets for this task.")] = None,
) -> PageView[DatasetView]:
    """Datasets, newest first."""
    page = await services.datasets.page(asker, paging, text=q, task=task)
    return PageView(items=[dataset_view(one) for one in page.items], next_cursor=page.next_cursor, total=page.total)


@router.get("/{dataset}")
async def get_dataset(dataset: ReadDataset) -> DatasetView:
    """One dataset, by id or slug."""
    return dataset_view(dataset)


@router.patch("/{dataset}")
async def change_dataset(dataset: Reference, body: DatasetPatch, services: Services, asker: Asker) -> DatasetView:
    """Change name, description, tags or visibility. The slug stays: addresses keep working."""
    change = DatasetChange(body.name, body.description, _tuple(body.tags), body.visibility)
    return dataset_view(await services.datasets.change(dataset, asker, change))


@router.delete("/{dataset}", status_code=204)
async def delete_dataset(dataset: Reference, services: Services, asker: Asker) -> None:
    """Move the dataset to the trash; it is purged after 30 days."""
    await services.datasets.trash(dataset, asker)


@router.get("/{dataset}/statistics")
async def get_statistics(dataset: DatasetAtVersion) -> StatisticsView:
    """Exact figures, counted while importing."""
    return statistics_view(dataset)


@router.get("/{dataset}/categories")
async def get_categories(dataset: DatasetAtVersion) -> CategoriesView:
    """The categories with their exact counts, per split."""
    return categories_view(dataset)


@router.get("/{dataset}/classes", include_in_schema=False)
async def get_classes(dataset: DatasetAtVersion) -> CategoriesView:
    """Another name for the categories."""
    return categories_view(dataset)


def _tuple(tags: list[str] | None) -> tuple[str, ...] | None:
    return tuple(tags) if tags is not None else None
