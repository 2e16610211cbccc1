"""What is in a folder and below it, in order of names, in bounded memory: blocking functions on plain string paths."""
# A folder of millions of files is made of system calls, not of Path objects:
# ruff: noqa: PTH116

import errno
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field

from shared.adapters.byte_source.beneath import LeadsOutside, resolved_beneath
from shared.ports.byte_source import TreeEntry, TreeFile, UnreadableEntry, UnreadableReason

NAMES_AT_ONCE = 200_000
MOST_FOLDER_LINKS = 10_000


def file_etag(found: os.stat_result) -> str:
    """What tells a file's states apart: size, modification time and inode."""
    return f"{found.st_size}-{found.st_mtime_ns}-{found.st_ino}"


def sorted_parts(folder: str, *, at_once: int = NAMES_AT_ONCE) -> Iterator[str]:
    """The names in a folder, those of folders with a slash behind, in order. At most 2 * `at_once` are in memory.

    A folder with more is scanned again for each `at_once` names.
    """
    after, complete = "", False
    while not complete:
        parts, complete = _parts_after(folder, after, at_once)
        yield from parts
        after = parts[-1] if parts else after


def _parts_after(folder: str, after: str, most: int) -> tuple[list[str], bool]:
    """The first names behind `after`, and whether they are all."""
    found: list[str] = []
    complete = True
    with os.scandir(folder) as entries:
        for entry in entries:
            part = f"{entry.name}/" if _is_folder(entry) else entry.name
            if part > after:
                found.append(part)
            if len(found) >= 2 * most:
                found.sort()
                del found[most:]
                complete = False
    found.sort()
    return (found, True) if complete else (found[:most], False)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False


@dataclass(slots=True)
class _Folder:
    """A folder being walked: where it is, what its files' names begin with, and what is left in it."""

    path: str
    prefix: str
    identity: tuple[int, int]
    parts: Iterator[str]


@dataclass(slots=True)
class FolderWalk:
    """Walks `root`, which has no links in it."""

    root: str
    _open: list[_Folder] = field(default_factory=list)
    _links: int = 0

    def entries(self) -> Iterator[TreeEntry]:
        """Files and what cannot be read; raises OSError if `root` itself cannot be."""
        self._enter(self.root, "")
        while self._open:
            folder = self._open[-1]
            try:
                part = next(folder.parts, None)
            except OSError:
                if not folder.prefix:
                    raise
                part = None
                yield _unreadable(folder.prefix, UnreadableReason.DENIED)
            if part is None:
                self._open.pop()
            elif (entry := self._entry(folder, part)) is not None:
                yield entry

    def _entry(self, folder: _Folder, part: str) -> TreeEntry | None:
        """The file, the reason why not, or None if a folder is entered or the file has vanished."""
        name, path = folder.prefix + part, f"{folder.path}/{part}"
        if not _is_utf8(part):
            return _unreadable(name, UnreadableReason.NAME)
        try:
            return self._enter_or_look(name, path.rstrip("/"))
        except LeadsOutside:
            return _unreadable(name, UnreadableReason.LINK_OUTSIDE)
        except OSError as error:
            return _failed(name, path.rstrip("/"), error)

    def _enter_or_look(self, name: str, path: str) -> TreeEntry | None:
        found = os.lstat(path)
        linked = stat.S_ISLNK(found.st_mode)
        target = resolved_beneath(self.root, path) if linked else path
        if not name.endswith("/"):
            return _looked_at(name, target, os.lstat(target) if linked else found)
        reason = self._reason_not_to_enter(target) if linked else None
        if reason is not None:
            return _unreadable(name, reason)
        self._enter(target, name)
        return None

    def _reason_not_to_enter(self, target: str) -> UnreadableReason | None:
        """Links into a folder we are in never end; so many that each leads to others never end in time."""
        if any(_identity(target) == folder.identity for folder in self._open):
            return UnreadableReason.LINK_LOOP
        self._links += 1
        return UnreadableReason.TOO_MANY_LINKS if self._links > MOST_FOLDER_LINKS else None

    def _enter(self, path: str, prefix: str) -> None:
        self._open.append(_Folder(path, prefix, _identity(path), sorted_parts(path)))


def _looked_at(name: str, target: str, found: os.stat_result) -> TreeEntry:
    if not stat.S_ISREG(found.st_mode):
        return _unreadable(name, UnreadableReason.DEVICE)
    if not os.access(target, os.R_OK):
        return _unreadable(name, UnreadableReason.DENIED)
    return TreeFile(name, found.st_size, file_etag(found))


def _identity(path: str) -> tuple[int, int]:
    found = os.stat(path)
    return found.st_dev, found.st_ino


def _is_utf8(part: str) -> bool:
    if part.isascii():
        return True
    try:
        part.encode()
    except UnicodeEncodeError:
        return False
    return True


def _failed(name: str, path: str, error: OSError) -> UnreadableEntry | None:
    """What the failure means; None if the file is no longer there, as if it had never been."""
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return _unreadable(name, UnreadableReason.LINK_BROKEN) if os.path.islink(path) else None  # noqa: PTH114
    loop = error.errno == errno.ELOOP
    return _unreadable(name, UnreadableReason.LINK_LOOP if loop else UnreadableReason.DENIED)


def _unreadable(name: str, reason: UnreadableReason) -> UnreadableEntry:
    return UnreadableEntry(os.fsencode(name).decode(errors="backslashreplace"), reason)
