"""Streams of events as the API and the database hold them, and sockets with their closing codes."""

import asyncio
import contextlib

from websockets.asyncio.client import ClientConnection
from websockets.asyncio.client import connect as open_socket
from websockets.exceptions import ConnectionClosedError

from tests.factories.door import Door
from tests.factories.yard import Yard


async def no_streams(door: Door, yard: Yard, *, seconds: float = 3) -> None:
    """Wait until neither the API nor the database holds a stream of this yard."""
    async with asyncio.timeout(seconds):
        while door.open_streams or await change_streams(yard):  # noqa: ASYNC110 - a database tells no one
            await asyncio.sleep(0.02)


async def change_streams(yard: Yard) -> list[str]:
    """The commands of the change streams that the database holds for this yard."""
    wanted = {"idleCursors": True, "allUsers": True, "localOps": True}
    found = await yard.database.client.admin.aggregate([{"$currentOp": wanted}])
    operations = [one for one in await found.to_list() if one.get("ns", "").startswith(f"{yard.mongo.database}.")]
    commands = [str(one.get("cursor", {}).get("originatingCommand", {})) for one in operations]
    return [command for command in commands if "$changeStream" in command]


def socket_url(door: Door, job_id: str) -> str:
    """Where a job's events are told over a WebSocket."""
    return f"{door.url.replace('http', 'ws', 1)}/datasets/import/{job_id}/ws"


async def socket_code(door: Door, job_id: str, query: str = "") -> int:
    """The code with which a socket is closed."""
    async with open_socket(socket_url(door, job_id) + query) as socket:
        return await closing_code(socket)


async def closing_code(socket: ClientConnection) -> int:
    """Read to the end; the code the API closes with."""
    async with asyncio.timeout(5):
        with contextlib.suppress(ConnectionClosedError):
            async for _ in socket:
                pass
    assert socket.close_code is not None
    return socket.close_code
