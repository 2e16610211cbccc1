"""Objects as files below one folder, which several processes may share.

An object is written under a temporary name in `.partial/` and renamed, so it appears whole or not at all. What a
crash leaves there is invisible; the first write of a later process removes it once it is a day old.
"""

import asyncio
import itertools
import os
import secrets
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from shared.adapters.object_store import disk
from shared.adapters.object_store.buffers import LentBuffers
from shared.adapters.object_store.keys import RESERVED_FOLDER, check_folder, check_key, check_prefix
from shared.ports.object_store import ObjectNotFound, ObjectStat, Part

CHUNK_BYTES = 1024 * 1024
STATS_AT_ONCE = 500


class LocalObjectStore:
    """An ObjectStore of plain files: the object `a/b` is the file `<root>/a/b`.

    Writes are made in the calling thread: a worker's chunks are small and land in the page cache. Reads, moves,
    deletes and walks hop to a thread, since the API must not stand still for a slow disk.
    """

    cheap_ranges = True

    def __init__(self, root: Path) -> None:
        self._root = str(root.absolute())
        self._partial = f"{self._root}/{RESERVED_FOLDER}"
        self._folders = disk.MadeFolders()
        self._mine = f"{os.getpid()}-{secrets.token_hex(6)}"
        self._numbers = itertools.count()
        self._buffers = LentBuffers()

    async def write(self, key: str, chunks: AsyncIterator[bytes]) -> int:
        """Write to a temporary file, then rename."""
        target, size = self._path(key), 0
        partial, file = self._begin()
        try:
            with file:
                async for chunk in chunks:
                    with disk.translated():
                        size += disk.append(file, chunk)
            self._rename(partial, target)
        except BaseException:
            disk.drop(partial)
            raise
        return size

    async def put(self, key: str, data: bytes) -> None:
        """Write to a temporary file, then rename."""
        target = self._path(key)
        partial, file = self._begin()
        try:
            with disk.translated(), file:
                disk.append(file, data)
            self._rename(partial, target)
        except BaseException:
            disk.drop(partial)
            raise

    async def read(self, key: str, *, start: int = 0, end: int | None = None) -> AsyncGenerator[bytes, None]:
        """Yield the range in chunks of at most 1 MiB, all of the file there was when reading began."""
        path = self._path(key)
        with disk.translated(missing=key):
            file = await asyncio.to_thread(disk.open_at, path, start)
        with file:
            position = start
            while chunk := await _next_chunk(file, CHUNK_BYTES if end is None else min(CHUNK_BYTES, end - position)):
                position += len(chunk)
                yield chunk

    async def read_spans(self, key: str, spans: Sequence[tuple[int, int]]) -> tuple[ObjectStat, list[bytes]]:
        """Read them in one hop to a thread, from one open file: a replaced object goes on to be the old one."""
        path = self._path(key)
        with disk.translated(missing=key):
            found, parts = await asyncio.to_thread(disk.read_spans, path, spans)
        return _stat(found), parts

    async def read_joined(self, parts: Sequence[Part]) -> memoryview:
        """Read them into one buffer, in one hop to a thread."""
        for part in parts:
            if isinstance(part, tuple):
                check_key(part[0])
        return await asyncio.to_thread(self._join, parts)

    async def stat(self, key: str) -> ObjectStat:
        """Size, and size with modification time as ETag."""
        path = self._path(key)
        with disk.translated(missing=key):
            return _stat(await asyncio.to_thread(disk.stat_file, path))

    async def take_in(self, path: str, key: str) -> None:
        """Make a file of the same disk, which is written to no more, the object `key`; durable when this returns."""
        await asyncio.to_thread(self._take_in, path, self._path(key))

    async def move(self, source: str, target: str) -> None:
        """Rename, and remove the folders left empty."""
        await asyncio.to_thread(self._move, source, target)

    async def list(self, prefix: str) -> AsyncGenerator[str, None]:
        """Yield keys folder by folder; one written or removed meanwhile may show or not."""
        folder, slash, rest = check_prefix(prefix).rpartition("/")
        pending = [folder + slash]
        while pending:
            key = pending.pop()
            if key and not key.endswith("/"):
                yield key
                continue
            names = await asyncio.to_thread(self._names, key)
            wanted = names if key.startswith(prefix) else [name for name in names if name.startswith(rest)]
            pending.extend(f"{key}{name}" for name in reversed(wanted))

    async def list_stats(self, prefix: str) -> AsyncGenerator[tuple[str, ObjectStat], None]:
        """Yield keys and their files' status, looked at some hundred at a time."""
        batch: list[str] = []
        async for key in self.list(prefix):
            batch.append(key)
            if len(batch) == STATS_AT_ONCE:
                for pair in await asyncio.to_thread(self._stats, batch):
                    yield pair
                batch = []
        for pair in await asyncio.to_thread(self._stats, batch):
            yield pair

    async def delete(self, key: str) -> None:
        """Unlink, and remove the folders left empty."""
        path = self._path(key)
        with disk.translated():
            await asyncio.to_thread(disk.delete_file, path, self._root)

    async def delete_prefix(self, prefix: str) -> int:
        """Remove the folder, files first; what is written to it meanwhile may stay."""
        folder = f"{self._root}/{check_folder(prefix)}".rstrip("/")
        with disk.translated():
            return await asyncio.to_thread(disk.delete_folder, folder, self._root)

    async def signed_url(self, key: str, *, expires_seconds: int) -> str | None:  # noqa: ARG002 - the port's
        """Files have no address."""
        check_key(key)
        return None

    async def ping(self) -> None:
        """Create and remove an empty file; raise StorageFull below 16 MiB of free space."""
        await asyncio.to_thread(self._probe)

    def _path(self, key: str) -> str:
        return f"{self._root}/{check_key(key)}"

    def _begin(self) -> tuple[str, BinaryIO]:
        """A fresh temporary file, open for writing."""
        number = next(self._numbers)
        if number == 0:
            disk.remove_old_files(self._partial)
        partial = f"{self._partial}/{self._mine}-{number}"
        with disk.translated():
            return partial, self._folders.within(self._partial, lambda: disk.create(partial))

    def _rename(self, source: str, target: str, *, missing: str | None = None) -> None:
        with disk.translated(missing=missing):
            self._folders.within(target.rpartition("/")[0], _renaming(source, target, missing=missing))

    def _move(self, source: str, target: str) -> None:
        from_path, to_path = self._path(source), self._path(target)
        self._rename(from_path, to_path, missing=source)
        disk.prune(from_path.rpartition("/")[0], self._root)

    def _take_in(self, path: str, target: str) -> None:
        self._rename(path, target)
        with disk.translated():
            disk.sync_folder(target.rpartition("/")[0])

    def _stats(self, keys: Sequence[str]) -> Sequence[tuple[str, ObjectStat]]:
        """What is still there of the keys."""
        found = []
        for key in keys:
            with suppress(ObjectNotFound), disk.translated(missing=key):
                found.append((key, _stat(disk.stat_file(self._path(key)))))
        return found

    def _join(self, parts: Sequence[Part]) -> memoryview:
        size = sum([len(part) if isinstance(part, bytes) else part[2] - part[1] for part in parts])
        joined, at, key = self._buffers.take(size), 0, ""
        try:
            for part in parts:
                if isinstance(part, bytes):
                    end = at + len(part)
                    joined[at:end] = part
                else:
                    key, start, stop = part
                    end = at + stop - start
                    if disk.read_into(f"{self._root}/{key}", start, joined[at:end]) < end - at:
                        raise ObjectNotFound(f"The object {key} is shorter than it was.")
                at = end
        except OSError:
            with disk.translated(missing=key):
                raise
        return joined

    def _names(self, folder: str) -> Sequence[str]:
        with disk.translated():
            names = disk.names_in(f"{self._root}/{folder}")
        return [name for name in names if name != f"{RESERVED_FOLDER}/"] if not folder else names

    def _probe(self) -> None:
        partial, file = self._begin()
        file.close()
        disk.drop(partial)
        with disk.translated():
            disk.check_room(self._root)


def _stat(found: os.stat_result) -> ObjectStat:
    return ObjectStat(size_bytes=found.st_size, etag=f"{found.st_size:x}-{found.st_mtime_ns:x}")


async def _next_chunk(file: BinaryIO, most: int) -> bytes:
    if most <= 0:
        return b""
    with disk.translated():
        return await asyncio.to_thread(file.read, most)


def _renaming(source: str, target: str, *, missing: str | None) -> Callable[[], None]:
    """The renaming of an existing file; a missing source is told from a missing folder of the target."""

    def rename() -> None:
        if missing is not None and not Path(source).is_file():
            raise NotADirectoryError(source)
        os.replace(source, target)  # noqa: PTH105 - a Path would cost as much as the call

    return rename
