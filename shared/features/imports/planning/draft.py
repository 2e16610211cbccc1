"""The part of an import's plan that follows from what was recognised; what is read later needs no more of it."""

from shared.features.datasets.models import Category, PoseNames, Rollup
from shared.features.imports.models import ImportPlan, ImportRequest, Way
from shared.features.imports.sources.opening import OpenedSource
from shared.formats.annotations import model as formats
from shared.formats.annotations.model import DatasetLayout


def draft_plan(archive: OpenedSource, layout: DatasetLayout, request: ImportRequest, generation: int) -> ImportPlan:
    """A plan without its way, shards and amounts, which whoever cuts the archive fills in."""
    return ImportPlan(
        source=archive.source,
        generation=generation,
        format=layout.format,
        layout=layout.name,
        reason=layout.reason,
        confidence=layout.confidence,
        splits=layout.splits,
        category_count=max((category.id + 1 for category in layout.categories), default=0),
        category_names=tuple(category.name for category in layout.categories) if layout.names_in_labels else (),
        label_files=layout.has_label_files,
        rows=layout.rows,
        record_files=tuple(map(archive.directory.name, layout.record_members)),
        task=request.task,
        keypoint_shape=layout.keypoint_shape,
        way=Way.TOGETHER,
        way_reason="",
        shards=0,
        images=0,
        bytes=0,
        rollup=Rollup(),
    )


def category_of(category: formats.Category) -> Category:
    """A category as the dataset's document has it."""
    said = category.pose
    pose = PoseNames(keypoints=said.keypoints, skeleton=said.skeleton) if said else None
    return Category(
        id=category.id,
        name=category.name,
        source_id=category.source_id,
        supercategory=category.supercategory,
        pose=pose,
    )
