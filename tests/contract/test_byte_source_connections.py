"""How many connections the HTTP sources of a process hold, counted at the server."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from shared.adapters.byte_source.http import HttpByteSource
from shared.adapters.byte_source.http_connections import HttpConnections
from shared.foundation.settings import SourceSettings
from shared.ports.byte_source import SourceUnavailable
from tests.factories.scripted_server import Exchange, ScriptedServer, scripted_server
from tests.factories.source_reads import content

SETTINGS = SourceSettings(allow_private=True, attempts=1, read_seconds=0.5, connect_seconds=1)
DATA = bytes(range(251)) * 4_000


async def well(exchange: Exchange) -> None:
    await exchange.send(await exchange.part(DATA))


async def several(
    server: ScriptedServer, settings: SourceSettings, work: Callable[[HttpByteSource], Awaitable]
) -> None:
    connections = HttpConnections(settings)
    sources = [HttpByteSource(server.url, settings, connections=connections) for _ in range(12)]
    await asyncio.gather(*(work(source) for source in sources))
    await asyncio.gather(*(source.close() for source in sources))


async def read_well(source: HttpByteSource) -> None:
    for _ in range(3):
        assert await content(source) == DATA


async def read_spans_well(source: HttpByteSource) -> None:
    spans = [(at, at + 10) for at in range(0, len(DATA), 100_000)]
    assert await source.read_spans(spans) == [DATA[start:end] for start, end in spans]


async def unhurried(exchange: Exchange) -> None:
    await asyncio.sleep(0.01)
    await well(exchange)


@pytest.mark.parametrize("work", [read_well, read_spans_well])
async def test_all_sources_of_a_process_share_few_connections(work):
    async with scripted_server(unhurried) as server:
        await several(server, SETTINGS.model_copy(update={"max_connections": 3, "connect_seconds": 9.0}), work)
        await asyncio.sleep(0.05)
        assert server.open_now == 0
    assert server.open_most == 3


async def test_one_source_asks_for_few_spans_at_once():
    async with scripted_server(unhurried) as server:
        source = HttpByteSource(server.url, SETTINGS)
        await read_spans_well(source)
        await source.close()
    assert 1 < server.open_most <= 9


async def test_a_connection_is_kept_for_the_next_source():
    async with scripted_server(well) as server:
        connections = HttpConnections(SETTINGS)
        first, second = (HttpByteSource(server.url, SETTINGS, connections=connections) for _ in range(2))
        assert await content(first) == DATA
        assert await content(second) == DATA
        await first.close()
        await second.close()
    assert server.accepted == 1


async def test_waiting_for_a_connection_has_a_deadline_and_a_left_read_frees_one():
    async with scripted_server(well) as server:
        settings = SETTINGS.model_copy(update={"max_connections": 1, "connect_seconds": 0.1, "read_seconds": 0.1})
        connections = HttpConnections(settings)
        first, second = (HttpByteSource(server.url, settings, connections=connections) for _ in range(2))
        chunks = first.read()
        await anext(chunks)
        with pytest.raises(SourceUnavailable, match="in use"):
            await content(second)
        await chunks.aclose()
        assert await content(second) == DATA
        await first.close()
        await second.close()
