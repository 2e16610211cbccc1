"""Finding out what dataset a source holds: its format, where images and labels lie, and its categories."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice

from shared.features.imports.models import BadConfiguration, DatasetNotRecognised, ImportRequest
from shared.features.imports.shards.members import OpenMember, broken_member
from shared.features.imports.sources.joined import open_source, read_each
from shared.features.imports.sources.opening import OpenedSource
from shared.formats.annotations.model import BrokenConfig, DatasetLayout, Scan, UnrecognisedDataset
from shared.formats.annotations.registry import DatasetReader
from shared.formats.archives.directory import Member
from shared.formats.archives.errors import BrokenMember
from shared.formats.archives.spans import by_offset
from shared.formats.findings import WHOLE_DATASET, Finding, FindingLog
from shared.foundation.settings import LimitSettings
from shared.ports.byte_source import ByteSources

PIECE_BYTES = 4 << 20
"""How much of a large file is taken at once."""

_NO_KEYPOINTS = "poses need `kpt_shape` in the description, such as [17, 3]"
_LABELS_AT_ONCE = 2_000


@dataclass(frozen=True, slots=True)
class Recognised:
    """A dataset that was recognised: its layout, what read it, and the small files that describe it, by name."""

    layout: DatasetLayout
    reader: DatasetReader
    given: dict[str, bytes]


@dataclass(frozen=True, slots=True)
class Recogniser:
    """Recognises the dataset in one opened source; what is odd about its members goes to `log`."""

    sources: ByteSources
    limits: LimitSettings
    archive: OpenedSource
    log: FindingLog

    async def recognise(self, request: ImportRequest) -> Recognised:
        """The dataset. Raises DatasetNotRecognised and BadConfiguration, and what sources raise."""
        reader = await asyncio.to_thread(DatasetReader, self.archive.directory, request.format, request.root)
        try:
            given = await self._provide(reader)
            layout = await asyncio.to_thread(reader.layout, self.log.add)
        except UnrecognisedDataset as error:
            if error.rule is not None:
                self.log.add(Finding(error.rule, WHOLE_DATASET, error.reason))
            others = sorted((rule, count) for rule, count in self.log.counts.items() if rule != error.rule)
            left_out = "".join(f"; {rule} x {count}" for rule, count in others)
            raise DatasetNotRecognised(f"{request.shown_source}: {error.reason}{left_out}") from error
        except BrokenConfig as error:
            self.log.add(error.finding)
            raise BadConfiguration(f"{request.shown_source}: {error}", file=error.file) from error
        if request.task == "pose" and layout.format == "yolo" and layout.keypoint_shape is None:
            raise BadConfiguration(f"{request.shown_source}: {_NO_KEYPOINTS}", file=next(iter(layout.config_files), ""))
        if layout.names_in_labels:
            layout = await self._named(layout, reader)
        return Recognised(layout, reader, given)

    async def members(self, items: Sequence[Member]) -> AsyncIterator[OpenMember]:
        """Members in the order they lie in; read each before asking for the next."""
        source = open_source(self.sources, self.archive.source, self.archive.files(items))
        try:
            async for member in read_each(source, items, self.archive.source):
                yield member
        finally:
            await source.close()

    async def pieces(self, member: OpenMember) -> AsyncIterator[bytes]:
        """A member's content in pieces that are worth a thread."""
        held = bytearray()
        async for piece in member.pieces():
            held += piece
            if len(held) >= PIECE_BYTES:
                yield bytes(held)
                held.clear()
        yield bytes(held)

    # -- what describes the dataset

    async def _provide(self, reader: DatasetReader) -> dict[str, bytes]:
        """Give the reader every member it asks for; the bytes, by name, of those that were read as a whole."""
        given: dict[str, bytes] = {}
        while wanted := await asyncio.to_thread(reader.config_members):
            dropped = [index for index in wanted if self.archive.directory.is_dropped(index)]
            for index in dropped:
                reader.provide(index, None)
            items = {index: self.archive.directory.member(index) for index in wanted if index not in dropped}
            whole: list[Member] = []
            for index, item in items.items():
                if (scan := reader.scan(index)) is None:
                    whole.append(item)
                elif not await self._scan(scan, item):
                    reader.provide(index, None)
            read = {name: data async for name, data in self._contents(whole)}
            given.update(read)
            for index, item in items.items():
                if item in whole:
                    reader.provide(index, read.get(item.name))
        return given

    async def _scan(self, scan: Scan, item: Member) -> bool:
        """Let a file pass through; False where it cannot be read to its end."""
        async for member in self.members([item]):
            try:
                async for piece in self.pieces(member):
                    await asyncio.to_thread(scan.feed, piece)
            except BrokenMember as error:
                self.log.add(broken_member(item, error))
                return False
        await asyncio.to_thread(scan.close)
        return True

    async def _contents(self, items: list[Member]) -> AsyncIterator[tuple[str, bytes]]:
        small = [item for item in items if item.size_bytes <= self.limits.max_config_bytes]
        names: dict[int, list[str]] = {}
        for item in small:
            names.setdefault(item.header_offset, []).append(item.name)
        async for member in self.members(small):
            try:
                content = await member.whole()
            except BrokenMember as error:
                self.log.add(broken_member(member.item, error))
                continue
            for name in names[member.item.header_offset]:
                yield name, content

    # -- categories that only labels name

    async def _named(self, layout: DatasetLayout, reader: DatasetReader) -> DatasetLayout:
        """The layout with the categories that its labels name. All labels are read; the broken ones name nothing."""
        names: set[str] = set()
        for batch in self._label_batches(layout):
            contents = [content async for content in self._label_contents(batch)]
            names |= await asyncio.to_thread(_names_in, reader, contents)
        return replace(layout, categories=reader.categories(names))

    def _label_batches(self, layout: DatasetLayout) -> Iterator[list[Member]]:
        directory = self.archive.directory
        labels = [index for index in set(layout.label_indexes) if index >= 0 and not directory.is_dropped(index)]
        order = by_offset([directory.offset(index) for index in labels])
        while batch := list(islice(order, _LABELS_AT_ONCE)):
            yield directory.pick([labels[position] for position in batch])

    async def _label_contents(self, batch: Sequence[Member]) -> AsyncIterator[bytes]:
        async for member in self.members([item for item in batch if item.size_bytes <= self.limits.max_label_bytes]):
            try:
                yield await member.whole()
            except BrokenMember:
                continue  # the shard that reads it again says so


def _names_in(reader: DatasetReader, contents: Sequence[bytes]) -> set[str]:
    return {name for content in contents for name in reader.names_in(content)}
