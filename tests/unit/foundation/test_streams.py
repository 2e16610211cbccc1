"""Exact pieces out of a stream, however it is cut."""

import hashlib
from collections.abc import AsyncIterator, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.foundation.streams import ByteReader, HashingStream, StreamEnded

CHUNKS = st.lists(st.binary(max_size=12), max_size=12)
STEPS = st.lists(st.tuples(st.sampled_from(["exactly", "skip", "pieces"]), st.integers(0, 20)), max_size=12)


async def stream_of(chunks: Sequence[bytes]) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk


@given(CHUNKS, STEPS, st.integers(0, 1000))
async def test_any_chunking_gives_the_same_pieces(
    chunks: list[bytes], steps: list[tuple[str, int]], position: int
) -> None:
    data, at = b"".join(chunks), 0
    reader = ByteReader(stream_of(chunks), position=position)
    for step, count in steps:
        wanted = data[at : at + count]
        if len(wanted) < count:
            with pytest.raises(StreamEnded):
                await _read(reader, step, count)
            assert reader.position == position + len(data)
            return
        assert await _read(reader, step, count) in (wanted, None)
        at += count
        assert reader.position == position + at


async def _read(reader: ByteReader, step: str, count: int) -> bytes | None:
    if step == "skip":
        await reader.skip(count)
        return None
    if step == "exactly":
        return await reader.exactly(count)
    return b"".join([bytes(piece) async for piece in reader.pieces(count)])


async def test_pieces_come_as_the_chunks_do_and_are_not_collected() -> None:
    reader = ByteReader(stream_of([b"abc", b"defg", b"hi"]))
    assert [bytes(piece) async for piece in reader.pieces(8)] == [b"abc", b"defg", b"h"]
    assert await reader.exactly(1) == b"i"


async def test_nothing_is_read_ahead() -> None:
    taken: list[bytes] = []

    async def noted() -> AsyncIterator[bytes]:
        for chunk in (b"ab", b"cd", b"ef"):
            taken.append(chunk)
            yield chunk

    reader = ByteReader(noted())
    assert await reader.exactly(0) == b""
    assert taken == []
    assert await reader.exactly(3) == b"abc"
    assert taken == [b"ab", b"cd"]


async def test_a_stream_that_has_ended_stays_so() -> None:
    reader = ByteReader(stream_of([b"ab"]))
    for _ in range(2):
        with pytest.raises(StreamEnded):
            await reader.exactly(3)


@given(CHUNKS)
async def test_hashing_changes_nothing_and_knows_all(chunks: list[bytes]) -> None:
    stream = HashingStream(stream_of(chunks))
    passed = [chunk async for chunk in stream]
    data = b"".join(chunks)
    assert passed == chunks
    assert (stream.size_bytes, stream.hexdigest()) == (len(data), hashlib.sha256(data).hexdigest())
