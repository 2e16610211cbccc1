"""The file of one session on a disk: blocking functions, held by one sender at a time on this machine."""

import fcntl
import os
import time
from contextlib import suppress

from shared.adapters.object_store.disk import translated
from shared.foundation.checksums import extended
from shared.ports.upload_sessions import UNIT_BYTES, UploadGone, UploadInterrupted

_LOCK_SECONDS = 2.0
_LOCK_PAUSE = 0.02
_READ_BYTES = 4 * 2**20


class SessionFile:
    """An open file of which `received` bytes count; whatever a kill left behind them is overwritten."""

    def __init__(self, path: str, size_bytes: int) -> None:
        self.path = path
        self._size_bytes = size_bytes
        try:
            self._handle = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            raise _gone() from None
        try:
            self._lock()
            self.received = whole_units(os.fstat(self._handle).st_size, size_bytes)
        except BaseException:
            self.close()
            raise
        self._dirty = False

    def write(self, data: bytes) -> None:
        """Append behind what counts."""
        with translated():
            self._dirty, rest = True, memoryview(data)
            while rest:
                done = os.pwrite(self._handle, rest, self.received)
                self.received += done
                rest = rest[done:]

    def sync(self) -> None:
        """Return once everything that counts outlasts a loss of power."""
        if self._dirty:
            with translated():
                os.fdatasync(self._handle)
            self._dirty = False

    def crc32c(self) -> int:
        """The CRC32C of what counts, read again."""
        crc, position = 0, 0
        with translated():
            while position < self.received:
                data = os.pread(self._handle, min(_READ_BYTES, self.received - position), position)
                crc, position = extended(crc, data), position + len(data)
        return crc

    def check_there(self) -> None:
        """Raise UploadGone when the session has ended, or its object has been delivered, since the file was opened."""
        with suppress(FileNotFoundError):
            if os.stat(self.path).st_ino == os.fstat(self._handle).st_ino:  # noqa: PTH116 - a Path is no quicker
                return
        raise _gone()

    def close(self) -> None:
        """Let others have it."""
        os.close(self._handle)

    def _lock(self) -> None:
        until = time.monotonic() + _LOCK_SECONDS
        while True:
            try:
                fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() > until:
                    raise UploadInterrupted("Another process receives this upload; ask again in a moment.") from None
                time.sleep(_LOCK_PAUSE)
            else:
                self.check_there()
                return


def whole_units(size_bytes: int, whole: int) -> int:
    """How much of so many bytes counts: all when the upload is whole, else multiples of the protocol's unit."""
    return whole if size_bytes >= whole else size_bytes // UNIT_BYTES * UNIT_BYTES


def _gone() -> UploadGone:
    return UploadGone("This upload session has ended.")
