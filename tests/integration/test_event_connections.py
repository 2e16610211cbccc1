"""Connections of live events: kept alive, counted, freed, and no reader waits for another."""

import asyncio
import time

from websockets.asyncio.client import connect as open_socket

from tests.factories.door import Door
from tests.factories.event_streams import change_streams, closing_code, no_streams, socket_code, socket_url
from tests.factories.stories import Story
from tests.factories.yard import Yard


async def test_silence_is_broken_by_comments(door: Door, story: Story) -> None:
    async with door.http.stream("GET", f"/datasets/import/{story.job_id}/events") as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert answer.headers["cache-control"] == "no-store"
        assert "content-encoding" not in answer.headers
        comments = 0
        async with asyncio.timeout(5):
            async for line in answer.aiter_lines():
                comments += line.startswith(":")
                if comments == 2:
                    break


async def test_who_leaves_frees_the_stream_at_once(door: Door, story: Story, quiet_yard: Yard) -> None:
    async with door.following(story.job_id) as follower:
        await follower.until("snapshot")
        assert door.open_streams == 1
        assert len(await change_streams(quiet_yard)) == 1
    await no_streams(door, quiet_yard)


async def test_there_are_only_so_many_streams(door: Door, story: Story, quiet_yard: Yard) -> None:
    path = f"/datasets/import/{story.job_id}/events"
    async with door.following(story.job_id), door.following(story.job_id), door.following(story.job_id):
        refused = await door.http.get(path)
        assert (refused.status_code, refused.json()["type"]) == (503, "/problems/too-many-streams")
        assert int(refused.headers["retry-after"]) > 0
        assert await socket_code(door, story.job_id) == 4503
    await no_streams(door, quiet_yard)
    async with door.following(story.job_id) as follower:
        await follower.until("snapshot")


async def test_a_reader_who_does_not_read_is_not_read_for(door: Door, story: Story) -> None:
    """Its connection fills, then nothing is asked of the database; another reader is not held up."""
    reader, writer = await asyncio.open_connection(*door.url.removeprefix("http://").split(":"), limit=1024)
    writer.write(f"GET /datasets/import/{story.job_id}/events HTTP/1.1\r\nHost: yard\r\n\r\n".encode())
    async with asyncio.timeout(30), door.following(story.job_id) as other:
        await other.until("snapshot")
        for _ in range(3):
            await asyncio.gather(*(story.shard(index, images=1) for index in range(300)))
        await story.end()
        await other.ended.wait()
    writer.close()
    assert (await reader.read(16)).startswith(b"HTTP/1.1 200")


async def test_stopping_the_api_ends_streams_promptly(door: Door, story: Story, quiet_yard: Yard) -> None:
    async with door.following(story.job_id) as follower, open_socket(socket_url(door, story.job_id)) as socket:
        await follower.until("snapshot")
        await socket.recv()
        began = time.monotonic()
        door.server.should_exit = True
        await asyncio.wait_for(door.serving, 5)
        took = time.monotonic() - began
        await asyncio.wait_for(follower.ended.wait(), 1)
        code = await closing_code(socket)

    assert took < 2
    assert code == 1012
    await no_streams(door, quiet_yard)
