"""What people do with the images of a dataset: page through them, look at one, get its exact bytes."""

from collections.abc import AsyncIterator, Sequence

from shared.features.datasets.models import Dataset, DatasetState
from shared.features.datasets.statistics import Statistics
from shared.features.images.models import (
    CategoryNotFound,
    Image,
    ImageFilter,
    ImageNotFound,
    LabelFile,
    LabelNotFound,
    NewImage,
    SplitNotFound,
)
from shared.features.images.repository import ImageRepository
from shared.foundation.ids import DatasetId
from shared.foundation.paging import Page, PageRequest, decode_cursor, encode_cursor
from shared.ports.object_store import ObjectStore


def dataset_prefix(dataset_id: DatasetId) -> str:
    """The folder of the object store below which everything of a dataset lies."""
    return f"datasets/{dataset_id}/"


class ImageService:
    """Reads images of datasets that the caller has already been allowed to read."""

    def __init__(self, images: ImageRepository, store: ObjectStore) -> None:
        self._images = images
        self._store = store

    async def page(self, dataset: Dataset, request: PageRequest, wanted: ImageFilter) -> Page[Image]:
        """Images in the order of their paths. The total comes from the statistics, never from a scan.

        Raises SplitNotFound and BadCursor.
        """
        total = await self._total(dataset, wanted)
        after = None
        if request.cursor:
            path, image_id = decode_cursor(request.cursor, str, str)
            after = str(path), str(image_id)
        found = await self._images.page(dataset, wanted, after=after, offset=request.offset, limit=request.limit + 1)
        items = found[: request.limit]
        more = encode_cursor(items[-1].path, items[-1].id) if len(found) > request.limit else None
        return Page(items, more, total)

    async def get(self, dataset: Dataset, image_id: str) -> Image:
        """One image. Raises ImageNotFound."""
        image = await self._images.get(dataset, image_id)
        if image is None:
            raise ImageNotFound(image_id)
        return image

    async def file_url(self, image: Image) -> str | None:
        """A short-lived address of the bytes in the store; None where they must go through us."""
        return await self._store.signed_url(image.object_key, expires_seconds=3600)

    def file(self, image: Image, *, start: int, end: int) -> AsyncIterator[bytes]:
        """The exact bytes from `start` up to but without `end`."""
        return self._store.read(image.object_key, start=start, end=end)

    def label_of(self, image: Image) -> LabelFile:
        """Where the image's label file lies. Raises LabelNotFound."""
        if image.label is None:
            raise LabelNotFound(f"{image.path} came without a label file.", image_id=image.id)
        return image.label

    def label_text(self, label: LabelFile, *, start: int, end: int) -> AsyncIterator[bytes]:
        """The label file as it was in the source, from `start` up to but without `end`."""
        return self._store.read(label.key, start=label.offset + start, end=label.offset + end)

    # -- for imports and purges

    async def write(self, images: Sequence[NewImage]) -> None:
        """Write images of version 1. Writing the same again changes nothing."""
        await self._images.write(images)

    async def remove_all(self, dataset_id: DatasetId) -> None:
        """Remove every image document and every stored byte of a dataset. Idempotent."""
        await self._images.remove_all(dataset_id)
        await self._store.delete_prefix(dataset_prefix(dataset_id))

    async def _total(self, dataset: Dataset, wanted: ImageFilter) -> int:
        if dataset.state is DatasetState.IMPORTING:
            return await self._images.count(dataset, wanted)
        statistics = Statistics(dataset.rollup)
        if wanted.split is not None and wanted.split not in statistics.by_name("images"):
            raise SplitNotFound(wanted.split)  # most likely a slip of the pen
        return statistics.images(split=wanted.split, category_id=wanted.category_id)


def category_id_of(dataset: Dataset, reference: str) -> int:
    """The id of the category with this name or id. Raises CategoryNotFound."""
    by_name = {category.name: category.id for category in dataset.categories}
    if reference in by_name:
        return by_name[reference]
    if reference.isascii() and reference.isdigit() and int(reference) in by_name.values():
        return int(reference)
    raise CategoryNotFound(reference)
