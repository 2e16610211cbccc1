"""Tables, percentiles, and sections of a page."""

import pytest

from tests.bench.results import Outcome, percentile, put_section, table


def test_percentiles_are_values_that_were_measured() -> None:
    values = [float(number) for number in range(100, 0, -1)]
    assert [percentile(values, share) for share in (0.5, 0.95, 0.99, 1.0)] == [50, 95, 99, 100]
    assert percentile([3.0], 0.5) == 3.0
    assert percentile([1.0, 2.0], 0.99) == 2.0


def test_a_table() -> None:
    assert table(("a", "b"), [("1", "2")]) == "| a | b |\n| --- | --- |\n| 1 | 2 |"


def test_a_missed_target_is_seen() -> None:
    outcome = Outcome("text", {"one": True, "two": False})
    assert not outcome.met
    assert outcome.markdown() == "text\n\n- met: one\n- **MISSED**: two"
    assert Outcome("text").met


def test_a_section_is_replaced_and_nothing_else() -> None:
    page = "before\n<!-- bench:a -->\nold\n<!-- /bench:a -->\nafter\n<!-- bench:b -->\n<!-- /bench:b -->\n"
    once = put_section(page, "a", "new")
    assert once.startswith("before\n<!-- bench:a -->\n\nnew\n\n<!-- /bench:a -->\nafter\n")
    assert put_section(once, "a", "new") == once
    assert once.endswith("<!-- bench:b -->\n<!-- /bench:b -->\n")


def test_a_page_without_the_section_is_refused() -> None:
    with pytest.raises(ValueError, match="bench:a"):
        put_section("nothing here", "a", "new")
