"""A web server whose answers a test writes byte by byte."""

import asyncio
import re
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

_RANGE = re.compile(r"bytes=(\d+)-(\d*)")


class Dropped(Exception):
    """The script has cut the connection."""


@dataclass
class Exchange:
    """One request, and the pen to answer it with. `number` counts the server's requests from 0."""

    number: int
    path: str
    headers: dict[str, str]
    writer: asyncio.StreamWriter

    def span(self, size: int) -> tuple[int, int]:
        """What is asked for of so many bytes; all without a Range."""
        match = _RANGE.fullmatch(self.headers.get("range", ""))
        if match is None:
            return 0, size
        return int(match[1]), min(size, int(match[2]) + 1) if match[2] else size

    async def head(self, status: int, **headers: object) -> None:
        """Status line and headers; underscores stand for hyphens."""
        lines = [f"HTTP/1.1 {status} Whatever"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        await self.send("\r\n".join([*lines, "", ""]).encode())

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def part(self, data: bytes, *, etag: str = '"one"', **headers: object) -> bytes:
        """The head of a correct 206 for what is asked; the body, unsent."""
        start, end = self.span(len(data))
        said = f"bytes {start}-{end - 1}/{len(data)}"
        await self.head(206, **{"Content_Range": said, "Content_Length": end - start, "ETag": etag, **headers})
        return data[start:end]

    async def drop(self) -> None:
        """Close the connection in mid-answer."""
        raise Dropped

    async def reset(self) -> None:
        """Cut the connection with a reset, once what was sent has arrived."""
        await asyncio.sleep(0.01)
        sock = self.writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        raise Dropped


Script = Callable[[Exchange], Awaitable[None]]


@dataclass
class ScriptedServer:
    """What the server has seen: requests, and how many connections were open at once."""

    script: Script
    port: int = 0
    requests: list[Exchange] = field(default_factory=list)
    accepted: int = 0
    open_now: int = 0
    open_most: int = 0

    @property
    def url(self) -> str:
        return self.url_of("data.zip")

    def url_of(self, name: str) -> str:
        return f"http://127.0.0.1:{self.port}/{name}"

    @property
    def starts(self) -> list[int]:
        """Where each request's range begins."""
        return [request.span(10**12)[0] for request in self.requests]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        self.open_now += 1
        self.open_most = max(self.open_most, self.open_now)
        try:
            with suppress(Dropped, ConnectionError, asyncio.IncompleteReadError):
                while True:
                    await self._answer(await reader.readuntil(b"\r\n\r\n"), writer)
        finally:
            self.open_now -= 1
            writer.close()

    async def _answer(self, head: bytes, writer: asyncio.StreamWriter) -> None:
        first, *lines = head.decode().split("\r\n")[:-2]
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        exchange = Exchange(len(self.requests), first.split(" ")[1], headers, writer)
        self.requests.append(exchange)
        await self.script(exchange)


@asynccontextmanager
async def scripted_server(script: Script) -> AsyncIterator[ScriptedServer]:
    """A server on a free port of the loopback that answers each request as `script` says."""
    scripted = ScriptedServer(script)
    connections: set[asyncio.Task[None]] = set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        connections.add(task)
        with suppress(asyncio.CancelledError):
            await scripted.serve(reader, writer)
        connections.discard(task)

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    scripted.port = server.sockets[0].getsockname()[1]
    try:
        yield scripted
    finally:
        server.close()
        for task in list(connections):
            task.cancel()
        await asyncio.gather(*connections, return_exceptions=True)
