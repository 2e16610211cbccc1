"""What a text file beside images holds, told from its first lines: rows of YOLO, rows of DOTA, or something else."""

import re
from enum import StrEnum

_LOOKED_AT = 64 << 10
_MOST_LINES = 200
_SHOWN_CHARACTERS = 40
# each number, and each space between, can be matched in one way only, so that no line takes long
_NUMBER = r"[+-]?(?:\d++(?:\.\d*+)?|\.\d++)(?:[eE][+-]?\d++)?"
_YOLO = re.compile(rf"\+?\d++(?:\.0*+)?(?:[\s,;]++(?:{_NUMBER}|nan|[+-]?inf)){{4,}}", re.ASCII | re.IGNORECASE)
_DOTA = re.compile(rf"{_NUMBER}(?:\s++{_NUMBER}){{7}}\s++(?!{_NUMBER}(?:\s|$))\S.*", re.ASCII)
_DOTA_HEADER = re.compile(r"(?:imagesource|gsd)\s*:", re.IGNORECASE)


class RowKind(StrEnum):
    """How the rows of a label file are written; `EMPTY` and `OTHER` are none."""

    YOLO = "yolo"
    DOTA = "dota"
    EMPTY = "empty"
    OTHER = "other"


def row_kind(data: bytes) -> RowKind:
    """What rows there are among the file's first lines; commas between values are a fault of rows all the same."""
    counts = dict.fromkeys(RowKind, 0)
    for line in _first_lines(data):
        counts[_kind_of(line)] += 1
    if not any(counts.values()):
        return RowKind.EMPTY
    best = RowKind.DOTA if counts[RowKind.DOTA] > counts[RowKind.YOLO] else RowKind.YOLO
    return best if counts[best] else RowKind.OTHER


def first_line(data: bytes) -> str:
    """The first line that is not blank, cut to what can be shown."""
    return next(iter(_first_lines(data)), "")[:_SHOWN_CHARACTERS]


def _kind_of(line: str) -> RowKind:
    if _DOTA_HEADER.match(line) or _DOTA.fullmatch(line):
        return RowKind.DOTA
    return RowKind.YOLO if _YOLO.fullmatch(line) else RowKind.OTHER


def _first_lines(data: bytes) -> list[str]:
    """Lines without blank ones; a line that is cut off at the end of what is looked at is none."""
    text = data[:_LOOKED_AT].decode("utf-8-sig", "replace")
    lines = text.splitlines()
    if len(data) > _LOOKED_AT and len(lines) > 1:
        lines.pop()
    return [line.strip() for line in lines[:_MOST_LINES] if line.strip()]
