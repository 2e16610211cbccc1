"""An archive that was copied in parts of equal size into our own object store: `parts://`, see `parts_uri`."""

from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import aclosing
from itertools import chain

from shared.adapters.byte_source.runs import Span, each_of
from shared.ports.byte_source import PartsAddress, SourceDescription, SourceNotFound, SourceTruncated
from shared.ports.object_store import ObjectNotFound, ObjectStore


class PartsByteSource:
    """A ByteSource over objects that lie one behind another. They are written once, so they never change."""

    def __init__(self, store: ObjectStore, address: PartsAddress) -> None:
        self._store = store
        self._address = address

    async def describe(self) -> SourceDescription:
        """The size of all parts together; ranges always work, as cheaply as the store's."""
        cheap = self._store.cheap_ranges
        return SourceDescription(self._address.size_bytes, None, accepts_ranges=True, cheap_ranges=cheap)

    async def read(self, start: int = 0, end: int | None = None) -> AsyncGenerator[bytes, None]:
        """Yield the range, part by part."""
        stop = self._address.size_bytes if end is None else end
        if start < stop:
            self._check_end(stop)
        for key, first, last in self._pieces(start, stop):
            try:
                async with aclosing(self._store.read(key, start=first, end=last)) as chunks:
                    async for chunk in chunks:
                        yield chunk
            except ObjectNotFound:
                raise SourceNotFound("A part of the stored archive is missing.") from None

    async def read_spans(self, spans: Sequence[tuple[int, int]]) -> list[bytes]:
        """Read each part's share of them at once, a few parts at a time."""
        self._check_end(max((end for start, end in spans if start < end), default=0))
        pieces = [list(self._pieces(start, end)) for start, end in spans]
        by_part: dict[str, list[Span]] = {}
        for key, first, last in chain.from_iterable(pieces):
            by_part.setdefault(key, []).append((first, last))
        found = await each_of(list(by_part.items()), self._read_part)
        rest = {key: iter(parts) for key, parts in zip(by_part, found, strict=True)}
        return [b"".join([next(rest[key]) for key, _, _ in of_span]) for of_span in pieces]

    async def close(self) -> None:
        """Nothing is held."""

    async def _read_part(self, wanted: tuple[str, list[Span]]) -> list[bytes]:
        key, spans = wanted
        try:
            found, parts = await self._store.read_spans(key, spans)
        except ObjectNotFound:
            raise SourceNotFound("A part of the stored archive is missing.") from None
        if max(last for _, last in spans) > found.size_bytes:
            raise SourceTruncated("A part of the stored archive is shorter than it was written.")
        return parts

    def _check_end(self, stop: int) -> None:
        if stop > self._address.size_bytes:
            raise SourceTruncated(f"The stored archive has {self._address.size_bytes} bytes, not {stop}.")

    def _pieces(self, start: int, stop: int) -> Iterator[tuple[str, int, int]]:
        """The key of each part that the range touches, and which of its bytes."""
        size = self._address.part_bytes
        while start < stop:
            index, first = divmod(start, size)
            last = min(size, first + stop - start)
            yield f"{self._address.prefix}{index:06d}.part", first, last
            start += last - first
