"""Tars laid out from names and sizes alone: ustar headers, pax ones before them where a name does not fit.

Owners, times and modes are always the same, so the same members always give the same bytes. Source: POSIX.1-2017, pax.
"""

import tarfile

BLOCK_BYTES = 512
END = bytes(2 * BLOCK_BYTES)
"""Two blocks of zeros end a tar."""

_MODE = 0o644


def tar_header(name: str, size_bytes: int) -> bytes:
    """What stands before a member's bytes."""
    info = tarfile.TarInfo(name)
    info.size, info.mode, info.mtime = size_bytes, _MODE, 0
    return info.tobuf(tarfile.PAX_FORMAT, "utf-8", "strict")


def tar_padding(size_bytes: int) -> bytes:
    """What fills up the last block of a member."""
    return bytes(-size_bytes % BLOCK_BYTES)
