"""What images with the same contents are called; where nobody has hashed these, they are compared by their bytes."""

import hashlib
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from shared.features.imports.contents.search import RepeatedContent
from shared.features.imports.models import DoneShard, ImportPlan
from shared.features.imports.shards.manifest import Manifest, read_whole_manifest
from shared.features.imports.shards.members import OpenMember
from shared.features.imports.sources.joined import open_source, read_each
from shared.formats.archives.errors import BrokenMember
from shared.ports.byte_source import ByteSources
from shared.ports.object_store import ObjectStore

NAMED = 5
MOST_COMPARED_BYTES = 512 << 20
"""How much is read to compare images that stay where they are; what is beyond that is said to be probable."""

_HELD = 64


@dataclass(slots=True)
class Namesakes:
    """Images that have the same contents, or `is_certain` is False: probably. `paths` are the first few, in order."""

    is_certain: bool
    images: int = 0
    splits: set[int] = field(default_factory=set)
    paths: list[str] = field(default_factory=list)

    def add(self, path: str, split: int | None) -> None:
        """Take one more image."""
        self.images += 1
        self.paths.append(path)
        if split is not None:
            self.splits.add(split)
        if len(self.paths) > _HELD:
            self.close()

    def close(self) -> None:
        """Leave the first few paths."""
        self.paths = sorted(self.paths)[:NAMED]


@dataclass(frozen=True, slots=True)
class ContentComparer:
    """Gives the images their names, shard by shard."""

    sources: ByteSources
    store: ObjectStore
    plan: ImportPlan
    shards: Sequence[DoneShard]

    async def named(
        self, contents: Sequence[RepeatedContent], *, most_bytes: int = MOST_COMPARED_BYTES
    ) -> list[Namesakes]:
        """The images of the contents, in their order; what turns out not to be the same is no longer together."""
        compared = _worth_comparing(contents, most_bytes)
        found: list[dict[str, Namesakes]] = [{} for _ in contents]
        numbers = {split: number for number, split in enumerate(self.plan.splits)}
        for number, wanted in sorted(_by_shard(contents).items()):
            manifest = await read_whole_manifest(self.store, self.shards[number].manifest_key)
            hashes = await self._hashes(manifest, [place for at, place in wanted if at in compared])
            for at, place in wanted:
                entry = manifest.entries[place]
                hashed = hashes.get(entry.image.header_offset)
                if at in compared and hashed is None:
                    continue  # it cannot be read
                certain = contents[at].key.is_hashed or at in compared
                group = found[at].setdefault(hashed or "", Namesakes(certain))
                group.add(entry.image.name, numbers.get(entry.split or ""))
        return [group for groups in found for group in _closed(groups.values()) if group.images > 1]

    async def _hashes(self, manifest: Manifest, places: Sequence[int]) -> Mapping[int, str]:
        """The SHA-256 of images, by the offset of their member, without those that are damaged."""
        if not places:
            return {}
        source = open_source(self.sources, self.plan.source, manifest.files)
        try:
            items = [manifest.entries[place].image for place in places]
            return {offset: digest async for offset, digest in _hashed(read_each(source, items, self.plan.source))}
        finally:
            await source.close()


def _worth_comparing(contents: Sequence[RepeatedContent], most_bytes: int) -> set[int]:
    """Positions of contents that are not hashed, and can be before `most_bytes` are read."""
    chosen: set[int] = set()
    for at, content in enumerate(contents):
        if not content.key.is_hashed and (size := content.images * content.key.size_bytes) <= most_bytes:
            chosen.add(at)
            most_bytes -= size
    return chosen


async def _hashed(members: AsyncIterator[OpenMember]) -> AsyncIterator[tuple[int, str]]:
    async for member in members:
        sha256 = hashlib.sha256()
        try:
            async for piece in member.pieces():
                sha256.update(piece)
        except BrokenMember:
            continue
        yield member.item.header_offset, sha256.hexdigest()


def _by_shard(contents: Sequence[RepeatedContent]) -> Mapping[int, list[tuple[int, int]]]:
    """By number of a shard: which of the contents its images have, and their places in its manifest."""
    found: dict[int, list[tuple[int, int]]] = {}
    for at, content in enumerate(contents):
        for shard, place in content.places:
            found.setdefault(shard, []).append((at, place))
    return found


def _closed(groups: Iterable[Namesakes]) -> list[Namesakes]:
    """The groups, each with its first paths, in the order of these."""
    found = list(groups)
    for group in found:
        group.close()
    return sorted(found, key=lambda group: group.paths)
