"""Versions, as JSON."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field

from shared.features.datasets.models import Version, VersionCounts, VersionKind


class VersionView(BaseModel):
    """One version of a dataset."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "version": 2,
                    "kind": "fixes",
                    "parent": 1,
                    "created_at": "2026-11-21T09:05:00Z",
                    "job_id": "0193a5c1f2b04be0c9d1a7e3",
                    "note": "",
                    "fixes": {"ROW_CORNER_OUTSIDE": "clip"},
                    "category_map": {},
                    "restored": None,
                    "counts": {
                        "images_changed": 4,
                        "annotations_changed": 5,
                        "annotations_dropped": 0,
                        "annotations_added": 0,
                        "mended": {"ROW_CORNER_OUTSIDE": 5},
                        "remaining": {},
                    },
                    "categories": [{"id": 0, "name": "raccoon"}],
                }
            ]
        }
    )

    version: int
    kind: VersionKind = Field(description="`import`: as found. `fixes`: over `parent`. `rollback`: `restored` again.")
    parent: int | None = Field(description="The version it was made of; null for the first.")
    created_at: datetime
    job_id: str = Field(description="The job that made it.")
    note: str
    fixes: dict[str, str] = Field(description="The fixes that made it, by rule.")
    category_map: dict[int, int] = Field(description="The map that was given with `remap`.")
    restored: int | None = Field(description="The version that a rollback brought back.")
    counts: VersionCounts = Field(
        description="`mended`: by rule, what was done for it. `remaining`: what is still found of what was to be."
    )
    categories: list[dict[str, int | str]]


def version_view(version: Version) -> VersionView:
    """The version as it is listed."""
    return VersionView(
        version=version.number,
        kind=version.kind,
        parent=version.parent,
        created_at=version.created_at,
        job_id=version.job_id,
        note=version.note,
        fixes=version.fixes,
        category_map=dict(version.category_map),
        restored=version.restored,
        counts=version.counts,
        categories=[{"id": category.id, "name": category.name} for category in version.categories],
    )
