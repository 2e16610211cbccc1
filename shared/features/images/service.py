"""What people do with the images of a dataset: page through them, look at one, get its exact bytes."""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import replace

from shared.features.datasets.models import Dataset, DatasetState
from shared.features.datasets.statistics import Statistics
from shared.features.images.models import (
    CategoryNotFound,
    Image,
    ImageFilter,
    ImageName,
    ImageNotFound,
    ImagePending,
    LabelFile,
    LabelNotFound,
    NewImage,
    SplitNotFound,
    VersionFilter,
    dataset_prefix,
)
from shared.features.images.overflow import read_annotations, spill
from shared.features.images.packed import PackedFileBroken, PackedFiles
from shared.features.images.repository import ImageRepository
from shared.features.images.running_counts import RunningCounts
from shared.foundation.ids import DatasetId, ImageId
from shared.foundation.paging import Page, PageRequest, decode_cursor, encode_cursor
from shared.ports.byte_source import ByteSources
from shared.ports.object_store import ObjectStore

_PAGE, _NAMES_PAGE = 500, 5_000


class ImageService:
    """Reads images of datasets that the caller has already been allowed to read."""

    def __init__(self, images: ImageRepository, store: ObjectStore, sources: ByteSources) -> None:
        self._images = images
        self._store = store
        self._packed = PackedFiles(sources)
        self._running = RunningCounts(images)

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
        """One image, with all of its annotations. Raises ImageNotFound."""
        image = await self._images.get(dataset, image_id)
        if image is None:
            raise ImageNotFound(image_id)
        return await self.complete(image)

    async def complete(self, image: Image) -> Image:
        """The image with all of its annotations, also where a page of images has none of them."""
        if image.annotations_key is None:
            return image
        return replace(image, annotations=await read_annotations(self._store, image.annotations_key))

    async def file_url(self, image: Image) -> str | None:
        """A short-lived address of the bytes in the store; None where they must go through us.

        Raises ImagePending while the bytes are on their way, and PackedFileBroken for a damaged image: a range of it
        could not be told from a good one.
        """
        if image.damaged:
            raise PackedFileBroken(f"A verification found {image.path} damaged.", image_id=image.id)
        if image.object_key is None:
            if image.member is None:
                raise ImagePending(image.id)
            return None
        return await self._store.signed_url(image.object_key, expires_seconds=3600)

    def file(self, dataset: Dataset, image: Image, *, start: int, end: int) -> AsyncIterator[bytes]:
        """The exact bytes from `start` up to but without `end`. Raises ImagePending."""
        if image.object_key is not None:
            return self._store.read(image.object_key, start=start, end=end)
        if image.member is None or dataset.archive is None:
            raise ImagePending(image.id)
        return self._packed.read(dataset.archive, image.member, image.size_bytes, start=start, end=end)

    def label_of(self, image: Image) -> LabelFile:
        """Where the image's label file lies. Raises LabelNotFound, and ImagePending where it comes with the bytes."""
        if image.label is None:
            raise LabelNotFound(f"{image.path} came without a label file.", image_id=image.id)
        if image.label.member is not None and "bytes" in image.pending:
            raise ImagePending(image.id)
        return image.label

    def label_text(self, dataset: Dataset, label: LabelFile, *, start: int, end: int) -> AsyncIterator[bytes]:
        """The label file as it was in the source, from `start` up to but without `end`."""
        if label.key is not None:
            return self._store.read(label.key, start=label.offset + start, end=label.offset + end)
        if label.member is None or dataset.archive is None:
            raise LabelNotFound(f"{label.path} is not stored.")
        return self._packed.read(dataset.archive, label.member, label.size_bytes, start=start, end=end)

    # -- a version as a whole

    async def walk(self, dataset: Dataset, wanted: VersionFilter) -> AsyncIterator[Image]:
        """The images of a version in the order of their paths, a few of them in memory at a time."""
        after, more = None, True
        while more:
            more = False
            async for image in self._images.of_version(dataset, wanted, after=after, limit=_PAGE):
                after, more = (image.path, image.id), True
                yield image

    async def walk_names(self, dataset: Dataset, wanted: VersionFilter) -> AsyncIterator[ImageName]:
        """What the same images are called, in the same order; quicker than walking them."""
        after = None
        while names := await self._images.names_of_version(dataset, wanted, after=after, limit=_NAMES_PAGE):
            for name in names:
                yield name
            after = names[-1].path, names[-1].id

    # -- for versions

    async def after(self, dataset: Dataset, key: tuple[str, str] | None, limit: int) -> list[Image]:
        """Up to `limit` images of the dataset's version behind the one with this path and id, in that order."""
        return await self._images.page(dataset, ImageFilter(), after=key, offset=0, limit=limit)

    async def key_after(self, dataset: Dataset, key: tuple[str, str] | None, count: int) -> tuple[str, str] | None:
        """Path and id of the image `count` places behind; None where there are fewer."""
        return await self._images.key_after(dataset, key, count)

    # -- for imports and purges

    async def write(self, images: Sequence[NewImage], *, replacing: bool = False) -> None:
        """Write images of version 1. Writing the same again changes nothing; `replacing` is quicker where most exist.

        Annotations that a document cannot hold go to the object store first.
        """
        stored = await spill(self._store, images)
        await (self._images.replace(stored) if replacing else self._images.write(stored))

    async def preview(self, images: Sequence[NewImage]) -> None:
        """Write images as far as they are known, where there is nothing yet."""
        await self._images.preview(await spill(self._store, images))

    async def present(self, image_ids: Collection[ImageId]) -> set[ImageId]:
        """Those of the ids that are images of a dataset: an import may have left some out."""
        return await self._images.present(image_ids)

    async def set_hashes(self, hashes: Mapping[ImageId, str]) -> int:
        """Note the SHA-256 of images that were read through and are whole; how many of them there are. Idempotent."""
        return await self._images.set_hashes(hashes)

    async def set_damaged(self, image_ids: Collection[ImageId]) -> None:
        """Note that the bytes of images are not those that were promised: they are not served. Idempotent."""
        await self._images.set_damaged(image_ids)

    async def withdraw(self, dataset_id: DatasetId, paths: Mapping[ImageId, str]) -> None:
        """Take back previews of what turned out to be no image, for good. Idempotent."""
        await self._images.withdraw(dataset_id, paths)

    async def remove_all(self, dataset_id: DatasetId) -> None:
        """Remove every image document and every stored byte of a dataset. Idempotent."""
        await self._images.remove_all(dataset_id)
        await self._store.delete_prefix(dataset_prefix(dataset_id))

    async def _total(self, dataset: Dataset, wanted: ImageFilter) -> int:
        if dataset.state is DatasetState.IMPORTING:
            return await self._running.of(dataset, wanted)
        if wanted == ImageFilter():  # nearly every page, so without building a counter of everything
            return sum(int(row[-1]) for row in dataset.rollup.rows if row[0] == "images")
        statistics = Statistics(dataset.rollup)
        if wanted.split is not None and wanted.split not in statistics.by_name("images"):
            known = [split for split in statistics.by_name("images") if split]
            raise SplitNotFound(wanted.split, known)  # most likely a slip of the pen
        return statistics.images(split=wanted.split, category_id=wanted.category_id)


def category_id_of(dataset: Dataset, reference: str) -> int:
    """The id of the category with this name or id. Raises CategoryNotFound."""
    by_name = {category.name: category.id for category in dataset.categories}
    if reference in by_name:
        return by_name[reference]
    if reference.isascii() and reference.isdigit() and int(reference) in by_name.values():
        return int(reference)
    raise CategoryNotFound(reference, [category.name for category in dataset.categories])
