"""Values and tables as text for people."""

import os
import re
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

_UNITS = ("B", "kB", "MB", "GB", "TB", "PB")
_MIN_SHRUNK = 8


def size(count: float) -> str:
    """Bytes in decimal units.

    >>> size(999), size(13_700_000)
    ('999 B', '13.7 MB')
    """
    unit = 0
    while count >= 999.95 and unit < len(_UNITS) - 1:
        count /= 1000
        unit += 1
    return f"{count:.0f} B" if unit == 0 else f"{count:.1f} {_UNITS[unit]}"


def duration(seconds: float) -> str:
    """Seconds as a clock reads.

    >>> duration(7), duration(3725)
    ('0:07', '1:02:05')
    """
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def moment(at: str | None) -> str:
    """An ISO 8601 time of the API, to the second; - when there is none.

    >>> moment("2026-11-21T05:45:52.264000Z")
    '2026-11-21 05:45:52Z'
    """
    return re.sub(r"^([0-9-]+)T([0-9:]+)(\.\d+)?", r"\1 \2", at) if at else "-"


def number(count: int) -> str:
    """An integer with thin groups of three: 12,345."""
    return f"{count:,}"


def counted(count: int, noun: str) -> str:
    """A count with its noun.

    >>> counted(1, "image"), counted(2, "category")
    ('1 image', '2 categories')
    """
    many = f"{noun[:-1]}ies" if noun.endswith("y") else f"{noun}s"
    return f"{number(count)} {noun if count == 1 else many}"


def command() -> str:
    """How this command line can be called again from here: `datayard`, or its path when it is not on PATH."""
    called = Path(sys.argv[0])
    if called.name != "datayard":
        return "datayard"
    found = shutil.which("datayard")
    return "datayard" if found and Path(found).resolve() == called.resolve() else os.path.relpath(called)


def in_lines(detail: str) -> str:
    """What no format wanted to read, a line for each format."""
    return detail.replace("; not ", "\n  not ").replace(": not ", ":\n  not ", 1) if "; not " in detail else detail


_UNLIMITED = 10_000


def output_width() -> int:
    """Columns of the terminal; as many as needed where there is none: a program that reads wants nothing cut."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else _UNLIMITED


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table; `right` marks numbers, `shrinks` what may be cut to fit, `keeps_end` where."""

    title: str
    right: bool = False
    shrinks: bool = False
    keeps_end: bool = False

    def cell(self, text: str, width: int) -> str:
        """`text` in exactly `width` characters."""
        cell = cut(text[::-1], width)[::-1] if self.keeps_end else cut(text, width)
        return cell.rjust(width) if self.right else cell.ljust(width)


def plain(text: str) -> str:
    """Text of strangers for a terminal, which control characters would command: they are shown as ?. Lines stay.

    >>> plain("a\\x1b[2J\\nb")
    'a?[2J\\nb'
    """
    return "".join(char if char.isprintable() or char == "\n" else "?" for char in text)


def cut(text: str, width: int) -> str:
    """`text` in at most `width` characters, an ellipsis where something is missing; control characters shown as ?."""
    clean = plain(text).replace("\n", "?")
    return clean if len(clean) <= width else clean[: max(0, width - 1)] + "…"


def _widths(columns: Sequence[Column], cells: Sequence[Sequence[str]], width: int) -> list[int]:
    widths = [max(len(row[i]) for row in cells) for i in range(len(columns))]
    excess = sum(widths) + 2 * (len(columns) - 1) - width
    while excess > 0:
        shrinkable = [i for i, column in enumerate(columns) if column.shrinks and widths[i] > _MIN_SHRUNK]
        if not shrinkable:
            break
        widths[max(shrinkable, key=lambda i: widths[i])] -= 1
        excess -= 1
    return widths


def table(columns: Sequence[Column], rows: Sequence[Sequence[str]], *, width: int) -> str:
    """A header and one line a row, within `width` columns as far as the columns that shrink allow."""
    cells = [[column.title for column in columns], *rows]
    widths = _widths(columns, cells, width)

    def line(row: Sequence[str]) -> str:
        parts = (column.cell(text, wide) for column, text, wide in zip(columns, row, widths, strict=True))
        return "  ".join(parts).rstrip()

    return "\n".join(line(row) for row in cells)
