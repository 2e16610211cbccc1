"""Images and their annotations, as JSON."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from pydantic_core import to_json

from shared.features.datasets.models import Dataset
from shared.features.images.models import Annotation, Image
from shared.foundation.paging import Page


class AnnotationView(BaseModel):
    """One annotation. Coordinates are shares of the image's sides, as written in the source.

    `points` are the outline of a polygon or the corners of an oriented box. `keypoints` are those of a pose: x, y and
    visibility (0 not labelled, 1 hidden, 2 in sight). A `label` is of the whole image. `attributes` are what else the
    source says, by its own names.
    """

    category_id: int
    category: str
    type: str
    bbox: tuple[float, float, float, float]
    points: list[tuple[float, float]]
    keypoints: list[tuple[float, float, float]]
    attributes: dict[str, Any]


class ImageUrls(BaseModel):
    """Where the image's bytes and its original label file are."""

    file: str
    labels: str | None


class ImageView(BaseModel):
    """One image with its annotations."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": "c2d5a1b0e94f7786aa10b3f2",
                    "path": "raccoon_yolo/images/train/raccoon-1.jpg",
                    "file_name": "raccoon-1.jpg",
                    "split": "train",
                    "width": 650,
                    "height": 417,
                    "format": "jpeg",
                    "orientation": 1,
                    "size_bytes": 58076,
                    "sha256": "0" * 64,
                    "annotations": [
                        {"category_id": 0, "category": "raccoon", "type": "box", "bbox": [0.48, 0.5, 0.72, 0.93],
                         "points": [], "keypoints": [], "attributes": {}}
                    ],
                    "annotation_count": 1,
                    "attributes": {},
                    "findings": 0,
                    "pending": [],
                    "damaged": False,
                    "urls": {
                        "file": "/datasets/raccoons/images/c2d5a1b0e94f7786aa10b3f2/file",
                        "labels": "/datasets/raccoons/images/c2d5a1b0e94f7786aa10b3f2/labels",
                    },
                }
            ]
        }
    )  # fmt: skip

    id: str
    path: str
    file_name: str
    split: str | None
    width: int | None
    height: int | None
    format: str | None
    orientation: int
    size_bytes: int
    sha256: str | None
    annotations: list[AnnotationView]
    annotation_count: int = Field(description="More than the list holds when they are too many for a page of images.")
    attributes: dict[str, Any] = Field(description="What the source says of the image, such as captions.")
    findings: int
    pending: list[str] = Field(description="What is not known yet: `bytes`, `dimensions`, `sha256`.")
    damaged: bool = Field(description="A verification found its bytes damaged; its file is not served.")
    urls: ImageUrls


def image_view(image: Image, dataset: Dataset, names: Mapping[int, str]) -> ImageView:
    """The image; `names` are the dataset's category names."""
    return ImageView.model_validate(_image(image, dataset.slug, names))


def page_json(page: Page[Image], dataset: Dataset) -> bytes:
    """`PageView[ImageView]` as JSON, without a model for each annotation: they took half the time of a page."""
    names = dataset.category_names
    items = [_image(image, dataset.slug, names) for image in page.items]
    return to_json({"items": items, "next_cursor": page.next_cursor, "total": page.total})


def _image(image: Image, slug: str, names: Mapping[int, str]) -> dict[str, object]:
    base = f"/datasets/{slug}/images/{image.id}"
    return {
        "id": image.id,
        "path": image.path,
        "file_name": image.file_name,
        "split": image.split,
        "width": image.width,
        "height": image.height,
        "format": image.format,
        "orientation": image.orientation,
        "size_bytes": image.size_bytes,
        "sha256": image.sha256,
        "annotations": [_annotation(one, names) for one in image.annotations],
        "annotation_count": image.annotation_count,
        "attributes": image.attributes,
        "findings": image.findings,
        "pending": image.pending,
        "damaged": image.damaged,
        "urls": {"file": f"{base}/file", "labels": f"{base}/labels" if image.label else None},
    }


def _annotation(annotation: Annotation, names: Mapping[int, str]) -> dict[str, object]:
    return {
        "category_id": annotation.category_id,
        "category": names.get(annotation.category_id, f"class_{annotation.category_id}"),
        "type": annotation.type,
        "bbox": annotation.bbox,
        "points": annotation.points,
        "keypoints": annotation.keypoints,
        "attributes": annotation.attributes,
    }
