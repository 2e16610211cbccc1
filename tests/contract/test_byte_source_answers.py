"""Servers whose answers are wrong: other ranges, contents, lengths or encodings than were asked for."""

import gzip

import pytest

from shared.adapters.byte_source.http import HttpByteSource
from shared.ports.byte_source import SourceChanged, SourceTruncated, SourceUnavailable, UnsupportedSource
from tests.factories.scripted_server import Exchange, scripted_server
from tests.factories.source_reads import DATA, content, outcome, source_at


async def collect(source: HttpByteSource, got: list[bytes]) -> None:
    """Read to the end or to the failure; `got` has what came."""
    async for chunk in source.read():
        got.append(chunk)  # noqa: PERF401 - what came before the failure counts


# -- ranges that are not


async def test_range_is_ignored():
    async def whole(exchange: Exchange) -> None:
        await exchange.head(200, Content_Length=len(DATA), ETag='"one"')
        await exchange.send(DATA)

    async with scripted_server(whole) as server:
        source = source_at(server)
        assert not (await source.describe()).accepts_ranges
        assert await content(source) == DATA
        with pytest.raises(UnsupportedSource, match="cannot be entered"):
            await content(source, 5)
        with pytest.raises(UnsupportedSource, match="cannot be entered"):
            await source.read_spans([(5, 10)])
        await source.close()


@pytest.mark.parametrize("forgetful", [1, 99])
async def test_a_range_is_answered_with_the_whole_in_mid_read(forgetful):
    """The same ETag says that nothing changed: another try may find a server that knows ranges."""

    async def forgets(exchange: Exchange) -> None:
        start, _ = exchange.span(len(DATA))
        if start and exchange.number <= forgetful:
            await exchange.head(200, Content_Length=len(DATA), ETag='"one"')
            await exchange.send(DATA)
            return
        body = await exchange.part(DATA)
        await exchange.send(body[:400_000])
        if len(body) > 400_000:
            await exchange.drop()

    got = []
    async with scripted_server(forgets) as server:
        source = source_at(server, attempts=2)
        if forgetful == 1:
            assert await content(source) == DATA
        else:
            with pytest.raises(SourceUnavailable, match="whole"):
                await collect(source, got)
            assert b"".join(got) == DATA[:400_000]
        await source.close()


async def test_the_whole_without_an_etag_in_mid_read_is_a_change():
    async def forgets(exchange: Exchange) -> None:
        if exchange.span(len(DATA))[0]:
            await exchange.head(200, Content_Length=len(DATA))
            await exchange.send(DATA)
        else:
            await exchange.send((await exchange.part(DATA))[:1000])
            await exchange.drop()

    async with scripted_server(forgets) as server:
        with pytest.raises(SourceChanged):
            await outcome(server, described=False)


@pytest.mark.parametrize(
    "said", ["bytes 5-99/{size}", "bytes */{size}", "bytes 7-3/{size}", "lines 0-{last}/{size}", "0-{last}", "", None]
)
async def test_a_wrong_content_range_is_not_believed(said):
    async def wrong(exchange: Exchange) -> None:
        header = {} if said is None else {"Content_Range": said.format(size=len(DATA), last=len(DATA) - 1)}
        await exchange.head(206, Content_Length=len(DATA), ETag='"one"', **header)
        await exchange.send(DATA)

    async with scripted_server(wrong) as server:
        with pytest.raises(SourceUnavailable, match="another range"):
            await outcome(server, described=False)


async def test_another_total_in_a_content_range_is_a_change():
    async def grows(exchange: Exchange) -> None:
        await exchange.send(await exchange.part(DATA + bytes(exchange.number)))

    async with scripted_server(grows) as server:
        with pytest.raises(SourceChanged):
            await outcome(server)


# -- contents that change


@pytest.mark.parametrize("honours_if_range", [True, False])
async def test_an_etag_that_changes_half_way_is_never_a_mixture(honours_if_range):
    async def changes(exchange: Exchange) -> None:
        data, etag = (DATA, '"one"') if exchange.number < 2 else (DATA[::-1], '"two"')
        if honours_if_range and exchange.headers.get("if-range", etag) != etag:
            await exchange.head(200, Content_Length=len(data), ETag=etag)
            await exchange.send(data)
            return
        body = await exchange.part(data, etag=etag)
        await exchange.send(body[:500_000])
        if len(body) > 500_000:
            await exchange.drop()

    got = []
    async with scripted_server(changes) as server:
        source = source_at(server)
        await source.describe()
        with pytest.raises(SourceChanged):
            await collect(source, got)
        with pytest.raises(SourceChanged):
            await source.read_spans([(0, 100), (600_000, 600_100)])
        await source.close()
    assert b"".join(got) == DATA[:500_000]


# -- lengths that are missing or wrong


async def chunked(exchange: Exchange, data: bytes) -> None:
    await exchange.head(200, Transfer_Encoding="chunked")
    for at in range(0, len(data), 100_000):
        piece = data[at : at + 100_000]
        await exchange.send(b"%x\r\n%s\r\n" % (len(piece), piece))


async def test_chunks_without_a_length():
    async def whole(exchange: Exchange) -> None:
        await chunked(exchange, DATA)
        await exchange.send(b"0\r\n\r\n")

    async with scripted_server(whole) as server:
        source = source_at(server)
        described = await source.describe()
        assert (described.size_bytes, described.accepts_ranges) == (None, False)
        assert await content(source) == DATA
        await source.close()


async def test_chunks_that_break_off_are_not_taken_for_the_end():
    async def half(exchange: Exchange) -> None:
        await chunked(exchange, DATA[:500_000])
        await exchange.drop()

    async with scripted_server(half) as server:
        with pytest.raises(SourceUnavailable, match="cannot resume"):
            await outcome(server)


async def test_a_length_longer_than_the_content():
    async def lies(exchange: Exchange) -> None:
        await exchange.head(200, Content_Length=len(DATA) + 1000, ETag='"one"')
        await exchange.send(DATA)
        await exchange.drop()

    async with scripted_server(lies) as server:
        with pytest.raises(SourceUnavailable, match="cannot resume"):
            await outcome(server)


async def test_a_total_longer_than_the_content():
    async def lies(exchange: Exchange) -> None:
        start, end = exchange.span(len(DATA) + 1000)
        if start >= len(DATA):
            return await exchange.head(416, Content_Length=0, ETag='"one"')
        end = min(end, len(DATA))
        said = f"bytes {start}-{end - 1}/{len(DATA) + 1000}"
        await exchange.head(206, Content_Length=end - start, Content_Range=said, ETag='"one"')
        return await exchange.send(DATA[start:end])

    async with scripted_server(lies) as server:
        with pytest.raises(SourceTruncated):
            await outcome(server)


async def test_a_length_shorter_than_the_content_ends_there_and_spoils_no_other_answer():
    async def lies(exchange: Exchange) -> None:
        start, end = exchange.span(1000)
        said = f"bytes {start}-{end - 1}/1000"
        await exchange.head(206, Content_Length=end - start, Content_Range=said, ETag='"one"')
        await exchange.send(DATA[start:end] + b"HTTP/1.1 206 Forged\r\nContent-Length: 3\r\n\r\nbad")

    async with scripted_server(lies) as server:
        source = source_at(server, attempts=4)
        assert (await source.describe()).size_bytes == 1000
        for _ in range(3):
            assert await content(source) == DATA[:1000]
            assert await content(source, 100, 200) == DATA[100:200]
        await source.close()


# -- encodings nobody asked for


async def test_content_that_is_compressed_on_the_way_is_refused():
    async def zips(exchange: Exchange) -> None:
        assert exchange.headers["accept-encoding"] == "identity"
        await exchange.send(await exchange.part(gzip.compress(DATA), Content_Encoding="gzip"))

    async with scripted_server(zips) as server:
        with pytest.raises(UnsupportedSource, match="gzip"):
            await outcome(server)


@pytest.mark.parametrize(("name", "encoding"), [("a.tar.gz", "x-gzip"), ("A.TGZ", "gzip"), ("a.zip", "identity")])
async def test_a_files_own_compression_is_not_taken_for_an_encoding(name, encoding):
    async def labels(exchange: Exchange) -> None:
        await exchange.send(await exchange.part(DATA, Content_Encoding=encoding))

    async with scripted_server(labels) as server:
        assert await outcome(server, name=name) == DATA
