"""Those who upload: pieces as a client of Google's resumable protocol sends them, asked over HTTP."""

import base64
import os
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import google_crc32c
import httpx2

UNIT = 256 * 1024


def crc32c(data: bytes) -> str:
    """As Cloud Storage writes it; not by our own code."""
    return base64.b64encode(google_crc32c.Checksum(data).digest()).decode()


def data_of(size: int) -> bytes:
    """Bytes that repeat nowhere."""
    return os.urandom(size)


@dataclass
class Sender:
    """One who knows a session's address."""

    http: httpx2.AsyncClient
    url: str
    total: int
    answers: list[int] = field(default_factory=list)

    async def send(
        self,
        data: bytes | AsyncIterator[bytes],
        start: int,
        end: int,
        *,
        total: int | str | None = None,
        **headers: str,
    ) -> httpx2.Response:
        """PUT bytes from `start` to `end`."""
        said = f"bytes {start}-{end - 1}/{self.total if total is None else total}"
        return await self.put(data, said, **headers)

    async def put(self, data: bytes | AsyncIterator[bytes], said: str | None, **headers: str) -> httpx2.Response:
        """PUT with this Content-Range."""
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        answer = await self.http.put(
            self.url, content=data, headers={**({"Content-Range": said} if said else {}), **given}
        )
        self.answers.append(answer.status_code)
        return answer

    async def ask(self) -> httpx2.Response:
        """How far is it?"""
        return await self.put(b"", f"bytes */{self.total}")

    async def send_rest(self, data: bytes, *, piece: int = UNIT, start: int = 0) -> httpx2.Response:
        """Everything from `start` on, piece by piece, always from where the session says it is."""
        while True:
            answer = await self.send(data[start : start + piece], start, min(start + piece, len(data)))
            if answer.status_code != 308:
                return answer
            start = received(answer)


def received(answer: httpx2.Response) -> int:
    """How many bytes a 308 says are there."""
    assert answer.status_code == 308, answer.text
    said = answer.headers.get("range")
    if said is None:
        return 0
    match = re.fullmatch(r"bytes=0-(\d+)", said)
    assert match, said
    return int(match[1]) + 1


async def announce(http: httpx2.AsyncClient, name: str, size: int, **options: Any) -> dict[str, Any]:
    """A new upload, with its session; options as `import_={...}`."""
    body = {"name": name, "size_bytes": size, **{key.rstrip("_"): value for key, value in options.items()}}
    answer = await http.post("/uploads/archive", json=body)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


async def opened(http: httpx2.AsyncClient, size: int, **options: Any) -> tuple[dict[str, Any], Sender]:
    """An upload that is not imported by itself, and one who can send it."""
    upload = await announce(http, options.pop("name", "big.zip"), size, import_=None, **options)
    return upload, Sender(http, upload["session_url"], size)
