"""Annotations that are too many for a document: they are kept in the object store, whole, as one JSON list."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from typing import Any

from shared.features.images.models import Annotation, NewAnnotation, NewImage, dataset_prefix
from shared.foundation.ids import DatasetId, ImageId
from shared.foundation.streams import whole
from shared.ports.object_store import ObjectStore

# A document holds 16 MB (MongoDB's limit). A number takes 8 bytes and its place in an array up to 8 more.
_MOST_BYTES = 8 << 20
_BOX_BYTES, _POINT_BYTES = 150, 64
_NONE: Mapping[str, object] = {}


def annotation_documents(annotations: Sequence[NewAnnotation]) -> list[dict[str, Any]]:
    """The annotations as they are stored, in a document or beside it."""
    return [_document(annotation) for annotation in annotations]


def annotation_of(document: Mapping[str, Any]) -> Annotation:
    """The annotation behind what `annotation_documents` wrote."""
    points, keypoints = document.get("points", ()), document.get("keypoints", ())
    attributes = document.get("attributes", _NONE)
    return Annotation(document["category_id"], document["type"], document["bbox"], points, keypoints, attributes)


async def spill(store: ObjectStore, images: Sequence[NewImage]) -> Sequence[NewImage]:
    """The images, those with too many annotations with the key under which these now lie. Idempotent."""
    if not any(_is_too_large(image.annotations) for image in images):
        return images
    return [await _spilled(store, image) for image in images]


async def spill_annotations(
    store: ObjectStore, dataset_id: DatasetId, image_id: ImageId, annotations: Sequence[NewAnnotation]
) -> str | None:
    """Keep the annotations of an image if they are too many for its document; the key under which they lie then."""
    if not _is_too_large(annotations):
        return None
    key = f"{dataset_prefix(dataset_id)}annotations/{image_id}.json"
    data = await asyncio.to_thread(lambda: json.dumps(annotation_documents(annotations)).encode())
    await store.put(key, data)
    return key


async def read_annotations(store: ObjectStore, key: str) -> list[Annotation]:
    """The annotations kept under `key`."""
    data = await whole(store.read(key))
    return await asyncio.to_thread(lambda: [annotation_of(found) for found in json.loads(data)])


async def _spilled(store: ObjectStore, image: NewImage) -> NewImage:
    key = await spill_annotations(store, image.dataset_id, image.id, image.annotations)
    return image if key is None else image._replace(annotations_key=key)


def _is_too_large(annotations: Sequence[NewAnnotation]) -> bool:
    boxes = len(annotations)
    if boxes * _BOX_BYTES > _MOST_BYTES:
        return True
    points = sum(len(annotation.points) + len(annotation.keypoints) for annotation in annotations)
    said = sum(_attribute_bytes(annotation.attributes) for annotation in annotations if annotation.attributes)
    return boxes * _BOX_BYTES + points * _POINT_BYTES + said > _MOST_BYTES


def _attribute_bytes(attributes: Mapping[str, object]) -> int:
    """About what the attributes take in a document; a number may be 3 characters as text, and 16 bytes there."""
    return 6 * len(json.dumps(attributes))


def _document(annotation: NewAnnotation) -> dict[str, Any]:
    document: dict[str, Any] = {
        "category_id": annotation.category_id,
        "type": annotation.type,
        "bbox": list(annotation.bbox),
    }
    if annotation.points:
        document["points"] = [list(point) for point in annotation.points]
    if annotation.keypoints:
        document["keypoints"] = [list(keypoint) for keypoint in annotation.keypoints]
    if annotation.attributes:
        document["attributes"] = dict(annotation.attributes)
    return document
