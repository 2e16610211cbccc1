"""A small client of the HTTP API: every call has a deadline, every failure is a sentence."""

from collections.abc import Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Self
from urllib.parse import quote, urlsplit

import httpx2
from pydantic import TypeAdapter, ValidationError

from services.cli.documents import JsonObject, Problem
from services.cli.failures import CliError, Exit

_OBJECT = TypeAdapter(JsonObject)
_DEADLINE = httpx2.Timeout(30.0, connect=5.0)
_STREAM_DEADLINE = httpx2.Timeout(30.0, connect=5.0, read=25.0)  # a stream shows every 10 s that it lives
LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


class Unreachable(CliError):
    """No yard answers at the address."""

    def __init__(self, url: str, reason: str) -> None:
        super().__init__(
            f"No Datayard answers at {url} ({reason}). Start one with `make run` or `datayard up`,"
            " or name another address with --url.",
            exit_code=Exit.UNREACHABLE,
        )


class Silent(Unreachable):
    """What listens at the address says nothing."""


@dataclass(frozen=True, slots=True)
class LiveEvent:
    """One server-sent event; a stream that is asked for with its `id` goes on after it."""

    name: str
    id: str
    data: JsonObject


class Refused(CliError):
    """The yard answered with a problem; `problem` is what it said."""

    def __init__(self, problem: Problem, *, status: int) -> None:
        shown = f" [correlation id {problem.correlation_id}]" if problem.correlation_id and status >= 500 else ""
        super().__init__(problem.text() + shown)
        self.problem = problem
        self.status = status


def path_of(*segments: str) -> str:
    """An absolute path of percent-encoded segments."""
    return "".join(f"/{quote(segment, safe='')}" for segment in segments)


class Client:
    """Speaks to one yard. Methods give the JSON document of the answer, or raise Refused or Unreachable."""

    def __init__(self, url: str, *, transport: httpx2.BaseTransport | None = None) -> None:
        self.url = (url if "://" in url else f"http://{url}").rstrip("/")
        host = urlsplit(self.url).hostname
        try:
            # A proxy of the environment is for the world outside, not for this machine.
            self._http = httpx2.Client(
                base_url=self.url, timeout=_DEADLINE, transport=transport, trust_env=host not in LOOPBACK
            )
        except httpx2.InvalidURL as error:
            raise CliError(f"{url!r} is no address: {error}", exit_code=Exit.USAGE) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._http.close()

    def get(self, path: str, params: dict[str, str | int | None] | None = None) -> JsonObject:
        """GET; parameters that are None are left out."""
        return self._call(
            "GET", path, params={key: value for key, value in (params or {}).items() if value is not None}
        )

    def post(self, path: str, body: JsonObject | None = None, *, idempotency_key: str | None = None) -> JsonObject:
        """POST; with an idempotency key a repetition meets what the first call made."""
        headers = {"Idempotency-Key": idempotency_key} if idempotency_key else {}
        return self._call("POST", path, body=body, headers=headers)

    def events(self, path: str, *, after: str | None = None) -> Iterator[LiveEvent]:
        """The server-sent events of a path, until the yard closes the stream.

        Raises Refused when there is no stream, Unreachable when it breaks, Silent when nothing comes, not even a
        sign of life.
        """
        headers = {"Last-Event-ID": after} if after else {}
        try:
            with self._http.sse(path, headers=headers, timeout=_STREAM_DEADLINE) as source:
                if not source.response.is_success:
                    source.response.read()
                    raise Refused(problem_of(source.response), status=source.response.status_code)
                for event in source:
                    if event.data:
                        yield LiveEvent(event.event, event.id, _OBJECT.validate_json(event.data))
        except (httpx2.ReadTimeout, ValidationError, httpx2.SSEError) as error:
            raise Silent(self.url, "it sends no events") from error
        except (httpx2.TransportError, httpx2.UnsupportedProtocol) as error:
            raise Unreachable(self.url, str(error) or type(error).__name__) from error

    def download(self, path: str, *, start: int, etag: str) -> Iterator[bytes]:
        """The bytes of a file from `start` on, as long as it is still the one with this tag.

        Raises Refused, Unreachable when the connection breaks, and CliError when it is another file by now.
        """
        headers = {"Accept-Encoding": "identity"}
        if start:
            headers |= {"Range": f"bytes={start}-", "If-Range": etag}
        try:
            with self._http.stream("GET", path, headers=headers, timeout=_STREAM_DEADLINE) as response:
                if not response.is_success:
                    response.read()
                    raise Refused(problem_of(response), status=response.status_code)
                if response.headers.get("etag") != etag or (
                    start and response.status_code != httpx2.codes.PARTIAL_CONTENT
                ):
                    raise CliError("The file has changed since it was asked for; begin again.")
                yield from response.iter_bytes()
        except (httpx2.TransportError, httpx2.UnsupportedProtocol) as error:
            raise Unreachable(self.url, str(error) or type(error).__name__) from error

    def _call(
        self,
        method: str,
        path: str,
        *,
        params: dict[str, str | int] | None = None,
        body: JsonObject | None = None,
        headers: dict[str, str] | None = None,
    ) -> JsonObject:
        try:
            response = self._http.request(method, path, params=params, json=body, headers=headers)
        except (httpx2.TransportError, httpx2.UnsupportedProtocol) as error:
            raise Unreachable(self.url, str(error) or type(error).__name__) from error
        if response.is_success:
            return self._document(response)
        raise Refused(problem_of(response), status=response.status_code)

    def _document(self, response: httpx2.Response) -> JsonObject:
        try:
            return _OBJECT.validate_json(response.content)
        except ValidationError as error:
            raise CliError(f"What answers at {self.url} is no Datayard: it sent no JSON object.") from error


def problem_of(response: httpx2.Response) -> Problem:
    """What a refusal says."""
    try:
        return Problem.model_validate_json(response.content)
    except ValidationError:
        return Problem(title=f"HTTP {response.status_code} {response.reason_phrase}".strip())
