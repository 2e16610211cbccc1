"""Whatever a server says of when to come again: a number of seconds, or nothing."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from shared.adapters.byte_source.http_answer import retry_after_seconds


@pytest.mark.parametrize(("said", "seconds"), [("7", 7), (" 7 ", 7), ("0", 0), ("0007", 7)])
def test_seconds_are_read(said: str, seconds: float) -> None:
    assert retry_after_seconds(said) == seconds


@pytest.mark.parametrize("said", ["", None, "soon", "-1", "1.5", "²", "٣", "7, 8", "Wed, 99 Oct 2115 07:28:00 GMT"])
def test_what_is_neither_a_number_nor_a_date_asks_for_nothing(said: str | None) -> None:
    assert retry_after_seconds(said) == 0


@pytest.mark.parametrize("digits", [20, 400, 5_000])
def test_a_wait_beyond_all_measure_is_a_number(digits: int) -> None:
    assert 10**9 < retry_after_seconds("9" * digits) < 10**20


def test_a_date_is_read() -> None:
    later = format_datetime(datetime.now(UTC) + timedelta(seconds=100), usegmt=True)
    assert 90 < retry_after_seconds(later) <= 100
