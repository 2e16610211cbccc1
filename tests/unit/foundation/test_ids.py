"""Identifiers: random ones sort by time, derived ones depend on their parts alone."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.foundation import ids
from shared.foundation.ids import derived_id, following_id, new_id

PARTS = st.lists(st.text(max_size=8) | st.integers(min_value=0, max_value=10**9), max_size=4)


def test_new_ids_are_opaque_and_never_the_same() -> None:
    made = [new_id() for _ in range(1000)]
    assert len(set(made)) == 1000
    assert all(re.fullmatch(r"[0-9a-f]{24}", one) for one in made)


def test_new_ids_sort_by_the_time_they_were_made(monkeypatch: pytest.MonkeyPatch) -> None:
    times = iter([1, 1_000_000, 2_000_000_000, 1_700_000_000_000_000_000, 4_000_000_000_000_000_000])
    monkeypatch.setattr(ids.time, "time_ns", lambda: next(times))
    made = [new_id() for _ in range(5)]
    assert [one[:12] for one in made] == sorted(one[:12] for one in made)
    assert made[1:] == sorted(made[1:])


def test_a_derived_id_never_changes() -> None:
    # written into documents: another value means that an import made twice makes everything twice
    assert derived_id("dataset", 1, "images/train/a.jpg") == "627d8666bb23fcf46e5ebc57"


@given(PARTS, PARTS)
def test_other_parts_give_another_id(one: list[str | int], other: list[str | int]) -> None:
    same = [str(part) for part in one] == [str(part) for part in other]
    assert (derived_id(*one) == derived_id(*other)) is same


@pytest.mark.parametrize(("one", "other"), [(("ab", "c"), ("a", "bc")), (("a",), ("a", "")), ((1, 23), (12, 3))])
def test_the_border_between_parts_counts(one: tuple[str | int, ...], other: tuple[str | int, ...]) -> None:
    assert derived_id(*one) != derived_id(*other)


def test_names_that_are_no_unicode_have_an_id_too() -> None:
    assert len(derived_id("images/\udcff.jpg")) == 24


def test_a_following_id_sorts_right_behind_the_first_and_never_changes() -> None:
    first = "01a200b44665a0e5e4865f9f"
    following = following_id(first, "fixes", 0)
    assert following == following_id(first, "fixes", 0) != following_id(first, "fixes", 1)
    assert (following > first, following[:12], len(following)) == (True, "01a200b44666", 24)
