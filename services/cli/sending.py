"""Sends a file to a session of the resumable upload protocol, a bucket's or a yard's, whatever the network does."""

import os
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO
from urllib.parse import urlsplit

import httpx2
from pydantic import BaseModel, ValidationError

from services.cli.client import LOOPBACK, problem_of
from services.cli.failures import CliError, Exit
from shared.foundation.checksums import encoded, extended
from shared.foundation.retry import Backoff

UNIT_BYTES = 256 * 1024
PIECE_BYTES = 64 * UNIT_BYTES
_READ_BYTES = 4 * 2**20
_DEADLINE = httpx2.Timeout(60.0, connect=10.0, read=180.0)  # whoever has all bytes may look at them once more
_INCOMPLETE = 308
_PASSING = frozenset({408, 429, 499, 500, 502, 503, 504})
_GONE = frozenset({404, 410})
_LONGEST_WAIT = 60.0
_RANGE = re.compile(r"bytes=0-(\d+)")


class SessionGone(CliError):
    """The session has expired, or somebody has cancelled it."""


class _Stored(BaseModel):
    """What is said of an object that is whole."""

    crc32c: str | None = None


@dataclass(frozen=True, slots=True)
class _Answer:
    """How far the session is after a request; `seconds` to wait before the next one when it failed."""

    there: int | None = None
    whole: bool = False
    crc32c: str | None = None
    seconds: float | None = None


@dataclass
class FileSender:
    """Sends one file. `show` is told how many bytes have been sent; `patience` how long failures are borne."""

    path: Path
    url: str = field(repr=False)
    show: Callable[[int], None]
    patience: Backoff = field(default_factory=lambda: Backoff(attempts=30, first_seconds=0.5, most_seconds=30.0))
    piece_bytes: int = PIECE_BYTES
    transport: httpx2.BaseTransport | None = None
    _summed: int = 0
    _crc: int = 0

    def send(self) -> None:
        """Return when the whole file is there, and is what was read here.

        Raises SessionGone, and CliError for a refusal, for a file that changes meanwhile, and when patience runs out.
        """
        trust_env = urlsplit(self.url).hostname not in LOOPBACK
        with (
            self.path.open("rb") as file,
            httpx2.Client(timeout=_DEADLINE, trust_env=trust_env, transport=self.transport) as http,
        ):
            self._began = _state_of(file)
            self._size = self._began[0]
            there = 0
            while True:
                answer = self._send_piece(http, file, there)
                while answer.there is None and not answer.whole:
                    self._wait(answer)
                    answer = self._ask(http)
                if answer.whole:
                    self._compare(file, answer)
                    return
                there = self._went_on(there, answer.there or 0)

    def _went_on(self, before: int, there: int) -> int:
        if there > before:
            self.patience.reset()
        elif (delay := self.patience.next_delay()) is not None:
            time.sleep(delay)
        else:
            raise CliError("The upload does not go on: the other side takes no bytes.")
        self.show(there)
        return there

    def _send_piece(self, http: httpx2.Client, file: BinaryIO, start: int) -> _Answer:
        """Send what comes next; with the last piece the checksum of everything."""
        file.seek(start)
        data = file.read(min(self.piece_bytes, self._size - start))
        if _state_of(file) != self._began or len(data) < min(self.piece_bytes, self._size - start):
            raise CliError(f"{self.path} has changed while it was sent; start again.")
        end = start + len(data)
        headers = {"Content-Range": f"bytes {start}-{end - 1}/{self._size}", "Content-Length": str(len(data))}
        if end == self._size:
            crc = extended(self._sum_to(file, start), data)
            headers["X-Goog-Hash"] = f"crc32c={encoded(crc)}"
        elif start == self._summed:
            self._summed, self._crc = end, extended(self._crc, data)
        return self._put(http, headers, self._pieces(data, start))

    def _pieces(self, data: bytes, start: int) -> Iterator[bytes]:
        for at in range(0, len(data), UNIT_BYTES):
            yield data[at : at + UNIT_BYTES]
            self.show(min(start + at + UNIT_BYTES, self._size))

    def _ask(self, http: httpx2.Client) -> _Answer:
        return self._put(http, {"Content-Range": f"bytes */{self._size}", "Content-Length": "0"}, None)

    def _put(self, http: httpx2.Client, headers: dict[str, str], content: Iterator[bytes] | None) -> _Answer:
        try:
            response = http.put(self.url, headers=headers, content=content if content is not None else b"")
        except httpx2.TransportError:
            return _Answer(seconds=0.0)
        return self._read(response)

    def _read(self, response: httpx2.Response) -> _Answer:
        if response.status_code == _INCOMPLETE:
            found = _RANGE.fullmatch(response.headers.get("range", ""))
            return _Answer(there=int(found[1]) + 1 if found else 0)
        if response.is_success:
            return _Answer(whole=True, crc32c=_crc_of(response))
        if response.status_code in _PASSING:
            return _Answer(seconds=_seconds(response.headers.get("retry-after", "")))
        if response.status_code in _GONE:
            raise SessionGone("The upload session has ended: it has expired, or was cancelled. Start again.")
        raise CliError(f"The upload was refused. {problem_of(response).text()}")

    def _wait(self, answer: _Answer) -> None:
        delay = self.patience.next_delay()
        if delay is None:
            raise CliError(
                "The upload was interrupted too often. The same command goes on with what is there.",
                exit_code=Exit.UNREACHABLE,
            )
        time.sleep(max(delay, answer.seconds or 0.0))

    def _sum_to(self, file: BinaryIO, end: int) -> int:
        """The CRC32C of the file up to `end`; what was skipped, or sent twice, is read again."""
        if self._summed > end:
            self._summed, self._crc = 0, 0
        file.seek(self._summed)
        while self._summed < end:
            data = file.read(min(_READ_BYTES, end - self._summed))
            if not data:
                raise CliError(f"{self.path} has changed while it was sent; start again.")
            self._summed, self._crc = self._summed + len(data), extended(self._crc, data)
        return self._crc

    def _compare(self, file: BinaryIO, answer: _Answer) -> None:
        """Raise CliError when what is there is not what is here."""
        own = encoded(self._sum_to(file, self._size))
        if answer.crc32c is not None and answer.crc32c != own:
            raise CliError(f"What has arrived is another file: its CRC32C is {answer.crc32c}, not {own}. Start again.")


def _state_of(file: BinaryIO) -> tuple[int, int]:
    found = os.fstat(file.fileno())
    return found.st_size, found.st_mtime_ns


def _crc_of(response: httpx2.Response) -> str | None:
    try:
        return _Stored.model_validate_json(response.content).crc32c
    except ValidationError:
        return None


def _seconds(text: str) -> float:
    return min(float(text), _LONGEST_WAIT) if text.isdecimal() else 0.0
