"""Servers that are slow, lossy, silent or overloaded: what an import makes of each.

The slow server drops every 512 kB of 3 MB; with DATAYARD_TEST_FULL_FIGURES=1, every 5 MB of 20 MB. Both at 1 MB/s.
"""

import asyncio
import os
import time
from collections.abc import Awaitable
from email.utils import formatdate

import pytest

from shared.adapters.byte_source import lost
from shared.ports.byte_source import SourceUnavailable, UnsupportedSource
from tests.factories.scripted_server import Exchange, scripted_server
from tests.factories.source_reads import DATA, content, outcome, source_at

FULL = bool(os.environ.get("DATAYARD_TEST_FULL_FIGURES"))


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
