"""Cutting an archive into shards: images in the order they lie in, in parts of about equal size."""

from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from shared.features.imports.shards.manifest import ShardEntry
from shared.formats.annotations.model import DatasetLayout
from shared.formats.archives.member_table import MemberTable
from shared.formats.archives.spans import by_offset
from shared.foundation.settings import EngineSettings

_SHARD_LABEL_BYTES = 4 << 20
_MOST_SHARDS = 2000
_AT_ONCE = 1 << 11

Piece = tuple[list[ShardEntry], tuple[int, int] | None]


@dataclass(slots=True)
class Amount:
    """What the shards of a plan hold together; bytes as they lie in the archive."""

    images: int = 0
    image_bytes: int = 0
    label_bytes: int = 0

    def add(self, entries: Sequence[ShardEntry]) -> None:
        """Count the entries of one shard."""
        self.images += len(entries)
        self.image_bytes += sum(entry.image.compressed_bytes for entry in entries)
        self.label_bytes += sum(entry.label.compressed_bytes for entry in entries if entry.label)


@dataclass(frozen=True, slots=True)
class Cut:
    """How an archive is cut. With `part_bytes`, each shard has one part of the archive to copy, `size_bytes` in all."""

    engine: EngineSettings
    part_bytes: int | None = None
    size_bytes: int = 0
    by_bytes: bool = True

    def shards(self, directory: MemberTable, layout: DatasetLayout) -> Iterator[Piece]:
        """The entries of each shard, and its span of the archive if it has one."""
        entries = _entries(directory, layout)
        if self.part_bytes is not None:
            return self._by_part(entries, self.part_bytes)
        target = max(self.engine.shard_bytes, directory.total_bytes // _MOST_SHARDS)
        return ((part, None) for part in self._by_size(entries, target if self.by_bytes else None))

    def _by_part(self, entries: Iterator[ShardEntry], part_bytes: int) -> Iterator[Piece]:
        """The images that begin in each part; a part may hold none and is copied all the same.

        A part of very many images, or very large labels, is several shards, of which the first one copies it.
        """
        following = next(entries, None)
        for start in range(0, self.size_bytes, part_bytes):
            end = min(self.size_bytes, start + part_bytes)
            inside: list[ShardEntry] = []
            while following is not None and following.image.header_offset < end:
                inside.append(following)
                following = next(entries, None)
            pieces = self._by_size(iter(inside), None)
            yield next(pieces, []), (start, end)
            yield from ((piece, None) for piece in pieces)

    def _by_size(self, entries: Iterator[ShardEntry], target: int | None) -> Iterator[list[ShardEntry]]:
        part: list[ShardEntry] = []
        image_bytes = label_bytes = 0
        at = -1
        for entry in entries:
            part.append(entry)
            if entry.image.header_offset != at:  # else a link's name for the same bytes, which are read once
                image_bytes += entry.image.compressed_bytes
                at = entry.image.header_offset
            label_bytes += entry.label.size_bytes if entry.label else 0
            full = target is not None and image_bytes >= target
            if full or label_bytes >= _SHARD_LABEL_BYTES or len(part) >= self.engine.shard_images:
                yield part
                part, image_bytes, label_bytes = [], 0, 0
        if part:
            yield part


def part_bytes_of(size_bytes: int, engine: EngineSettings) -> int:
    """How large the parts of a copied archive are."""
    return max(engine.shard_bytes, -(-size_bytes // _MOST_SHARDS))


def _entries(directory: MemberTable, layout: DatasetLayout) -> Iterator[ShardEntry]:
    order = image_order(directory, layout)
    while positions := list(islice(order, _AT_ONCE)):
        images = directory.pick([layout.image_indexes[position] for position in positions])
        labels = [layout.label_indexes[position] for position in positions]
        there = [label for label in labels if label >= 0 and not directory.is_dropped(label)]
        members = dict(zip(there, directory.pick(there), strict=True))
        splits = [_split(layout, position) for position in positions]
        categories = [_category(layout, position) for position in positions]
        yield from map(ShardEntry, images, splits, map(members.get, labels), categories)


def image_order(directory: MemberTable, layout: DatasetLayout) -> Iterator[int]:
    """The positions of a layout's images in the order in which shards have them."""
    order = by_offset(array("Q", map(directory.offset, layout.image_indexes)))
    return (position for position in order if not directory.is_dropped(layout.image_indexes[position]))


def _split(layout: DatasetLayout, position: int) -> str | None:
    number = layout.split_ids[position]
    return layout.splits[number] if number >= 0 else None


def _category(layout: DatasetLayout, position: int) -> int | None:
    number = -1 if layout.category_ids is None else layout.category_ids[position]
    return number if number >= 0 else None
