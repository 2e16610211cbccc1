"""What LocalObjectStore does to its disk: blocking functions on plain string paths, as fast as the system calls."""
# A store of millions of files is made of system calls, not of Path objects:
# ruff: noqa: PTH103, PTH106, PTH108, PTH116, PTH118, PTH120, PTH123

import errno
import os
import shutil
import stat
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import BinaryIO, TypeVar

from shared.foundation.errors import Unavailable
from shared.ports.object_store import ObjectNotFound, StorageFull

T = TypeVar("T")

LEAST_FREE_BYTES = 16 * 1024 * 1024
LEFTOVER_SECONDS = 24 * 3600
_FULL = {errno.ENOSPC, errno.EDQUOT}
_MISSING = (FileNotFoundError, NotADirectoryError, IsADirectoryError)
_FOLDER_TRIES = 16


@contextmanager
def translated(missing: str | None = None) -> Iterator[None]:
    """Turn the disk's errors into the port's; with `missing`, a path that is not there is that object's absence."""
    try:
        yield
    except OSError as error:
        if missing is not None and isinstance(error, _MISSING):
            raise ObjectNotFound(f"There is no object {missing}.") from None
        if error.errno in _FULL:
            raise StorageFull("The disk of the object store is full.") from error
        raise Unavailable(f"The object store's disk fails: {error.strerror}.") from error


class MadeFolders:
    """Folders known to exist, so that a write does not ask the disk each time."""

    def __init__(self) -> None:
        self._made: set[str] = set()

    def within(self, folder: str, action: Callable[[], T]) -> T:
        """Do what needs `folder`, making it again when a concurrent delete has removed it in between."""
        for _ in range(_FOLDER_TRIES):
            with suppress(FileNotFoundError):
                if folder not in self._made:
                    os.makedirs(folder, exist_ok=True)
                    self._made.add(folder)
                return action()
            self._made.discard(folder)
        raise Unavailable("A folder of the object store vanishes as often as it is made.")


def create(path: str) -> BinaryIO:
    """A new file, open for unbuffered writing."""
    return open(path, "xb", buffering=0)


def append(file: BinaryIO, data: bytes) -> int:
    """Write all of `data`; its size."""
    rest = memoryview(data)
    while rest:
        rest = rest[file.write(rest) :]
    return len(data)


def drop(path: str) -> None:
    """Remove a temporary file, if it is still there."""
    with suppress(OSError):
        os.unlink(path)


def sync_folder(folder: str) -> None:
    """Make what was created in the folder, or renamed into it, outlast a loss of power."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def open_at(path: str, start: int) -> BinaryIO:
    """The regular file, open for reading from `start`. Raises IsADirectoryError for a folder."""
    file = open(path, "rb", buffering=0)  # noqa: SIM115 - the caller closes it
    file.seek(start)
    return file


def stat_file(path: str) -> os.stat_result:
    """The regular file's status. Raises FileNotFoundError for anything else."""
    found = os.stat(path)
    if not stat.S_ISREG(found.st_mode):
        raise FileNotFoundError(errno.ENOENT, "not a regular file", path)
    return found


def read_spans(path: str, spans: Sequence[tuple[int, int]]) -> tuple[os.stat_result, list[bytes]]:
    """The (start, end) ranges of the regular file, as far as it has them, and its status."""
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        found = os.fstat(handle)
        if not stat.S_ISREG(found.st_mode):
            raise FileNotFoundError(errno.ENOENT, "not a regular file", path)
        return found, [_span(handle, start, end) for start, end in spans]
    finally:
        os.close(handle)


def read_into(path: str, start: int, target: memoryview) -> int:
    """Fill the target from the regular file; how many bytes there were. Raises IsADirectoryError for a folder."""
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        done = os.preadv(handle, (target,), start)
        while 0 < done < len(target) and (count := os.preadv(handle, (target[done:],), start + done)):
            done += count
        return done
    finally:
        os.close(handle)


def _span(handle: int, start: int, end: int) -> bytes:
    """One range; a single call gives all of it, unless it has gigabytes or the file ends."""
    data = os.pread(handle, end - start, start) if end > start else b""
    while len(data) < end - start and (more := os.pread(handle, end - start - len(data), start + len(data))):
        data += more
    return data


def names_in(folder: str) -> list[str]:
    """The names in a folder, folders with a slash behind, in the order of the keys they lead to; none if missing."""
    try:
        with os.scandir(folder) as entries:
            return sorted(_key_part(entry) for entry in entries)
    except (FileNotFoundError, NotADirectoryError):
        return []


def _key_part(entry: os.DirEntry[str]) -> str:
    return f"{entry.name}/" if entry.is_dir(follow_symlinks=False) else entry.name


def delete_file(path: str, root: str) -> None:
    """Unlink the file, then its folders up to `root` as far as they are empty."""
    with suppress(*_MISSING):
        os.unlink(path)
    prune(os.path.dirname(path), root)


def prune(folder: str, root: str) -> None:
    """Remove `folder` and those above it, below `root`, as far as they are empty."""
    with suppress(OSError):
        while len(folder) > len(root):
            os.rmdir(folder)
            folder = os.path.dirname(folder)


def delete_folder(folder: str, root: str) -> int:
    """Remove every file below `folder`, and the folders that are empty then; the number of files."""
    count = 0
    for parent, _, names in os.walk(folder, topdown=False):
        for name in names:
            with suppress(FileNotFoundError):
                os.unlink(os.path.join(parent, name))
                count += 1
        with suppress(OSError):
            os.rmdir(parent)
    prune(os.path.dirname(folder), root)
    return count


def remove_old_files(folder: str, *, seconds: float = LEFTOVER_SECONDS) -> None:
    """Remove files that nobody has written to for so long: what a crash left behind."""
    oldest = time.time() - seconds
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            with suppress(OSError):
                if entry.stat(follow_symlinks=False).st_mtime < oldest:
                    os.unlink(entry.path)


def check_room(folder: str) -> None:
    """Raise StorageFull if the folder's disk has less than 16 MiB left."""
    if shutil.disk_usage(folder).free < LEAST_FREE_BYTES:
        raise StorageFull("The disk of the object store is nearly full.")
