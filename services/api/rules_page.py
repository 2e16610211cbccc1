"""`python -m services.api.rules_page [--check] FILE`: write the table of docs/rules.md, or fail when it is outdated."""

import argparse
import sys
from pathlib import Path

from shared.formats.findings import Rule
from shared.formats.rules import RULES

_HEADING = "## Rules\n"
_HEAD = "| Rule | Severity | Meaning | Suggestion | Effect |\n|---|---|---|---|---|\n"


def main() -> int:
    """0 when the table is, or now is, that of the rules."""
    parser = argparse.ArgumentParser(prog="services.api.rules_page", description="The page of rules, from the code.")
    parser.add_argument("file", type=Path)
    parser.add_argument("--check", action="store_true", help="only compare")
    arguments = parser.parse_args()
    written = arguments.file.read_text()
    text = written.partition(_HEADING)[0] + _HEADING + "\n" + rules_table()
    if not arguments.check:
        arguments.file.write_text(text)
    elif written != text:
        sys.stderr.write(f"{arguments.file} has not the rules of the code any more: run `make rules`.\n")
        return 1
    return 0


def rules_table() -> str:
    """Every rule as a row of Markdown, in the order of `RULES`."""
    return _HEAD + "".join(_row(rule) for rule in RULES.values())


def _row(rule: Rule) -> str:
    effect = ", ".join(f"{trainer}: {what}" for trainer, what in rule.effect.items())
    cells = (f"`{rule.id}`", rule.severity, rule.meaning, rule.suggestion, *([effect] if effect else []))
    return "| " + " | ".join(cells) + (" |\n" if effect else " | |\n")


if __name__ == "__main__":
    sys.exit(main())
