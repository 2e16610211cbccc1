"""CRC32C as Cloud Storage writes it: the four bytes, most significant first, in base64."""

import base64

import google_crc32c


def extended(crc: int, data: bytes | bytearray | memoryview) -> int:
    """The CRC32C of what `crc` is of, followed by `data`."""
    return int(google_crc32c.extend(crc, bytes(data) if not isinstance(data, bytes) else data))


def encoded(crc: int) -> str:
    """The CRC32C as text.

    >>> encoded(extended(0, b"abc"))
    'Nks/tw=='
    """
    return base64.b64encode(crc.to_bytes(4, "big")).decode()
