"""How long to wait, and when to give up."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.foundation.retry import Backoff


@given(attempts=st.integers(0, 40), first=st.floats(0.01, 1), most=st.floats(0.01, 30))
def test_delays_double_up_to_a_ceiling_and_keep_half_of_it(attempts: int, first: float, most: float) -> None:
    backoff = Backoff(attempts=attempts, first_seconds=first, most_seconds=most)
    for failure in range(attempts):
        ceiling = min(most, first * 2**failure)
        delay = backoff.next_delay()
        assert delay is not None
        assert ceiling / 2 <= delay <= ceiling
    assert backoff.next_delay() is None


def test_patience_is_out_for_good() -> None:
    backoff = Backoff(attempts=1)
    assert backoff.next_delay() is not None
    assert [backoff.next_delay() for _ in range(3)] == [None, None, None]


def test_progress_starts_the_count_anew() -> None:
    backoff = Backoff(attempts=2, first_seconds=1, most_seconds=100)
    assert [backoff.next_delay() is None for _ in range(2)] == [False, False]
    backoff.reset()
    delay = backoff.next_delay()
    assert delay is not None
    assert delay <= 1


def test_no_attempts_means_no_second_try() -> None:
    assert Backoff(attempts=0).next_delay() is None


def test_delays_differ_so_that_clients_do_not_come_all_at_once() -> None:
    assert len({Backoff(attempts=1).next_delay() for _ in range(20)}) > 10


@pytest.mark.parametrize("attempts", [100, 1000])
def test_long_patience_stays_within_the_ceiling(attempts: int) -> None:
    backoff = Backoff(attempts=attempts, most_seconds=3)
    delays = [backoff.next_delay() for _ in range(attempts)]
    assert max(delay for delay in delays if delay is not None) <= 3
