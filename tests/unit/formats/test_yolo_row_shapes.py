"""Rows of poses and of oriented boxes; those of boxes and polygons are in test_yolo_rows."""

import pytest

from shared.formats.annotations.model import Annotation, RowLimits
from shared.formats.annotations.yolo.rows.reader import read_label
from shared.formats.annotations.yolo.rows.shapes import (
    BoxesAndPolygons,
    LabelTask,
    OrientedBoxes,
    Poses,
    RowShape,
    row_shape,
)
from shared.formats.findings import Finding

BOX = "0 .5 .5 .2 .4"
CORNERS = "1 .1 .2 .5 .2 .5 .6 .1 .6"


def read(text: str, shape: RowShape, *, limits: RowLimits | None = None) -> tuple[list[Annotation], list[Finding]]:
    found: list[Finding] = []
    limits = limits or RowLimits()
    rows = read_label(text.encode(), file="a.txt", category_count=3, limits=limits, report=found.append, shape=shape)
    return rows.annotations, found


@pytest.mark.parametrize(
    ("task", "keypoint_shape", "shape"),
    [
        ("auto", None, BoxesAndPolygons()),
        ("auto", (17, 3), Poses(17, 3, has_boxes=True)),
        ("pose", (5, 2), Poses(5, 2)),
        ("detect", (17, 3), BoxesAndPolygons()),
        ("segment", (17, 3), BoxesAndPolygons()),
        ("obb", (17, 3), OrientedBoxes()),
    ],
)
def test_the_shape_of_a_tasks_rows(task: LabelTask, keypoint_shape: tuple[int, int] | None, shape: RowShape) -> None:
    assert row_shape(task, keypoint_shape) == shape


def test_poses_need_to_know_their_keypoints() -> None:
    with pytest.raises(ValueError, match="keypoints"):
        row_shape("pose", None)


def test_a_pose_has_a_box_and_keypoints_with_visibility() -> None:
    annotations, findings = read(f"{BOX} .1 .2 2 .3 .4 1 0 0 0", Poses(3, 3))
    keypoints = ((0.1, 0.2, 2), (0.3, 0.4, 1), (0, 0, 0))
    assert annotations == [Annotation(0, "pose", (0.5, 0.5, 0.2, 0.4), keypoints=keypoints)]
    assert findings == []


def test_a_box_among_poses_is_kept_unless_poses_were_asked_for() -> None:
    rows = f"{BOX}\n0 .3 .3 .2 .4 .1 .2 2\n"
    annotations, findings = read(rows, Poses(1, 3, has_boxes=True))
    assert [found.type for found in annotations] == ["box", "pose"]
    assert [(finding.rule, finding.line) for finding in findings] == [("ROW_MIXED_TASK", 2)]

    annotations, findings = read(rows, Poses(1, 3))
    assert [found.type for found in annotations] == ["pose"]
    assert [(finding.rule, finding.line) for finding in findings] == [("ROW_COLUMNS", 1), ("ROW_RAGGED", 2)]


def test_keypoints_without_visibility_are_in_sight_unless_they_are_at_the_origin() -> None:
    annotations, _ = read(f"{BOX} .1 .2 0 0", Poses(2, 2))
    assert annotations[0].keypoints == ((0.1, 0.2, 2), (0, 0, 0))


def test_corners_are_kept_in_their_order_with_the_box_around_them() -> None:
    annotations, findings = read(CORNERS, OrientedBoxes())
    (found,) = annotations
    assert (found.category_id, found.type) == (1, "obb")
    assert found.points == ((0.1, 0.2), (0.5, 0.2), (0.5, 0.6), (0.1, 0.6))
    assert found.bbox == pytest.approx((0.3, 0.4, 0.4, 0.4))
    assert findings == []


@pytest.mark.parametrize(
    ("row", "shape", "rule", "words"),
    [
        (BOX, OrientedBoxes(), "ROW_COLUMNS", "four corners are 9"),
        (BOX, Poses(2, 3), "ROW_COLUMNS", "2 keypoints of 3 are 11"),
        (CORNERS, Poses(2, 3), "ROW_COLUMNS", "9 columns"),
        (f"{BOX} .1 .2 2 1.3 .4 2", Poses(2, 3), "ROW_KPT_RANGE", "1.3"),
        (f"{BOX} .1 .2 -1 -1", Poses(2, 2), "ROW_KPT_RANGE", "not labelled is written 0 0"),
        (f"{BOX} .1 .2 nan .3 .4 2", Poses(2, 3), "ROW_NAN", "nan"),
        ("0 1.5 .5 .2 .4 .1 .2 2", Poses(1, 3), "ROW_COORD_RANGE", "1.5"),
        ("0 .5 .5 -.2 .4 .1 .2 2", Poses(1, 3), "ROW_COORD_RANGE", "-0.2"),
        ("3 .5 .5 .2 .4 .1 .2 2", Poses(1, 3), "ROW_CLASS_RANGE", "3"),
        ("0 -.2 .1 1.4 .1 1.4 .3 -.2 .3", OrientedBoxes(), "ROW_COORD_RANGE", "-0.2"),
    ],
)
def test_rows_that_are_left_out(row: str, shape: RowShape, rule: str, words: str) -> None:
    annotations, findings = read(row, shape)
    assert annotations == []
    assert [finding.rule for finding in findings] == [rule]
    assert words in findings[0].message


def test_corners_outside_are_kept_as_long_as_the_box_around_them_is_in_range() -> None:
    annotations, findings = read("0 -.2 .1 .4 .1 .4 .3 -.2 .3", OrientedBoxes())
    assert annotations[0].points[0] == (-0.2, 0.1)
    assert [(one.rule, one.line, one.column) for one in findings] == [("ROW_CORNER_OUTSIDE", 1, 3)]


def test_a_file_of_boxes_alone_in_a_dataset_of_poses_is_told_once() -> None:
    annotations, findings = read(f"{BOX}\n1 .2 .2 .1 .1", Poses(1, 3, has_boxes=True))
    assert len(annotations) == 2
    assert [(one.rule, one.line) for one in findings] == [("ROW_MIXED_TASK", 1)]


def test_a_bad_row_names_its_column() -> None:
    _, findings = read(f"{BOX} .1 .2 2 1.3 .4 2", Poses(2, 3))
    assert (findings[0].line, findings[0].column) == (1, 23)


def test_a_visibility_that_says_nothing_is_kept_and_named() -> None:
    annotations, findings = read(f"{BOX} .1 .2 2 .3 .4 5", Poses(2, 3))
    assert annotations[0].keypoints[1] == (0.3, 0.4, 5)
    assert [(finding.rule, finding.line) for finding in findings] == [("ROW_KPT_VISIBILITY", 1)]


def test_a_keypoint_in_the_tolerance_is_kept_as_written() -> None:
    annotations, findings = read(f"{BOX} 1.005 .2 2", Poses(1, 3))
    assert annotations[0].keypoints == ((1.005, 0.2, 2),)
    assert [finding.rule for finding in findings] == ["ROW_COORD_TOLERANCE"]


@pytest.mark.parametrize(("row", "shape"), [(CORNERS, OrientedBoxes()), (f"{BOX} .1 .2 .3 .4", Poses(2, 2))])
def test_points_of_a_file_are_bounded(row: str, shape: RowShape) -> None:
    annotations, findings = read("\n".join([row] * 3), shape, limits=RowLimits(max_points=4))
    assert len(annotations) == (1 if isinstance(shape, OrientedBoxes) else 2)
    assert {finding.rule for finding in findings} - {"ROW_DUPLICATE"} == {"ROW_LIMIT"}
