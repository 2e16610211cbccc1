"""An NDJSON line that says very much: what is kept of an image is bounded, and so is what it takes to read it."""

import json
import tracemalloc

import pytest

from shared.formats.annotations.model import LabelContext, LabelRows, RowLimits
from shared.formats.annotations.registry import label_reader
from shared.formats.annotations.yolo.ndjson.lines import LONGEST_LINE_BYTES
from shared.formats.findings import Finding

LIMITS = RowLimits(max_rows=10, max_points=40)
MOST_TIMES = 18


def read(annotations: object, limits: RowLimits = LIMITS) -> tuple[LabelRows, list[Finding]]:
    context = LabelContext(3, limits, files=("a.ndjson",), rows="ndjson")
    found: list[Finding] = []
    data = json.dumps({"line": 7, "annotations": annotations}).encode()
    return label_reader("yolo", context).read(data, file="a.jpg", size=None, report=found.append), found


def boxes(count: int) -> list[list[float]]:
    return [[0, 0.5, 0.5, 0.01 * (number + 1), 0.2] for number in range(count)]


def test_classes_are_rows() -> None:
    rows, found = read({"classification": [0, 1] * 50})
    assert (len(rows.annotations), rows.rows_read, rows.rows_left_out) == (10, 100, 90)
    assert [(one.rule, one.file, one.line) for one in found] == [("ROW_LIMIT", "a.ndjson", 7)]


def test_all_lists_of_a_line_share_the_room() -> None:
    rows, found = read({"boxes": boxes(8), "classification": [0, 1, 2, 0]})
    assert ([one.type for one in rows.annotations], rows.rows_left_out) == (["box"] * 8 + ["label"] * 2, 2)
    assert [one.rule for one in found] == ["ROW_LIMIT"]


def test_what_just_fits_is_kept_whole() -> None:
    rows, found = read({"boxes": boxes(8), "classification": [0, 1]})
    assert (len(rows.annotations), rows.rows_left_out, found) == (10, 0, [])


def test_points_of_all_lists_share_the_room() -> None:
    outline = [0.1, 0.1, 0.4, 0.1, 0.4, 0.5]
    shifted = [[0, *[value + 0.01 * number for value in outline]] for number in range(8)]
    turned = [[0, 0.1, 0.1, 0.4, 0.1, 0.4, 0.3 + 0.01 * number, 0.1, 0.3 + 0.01 * number] for number in range(8)]
    rows, found = read({"segments": shifted, "obb": turned}, RowLimits(max_points=40))
    assert sum(len(one.points) for one in rows.annotations) == 24 + 16
    assert [one.rule for one in found if one.rule != "ROW_NEAR_DUPLICATE"] == ["ROW_LIMIT"]


@pytest.mark.parametrize(("key", "row"), [("classification", "1"), ("boxes", "[0,0.5,0.5,0.2,0.2]")])
def test_a_line_of_very_many_rows_takes_few_times_its_size(key: str, row: str) -> None:
    count = 200_000 // (len(row) + 1)
    data = f'{{"line":2,"annotations":{{"{key}":[{",".join([row] * count)}]}}}}'.encode()
    reader = label_reader("yolo", LabelContext(3, LIMITS, files=("a.ndjson",), rows="ndjson"))
    tracemalloc.start()
    try:
        rows = reader.read(data, file="a.jpg", size=None, report=lambda _finding: None)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert (rows.rows_read, len(rows.annotations)) == (count, LIMITS.max_rows)
    assert peak < MOST_TIMES * len(data)
    assert MOST_TIMES * LONGEST_LINE_BYTES < 80 << 20
