"""Live events over a WebSocket: the same as over a stream, and whom a socket is refused."""

import asyncio
import json

import pytest
from websockets.asyncio.client import connect as open_socket
from websockets.exceptions import InvalidStatus

from tests.factories.door import Door, open_door
from tests.factories.event_streams import no_streams, socket_code, socket_url
from tests.factories.stories import Story
from tests.factories.yard import Yard


async def test_a_socket_tells_the_same_as_the_stream(door: Door, story: Story) -> None:
    async with door.following(story.job_id) as follower, open_socket(socket_url(door, story.job_id)) as socket:
        messages = [json.loads(await socket.recv())]
        await follower.until("snapshot")
        await story.finding(0)
        await story.end()
        messages += [json.loads(message) async for message in socket]
        await asyncio.wait_for(follower.ended.wait(), 5)

    assert socket.close_code == 1000
    told = [(one["event"], one["data"]) for one in messages if one["event"] != "progress"]
    assert told[1:] == [(one.event, one.json()) for one in follower.events if one.event != "progress"][1:]
    async with open_socket(socket_url(door, story.job_id) + f"?last_event_id={messages[0]['id']}") as socket:
        again = [json.loads(message) async for message in socket]
    assert [one["event"] for one in again if one["event"] != "progress"] == ["finding", "state", "end"]


async def test_a_socket_says_by_its_code_why_it_is_closed(door: Door, story: Story) -> None:
    assert await socket_code(door, "nothing") == 4404
    assert await socket_code(door, story.job_id, "?last_event_id=x") == 4422
    assert door.open_streams == 0


async def test_a_socket_that_is_left_is_freed(door: Door, story: Story, quiet_yard: Yard) -> None:
    async with open_socket(socket_url(door, story.job_id)) as socket:
        await socket.recv()
        await socket.send("what is sent is not listened to")
        assert door.open_streams == 1
    await no_streams(door, quiet_yard)


async def test_pages_of_others_cannot_listen(door: Door, story: Story) -> None:
    for origin in ("https://evil.example", "null", "http://127.0.0.1:1", "http://localhost", "http://[", "file://"):
        with pytest.raises(InvalidStatus) as refused:
            async with open_socket(socket_url(door, story.job_id), origin=origin):
                pass
        assert refused.value.response.status_code == 403
    async with open_socket(socket_url(door, story.job_id), origin=door.url) as socket:
        assert json.loads(await socket.recv())["event"] == "snapshot"


async def test_a_socket_addressed_to_a_strangers_name_is_refused(quiet_yard: Yard, story: Story) -> None:
    async with open_door(quiet_yard, hosts=("127.0.0.1",)) as door:
        port = door.url.rpartition(":")[2]
        strange = f"ws://localhost:{port}/datasets/import/{story.job_id}/ws"
        with pytest.raises(InvalidStatus) as refused:
            async with open_socket(strange, origin=f"http://localhost:{port}"):
                pass
        assert refused.value.response.status_code == 400
        answer = await door.http.get("/jobs", headers={"Host": f"localhost:{port}"})
        assert answer.status_code == 400
