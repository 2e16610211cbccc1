"""What a bench hands over: a Markdown text, and whether its targets are met; and how the documentation takes it."""

import os
import platform
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was measured, as Markdown, and the targets with whether they are met."""

    text: str
    checks: Mapping[str, bool] = field(default_factory=dict)

    @property
    def met(self) -> bool:
        """Whether every target is met."""
        return all(self.checks.values())

    def markdown(self) -> str:
        """The text, and a list of the targets."""
        lines = [f"- {'met' if met else '**MISSED**'}: {name}" for name, met in self.checks.items()]
        return "\n\n".join(part for part in (self.text.strip(), "\n".join(lines)) if part)


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least `share` of the values do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, -(-len(ordered) * round(share * 1000) // 1000) - 1)]


def machine() -> str:
    """The machine in words."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{os.cpu_count()} cores ({_processor()}), {memory:.0f} GiB, Python {platform.python_version()}"


def _processor() -> str:
    facts = Path("/proc/cpuinfo")
    found = re.search(r"^model name\s*:\s*(.+)$", facts.read_text(), re.MULTILINE) if facts.is_file() else None
    return found[1].strip() if found else platform.machine()


def put_section(page: str, name: str, text: str) -> str:
    """The page with `text` between the marks of the section `name`. Raises ValueError when it has no such marks."""
    begin, end = f"<!-- bench:{name} -->", f"<!-- /bench:{name} -->"
    before, found, rest = page.partition(begin)
    _, closed, after = rest.partition(end)
    if not (found and closed):
        raise ValueError(f"there is no {begin} … {end} to write to")
    return f"{before}{begin}\n\n{text.strip()}\n\n{end}{after}"
