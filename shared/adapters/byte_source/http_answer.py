"""What an HTTP server's answer says about the source: RFC 9110, sections 8.8 (validators) and 14 (ranges)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from shared.ports.byte_source import SourceDescription

_CONTENT_RANGE = re.compile(
    r"\s*bytes\s+(?:(?P<first>\d{1,19})-(?P<last>\d{1,19})|\*)/(?P<total>\d{1,19}|\*)\s*", re.IGNORECASE
)
_SIZE_MARK = ";size="
_LONGEST_WAIT_SECONDS = 1e10
# What an encoding is called, and how files end that are compressed so by themselves.
_ENDINGS = {
    "gzip": (".gz", ".tgz"),
    "bzip2": (".bz2", ".tbz", ".tbz2"),
    "xz": (".xz", ".txz"),
    "zstd": (".zst", ".tzst"),
}


@dataclass(frozen=True, slots=True)
class ContentRange:
    """A Content-Range: the bytes sent (None in a 416) and the size of the whole (None if not said)."""

    first: int | None
    last: int | None
    total: int | None


def parse_content_range(value: str | None) -> ContentRange | None:
    """The header's meaning; None if it is missing or malformed.

    >>> parse_content_range("bytes 0-0/10")
    ContentRange(first=0, last=0, total=10)
    """
    match = _CONTENT_RANGE.fullmatch(value or "")
    if match is None:
        return None
    first, last, total = (None if part in {None, "*"} else int(part) for part in match.group("first", "last", "total"))
    if first is not None and last is not None and (last < first or (total is not None and last >= total)):
        return None
    return ContentRange(first, last, total)


def describe_answer(status: int, headers: Mapping[str, str]) -> SourceDescription:
    """The source as a 200, 206 or 416 answer shows it."""
    size, ranges = _size_and_ranges(status, headers)
    return SourceDescription(size_bytes=size, etag=_etag(headers, size), accepts_ranges=ranges)


def describe_first_byte(status: int, headers: Mapping[str, str]) -> SourceDescription:
    """The source as the answer to a request for its first byte shows it: with none to give, a 416, it is empty."""
    described = describe_answer(status, headers)
    if status == 416 and described.size_bytes is None:
        return replace(described, size_bytes=0)
    return described


def _size_and_ranges(status: int, headers: Mapping[str, str]) -> tuple[int | None, bool]:
    content_range = parse_content_range(headers.get("Content-Range"))
    if status == 206:
        return (None, False) if content_range is None else (content_range.total, content_range.first is not None)
    if status == 416:
        return (content_range.total if content_range else None), True
    length = headers.get("Content-Length", "")
    return (int(length) if length.isascii() and length.isdigit() else None), False


def _etag(headers: Mapping[str, str], size: int | None) -> str | None:
    """A strong ETag, else the date of the last change, with the size; None if the server sends neither."""
    etag = headers.get("ETag", "")
    validator = etag if etag.startswith('"') else headers.get("Last-Modified")
    return f"{validator}{_SIZE_MARK}{'' if size is None else size}" if validator else None


def if_range_validator(etag: str | None) -> str | None:
    """The part of a description's ETag that the server knows, for If-Range."""
    return etag.rpartition(_SIZE_MARK)[0] or None if etag else None


def differs(known: SourceDescription, present: SourceDescription) -> bool:
    """Whether two answers come from different contents; what an answer does not say, differs from nothing.

    An answer to If-Range may leave out Last-Modified (RFC 9110, 15.3.7).
    """
    pairs = ((known.size_bytes, present.size_bytes), (_validator(known), _validator(present)))
    return any(a is not None and b is not None and a != b for a, b in pairs)


def _validator(description: SourceDescription) -> str | None:
    return if_range_validator(description.etag)


def foreign_encoding(headers: Mapping[str, str], *, path: str) -> str | None:
    """The encoding a server has put around what it stores; None if there is none.

    Servers also call the compression of a `.tar.gz` itself an encoding: then it is what was asked for.
    """
    encoding = headers.get("Content-Encoding", "").strip().lower()
    if encoding in {"", "identity"} or path.lower().endswith(_ENDINGS.get(encoding.removeprefix("x-"), ())):
        return None
    return encoding[:100]


def retry_after_seconds(value: str | None) -> float:
    """The wait that a Retry-After header asks for, as seconds or as a date; 0 without one, or with neither."""
    said = (value or "").strip()
    if said.isascii() and said.isdigit():
        return min(float(said), _LONGEST_WAIT_SECONDS)  # hundreds of digits are infinity, which no clock takes
    try:
        at = parsedate_to_datetime(said)
    except (ValueError, OverflowError):
        return 0.0
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return max(0.0, (at - datetime.now(UTC)).total_seconds())
