"""Images and their annotations, as JSON."""

from pydantic import BaseModel, ConfigDict

from shared.features.datasets.models import Dataset
from shared.features.images.models import Annotation, Image


class AnnotationView(BaseModel):
    """One annotation. Coordinates are shares of the image's sides, as written in the source."""

    category_id: int
    category: str
    type: str
    bbox: tuple[float, float, float, float]
    points: list[tuple[float, float]]


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
                         "points": []}
                    ],
                    "findings": 0,
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
    sha256: str
    annotations: list[AnnotationView]
    findings: int
    urls: ImageUrls


_SAME_NAMES = {
    "id", "path", "file_name", "split", "width", "height", "format", "orientation", "size_bytes", "sha256", "findings",
}  # fmt: skip


def image_view(image: Image, dataset: Dataset, names: dict[int, str]) -> ImageView:
    """The image; `names` are the dataset's category names, looked up once per page."""
    base = f"/datasets/{dataset.slug}/images/{image.id}"
    return ImageView(
        **image.model_dump(include=_SAME_NAMES),
        annotations=[_annotation_view(annotation, names) for annotation in image.annotations],
        urls=ImageUrls(file=f"{base}/file", labels=f"{base}/labels" if image.label else None),
    )


def _annotation_view(annotation: Annotation, names: dict[int, str]) -> AnnotationView:
    return AnnotationView(
        category_id=annotation.category_id,
        category=names.get(annotation.category_id, f"class_{annotation.category_id}"),
        type=annotation.type,
        bbox=annotation.bbox,
        points=annotation.points,
    )
