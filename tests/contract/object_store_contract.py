"""What every ObjectStore promises: inherited by the tests of each."""

import asyncio
import os
from collections.abc import AsyncIterator

import pytest

from shared.ports.object_store import ObjectNotFound, ObjectStore


async def stream(*parts: bytes) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


async def broken_stream() -> AsyncIterator[bytes]:
    yield b"half"
    raise ConnectionResetError("the sender is gone")


async def content(store: ObjectStore, key: str, **span: int) -> bytes:
    return b"".join([chunk async for chunk in store.read(key, **span)])


async def keys(store: ObjectStore, prefix: str = "") -> list[str]:
    return [key async for key in store.list(prefix)]


class ObjectStoreContract:
    @pytest.fixture
    def store(self) -> ObjectStore:
        raise NotImplementedError

    async def test_reads_back_what_was_written(self, store):
        assert await store.write("a/b.bin", stream(b"hello ", b"", b"world")) == 11
        assert await content(store, "a/b.bin") == b"hello world"

    async def test_reads_back_what_was_put(self, store):
        await store.put("ü/ein Bild.jpg", b"\0\xff")
        assert await content(store, "ü/ein Bild.jpg") == b"\0\xff"

    async def test_an_empty_object_is_an_object(self, store):
        assert await store.write("empty", stream()) == 0
        assert await content(store, "empty") == b""
        assert (await store.stat("empty")).size_bytes == 0

    async def test_an_object_of_many_chunks(self, store):
        data = os.urandom(3_000_001)
        await store.write("large", stream(*(data[at : at + 70_000] for at in range(0, len(data), 70_000))))
        assert await content(store, "large") == data
        assert await content(store, "large", start=1_000_000, end=2_500_000) == data[1_000_000:2_500_000]

    @pytest.mark.parametrize(
        ("span", "expected"),
        [
            ({"start": 7}, b"789"),
            ({"end": 3}, b"012"),
            ({"start": 3, "end": 5}, b"34"),
            ({"start": 8, "end": 99}, b"89"),
            ({"start": 10}, b""),
            ({"start": 99}, b""),
            ({"start": 5, "end": 5}, b""),
            ({"start": 5, "end": 2}, b""),
        ],
    )
    async def test_reads_a_range(self, store, span, expected):
        await store.put("a", b"0123456789")
        assert await content(store, "a", **span) == expected

    async def test_reads_many_spans_in_the_order_asked(self, store):
        await store.put("a", b"0123456789")
        found, parts = await store.read_spans("a", [(7, 9), (0, 3), (1, 2), (5, 5), (5, 2), (8, 99), (99, 100)])
        assert parts == [b"78", b"012", b"1", b"", b"", b"89", b""]
        assert found == await store.stat("a")
        assert await store.read_spans("a", []) == (found, [])

    async def test_joins_bytes_and_ranges_of_many_objects_in_the_order_given(self, store):
        await store.put("a", b"0123456789")
        await store.put("b/c", b"other")
        parts = [("b/c", 1, 3), b"<>", ("a", 0, 10), b"", ("a", 8, 10), ("a", 5, 5)]
        assert bytes(await store.read_joined(parts)) == b"th<>012345678989"
        assert bytes(await store.read_joined([])) == b""
        with pytest.raises(ObjectNotFound):
            await store.read_joined([("a", 0, 10), ("b/c", 3, 6)])

    async def test_what_was_joined_stays_as_long_as_anybody_holds_it(self, store):
        sizes = (2_000_000, 1_500_000, 3_000_000)
        for number, size in enumerate(sizes):
            await store.put(f"{number}", bytes([number + 1]) * size)
        held = [await store.read_joined([b"<", (f"{number}", 0, size)]) for number, size in enumerate(sizes)]
        parts = [view[7:] for view in held]
        del held
        for _ in range(3):
            await asyncio.gather(*(store.read_joined([("0", 0, 2_000_000)]) for _ in range(12)))
        for number, size in enumerate(sizes):
            assert parts[number] == bytes([number + 1]) * (size - 6)

    async def test_writing_again_replaces(self, store):
        await store.put("a", b"first")
        before = await store.stat("a")
        await asyncio.sleep(0.01)
        await store.write("a", stream(b"other"))
        assert await content(store, "a") == b"other"
        assert (await store.stat("a")).etag != before.etag

    async def test_a_failed_write_leaves_what_was_there(self, store):
        await store.put("a", b"before")
        for key in ("a", "b"):
            with pytest.raises(ConnectionResetError):
                await store.write(key, broken_stream())
        assert await content(store, "a") == b"before"
        assert await keys(store) == ["a"]

    async def test_an_object_is_invisible_until_it_is_whole(self, store):
        seen: list[list[str]] = []

        async def chunks() -> AsyncIterator[bytes]:
            yield b"half"
            seen.append(await keys(store))
            yield b"half"

        await store.write("a", chunks())
        assert (seen, await keys(store)) == ([[]], ["a"])

    async def test_a_reader_keeps_the_object_it_began_with(self, store):
        old = os.urandom(3_000_000)
        await store.put("a", old)
        chunks = store.read("a")
        first = await anext(chunks)
        await store.put("a", b"new")
        assert first + b"".join([chunk async for chunk in chunks]) == old

    async def test_a_missing_object_is_the_ports_error(self, store):
        await store.put("folder/a", b"1")
        for key in ("nope", "folder", "folder/a/b", "folder/b"):
            with pytest.raises(ObjectNotFound):
                await anext(aiter(store.read(key)))
            with pytest.raises(ObjectNotFound):
                await anext(aiter(store.read(key, start=3, end=3)))
            with pytest.raises(ObjectNotFound):
                await store.read_spans(key, [(0, 1)])
            with pytest.raises(ObjectNotFound):
                await store.read_joined([("folder/a", 0, 1), (key, 0, 1)])
            with pytest.raises(ObjectNotFound):
                await store.stat(key)
            with pytest.raises(ObjectNotFound):
                await store.move(key, "target")
        assert await keys(store) == ["folder/a"]

    async def test_stat_is_stable(self, store):
        await store.put("a", b"123")
        assert (await store.stat("a")).size_bytes == 3
        assert await store.stat("a") == await store.stat("a")

    async def test_lists_by_prefix_in_order_of_names(self, store):
        names = ["a-b", "a.txt", "a/b/c", "a/b0", "a/b.d", "a0", "b", "ä"]
        for name in reversed(names):
            await store.put(name, b"")
        assert await keys(store) == sorted(names)
        for prefix in ("a", "a/", "a/b", "a/b/", "b", "c", "a/c/", "a/b/c"):
            assert await keys(store, prefix) == sorted(name for name in names if name.startswith(prefix))

    async def test_moves(self, store):
        await store.put("temp/x", b"new")
        await store.put("final/x", b"old")
        await store.move("temp/x", "final/x")
        assert await content(store, "final/x") == b"new"
        assert await keys(store) == ["final/x"]

    async def test_deletes(self, store):
        await store.put("a/b/c", b"1")
        await store.put("a/d", b"1")
        await store.delete("a/b/c")
        await store.delete("a/b/c")
        await store.delete("never/was")
        await store.delete("a")
        assert await keys(store) == ["a/d"]
        await store.put("a/b", b"a file where a folder was")
        assert await keys(store) == ["a/b", "a/d"]

    async def test_deletes_a_folder(self, store):
        for name in ("d/1", "d/e/2", "d/e/f/3", "d2/4", "d.5"):
            await store.put(name, b"")
        assert await store.delete_prefix("d/") == 3
        assert await store.delete_prefix("d/") == 0
        assert await keys(store) == ["d.5", "d2/4"]

    async def test_deleting_a_folder_needs_its_whole_name(self, store):
        await store.put("d/1", b"")
        for prefix in ("", "d", "/", "d/../", "../"):
            with pytest.raises(ValueError, match=r"folder|key"):
                await store.delete_prefix(prefix)
        assert await keys(store) == ["d/1"]

    @pytest.mark.parametrize(
        "key",
        ["", "/etc/passwd", "../a", "a/../../b", "a//b", "a/", ".", "./a", "a\0b", ".partial/x", "x" * 300, "a/" * 600],
    )
    async def test_refuses_a_key_that_is_none(self, store, key):
        with pytest.raises(ValueError, match="key"):
            await store.put(key, b"")
        with pytest.raises(ValueError, match="key"):
            await store.write(key, stream(b""))
        with pytest.raises(ValueError, match="key"):
            await anext(aiter(store.read(key)))
        with pytest.raises(ValueError, match="key"):
            await store.read_spans(key, [])
        with pytest.raises(ValueError, match="key"):
            await store.read_joined([(key, 0, 1)])
        with pytest.raises(ValueError, match="key"):
            await store.delete(key)
        with pytest.raises(ValueError, match="key"):
            await store.signed_url(key, expires_seconds=60)

    async def test_writers_and_deleters_of_one_folder_do_not_disturb_each_other(self, store):
        async def rewrite(number: int) -> None:
            for _ in range(30):
                await store.put(f"shared/folder/{number}", b"x")
                await store.delete(f"shared/folder/{number}")
            await store.put(f"shared/folder/{number}", b"last")

        await asyncio.gather(*(rewrite(number) for number in range(8)))
        assert len(await keys(store, "shared/")) == 8

    async def test_a_signed_address_is_an_address_or_none(self, store):
        await store.put("a", b"1")
        address = await store.signed_url("a", expires_seconds=60)
        assert address is None or address.startswith("http")

    async def test_answers_a_ping_and_shows_nothing_of_it(self, store):
        await store.ping()
        assert await keys(store) == []
