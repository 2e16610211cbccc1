"""Opens files below a folder, whatever links lie there: nothing outside the folder is ever opened."""
# Descriptors of folders, which Path does not know:
# ruff: noqa: PTH118

import errno
import os
from types import TracebackType
from typing import Self

from shared.adapters.byte_source.tree import checked_name
from shared.ports.byte_source import SourceDenied

_FILE = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOFOLLOW
_FOLDER = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_DIRECTORY
_IS_LINK = {errno.ELOOP, errno.EMLINK}


class LeadsOutside(Exception):
    """A link leads out of the folder."""


def resolved_beneath(root: str, path: str) -> str:
    """Where `path` leads, with all links followed. Raises LeadsOutside, and OSError where it leads nowhere."""
    target = os.path.realpath(path, strict=True)
    if target != root and not target.startswith(root.rstrip("/") + "/"):
        raise LeadsOutside(path)
    return target


class Beneath:
    """Opens files below `root`, which has no links in it. At most two descriptors are held; for one thread.

    Links are resolved by us and the result is walked without following any, so one that is put there in between leads
    nowhere.
    """

    def __init__(self, root: str) -> None:
        self._root = root
        self._folder = ""
        self._handle = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._leave()

    def open(self, name: str) -> int:
        """A descriptor of the file, or of whatever is there. Raises OSError, SourceDenied, UnsupportedSource."""
        folder, _, last = checked_name(name).rpartition("/")
        try:
            self._enter(folder)
            return self._open_last(name, last)
        except LeadsOutside:
            raise SourceDenied(f"{name} is reached by a link that leaves the directory of the import.") from None

    def _open_last(self, name: str, last: str) -> int:
        try:
            return os.open(last, _FILE, dir_fd=self._handle)
        except OSError as error:
            if error.errno not in _IS_LINK:
                raise
        return self._open_target(name)

    def _enter(self, folder: str) -> None:
        """Hold the folder; files in order of their names share one for long."""
        if self._handle >= 0 and folder == self._folder:
            return
        self._leave()
        self._handle = self._walked(resolved_beneath(self._root, os.path.join(self._root, folder)))
        self._folder = folder

    def _leave(self) -> None:
        if self._handle >= 0:
            os.close(self._handle)
        self._handle = -1

    def _open_target(self, name: str) -> int:
        folder, _, last = resolved_beneath(self._root, os.path.join(self._root, name)).rpartition("/")
        handle = self._walked(folder)
        try:
            return os.open(last, _FILE, dir_fd=handle)
        finally:
            os.close(handle)

    def _walked(self, folder: str) -> int:
        """A descriptor of the resolved folder, reached part by part."""
        handle = os.open(self._root, _FOLDER)
        for part in folder.removeprefix(self._root).split("/"):
            if part:
                parent = handle
                try:
                    handle = os.open(part, _FOLDER, dir_fd=parent)
                finally:
                    os.close(parent)
        return handle
