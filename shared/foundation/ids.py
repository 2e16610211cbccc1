"""Identifiers: opaque strings, random and time-ordered for what people make, derived for what an import makes."""

import hashlib
import secrets
import time
from collections.abc import Callable
from typing import NewType

DatasetId = NewType("DatasetId", str)
ImageId = NewType("ImageId", str)
JobId = NewType("JobId", str)


def new_id() -> str:
    """24 hex characters that sort by the time they were made, to the millisecond."""
    return f"{time.time_ns() // 1_000_000:012x}{secrets.token_hex(6)}"


def following_id(first: str, *parts: str | int) -> str:
    """As `derived_id`, but sorted right behind `first`, an id of `new_id`: by a millisecond."""
    return f"{(int(first[:12], 16) + 1) % (1 << 48):012x}{derived_id(first, *parts)[:12]}"


def derived_id(*parts: str | int) -> str:
    """24 hex characters that depend on `parts` alone, so that writing twice meets the same document."""
    digest = hashlib.blake2b(digest_size=12)
    for part in parts:
        digest.update(_framed(part))
    return digest.hexdigest()


def derived_ids(*parts: str | int) -> Callable[[str | int], str]:
    """What gives `derived_id(*parts, last)` for one last part after the other, in half the time."""
    begun = hashlib.blake2b(b"".join(map(_framed, parts)), digest_size=12)

    def derived(last: str | int) -> str:
        digest = begun.copy()
        digest.update(_framed(last))
        return digest.hexdigest()

    return derived


def _framed(part: str | int) -> bytes:
    encoded = str(part).encode("utf-8", "surrogatepass")
    return len(encoded).to_bytes(4, "big") + encoded
