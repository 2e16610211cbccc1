"""Byte ranges of stored files (RFC 9110, section 14): one range per request, strong ETags, If-Range."""

import re
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from urllib.parse import quote

from fastapi import HTTPException, Request
from fastapi.responses import Response, StreamingResponse

_FOR_EVER = "private, max-age=31536000, immutable"
_ASK_AGAIN = "private, no-cache"  # it may be kept, but shown only while its tag is the same
_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")


@dataclass(frozen=True, slots=True)
class StoredFile:
    """What is served: its size, type, strong validator, and how to read from `start` up to but without `end`.

    `immutable` says that the validator is made of the bytes alone, so that nobody needs to ask for them twice. A file
    with a `name` is offered for saving under it.
    """

    size_bytes: int
    media_type: str
    etag: str
    read: Callable[[int, int], AsyncIterator[bytes | memoryview]]
    immutable: bool = False
    name: str | None = None


async def serve(request: Request, file: StoredFile) -> Response:
    """The file, the range of it that was asked for (206), 304 to who has it, or 416 for a range beyond its end.

    The first bytes are read before the answer begins: a file that cannot be read is a problem, not a broken answer.
    """
    headers = {"ETag": file.etag, "Accept-Ranges": "bytes", "X-Content-Type-Options": "nosniff"}
    if file.name is not None:
        headers["Content-Disposition"] = f"attachment; filename*=UTF-8''{quote(file.name)}"
    headers["Cache-Control"] = _FOR_EVER if file.immutable else _ASK_AGAIN
    if _matches(request.headers.get("if-none-match", ""), file.etag):
        return Response(status_code=304, headers=headers)
    wanted = _wanted(request, file)
    if wanted is None:
        return await _body(request, file, 0, file.size_bytes, 200, headers)
    start, end = wanted
    if start >= end:
        detail = f"The file has {file.size_bytes} bytes."
        raise HTTPException(416, detail, headers={"Content-Range": f"bytes */{file.size_bytes}"})
    headers["Content-Range"] = f"bytes {start}-{end - 1}/{file.size_bytes}"
    return await _body(request, file, start, end, 206, headers)


async def _body(
    request: Request, file: StoredFile, start: int, end: int, status: int, headers: dict[str, str]
) -> Response:
    headers = {**headers, "Content-Length": str(end - start)}
    if request.method == "HEAD" or start == end:
        return Response(status_code=status, headers=headers, media_type=file.media_type)
    chunks = file.read(start, end)
    content = _following(await anext(chunks, b""), chunks)
    return StreamingResponse(content, status_code=status, headers=headers, media_type=file.media_type)


async def _following(
    first: bytes | memoryview, rest: AsyncIterator[bytes | memoryview]
) -> AsyncIterator[bytes | memoryview]:
    yield first
    async for chunk in rest:
        yield chunk


def _wanted(request: Request, file: StoredFile) -> tuple[int, int] | None:
    """The range as [start, end), empty when it cannot be satisfied; None for the whole file."""
    if request.headers.get("if-range", file.etag) != file.etag:
        return None
    match = _RANGE.fullmatch(request.headers.get("range", "").strip())
    if match is None or match[0] == "bytes=-":
        return None
    first, last = match.groups()
    if not first:
        return (max(0, file.size_bytes - int(last)), file.size_bytes) if int(last) else (0, 0)
    if last and int(last) < int(first):
        return None
    return int(first), min(file.size_bytes, int(last) + 1 if last else file.size_bytes)


def _matches(header: str, etag: str) -> bool:
    return any(part.strip().removeprefix("W/") in (etag, "*") for part in header.split(","))
