"""Servers that are slow, lossy, forgetful, overloaded, dead or lying: what an import makes of each.

The slow server drops every 512 kB of 3 MB; with DATAYARD_TEST_FULL_FIGURES=1, every 5 MB of 20 MB. Both at 1 MB/s.
"""

import asyncio
import gzip
import os
import time
from collections.abc import Awaitable
from email.utils import formatdate

import pytest

from shared.adapters.byte_source import lost
from shared.adapters.byte_source.http import HttpByteSource
from shared.foundation.settings import SourceSettings
from shared.ports.byte_source import (
    SourceChanged,
    SourceTruncated,
    SourceUnavailable,
    UnsupportedSource,
)
from tests.contract.test_byte_source import content
from tests.factories.scripted_server import Exchange, ScriptedServer, scripted_server

SETTINGS = SourceSettings(allow_private=True, attempts=1, read_seconds=0.3, connect_seconds=0.4, max_redirects=3)
DATA = bytes(range(251)) * 4_000
FULL = bool(os.environ.get("DATAYARD_TEST_FULL_FIGURES"))


def source_at(server: ScriptedServer, *, name: str = "data.zip", **changes: object) -> HttpByteSource:
    return HttpByteSource(server.url_of(name), SETTINGS.model_copy(update=changes))


async def outcome(server: ScriptedServer, *, described: bool = True, **changes: object) -> bytes:
    """All the bytes; read after a description, as an import does."""
    source = source_at(server, **changes)
    try:
        if described:
            await source.describe()
        return await content(source)
    finally:
        await source.close()


async def collect(source: HttpByteSource, got: list[bytes]) -> None:
    """Read to the end or to the failure; `got` has what came."""
    async for chunk in source.read():
        got.append(chunk)  # noqa: PERF401 - what came before the failure counts


async def seconds_of(work: Awaitable[object]) -> float:
    began = time.monotonic()
    await work
    return time.monotonic() - began


async def well(exchange: Exchange) -> None:
    await exchange.send(await exchange.part(DATA))


# -- slow and lossy


async def test_a_slow_server_that_drops_connections_is_read_to_the_end():
    size, between_drops = (20_000_000, 5_000_000) if FULL else (3_000_000, 512_000)
    data = os.urandom(size)

    async def slow(exchange: Exchange) -> None:
        body = await exchange.part(data)
        for at in range(0, min(len(body), between_drops), 50_000):
            await exchange.send(body[at : min(at + 50_000, between_drops)])
            await asyncio.sleep(0.05)
        if len(body) > between_drops:
            await exchange.drop()

    async with scripted_server(slow) as server:
        source = source_at(server, read_seconds=2)
        assert await content(source) == data
        await source.close()
    assert server.starts == list(range(0, size, between_drops))
    assert {request.headers.get("if-range") for request in server.requests[1:]} == {'"one"'}


async def test_resets_after_a_few_bytes_are_progress():
    async def resetting(exchange: Exchange) -> None:
        body = await exchange.part(DATA[:300_000])
        await exchange.send(body[:30_000])
        if len(body) > 30_000:
            await exchange.reset()

    async with scripted_server(resetting) as server:
        assert await outcome(server, described=False) == DATA[:300_000]
    assert server.starts == list(range(0, 300_000, 30_000))


async def test_a_byte_per_connection_is_no_progress():
    async def miserly(exchange: Exchange) -> None:
        await exchange.send((await exchange.part(DATA))[:1])
        await exchange.drop()

    async with scripted_server(miserly) as server:
        with pytest.raises(SourceUnavailable):
            await outcome(server, described=False, attempts=3)
    assert len(server.requests) <= 5


async def test_a_trickle_below_the_least_rate_ends():
    async def trickle(exchange: Exchange) -> None:
        for byte in await exchange.part(DATA):
            await exchange.send(bytes([byte]))
            await asyncio.sleep(0.02)

    async with scripted_server(trickle) as server:
        with pytest.raises(SourceUnavailable, match="less than 1024 bytes per second"):
            await asyncio.wait_for(outcome(server, described=False), 5)
        assert len(server.requests) == 2
        patient = source_at(server, min_bytes_per_second=0)
        assert await content(patient, 0, 40) == DATA[:40]
        await patient.close()


async def test_a_slow_reader_does_not_make_a_fast_server_slow():
    data = DATA * 5

    async def fast(exchange: Exchange) -> None:
        await exchange.send(await exchange.part(data))

    async with scripted_server(fast) as server:
        source = source_at(server, min_bytes_per_second=10**7)
        got = []
        async for chunk in source.read():
            got.append(chunk)
            await asyncio.sleep(0.1)
        assert b"".join(got) == data
        await source.close()
    assert len(server.requests) == 1


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


# -- overloaded and silent


@pytest.mark.parametrize("status", [429, 503])
async def test_waits_as_long_as_asked(status):
    """In seconds or until a time; a time has whole seconds."""

    async def busy(exchange: Exchange) -> None:
        if exchange.number:
            return await well(exchange)
        asked = formatdate(time.time() + 2, usegmt=True) if exchange.path == "/date" else "1"
        return await exchange.head(status, Content_Length=0, Retry_After=asked)

    async with scripted_server(busy) as one, scripted_server(busy) as other:
        waits = await asyncio.gather(seconds_of(outcome(one, name="seconds")), seconds_of(outcome(other, name="date")))
    assert min(waits) >= 0.95
    assert max(waits) < 3
    assert len(one.requests) == len(other.requests) == 3


@pytest.mark.parametrize("asked", ["86400", formatdate(4e9, usegmt=True), "9" * 400])
async def test_waits_no_longer_than_is_reasonable(asked, monkeypatch):
    monkeypatch.setattr(lost, "LONGEST_ASKED_WAIT_SECONDS", 0.5)

    async def busy(exchange: Exchange) -> None:
        await exchange.head(503, Content_Length=0, Retry_After=asked)

    async with scripted_server(busy) as server:
        began = time.monotonic()
        with pytest.raises(SourceUnavailable):
            await outcome(server)
        assert 0.5 <= time.monotonic() - began < 2
    assert len(server.requests) == 2


async def silent(exchange: Exchange) -> None:
    await asyncio.sleep(60)


async def endless_headers(exchange: Exchange) -> None:
    await exchange.send(b"HTTP/1.1 206 Partial Content\r\n")
    for number in range(10**6):
        await exchange.send(b"X-%d: y\r\n" % number)
        await asyncio.sleep(0.1)


async def flood_of_headers(exchange: Exchange) -> None:
    await exchange.send(b"HTTP/1.1 206 Partial Content\r\n")
    for number in range(10**6):
        await exchange.send(b"X-%d: %s\r\n" % (number, b"y" * 1000))


async def endless_header(exchange: Exchange) -> None:
    await exchange.send(b"HTTP/1.1 206 Partial Content\r\nX-Long: ")
    for _ in range(10**6):
        await exchange.send(b"y" * 1000)


async def nonsense(exchange: Exchange) -> None:
    await exchange.send(b"\0\xff\0\xff" * 100 + b"\r\n\r\n")


async def silent_after_headers(exchange: Exchange) -> None:
    await exchange.part(DATA)
    await asyncio.sleep(60)


@pytest.mark.parametrize("script", [silent, endless_headers, flood_of_headers, endless_header, nonsense])
async def test_a_description_that_never_comes_has_a_deadline(script):
    async with scripted_server(script) as server:
        source = source_at(server)
        with pytest.raises(SourceUnavailable):
            await asyncio.wait_for(source.describe(), 4)
        await source.close()
    assert len(server.requests) == 2


@pytest.mark.parametrize("script", [silent, silent_after_headers])
async def test_bytes_that_never_come_have_a_deadline(script):
    async with scripted_server(script) as server:
        with pytest.raises(SourceUnavailable, match="in time"):
            await asyncio.wait_for(outcome(server, described=False), 3)
    assert len(server.requests) == 2


async def test_redirects_without_end():
    async def onward(exchange: Exchange) -> None:
        await exchange.head(302, Content_Length=0, Location=f"/data.zip?{exchange.number}")

    async with scripted_server(onward) as server:
        with pytest.raises(UnsupportedSource, match="more than 3 times"):
            await outcome(server)
    assert len(server.requests) == 4


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
