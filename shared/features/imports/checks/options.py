"""What a check is told beside the request of an import."""

from dataclasses import dataclass, replace

from shared.features.imports.models import ImportRequest
from shared.formats.annotations.model import Category, DatasetLayout

SHOWN_FINDINGS = 100
"""Findings of a rule that are shown; all are counted."""


@dataclass(frozen=True, slots=True)
class CheckOptions:
    """What overrules the dataset's own description, and how long labels are read.

    `seconds` None reads them all. `single_category` is for trainers: they take all ids for one.
    """

    category_count: int | None = None
    keypoint_shape: tuple[int, int] | None = None
    single_category: bool = False
    seconds: float | None = None

    def asked(self, request: ImportRequest) -> ImportRequest:
        """The request, as the description has to meet it: keypoints that are told need not be described."""
        return request.model_copy(update={"task": "auto"}) if self.keypoint_shape else request

    def told(self, layout: DatasetLayout) -> DatasetLayout:
        """The layout, with what is told here instead of what the description says."""
        return replace(
            layout,
            categories=_so_many(layout.categories, self.category_count),
            keypoint_shape=self.keypoint_shape or layout.keypoint_shape,
        )


def _so_many(categories: tuple[Category, ...], count: int | None) -> tuple[Category, ...]:
    if count is None:
        return categories
    more = (Category(number, f"class_{number}") for number in range(len(categories), count))
    return (*categories[:count], *more)
