"""Findings as CSV (RFC 4180)."""

import csv
import io
from collections.abc import Sequence

CSV_COLUMNS = ("rule", "severity", "file", "line", "column", "message", "suggestion")
"""The first line, and the members of a FindingView that each further line has."""

_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def csv_row(values: Sequence[object]) -> str:
    """One line, its end included."""
    line = io.StringIO()
    csv.writer(line).writerow([_harmless(cell) for cell in values])
    return line.getvalue()


def _harmless(cell: object) -> object:
    """A cell no spreadsheet takes for a formula: file names and label text come from strangers."""
    if isinstance(cell, str) and cell.startswith(_FORMULA_STARTS):
        return f"'{cell}"
    return cell
