"""Images of a dataset: pages of them, one of them, its exact bytes, its original label file."""

import hashlib
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import RedirectResponse, Response

from services.api.dependencies import DatasetAtVersion, ImageReference, Paging, Services
from services.api.ranges import StoredFile, serve
from services.api.views.images import ImageView, image_view, page_json
from services.api.views.pages import PageView
from shared.features.datasets.models import Dataset
from shared.features.images.models import Image, ImageFilter
from shared.features.images.service import category_id_of
from shared.wiring.container import Container

router = APIRouter(prefix="/datasets/{dataset}/images", tags=["images"])

OCTETS = "application/octet-stream"
IMAGE_TYPES = ("image/jpeg", "image/png", "image/webp", "image/bmp", "image/tiff", "image/gif", OCTETS)


def _bytes_of(*media_types: str) -> dict[int | str, dict[str, Any]]:
    """What the description says of an answer of bytes."""
    content = {media_type: {"schema": {"type": "string", "format": "binary"}} for media_type in media_types}
    return {
        200: {"content": content, "description": "The whole."},
        206: {"content": content, "description": "The range asked for."},
        304: {"description": "The caller has it already."},
        416: {"description": "The range lies beyond the end."},
    }


@router.get("", response_model=PageView[ImageView])
async def list_images(
    dataset: DatasetAtVersion,
    services: Services,
    paging: Paging,
    split: Annotated[str | None, Query(max_length=200, description="`train`, `val`, `test` or another.")] = None,
    category: Annotated[str | None, Query(max_length=500, description="Name or id of a category shown.")] = None,
) -> Response:
    """Images in the order of their paths, with annotations."""
    wanted = ImageFilter(split, category_id_of(dataset, category) if category is not None else None)
    page = await services.images.page(dataset, paging, wanted)
    return Response(page_json(page, dataset), media_type="application/json")


@router.get("/{image_id}")
async def get_image(dataset: DatasetAtVersion, image_id: ImageReference, services: Services) -> ImageView:
    """One image with its annotations."""
    return image_view(await services.images.get(dataset, image_id), dataset, dataset.category_names)


@router.head("/{image_id}/file", include_in_schema=False)
@router.get("/{image_id}/file", response_class=Response, responses=_bytes_of(*IMAGE_TYPES))
async def get_file(
    dataset: DatasetAtVersion, image_id: ImageReference, services: Services, request: Request
) -> Response:
    """The exact bytes of the image as they were in the source; ranges are served."""
    image = await services.images.get(dataset, image_id)
    if address := await services.images.file_url(image):
        return RedirectResponse(address, status_code=307)
    return await serve(request, _file(dataset, image, services))


@router.head("/{image_id}/labels", include_in_schema=False)
@router.get("/{image_id}/labels", response_class=Response, responses=_bytes_of("text/plain"))
async def get_labels(
    dataset: DatasetAtVersion, image_id: ImageReference, services: Services, request: Request
) -> Response:
    """The label file as it was in the source."""
    image = await services.images.get(dataset, image_id)
    return await serve(request, _labels(dataset, image, services))


def _file(dataset: Dataset, image: Image, services: Container) -> StoredFile:
    return StoredFile(
        size_bytes=image.size_bytes,
        media_type=f"image/{image.format}" if image.format else OCTETS,
        etag=f'"{image.sha256 or _identity(dataset, image, image.size_bytes, image.crc32)}"',
        read=lambda start, end: services.images.file(dataset, image, start=start, end=end),
        immutable=image.sha256 is not None,
    )


def _labels(dataset: Dataset, image: Image, services: Container) -> StoredFile:
    label = services.images.label_of(image)
    return StoredFile(
        size_bytes=label.size_bytes,
        media_type="text/plain",
        etag=f'"{_identity(dataset, image, label.size_bytes, label.crc32)}"',
        read=lambda start, end: services.images.label_text(dataset, label, start=start, end=end),
    )


def _identity(dataset: Dataset, image: Image, size_bytes: int, crc32: int | None) -> str:
    """What is known of bytes that were not hashed: their size, and their CRC-32 or else which archive they are in."""
    if crc32 is not None:
        return f"{image.id}-{size_bytes}-{crc32:08x}"
    archive = f"{dataset.archive.uri} {dataset.archive.etag}" if dataset.archive else ""
    return f"{image.id}-{size_bytes}-{hashlib.blake2b(archive.encode(), digest_size=8).hexdigest()}"
