"""Logs: JSON lines with a correlation id, and without credentials."""

import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from shared.foundation import logging as ours
from shared.foundation.logging import bind_correlation, configure_logging, get_logger
from shared.foundation.settings import LogSettings

SECRET = "https://me:s3cr3t@host.example/a.zip?token=s3cr3t#s3cr3t"
SHOWN = "https://host.example/a.zip"


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    """What is written while a service named `test` logs; everything is put back afterwards."""
    root, stream = logging.getLogger(), io.StringIO()
    handlers, level = root.handlers, root.level
    monkeypatch.setattr(ours.sys, "stderr", stream)
    structlog.contextvars.clear_contextvars()
    configure_logging(LogSettings(), service="test")
    yield stream
    root.handlers, root.level = handlers, level
    structlog.contextvars.clear_contextvars()
    structlog.reset_defaults()


def entries(log: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in log.getvalue().splitlines()]


def test_an_entry_is_one_json_object_on_one_line(log: io.StringIO) -> None:
    get_logger("a").info("two\nlines", number=1, text="é\u2028")
    (entry,) = entries(log)
    assert (entry["event"], entry["number"], entry["level"], entry["service"]) == ("two\nlines", 1, "info", "test")
    assert str(entry["timestamp"]).endswith("Z")


def test_the_standard_library_logs_the_same_way(log: io.StringIO) -> None:
    logging.getLogger("somebody").warning("took %s", 3)
    (entry,) = entries(log)
    assert (entry["event"], entry["level"], entry["service"]) == ("took 3", "warning", "test")


def test_what_is_less_severe_than_asked_is_not_written(log: io.StringIO) -> None:
    get_logger("a").debug("no")
    logging.getLogger("somebody").debug("no")
    logging.getLogger("aiohttp.access").info("no")
    assert entries(log) == []


def test_the_correlation_id_is_on_every_later_entry(log: io.StringIO) -> None:
    assert bind_correlation("r-1", job_id="j") == "r-1"
    get_logger("a").info("ours")
    logging.getLogger("somebody").warning("theirs")
    assert [(entry["correlation_id"], entry["job_id"]) for entry in entries(log)] == [("r-1", "j")] * 2


@pytest.mark.parametrize("given", [None, "", "two words", 'a"b', "a\nb", "x" * 129, "é", "{}"])
def test_an_id_that_is_no_plain_text_is_replaced(log: io.StringIO, given: str | None) -> None:
    made = bind_correlation(given)
    get_logger("a").info("here")
    assert made != given
    assert entries(log)[0]["correlation_id"] == made


def test_addresses_lose_their_credentials_wherever_they_stand(log: io.StringIO) -> None:
    get_logger("a").info(f"reading {SECRET} now", source=SECRET, both=f"{SECRET} and '{SECRET}'")
    (entry,) = entries(log)
    assert entry["event"] == f"reading {SHOWN} now"
    assert entry["source"] == SHOWN
    assert entry["both"] == f"{SHOWN} and '{SHOWN}'"
    assert "s3cr3t" not in log.getvalue()


def test_tracebacks_lose_them_too(log: io.StringIO) -> None:
    try:
        int(SECRET)
    except ValueError:
        get_logger("a").exception("ours")
        logging.getLogger("somebody").exception("theirs")
    ours_entry, theirs = entries(log)
    for entry in (ours_entry, theirs):
        assert "Traceback" in str(entry["exception"])
        assert SHOWN in str(entry["exception"])
    assert "s3cr3t" not in log.getvalue()


def test_a_foreign_message_loses_them_too(log: io.StringIO) -> None:
    logging.getLogger("somebody").error("GET %s failed", SECRET)
    assert entries(log)[0]["event"] == f"GET {SHOWN} failed"


def test_what_has_no_json_is_written_all_the_same(log: io.StringIO) -> None:
    get_logger("a").info("odd", thing={1, 2}, raw=b"\xff", path=object())
    assert len(entries(log)) == 1


def test_people_may_read_text(log: io.StringIO, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ours.sys, "stderr", log)
    configure_logging(LogSettings(format="console"), service="test")
    get_logger("a").info("hello", source=SECRET)
    assert "hello" in log.getvalue()
    assert "s3cr3t" not in log.getvalue()
