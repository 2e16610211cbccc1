"""What ultralytics makes of a label file, from 8.0.0 on: what its releases do was observed by running them.

A release is described by the behaviour it shares with those before it and by what it changed (`_CHANGES`). All numbers
are float32 there, so they are here.
"""

from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import isnan
from types import MappingProxyType

from shared.formats.annotations.trainers.model import LabelVerdict, Outcome, TrainingTask

_BOX_COLUMNS = 5
_MOST_COLUMNS_OF_A_BOX = 6
_FEWEST_COLUMNS_OF_A_POLYGON = 7
_TOLERANCE = 0.01
_COCO_KEYPOINTS = TrainingTask(1, is_pose=True, keypoint_count=17, keypoint_dims=3)

Row = Sequence[float]


@dataclass(frozen=True, slots=True)
class Behaviour:
    """How releases differ."""

    coco_pose_only: bool = True
    """Poses have 17 keypoints with visibility, whatever the dataset says; two values of each are trained on.

    Of such rows only that the keypoints are not beyond the right and lower edge is checked.
    """
    checks_categories: bool = False
    category_after_last: bool = True
    """An id equal to the number of categories passes; so the ids are checked in a dataset of a single category too."""
    tolerates: bool = False
    """Coordinates may leave 0 to 1 by 0.01, sides included."""
    tolerates_negative_sides: bool = True
    refuses_mixed_rows: bool = False
    lenient_text: bool = False
    """A byte order mark and lines of blanks are passed over."""
    refuses_fractions: bool = False
    """Category ids have to be whole."""
    compares_polygons: bool = False
    """Two polygons of one category are the same if their points are, not if their boxes are."""
    cuts_poses: bool = False
    """Pose rows of a dataset with keypoints are cut to their boxes when something else is trained."""


_CHANGES: Mapping[str, Mapping[str, bool]] = MappingProxyType(
    {
        "8.0.0": {},
        "8.1.0": {"coco_pose_only": False, "checks_categories": True},
        "8.2.0": {},
        "8.3.0": {},
        "8.3.60": {},
        "8.3.120": {"category_after_last": False},
        "8.3.160": {},
        "8.3.200": {"tolerates": True},
        "8.4.0": {},
        "8.4.60": {},
        "8.4.120": {"refuses_mixed_rows": True},
        "8.4.190": {
            "lenient_text": True,
            "refuses_fractions": True,
            "compares_polygons": True,
            "cuts_poses": True,
            "tolerates_negative_sides": False,
        },
    }
)


def _behaviours() -> dict[str, Behaviour]:
    found, behaviour = {}, Behaviour()
    for release, changes in _CHANGES.items():
        behaviour = found[release] = replace(behaviour, **changes)
    return found


RELEASES: Mapping[str, Behaviour] = MappingProxyType(_behaviours())
BEHAVIOURS: Mapping[Behaviour, tuple[str, ...]] = MappingProxyType(
    {one: tuple(release for release in RELEASES if RELEASES[release] == one) for one in RELEASES.values()}
)
"""The releases that behave alike."""


class _Dropped(Exception):
    """The image is left out, because of this rule."""

    def __init__(self, rule: str) -> None:
        super().__init__(rule)
        self.rule = rule


def agreed(data: bytes, task: TrainingTask) -> LabelVerdict | None:
    """The verdict of every release on a label file there is nothing to say about; None where releases may differ.

    That is a file of boxes or of polygons alone, all within 0 to 1 and of known categories. Most files are such, and
    this is several times quicker than to ask each release.
    """
    try:
        rows = [array("f", map(float, line.split())) for line in data.decode("ascii").splitlines()]
    except ValueError:
        return None
    columns = {len(row) for row in rows}
    are_polygons = columns != {_BOX_COLUMNS}
    if task.is_pose or (are_polygons and not _are_of_polygons(columns, task)):
        return None
    if not all(_is_plain(row, task) for row in rows):
        return None
    kept = len({tuple(row) for row in (map(_box_of, rows) if are_polygons else rows)})
    if are_polygons and kept < len(rows):
        return None
    return LabelVerdict(Outcome.KEPT, rows=kept, polygons=kept if are_polygons else 0, duplicates=len(rows) - kept)


def _are_of_polygons(columns: set[int], task: TrainingTask) -> bool:
    if task.keypoint_count and task.pose_columns in columns:
        return False
    return bool(columns) and all(count >= _FEWEST_COLUMNS_OF_A_POLYGON and count % 2 for count in columns)


def _is_plain(row: "array[float]", task: TrainingTask) -> bool:
    category = row[0]
    is_known = 0 <= category < task.category_count and category.is_integer()
    return is_known and min(row) >= 0 and max(row[1:]) <= 1 and not isnan(sum(row))


def judge(data: bytes | None, task: TrainingTask, release: str) -> LabelVerdict:
    """What that release makes of a label file; `data` is None where there is none. Never raises on any `data`."""
    return judge_as(data, task, RELEASES[release])


def judge_as(data: bytes | None, task: TrainingTask, behaviour: Behaviour) -> LabelVerdict:
    """The same, for releases that behave so."""
    if behaviour.coco_pose_only and task.is_pose:
        task = replace(_COCO_KEYPOINTS, category_count=task.category_count)
    if data is None:
        return LabelVerdict(Outcome.BACKGROUND, keypoints=_keypoints(0, task, behaviour), has_file=False)
    try:
        return _judge(data, task, behaviour)
    except _Dropped as dropped:
        return LabelVerdict(Outcome.DROPPED, rule=dropped.rule)


def _judge(data: bytes, task: TrainingTask, behaviour: Behaviour) -> LabelVerdict:
    rows = _rows(data, behaviour)
    if behaviour.cuts_poses and not task.is_pose and task.keypoint_count:
        rows = [row[:_BOX_COLUMNS] if len(row) == task.pose_columns else row for row in rows]
    if not rows:
        return LabelVerdict(Outcome.BACKGROUND, keypoints=_keypoints(0, task, behaviour))
    are_polygons = not task.is_pose and any(len(row) > _MOST_COLUMNS_OF_A_BOX for row in rows)
    if are_polygons and behaviour.refuses_mixed_rows and any(len(row) == _BOX_COLUMNS for row in rows):
        raise _Dropped("ROW_MIXED_TASK")
    numbers = _numbers(rows)
    boxes = [_box_of(row) for row in numbers] if are_polygons else _boxes(numbers, task)
    _check(boxes, task, behaviour)
    by_points = are_polygons and behaviour.compares_polygons
    kept = len({tuple(row) for row in (numbers if by_points else boxes)})
    return LabelVerdict(
        Outcome.KEPT,
        rows=kept,
        polygons=kept if are_polygons else 0,
        duplicates=len(rows) - kept,
        keypoints=_keypoints(kept, task, behaviour),
    )


def _rows(data: bytes, behaviour: Behaviour) -> list[list[str]]:
    try:
        text = data.decode("utf-8-sig" if behaviour.lenient_text else "utf-8")
    except UnicodeDecodeError:
        raise _Dropped("ROW_ENCODING") from None
    rows = [line.split() for line in text.strip().splitlines() if line]
    return [row for row in rows if row] if behaviour.lenient_text else rows


def _numbers(rows: list[list[str]]) -> list["array[float]"]:
    try:
        return [array("f", map(float, row)) for row in rows]
    except ValueError:
        raise _Dropped("ROW_NOT_NUMERIC") from None


def _box_of(row: "array[float]") -> Row:
    """Category and box of a polygon; one of a single point is one too."""
    if len(row) < 3 or len(row) % 2 == 0:
        raise _Dropped("ROW_COLUMNS")
    if any(map(isnan, row)):
        raise _Dropped("ROW_NAN")
    across, down = row[1::2], row[2::2]
    left, right, top, bottom = min(across), max(across), min(down), max(down)
    return array("f", (row[0], (left + right) / 2, (top + bottom) / 2, right - left, bottom - top))


def _boxes(rows: list["array[float]"], task: TrainingTask) -> Sequence[Row]:
    if len({len(row) for row in rows}) > 1:
        raise _Dropped("ROW_COLUMNS")
    if len(rows[0]) != (task.pose_columns if task.is_pose else _BOX_COLUMNS):
        raise _Dropped("ROW_COLUMNS")
    return rows


def _check(rows: Sequence[Row], task: TrainingTask, behaviour: Behaviour) -> None:
    """Raise for what costs the image. Comparisons are such that what is not a number fails them."""
    limit = 1 + _TOLERANCE if behaviour.tolerates else 1
    for row in rows:
        if not all(value <= limit for value in _coordinates(row, task)):
            raise _Dropped(_unless_nan(row, "ROW_COORD_RANGE"))
        if task.is_pose and behaviour.coco_pose_only:
            continue
        if not all(value >= 0 for value in row) and not _is_tolerated(row, behaviour):
            raise _Dropped(_unless_nan(row, "ROW_CLASS_NEGATIVE" if row[0] < 0 else "ROW_COORD_RANGE"))
        if behaviour.refuses_fractions and not row[0].is_integer():
            raise _Dropped("ROW_CLASS_FLOAT")
        if behaviour.checks_categories and not _has_category(row[0], task, behaviour):
            raise _Dropped("ROW_CLASS_RANGE")


def _unless_nan(row: Row, rule: str) -> str:
    return "ROW_NAN" if any(map(isnan, row)) else rule


def _coordinates(row: Row, task: TrainingTask) -> Row:
    """What has an upper limit: in a pose the keypoints, and not the box."""
    if not task.is_pose:
        return row[1:]
    points = row[_BOX_COLUMNS:]
    return [value for at, value in enumerate(points) if at % task.keypoint_dims < 2]


def _is_tolerated(row: Row, behaviour: Behaviour) -> bool:
    if not behaviour.tolerates or not all(value >= -_TOLERANCE for value in row):
        return False
    return behaviour.tolerates_negative_sides or (row[3] >= 0 and row[4] >= 0)


def _has_category(value: float, task: TrainingTask, behaviour: Behaviour) -> bool:
    if behaviour.category_after_last:
        return value <= task.category_count
    return task.single_category or value < task.category_count


def _keypoints(rows: int, task: TrainingTask, behaviour: Behaviour) -> tuple[int, int, int] | None:
    if not task.is_pose:
        return None
    return rows, task.keypoint_count, 2 if behaviour.coco_pose_only else 3
