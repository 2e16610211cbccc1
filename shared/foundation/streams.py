"""Reading exact pieces out of a stream of chunks, and hashing a stream as it passes."""

import hashlib
from collections.abc import AsyncIterator


class StreamEnded(Exception):
    """The stream ended before the bytes that were asked for."""


async def whole(chunks: AsyncIterator[bytes]) -> bytes:
    """Everything that comes, in one piece: for what is known to be small."""
    return b"".join([chunk async for chunk in chunks])


class ByteReader:
    """Pulls exact pieces out of an asynchronous stream of chunks; holds at most one chunk beyond what was asked.

    `position` is how many bytes have been handed out or skipped.
    """

    def __init__(self, chunks: AsyncIterator[bytes], *, position: int = 0) -> None:
        self._chunks = chunks
        self._rest = memoryview(b"")
        self.position = position

    async def exactly(self, count: int) -> bytes:
        """The next `count` bytes. Raises StreamEnded when there are fewer."""
        if len(self._rest) >= count:
            piece, self._rest = self._rest[:count], self._rest[count:]
            self.position += count
            return bytes(piece)
        return b"".join([bytes(piece) async for piece in self.pieces(count)])

    async def skip(self, count: int) -> None:
        """Let `count` bytes pass. Raises StreamEnded when there are fewer."""
        async for _ in self.pieces(count):
            pass

    async def pieces(self, count: int) -> AsyncIterator[memoryview]:
        """The next `count` bytes as they come. Raises StreamEnded when there are fewer."""
        while count > 0:
            if not self._rest:
                await self._pull()
            piece, self._rest = self._rest[:count], self._rest[count:]
            count -= len(piece)
            self.position += len(piece)
            yield piece

    async def _pull(self) -> None:
        try:
            self._rest = memoryview(await anext(self._chunks))
        except StopAsyncIteration:
            raise StreamEnded from None


class HashingStream:
    """Passes a stream on and knows its SHA-256 and length afterwards."""

    def __init__(self, chunks: AsyncIterator[bytes]) -> None:
        self._chunks = chunks
        self._sha256 = hashlib.sha256()
        self.size_bytes = 0

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for chunk in self._chunks:
            self._sha256.update(chunk)
            self.size_bytes += len(chunk)
            yield chunk

    def hexdigest(self) -> str:
        """The SHA-256 of what has passed so far, in hex."""
        return self._sha256.hexdigest()
