"""What the network does to a source, on real servers that misbehave."""

import asyncio
import time

import pytest

from shared.adapters.byte_source.http import HttpByteSource
from shared.adapters.byte_source.http_answer import retry_after_seconds
from shared.adapters.byte_source.http_connections import HttpConnections
from shared.adapters.byte_source.runs import GAP_BYTES, RUN_BYTES, coalesce
from shared.foundation.settings import SourceSettings
from shared.ports.byte_source import (
    SourceChanged,
    SourceDenied,
    SourceNotFound,
    SourceTruncated,
    SourceUnavailable,
)
from tests.factories.http_servers import SourceServer, source_server
from tests.factories.source_reads import content

SETTINGS = SourceSettings(allow_private=True, attempts=2, read_seconds=0.3, connect_seconds=2, max_redirects=3)
DATA = bytes(range(251)) * 4_000


@pytest.fixture
def server():
    with source_server(DATA) as running:
        yield running


@pytest.fixture
async def source(server: SourceServer):
    source = HttpByteSource(server.url, SETTINGS)
    yield source
    await source.close()


async def test_without_ranges(server, source):
    server.ranges = False
    described = await source.describe()
    assert (described.size_bytes, described.accepts_ranges) == (len(DATA), False)
    assert await content(source) == DATA
    assert await content(source, 0, 1000) == DATA[:1000]
    assert "range" not in server.requests[-1].headers


async def test_without_ranges_length_or_validators(server, source):
    server.ranges, server.announces_length, server.etag = False, False, None
    described = await source.describe()
    assert (described.size_bytes, described.etag, described.accepts_ranges) == (None, None, False)
    assert await content(source) == DATA


async def test_describing_does_not_fetch_the_body(server, source):
    server.ranges, server.stall_after = False, 100
    started = time.monotonic()
    await source.describe()
    assert time.monotonic() - started < 0.25


def test_neighbouring_spans_are_asked_for_together_but_not_too_many():
    spans = [(at, at + 4096) for at in range(0, 20_000_000, 60_000)] + [
        (10**9, 10**9 + 10_000_000),
        (10**9 + 1, 10**9 + 2),
    ]
    runs = coalesce(list(reversed(spans)))
    assert [run.start for run in runs] == sorted(run.start for run in runs)
    assert sum(len(run.indexes) for run in runs) == len(spans)
    assert all(run.end - run.start <= RUN_BYTES for run in runs[:-1])
    assert len(runs) == 6
    assert (runs[-1].start, runs[-1].end) == (10**9, 10**9 + 10_000_000)


def test_spans_that_are_far_apart_are_asked_for_one_by_one():
    assert len(coalesce([(0, 10), (10 + GAP_BYTES, 20 + GAP_BYTES)])) == 2
    assert len(coalesce([(0, 10), (9 + GAP_BYTES, 20 + GAP_BYTES)])) == 1


async def test_asks_for_plain_bytes_and_validates(server, source):
    await source.describe()
    await content(source, 10, 20)
    first, second = server.requests
    assert first.headers["range"] == "bytes=0-0"
    assert second.headers["range"] == "bytes=10-19"
    assert second.headers["if-range"] == '"one"'
    assert {request.headers["accept-encoding"] for request in server.requests} == {"identity"}


async def test_resumes_after_each_lost_connection(server, source):
    server.cut_after = 200_000
    assert await content(source) == DATA
    starts = [int(request.headers["range"][6:].split("-")[0]) for request in server.requests]
    assert starts == sorted(set(starts))
    assert len(starts) > 4


async def test_resumes_after_a_stall(server, source):
    server.stall_after, server.stalls_left = 300_000, 2
    assert await content(source) == DATA


async def test_a_slow_reader_is_not_taken_for_a_stall(server, source):
    server.data = DATA * 20
    chunks = source.read()
    got = [await anext(chunks)]
    await asyncio.sleep(0.9)
    got.extend([chunk async for chunk in chunks])
    assert b"".join(got) == server.data
    assert len(server.requests) == 1


async def test_gives_up_when_nothing_comes(server, source):
    server.cut_after = 0
    with pytest.raises(SourceUnavailable):
        await content(source)
    assert len(server.requests) == 3


async def test_cannot_resume_without_ranges(server, source):
    server.ranges, server.cut_after = False, 100_000
    with pytest.raises(SourceUnavailable, match="cannot resume"):
        await content(source)


async def test_begins_again_without_ranges_if_nothing_was_read(server, source):
    server.ranges, server.cut_after, server.cuts_left = False, 0, 1
    assert await content(source) == DATA


async def test_a_change_midway_is_seen(server, source):
    server.cut_after = 200_000
    chunks = source.read()
    await anext(chunks)
    server.etag = '"two"'
    with pytest.raises(SourceChanged):
        async for _ in chunks:
            pass


async def test_a_change_of_size_alone_is_seen(server, source):
    server.etag, server.cut_after = None, 200_000
    chunks = source.read()
    await anext(chunks)
    server.data = DATA + b"more"
    with pytest.raises(SourceChanged):
        async for _ in chunks:
            pass


async def test_ranges_that_stop_working_are_not_mixed_in(server, source):
    server.cut_after = 200_000
    chunks = source.read()
    await anext(chunks)
    server.ranges = False
    with pytest.raises(SourceUnavailable, match="whole"):
        async for _ in chunks:
            pass


async def test_less_than_the_range_claims(server, source):
    server.claimed_total = len(DATA) + 100
    with pytest.raises(SourceTruncated):
        await content(source)


async def test_less_than_the_length_claims(server, source):
    server.ranges, server.claimed_total = False, len(DATA) + 100
    with pytest.raises(SourceUnavailable):
        await content(source)


async def test_less_than_was_described(server, source):
    server.ranges = False
    await source.describe()
    server.announces_length, server.data = False, DATA[:1000]
    with pytest.raises(SourceTruncated):
        await content(source)


async def test_more_than_the_range_is_never_passed_on(server, source):
    server.extra, server.announces_length = b"extra", False
    assert await content(source) == DATA
    assert await content(source, 5, 10) == DATA[5:10]


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (404, SourceNotFound),
        (410, SourceNotFound),
        (401, SourceDenied),
        (403, SourceDenied),
        (407, SourceDenied),
        (400, SourceDenied),
        (500, SourceUnavailable),
        (503, SourceUnavailable),
        (429, SourceUnavailable),
    ],
)
async def test_refusals(server, source, status, error):
    server.statuses = [status] * 9
    with pytest.raises(error, match=str(status)):
        await source.describe()
    server.statuses = [status] * 9
    with pytest.raises(error, match=str(status)):
        await content(source)


@pytest.mark.parametrize("statuses", [[503], [500, 429]])
async def test_passing_failures_are_forgiven(server, source, statuses):
    server.statuses = statuses
    assert (await source.describe()).size_bytes == len(DATA)
    server.statuses = statuses[:]
    assert await content(source) == DATA


async def test_waits_as_long_as_the_server_asks(server, source):
    server.statuses, server.status_headers = [503], {"Retry-After": "1"}
    started = time.monotonic()
    await source.describe()
    assert time.monotonic() - started >= 1


def test_retry_after():
    assert retry_after_seconds("7") == 7
    assert 0 == retry_after_seconds(None) == retry_after_seconds("soon")
    assert retry_after_seconds("Wed, 21 Oct 2015 07:28:00 GMT") == 0
    assert retry_after_seconds("Wed, 21 Oct 2115 07:28:00 GMT") > 10**9


async def test_no_server_at_all():
    with source_server() as gone:
        pass
    source = HttpByteSource(f"http://me:secret@127.0.0.1:{gone.port}/a.zip?token=secret", SETTINGS)
    with pytest.raises(SourceUnavailable) as caught:
        await source.describe()
    assert "secret" not in caught.value.detail
    assert f"127.0.0.1:{gone.port}/a.zip" in caught.value.detail
    await source.close()


async def test_a_host_that_keeps_failing_is_left_alone(server):
    server.statuses = [500] * 99
    connections = HttpConnections(SETTINGS)
    for _ in range(5):
        source = HttpByteSource(server.url, SETTINGS, connections=connections)
        with pytest.raises(SourceUnavailable):
            await source.describe()
        await source.close()
    assert len(server.requests) == 10


async def test_refusals_do_not_count_as_failures(server):
    server.statuses = [404] * 30
    source = HttpByteSource(server.url, SETTINGS, connections=HttpConnections(SETTINGS))
    for _ in range(30):
        with pytest.raises(SourceNotFound):
            await source.describe()
    assert (await source.describe()).size_bytes == len(DATA)
    await source.close()
