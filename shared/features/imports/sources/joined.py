"""The source of an import as its shards read it: one archive, the files of a directory, or several parts in a row."""

from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from itertools import groupby

from shared.features.imports.models import ImportPlan, SourceRef
from shared.features.imports.shards.labels import ShardLabels, read_labels
from shared.features.imports.shards.manifest import PlacedFile
from shared.features.imports.shards.members import OpenMember, read_members
from shared.formats.archives.directory import Member
from shared.foundation.streams import whole
from shared.ports.byte_source import ByteSource, ByteSources, SourceDescription, SourceTruncated

_ZEROS = bytes(1 << 20)


def open_source(sources: ByteSources, reference: SourceRef, files: Sequence[PlacedFile] = ()) -> ByteSource:
    """The source, unopened. Of directories only `files` are there, and the rest of their bytes reads as zeros.

    Raises what ByteSources.open raises.
    """
    if not reference.parts and not reference.tree:
        return sources.open(reference.uri, expected=reference.expected)
    return _JoinedSource([_opened(sources, part, files) for part in reference.parts or (reference,)])


async def read_each(source: ByteSource, items: Sequence[Member], reference: SourceRef) -> AsyncIterator[OpenMember]:
    """Each member's bytes in the order they lie in; once, where several items have the same: the first has them."""
    once = {item.header_offset: item for item in reversed(items)}
    for part, some in _by_part(list(once.values()), reference):
        async for member in read_members(source, some, raw=part.raw):
            yield member


async def read_each_label(source: ByteSource, items: Sequence[Member], plan: ImportPlan) -> ShardLabels:
    """Label members, given in the order they lie in, each read as its part of the source asks for."""
    found = ShardLabels()
    for part, some in _by_part(items, plan.source):
        labels = await read_labels(source, some, plan.model_copy(update={"source": part}))
        found.contents |= labels.contents
        found.broken |= labels.broken
    return found


def _by_part(items: Sequence[Member], reference: SourceRef) -> Iterator[tuple[SourceRef, list[Member]]]:
    """The items of each part, in the order of their offsets where there is more than one part."""
    if not reference.parts:
        yield reference, list(items)
        return

    def part_of(item: Member) -> SourceRef:
        return next(part for part in reversed(reference.parts) if part.start <= item.header_offset)

    for part, some in groupby(sorted(items, key=lambda item: item.header_offset), part_of):
        yield part, list(some)


def _opened(sources: ByteSources, part: SourceRef, files: Sequence[PlacedFile]) -> "_Part":
    end = part.start + (part.size_bytes or 0)
    if not part.tree:
        return _Part(sources.open(part.uri, expected=part.expected), part.start, end, end, part.cheap_ranges)
    own = [(at - part.start, file) for at, file in files if part.start <= at < end]
    filled = part.start + (own[-1][0] + own[-1][1].size_bytes if own else 0)
    return _Part(sources.open_tree(part.uri, own), part.start, end, filled, part.cheap_ranges)


@dataclass(frozen=True, slots=True)
class _Part:
    """A source whose bytes are those from `start` to `end` of all; from `filled` on there are zeros."""

    source: ByteSource
    start: int
    end: int
    filled: int
    cheap_ranges: bool

    async def read(self, start: int, end: int) -> AsyncGenerator[bytes, None]:
        """The part's share of a range of all."""
        start, end = max(start, self.start), min(end, self.end)
        if start < min(end, self.filled):
            async with aclosing(self.source.read(start - self.start, min(end, self.filled) - self.start)) as chunks:
                async for chunk in chunks:
                    yield chunk
        for at in range(max(start, self.filled), end, len(_ZEROS)):
            yield _ZEROS[: end - at]

    async def read_spans(self, spans: Sequence[tuple[int, int]]) -> list[bytes]:
        """Ranges of all that lie in the part."""
        inside = [(start - self.start, max(start, min(end, self.filled)) - self.start) for start, end in spans]
        found = await self.source.read_spans(inside)
        return [data + bytes(end - start - len(data)) for data, (start, end) in zip(found, spans, strict=True)]


class _JoinedSource:
    """Parts, one behind another, as one source."""

    def __init__(self, parts: Sequence[_Part]) -> None:
        self._parts = parts
        self._size_bytes = parts[-1].end

    async def describe(self) -> SourceDescription:
        """The size of all; the parts are compared with what they were when they are read."""
        cheap = all(part.cheap_ranges for part in self._parts)
        return SourceDescription(self._size_bytes, None, accepts_ranges=True, cheap_ranges=cheap)

    async def read(self, start: int = 0, end: int | None = None) -> AsyncGenerator[bytes, None]:
        """The range, part by part."""
        stop = self._size_bytes if end is None else end
        self._check_end(stop)
        for part in self._parts:
            async with aclosing(part.read(start, stop)) as chunks:
                async for chunk in chunks:
                    yield chunk

    async def read_spans(self, spans: Sequence[tuple[int, int]]) -> list[bytes]:
        """The ranges, those of each part together; the few that cross from one into the next by themselves."""
        self._check_end(max((end for _, end in spans), default=0))
        found: dict[tuple[int, int], bytes] = {}
        for part in self._parts:
            if inside := [span for span in spans if part.start <= span[0] <= span[1] <= part.end]:
                found |= zip(inside, await part.read_spans(inside), strict=True)
        for start, end in set(spans) - found.keys():
            found[start, end] = await whole(self.read(start, end))
        return [found[span] for span in spans]

    async def close(self) -> None:
        """Close every part."""
        for part in self._parts:
            await part.source.close()

    def _check_end(self, stop: int) -> None:
        if stop > self._size_bytes:
            raise SourceTruncated(f"The source's parts end at byte {self._size_bytes} of {stop}.")
