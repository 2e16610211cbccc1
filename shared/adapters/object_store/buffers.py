"""Buffers that are lent out and used again: the system clears each page of a fresh one, as costly as reading it."""

import threading
from collections import deque
from contextlib import suppress

LENT_BYTES = 2 << 20
"""What is smaller than half of this is not worth keeping, and larger buffers are not kept."""
KEPT = 8


class LentBuffers:
    """Gives out memory. It comes back by itself, when nobody holds a view of it any more. For several threads."""

    def __init__(self) -> None:
        self._lent: deque[bytearray] = deque(maxlen=KEPT)
        self._lock = threading.Lock()

    def take(self, size_bytes: int) -> memoryview:
        """A view of so many bytes, whatever they are. They are the caller's as long as he holds any view of them."""
        if not LENT_BYTES // 2 <= size_bytes <= LENT_BYTES:
            return memoryview(bytearray(size_bytes))
        with self._lock:
            for buffer in self._lent:
                if _is_free(buffer):
                    return memoryview(buffer)[:size_bytes]
            fresh = bytearray(LENT_BYTES)
            self._lent.append(fresh)
            return memoryview(fresh)[:size_bytes]


def _is_free(buffer: bytearray) -> bool:
    """Whether there is no view of it: a bytearray cannot grow or shrink while there is."""
    with suppress(BufferError):
        buffer.append(buffer.pop())
        return True
    return False
