"""Google's resumable upload protocol as a server speaks it: what a request asks, and what it is answered.

https://cloud.google.com/storage/docs/performing-resumable-uploads and the JSON API's reference of `Content-Range`.
"""

import re
from dataclasses import dataclass

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException

_ASKED = re.compile(r"bytes \*/(\d{1,19}|\*)")
_SENT = re.compile(r"bytes (\d{1,19})-(\d{1,19}|\*)/(\d{1,19}|\*)")
_CRC32C = re.compile(r"(?:^|,)\s*crc32c=([A-Za-z0-9+/]{6}==)\s*(?:,|$)")


@dataclass(frozen=True, slots=True)
class Asked:
    """What a PUT of a session says. `start` is None for the question how far the upload is; `end` is exclusive."""

    start: int | None
    end: int | None
    total: int | None
    crc32c: str | None


def asked_by(headers: Headers) -> Asked:
    """Read the headers; without a Content-Range the body is the whole. Raises HTTPException (400)."""
    given = headers.get("content-range", "").strip()
    crc = _CRC32C.search(headers.get("x-goog-hash", ""))
    crc32c = crc[1] if crc else None
    if not given:
        length = headers.get("content-length", "")
        end = int(length) if length.isdecimal() else None
        return Asked(0, end, end, crc32c)
    if match := _ASKED.fullmatch(given):
        return Asked(None, None, _number(match[1]), crc32c)
    match = _SENT.fullmatch(given)
    if match is None:
        raise HTTPException(400, "Content-Range is `bytes FIRST-LAST/TOTAL`, `bytes FIRST-LAST/*` or `bytes */TOTAL`.")
    start, last, total = int(match[1]), _number(match[2]), _number(match[3])
    if last is not None and (last < start or (total is not None and last >= total)):
        raise HTTPException(400, "The Content-Range ends before it begins, or beyond its total.")
    return Asked(start, None if last is None else last + 1, total, crc32c)


def range_of(received: int) -> dict[str, str]:
    """The headers that say how many bytes are there; none are said by none."""
    return {"Range": f"bytes=0-{received - 1}"} if received else {}


def _number(text: str) -> int | None:
    return None if text == "*" else int(text)
