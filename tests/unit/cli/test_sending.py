"""A file is sent to a bucket of paper that does what Cloud Storage says it does, and everything that may go wrong."""

import itertools
import os
import random
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import httpx2
import pytest

from services.cli.failures import CliError
from services.cli.sending import FileSender, SessionGone
from shared.foundation.retry import Backoff
from tests.factories.uploads import UNIT, crc32c

URL = "https://storage.example/upload?upload_id=the-secret"


@dataclass
class PaperBucket:
    """One session. `fault` may answer a request itself, or raise; what it keeps of the body it says by `keep`."""

    total: int
    fault: Callable[["PaperBucket", httpx2.Request, bytes], httpx2.Response | None] | None = None
    kept: bytearray = field(default_factory=bytearray)
    asked: list[str] = field(default_factory=list)
    whole: bool = False

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        said, body = request.headers["content-range"], request.read()
        self.asked.append(said)
        if self.fault is not None and (answer := self.fault(self, request, body)) is not None:
            return answer
        return self.answer(request, body)

    def answer(self, request: httpx2.Request, body: bytes) -> httpx2.Response:
        """As documented."""
        if self.whole:
            return httpx2.Response(200, json={"size": str(self.total), "crc32c": crc32c(bytes(self.kept))})
        self.keep(request, body)
        if len(self.kept) < self.total:
            headers = {"Range": f"bytes=0-{len(self.kept) - 1}"} if self.kept else {}
            return httpx2.Response(308, headers=headers)
        said = request.headers.get("x-goog-hash")
        assert said in {None, f"crc32c={crc32c(bytes(self.kept))}"}
        self.whole = True
        return httpx2.Response(201, json={"size": str(self.total), "crc32c": crc32c(bytes(self.kept))})

    def keep(self, request: httpx2.Request, body: bytes) -> None:
        """What comes next of the body, in units."""
        match = re.fullmatch(r"bytes (\d+)-(\d+)/(\d+)", request.headers["content-range"])
        if match is None:
            assert request.headers["content-range"] == f"bytes */{self.total}"
            return
        start, last, total = map(int, match.groups())
        assert total == self.total
        assert len(body) <= last - start + 1
        assert start <= len(self.kept), "a gap"
        self.kept += body[len(self.kept) - start :]
        if len(self.kept) < self.total:
            del self.kept[len(self.kept) // UNIT * UNIT :]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "big.zip").write_bytes(os.urandom(10 * UNIT + 12345))
    return tmp_path / "big.zip"


def sender(file: Path, bucket: Callable[[httpx2.Request], httpx2.Response], **more: object) -> FileSender:
    shown: list[int] = []
    patience = Backoff(attempts=5, first_seconds=0.0001)
    options = {"patience": patience, "piece_bytes": 2 * UNIT, **more}
    return FileSender(file, URL, shown.append, transport=httpx2.MockTransport(bucket), **options)


def bucket_for(file: Path, fault=None) -> PaperBucket:
    return PaperBucket(file.stat().st_size, fault)


@pytest.mark.parametrize("size", [1, UNIT - 1, UNIT, 2 * UNIT, 2 * UNIT + 1, 5 * UNIT])
def test_every_size_arrives(tmp_path: Path, size: int) -> None:
    (tmp_path / "a").write_bytes(os.urandom(size))
    bucket = bucket_for(tmp_path / "a")
    sender(tmp_path / "a", bucket).send()
    assert bytes(bucket.kept) == (tmp_path / "a").read_bytes()


@pytest.mark.parametrize("seed", range(12))
def test_arrives_whatever_the_network_does(file: Path, seed: int) -> None:
    dice = random.Random(seed)

    def fault(bucket: PaperBucket, request: httpx2.Request, body: bytes) -> httpx2.Response | None:
        kind = dice.choice(["none", "none", "lost", "cut", "status", "deaf", "answer lost"])
        if kind == "lost":
            raise httpx2.ConnectError("no route")
        if kind == "cut":
            bucket.keep(request, body[: dice.randrange(len(body) + 1)])
            del bucket.kept[bucket.total - 1 :]
            del bucket.kept[len(bucket.kept) // UNIT * UNIT :]
            raise httpx2.ReadError("reset")
        if kind == "status":
            return httpx2.Response(dice.choice([408, 429, 500, 502, 503, 504]), headers={"Retry-After": "0"})
        if kind == "answer lost":
            bucket.answer(request, body)
            raise httpx2.RemoteProtocolError("no answer")
        return None

    bucket = bucket_for(file, fault)
    sender(file, bucket, patience=Backoff(attempts=60, first_seconds=0.0001, most_seconds=0.001)).send()
    assert bytes(bucket.kept) == file.read_bytes()


def test_goes_on_from_what_an_earlier_call_has_sent(file: Path) -> None:
    bucket = bucket_for(file)
    bucket.kept += file.read_bytes()[: 7 * UNIT]
    sender(file, bucket).send()
    assert bytes(bucket.kept) == file.read_bytes()
    assert len(bucket.asked) == 3, bucket.asked  # the first piece tells how far it is


def test_finds_that_everything_is_there(file: Path) -> None:
    bucket = bucket_for(file)
    bucket.kept += file.read_bytes()
    bucket.whole = True
    sender(file, bucket).send()


def test_sees_that_what_is_there_is_another_file(file: Path) -> None:
    bucket = bucket_for(file)
    bucket.kept += os.urandom(bucket.total)
    bucket.whole = True
    with pytest.raises(CliError, match="another file"):
        sender(file, bucket).send()


@pytest.mark.parametrize("status", [404, 410])
def test_a_session_that_has_ended_is_the_end(file: Path, status: int) -> None:
    with pytest.raises(SessionGone):
        sender(file, lambda _: httpx2.Response(status)).send()


@pytest.mark.parametrize("status", [400, 401, 403, 412, 422])
def test_a_refusal_is_the_end_and_says_why(file: Path, status: int) -> None:
    refusal = {"title": "The upload is not what was announced", "detail": "Another size."}
    with pytest.raises(CliError, match="Another size") as caught:
        sender(file, lambda _: httpx2.Response(status, json=refusal)).send()
    assert "the-secret" not in str(caught.value)


def test_patience_ends_without_telling_the_secret(file: Path) -> None:
    calls = itertools.count()

    def dead(request: httpx2.Request) -> httpx2.Response:
        next(calls)
        raise httpx2.ConnectError(f"cannot reach {request.url}")

    with pytest.raises(CliError, match="interrupted too often") as caught:
        sender(file, dead).send()
    assert next(calls) == 6
    assert "the-secret" not in str(caught.value)
    assert "the-secret" not in repr(sender(file, dead))


def test_gives_up_on_a_side_that_takes_nothing(file: Path) -> None:
    with pytest.raises(CliError, match="does not go on"):
        sender(file, lambda request: (request.read(), httpx2.Response(308))[1]).send()


def test_a_file_that_changes_is_not_sent_as_one(file: Path) -> None:
    def touched(bucket: PaperBucket, _request: httpx2.Request, _body: bytes) -> None:
        if len(bucket.kept) == 4 * UNIT:
            with file.open("r+b") as out:
                out.write(b"changed")
            os.utime(file, ns=(1, 1))

    bucket = bucket_for(file, touched)
    with pytest.raises(CliError, match="has changed"):
        sender(file, bucket).send()
    assert not bucket.whole


def test_a_side_that_has_lost_bytes_gets_them_again(file: Path) -> None:
    lost = iter([True])

    def forgets(bucket: PaperBucket, _request: httpx2.Request, _body: bytes) -> httpx2.Response | None:
        if len(bucket.kept) >= 6 * UNIT and next(lost, False):
            del bucket.kept[3 * UNIT :]
            return httpx2.Response(308, headers={"Range": f"bytes=0-{3 * UNIT - 1}"})
        return None

    bucket = bucket_for(file, forgets)
    sender(file, bucket).send()
    assert bytes(bucket.kept) == file.read_bytes()


def test_waits_as_long_as_it_is_asked_to(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr("services.cli.sending.time.sleep", slept.append)
    busy = iter([httpx2.Response(503, headers={"Retry-After": "7"})])
    bucket = bucket_for(file, lambda *_: next(busy, None))
    sender(file, bucket).send()
    assert max(slept) == 7
