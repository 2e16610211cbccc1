"""Failures in the product's words."""

import pytest

from shared.foundation.errors import (
    AppError,
    Conflict,
    Forbidden,
    Invalid,
    NotFound,
    Unavailable,
    all_problem_types,
    unforeseen,
)


def test_a_problem_has_the_members_that_do_not_depend_on_a_request() -> None:
    problem = NotFound("No dataset 'x'.", dataset="x").to_problem()
    assert problem == {"type": "/problems/not-found", "title": "Not found", "detail": "No dataset 'x'.", "dataset": "x"}


def test_extensions_never_hide_what_every_problem_has() -> None:
    problem = Conflict("It runs.", type="mine", title="mine").to_problem()
    assert (problem["type"], problem["title"], problem["detail"]) == ("/problems/conflict", "Conflict", "It runs.")


def test_the_text_of_a_failure_is_its_detail() -> None:
    error = Invalid("The archive is cut off.")
    assert str(error) == error.detail == "The archive is cut off."


@pytest.mark.parametrize("family", [NotFound, Conflict, Invalid, Forbidden])
def test_what_will_not_pass_is_not_retried(family: type[AppError]) -> None:
    assert not family.retryable


def test_a_kind_inherits_whether_it_may_pass() -> None:
    class Slow(Unavailable):
        slug = "slow"

    assert Slow("Wait.").retryable
    assert Slow in set(all_problem_types())


def test_the_unforeseen_says_where_to_look_and_nothing_else() -> None:
    problem = unforeseen("abc").to_problem()
    assert problem["type"] == "/problems/internal-error"
    assert problem["correlation_id"] == "abc"
    assert unforeseen("abc").retryable
