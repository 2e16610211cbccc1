"""Building an export: one pass over the images of a version, in the order of their paths, in bounded memory.

Whatever is killed in the middle is built again from the beginning, and comes out the same.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from zlib_ng import zlib_ng

from shared.features.datasets.models import Category, Dataset
from shared.features.exports.labels import LabelledImages
from shared.features.exports.models import (
    Built,
    Export,
    ExportOptions,
    ExportProgress,
    Loss,
    NothingToExport,
    job_prefix,
)
from shared.features.exports.pieces import layout_key, place_of
from shared.features.exports.sinks import PlacedImage, ShardSink, Sink, ZipSink
from shared.features.images.models import Annotation, Image, VersionFilter
from shared.features.images.service import ImageService
from shared.features.jobs.models import StepLease
from shared.formats.annotations import model as formats
from shared.formats.annotations.writers.losses import LOSSES, LossLog
from shared.formats.annotations.writers.model import ImageToWrite, WriteOptions, Writer
from shared.formats.annotations.writers.naming import NameBook
from shared.formats.annotations.writers.registry import WRITE_FORMATS
from shared.ports.object_store import ObjectStore

_LOOK_EACH = 100
"""Images that pass between two looks at whether to go on: a few milliseconds."""


@dataclass(slots=True)
class BuildTrack:
    """Watches over a building. `check` raises when it must be let go."""

    check: Callable[[], None]
    progress: ExportProgress = field(default_factory=ExportProgress)

    def walked(self, images: int) -> bool:
        """Now and then look whether to go on; whether it is time to say how many images have passed."""
        if images % _LOOK_EACH:
            return False
        self.check()
        return True


@dataclass(frozen=True, slots=True)
class ExportBuilder:
    """Builds exports."""

    images: ImageService
    store: ObjectStore

    async def build(self, dataset: Dataset, export: Export, lease: StepLease, track: BuildTrack) -> Built:
        """Write the pieces of the export. Raises NothingToExport, and what stores and sources raise."""
        prefix = f"{job_prefix(dataset.id, export.id, export.job_id)}{lease.token}/"
        options = export.options
        wanted = VersionFilter(options.version, options.splits, options.categories)
        work = _Building(self.images, self.store, dataset, options, track, wanted)
        sink = _sink(self.store, prefix, options)
        writer = await work.prepare()
        await work.walk(writer, sink)
        layout, files = await sink.close(writer.finish())
        track.check()
        await self.store.put(layout_key(prefix), layout.model_dump_json().encode())
        if not work.written:
            raise NothingToExport("Every image was left out: damaged, without bytes, or without a label.")
        return Built(prefix, tuple(files), work.found(), work.written)


@dataclass(slots=True)
class _Building:
    images: ImageService
    store: ObjectStore
    dataset: Dataset
    options: ExportOptions
    track: BuildTrack
    wanted: VersionFilter
    losses: LossLog = field(default_factory=LossLog)
    number: int = 0
    written: int = 0
    book: NameBook = field(init=False)

    async def prepare(self) -> Writer:
        """Look at the names of all images: which splits there are, and which names are wanted twice."""
        made = WRITE_FORMATS[self.options.format]
        options = await self._write_options([])
        self.book, splits = NameBook(made.naming(options)), dict[str | None, None]()
        total = 0
        async for name in self.images.walk_names(self.dataset, self.wanted):
            splits.setdefault(name.split)
            self.book.reserve(name.path, name.split, self._first(name.category_ids))
            total += 1
            self.track.walked(total)
        self.track.progress.images_total = total
        if not splits:
            raise NothingToExport("No image is in these splits, or shows any of these categories.")
        self.book.close()
        order = sorted(splits, key=lambda split: (split is not None, split or ""))
        return made.writer(await self._write_options(order), self.losses)

    async def walk(self, writer: Writer, sink: Sink) -> None:
        """Write every image."""
        source = LabelledImages(self.images, self.store, self.dataset, self._copies_labels())
        done = 0
        async for image, label in source.walk(self.wanted):
            await self._take(image, label, writer, sink)
            done += 1
            if self.track.walked(done):
                self.track.progress.images_done = done
        self.track.progress.images_done = done

    def found(self) -> tuple[Loss, ...]:
        """What could not be written as it is, in the order of the rules."""
        counts, examples = self.losses.counts, self.losses.examples
        return tuple(Loss(loss, counts[loss], tuple(examples[loss])) for loss in LOSSES if loss in counts)

    async def _take(self, image: Image, label: bytes | None, writer: Writer, sink: Sink) -> None:
        place = place_of(image)
        if image.damaged or place is None:
            self.losses.add("EXPORT_DAMAGED" if image.damaged else "EXPORT_PENDING", image.path)
            return
        self.number += 1
        item = self._to_write(image, label)
        written = writer.write(item)
        if written is None:
            return
        if item.name.rpartition("/")[2] != image.file_name:
            self.losses.add("EXPORT_RENAMED", image.path)
        crc32 = image.crc32 if image.crc32 is not None else await self._crc32(image)
        await sink.add(PlacedImage(item.name, image.split, image.size_bytes, crc32, place), written)
        self.written += 1

    def _to_write(self, image: Image, label: bytes | None) -> ImageToWrite:
        kept = self.options.categories
        annotations = image.annotations if kept is None else [one for one in image.annotations if _is_of(one, kept)]
        first = self._first([one.category_id for one in annotations])
        return ImageToWrite(
            number=self.number,
            path=image.path,
            name=self.book.name(image.path, image.split, first),
            split=image.split,
            size=(image.width, image.height) if image.width and image.height else None,
            size_bytes=image.size_bytes,
            annotations=annotations,
            attributes=image.attributes,
            label=label,
        )

    def _first(self, categories: Sequence[int]) -> int | None:
        """The first of an image's categories that are exported: where images are sorted by labels, it decides."""
        kept = self.options.categories
        return min((one for one in categories if kept is None or one in kept), default=None)

    def _copies_labels(self) -> bool:
        """Whether label files are as they are to be: rows of YOLO, for the same task and with the same numbers."""
        same_task = self.options.task == self.dataset.task
        return self.options.format == self.dataset.format == "yolo" and same_task and self.options.categories is None

    async def _crc32(self, image: Image) -> int:
        """The checksum of an image whose source told none: it is read through."""
        crc32 = 0
        async for piece in self.images.file(self.dataset, image, start=0, end=image.size_bytes):
            self.track.check()
            crc32 = zlib_ng.crc32(piece, crc32)
        return crc32

    async def _write_options(self, splits: Sequence[str | None]) -> WriteOptions:
        kept = self.options.categories
        categories = [one for one in self.dataset.categories if kept is None or one.id in kept]
        return WriteOptions(
            task=self.options.task,
            tree=self.options.tree,
            categories=[_category(one) for one in categories],
            splits=splits,
            keypoint_shape=await self._keypoint_shape() if splits else None,
            notes=self.dataset.notes,
        )

    async def _keypoint_shape(self) -> tuple[int, int] | None:
        """How many keypoints every row has: as the source says, else as many as any pose has."""
        if self.options.task != "pose" or self.dataset.keypoint_shape:
            return self.dataset.keypoint_shape
        most = 0
        async for image in self.images.walk(self.dataset, self.wanted):
            self.track.check()
            found = (await self.images.complete(image)).annotations
            most = max(most, *(len(one.keypoints) for one in found), 0)
        return (most, 3) if most else None


def _sink(store: ObjectStore, prefix: str, options: ExportOptions) -> Sink:
    if WRITE_FORMATS[options.format].shards:
        return ShardSink(store, prefix, shard_bytes=options.shard_bytes)
    return ZipSink(store, prefix)


def _category(category: Category) -> formats.Category:
    pose = formats.PoseNames(category.pose.keypoints, category.pose.skeleton) if category.pose else None
    return formats.Category(category.id, category.name, category.source_id, category.supercategory, pose)


def _is_of(annotation: Annotation, categories: Sequence[int]) -> bool:
    return annotation.category_id in categories
