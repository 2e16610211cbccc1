"""What every ByteSource promises, as tests that each of them inherits."""

from typing import Protocol

import pytest

from shared.ports.byte_source import ByteSource, SourceChanged, SourceDescription, SourceNotFound, SourceTruncated
from tests.factories.source_reads import content

DATA = bytes(range(256)) * 12_000


class Place(Protocol):
    """Where the contract puts an archive, to read it by a source."""

    async def put(self, data: bytes) -> None: ...
    async def remove(self) -> None: ...
    def open(self, expected: SourceDescription | None = None) -> ByteSource: ...


class ReadingContract:
    """What holds for every source, also for one that is made from what was listed or written before."""

    @pytest.fixture
    def place(self) -> Place:
        raise NotImplementedError

    @pytest.fixture
    async def source(self, place):
        await place.put(DATA)
        source = place.open()
        yield source
        await source.close()

    async def test_describes_itself(self, source):
        described = await source.describe()
        assert (described.size_bytes, described.accepts_ranges, described.tree) == (len(DATA), True, False)
        assert await source.describe() == described

    async def test_reads_all(self, source):
        assert await content(source) == DATA

    async def test_reads_all_after_describing(self, source):
        await source.describe()
        assert await content(source) == DATA

    @pytest.mark.parametrize("span", [(0, 1), (0, 70_000), (1_234_567, 1_234_570), (5, None), (len(DATA) - 1, None)])
    async def test_reads_a_range(self, source, span):
        assert await content(source, *span) == DATA[span[0] : span[1]]

    @pytest.mark.parametrize("span", [(0, 0), (100, 100), (100, 50)])
    async def test_reads_nothing_of_an_empty_range(self, source, span):
        assert await content(source, *span) == b""

    async def test_reads_many_spans_in_the_order_asked(self, source):
        spans = [
            (70_000, 70_100),
            (0, 4096),
            (2_000_000, 2_000_001),
            (50, 4100),
            (9, 9),
            (0, 4096),
            (len(DATA) - 5, len(DATA)),
        ]
        spans += [(at, at + 500) for at in range(1_000_000, 0, -9_999)]
        assert await source.read_spans(spans) == [DATA[start:end] for start, end in spans]

    async def test_reads_no_spans(self, source):
        assert await source.read_spans([]) == []
        assert await source.read_spans([(7, 7), (9, 3)]) == [b"", b""]

    async def test_a_span_beyond_the_end_is_truncated(self, source):
        for beyond in ((len(DATA) - 5, len(DATA) + 5), (len(DATA) + 5, len(DATA) + 6)):
            with pytest.raises(SourceTruncated):
                await source.read_spans([(0, 10), beyond])

    async def test_a_description_is_compared_by_size_and_etag(self, place, source):
        described = await source.describe()
        rebuilt = SourceDescription(described.size_bytes, described.etag, accepts_ranges=True)
        assert described == rebuilt
        again = place.open(rebuilt)
        assert await again.read_spans([(3, 6)]) == [DATA[3:6]]
        await again.close()

    async def test_chunks_are_small_and_never_empty(self, source):
        sizes = [len(chunk) async for chunk in source.read()]
        assert 0 < min(sizes) <= max(sizes) <= 4 * 2**20

    async def test_a_read_may_be_left_and_another_begun(self, source):
        chunks = source.read()
        await anext(chunks)
        await chunks.aclose()
        assert await content(source, 3, 6) == DATA[3:6]

    async def test_a_range_beyond_the_end_is_truncated(self, source):
        with pytest.raises(SourceTruncated):
            await content(source, len(DATA) - 5, len(DATA) + 5)

    async def test_an_empty_archive(self, place):
        await place.put(b"")
        source = place.open()
        assert (await source.describe()).size_bytes == 0
        assert await content(source) == b""
        await source.close()
        unasked = place.open()
        assert await content(unasked) == b""
        await unasked.close()

    async def test_the_same_as_expected_is_read(self, place, source):
        expected = await source.describe()
        again = place.open(expected)
        assert await content(again, 7, 20) == DATA[7:20]
        assert await content(again) == DATA
        await again.close()


class ByteSourceContract(ReadingContract):
    """What holds for a source that is looked at when it is opened."""

    async def test_has_an_etag(self, source):
        assert (await source.describe()).etag

    async def test_nothing_there(self, place):
        await place.remove()
        source = place.open()
        with pytest.raises(SourceNotFound):
            await source.describe()
        with pytest.raises(SourceNotFound):
            await content(source)
        with pytest.raises(SourceNotFound):
            await source.read_spans([(0, 1)])
        await source.close()

    @pytest.mark.parametrize("changed", [DATA[:-1], DATA[::-1], DATA + b"x"])
    @pytest.mark.parametrize("start", [0, 1000])
    async def test_another_than_expected_is_not_mixed_in(self, place, source, changed, start):
        expected = await source.describe()
        await place.put(changed)
        again = place.open(expected)
        with pytest.raises(SourceChanged):
            await content(again, start)
        with pytest.raises(SourceChanged):
            await again.read_spans([(start, start + 10)])
        await again.close()
