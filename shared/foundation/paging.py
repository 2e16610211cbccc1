"""Pages of a list: keyset cursors that say where the reader stopped, not how many rows came before."""

import base64
import binascii
import json
from dataclasses import dataclass
from typing import Generic, TypeVar

from shared.foundation.errors import Invalid

T = TypeVar("T")

DEFAULT_LIMIT, MAX_LIMIT, MAX_OFFSET = 50, 500, 10_000


class BadCursor(Invalid):
    """The cursor was not made by this list."""

    slug, title = "bad-cursor", "The cursor is not valid here"


@dataclass(frozen=True, slots=True)
class PageRequest:
    """What a reader asks for: at most `limit` items after `cursor`, or after `offset` items when it jumps."""

    limit: int = DEFAULT_LIMIT
    cursor: str | None = None
    offset: int = 0


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Some items, the cursor for the next ones (None on the last page), and how many there are in all."""

    items: list[T]
    next_cursor: str | None
    total: int


def encode_cursor(*keys: str | int) -> str:
    """An opaque cursor that holds the sort keys of the last item read."""
    text = json.dumps(keys, ensure_ascii=False, separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode("utf-8", "surrogatepass")).decode().rstrip("=")


def decode_cursor(cursor: str, *kinds: type[str] | type[int]) -> list[str | int]:
    """The keys of a cursor, checked to be of `kinds`. Raises BadCursor."""
    try:
        keys = json.loads(base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True))
    except (ValueError, binascii.Error, RecursionError):
        raise BadCursor("The cursor cannot be read; start again without it.") from None
    if not isinstance(keys, list) or [type(key) for key in keys] != list(kinds):
        raise BadCursor("The cursor belongs to another list; start again without it.")
    return keys
