"""Tables and values as text."""

from pathlib import Path

import pytest

from services.cli.formatting import Column, command, counted, cut, duration, moment, number, size, table


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (999_999, "1.0 MB"), (13_700_000, "13.7 MB"), (10**17, "100.0 PB")],
)
def test_sizes(count: int, text: str) -> None:
    assert size(count) == text


@pytest.mark.parametrize(("seconds", "text"), [(0, "0:00"), (7.4, "0:07"), (59.9, "1:00"), (3725, "1:02:05")])
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_numbers_are_grouped() -> None:
    assert number(1234567) == "1,234,567"


def test_what_is_cut_says_so_and_control_characters_do_not_reach_the_terminal() -> None:
    assert cut("abcdef", 4) == "abc…"
    assert cut("abcd", 4) == "abcd"
    assert cut("a\x1b[31m", 10) == "a?[31m"


def test_a_table_is_aligned() -> None:
    text = table((Column("NAME"), Column("N", right=True)), [["a", "1"], ["long", "1,000"]], width=80)
    assert text.splitlines() == ["NAME      N", "a         1", "long  1,000"]


def test_only_columns_that_shrink_are_cut_to_fit() -> None:
    columns = (Column("ID"), Column("PATH", shrinks=True))
    lines = table(columns, [["x" * 24, "images/" + "y" * 200]], width=80).splitlines()
    assert len(lines[1]) == 80
    assert lines[1].startswith("x" * 24 + "  images/")
    assert lines[1].endswith("…")


def test_the_widest_shrinking_column_gives_first() -> None:
    columns = (Column("A", shrinks=True), Column("B", shrinks=True))
    line = table(columns, [["a" * 10, "b" * 60]], width=40).splitlines()[1]
    assert line == "a" * 10 + "  " + "b" * 27 + "…"


def test_a_table_that_cannot_fit_is_whole_rather_than_unreadable() -> None:
    assert table((Column("ID"),), [["x" * 100]], width=80).splitlines()[1] == "x" * 100


def test_paths_keep_their_end() -> None:
    columns = (Column("PATH", shrinks=True, keeps_end=True),)
    assert table(columns, [["images/train/0001.jpg"]], width=10).splitlines() == ["PATH", "…/0001.jpg"]


def test_counts_have_their_noun() -> None:
    assert (counted(1, "image"), counted(0, "image"), counted(1200, "category")) == (
        "1 image",
        "0 images",
        "1,200 categories",
    )


def test_moments_end_at_the_second() -> None:
    assert moment("2026-11-21T05:45:52.264000Z") == "2026-11-21 05:45:52Z"
    assert moment("2026-11-21T05:45:52+00:00") == "2026-11-21 05:45:52+00:00"
    assert moment(None) == "-"


def test_a_printed_command_can_be_typed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = tmp_path / ".venv" / "bin" / "datayard"
    script.parent.mkdir(parents=True)
    script.touch(mode=0o755)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", [str(script)])
    monkeypatch.setenv("PATH", "/nowhere")
    assert command() == ".venv/bin/datayard"
    monkeypatch.setenv("PATH", str(script.parent))
    assert command() == "datayard"
