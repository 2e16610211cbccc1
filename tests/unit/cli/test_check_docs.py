"""docs/check.md has every option, exit code and member of the answer, and the rates and prices that are used."""

import re
from pathlib import Path

import typer.main

from services.cli.failures import Exit, Verdict
from services.cli.main import app
from shared.features.imports.checks.estimate import RATES
from shared.features.imports.checks.options import SHOWN_FINDINGS
from shared.features.imports.checks.prices import AS_OF, PRICES
from shared.features.imports.checks.report import CheckReport, CostParts

PAGE = (Path(__file__).parents[3] / "docs" / "check.md").read_text()


def first_cells(heading: str) -> str:
    """The first cells of the table below a heading, one behind another."""
    section = PAGE.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    return " ".join(
        line.split("|")[1] for line in section.splitlines() if line.startswith("| `") or line[2:3].isdigit()
    )


def test_every_option() -> None:
    command = typer.main.get_group(app).commands["check"]
    options = {name for one in command.params for name in one.opts if name.startswith("--")} - {"--help"}
    assert set(re.findall(r"--[a-z-]+", first_cells("Options"))) == options


def test_every_exit_code() -> None:
    codes = {*map(int, Verdict), Exit.UNREACHABLE, Exit.NOT_CHECKED, Exit.INTERRUPTED}
    assert set(map(int, first_cells("Exit codes").split())) == codes


def test_every_member() -> None:
    assert set(re.findall(r"`(\w+)`", first_cells("JSON"))) == set(CheckReport.model_fields)
    assert f"the first {SHOWN_FINDINGS} of each rule" in PAGE


def test_rates_and_prices() -> None:
    assert set(re.findall(r"`(\w+_usd)`", first_cells("The estimate"))) == set(CostParts.model_fields)
    numbers = set(re.findall(r"\d[\d.]*\d|\d", PAGE.replace("4 000", "4000")))
    prices = (*(price.usd for price in PRICES), RATES.worker_gib)
    assert f"`prices_as_of` ({AS_OF})" in PAGE
    assert all(price.source in PAGE for price in PRICES)
    rates = (RATES.images_stored, RATES.images_looked_at, RATES.start_seconds)
    speeds = (RATES.bytes_stored / 1e6, RATES.near_bytes_read / 1e6, RATES.distant_bytes_read / 1e6)
    told = {float(number) for number in numbers if number.count(".") < 2}
    assert {*prices, *rates, *speeds} <= told
