"""The categories of labels that no file names: ids of YOLO rows, names in DOTA's. All labels are read to learn them."""

from collections.abc import Iterator

from shared.formats.annotations.model import Category
from shared.formats.annotations.yolo.description.config import complete_names
from shared.formats.annotations.yolo.rows.dota import category_in
from shared.formats.annotations.yolo.rows.lines import lines_of

LARGEST_LEARNT_ID = 9_999
"""Larger ones, without any name, are taken for mistakes."""

MOST_NAMES = 10_000
"""Different names that are learnt from a dataset's labels; rows of further ones are left out."""

_LONGEST_NAME = 200
_FEWEST_COLUMNS = 5


def ids_in(data: bytes) -> Iterator[str]:
    """The category ids at the beginning of what is as long as a row, without those that are taken for mistakes."""
    found: set[int] = set()
    for _, line in lines_of(data):
        start = line.split(None, _FEWEST_COLUMNS - 1) if line else []
        if len(start) == _FEWEST_COLUMNS and (number := _whole_number(start[0])) is not None:
            found.add(number)
    return map(str, found)


def categories_of_ids(ids: set[str]) -> tuple[Category, ...]:
    """`class_0` up to the largest id; none where there is no id."""
    return complete_names({}, max(map(int, ids), default=-1) + 1)


def dota_names_in(data: bytes) -> Iterator[str]:
    """The category names of DOTA's rows."""
    found: set[str] = set()
    for _, line in lines_of(data):
        name = category_in(line.decode("utf-8", "replace")) if line else None
        if name is not None and len(name) <= _LONGEST_NAME and len(found) < MOST_NAMES:
            found.add(name)
    return iter(found)


def _whole_number(token: bytes) -> int | None:
    """The id that a row begins with, also if written as 3.0."""
    try:
        value = float(token)
    except ValueError:
        return None
    return int(value) if value.is_integer() and 0 <= value <= LARGEST_LEARNT_ID else None
