"""What ultralytics makes of a label file, from 8.0.0 on: what its releases do was observed by running them.

A release is described by the behaviour it shares with those before it and by what it changed (`_CHANGES`). All numbers
are float32 there, so they are here.
"""

from array import array
from codecs import BOM_UTF8
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from math import isnan
from types import MappingProxyType

from shared.formats.annotations.trainers.model import LabelVerdict, Outcome, TrainingTask

_BOX_COLUMNS = 5
_MOST_COLUMNS_OF_A_BOX = 6
_FEWEST_COLUMNS_OF_A_POLYGON = 7
_TOLERANCE = 0.01
_SMALL = 2 << 10
"""Of a label file that is remembered: it is judged for what was found in it, and when all are counted."""
_SHARED = 64 << 10
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


@dataclass(frozen=True, slots=True)
class Verdicts:
    """What every release makes of a label file: `plain` as in `agreed`, and the verdict of each behaviour."""

    plain: LabelVerdict | None
    by_behaviour: Mapping[Behaviour, LabelVerdict]


class _Dropped(Exception):
    """The image is left out, because of this rule."""

    def __init__(self, rule: str) -> None:
        super().__init__(rule)
        self.rule = rule


Rows = list[list[str]]


@dataclass(slots=True)
class _Text:
    """A label file, whose rows and numbers are read once for all releases that read them alike."""

    data: bytes
    _rows: dict[tuple[bool, int], Rows] = field(default_factory=dict)
    _numbers: dict[tuple[bool, int], list["array[float]"]] = field(default_factory=dict)

    def rows(self, *, lenient: bool, cut: int) -> tuple[Rows, Callable[[], list["array[float]"]]]:
        """The rows, those of `cut` columns cut to their boxes, and what makes numbers of them. Raises `_Dropped`."""
        if lenient and self._is_plain():
            lenient = False
        rows = self._rows.get((lenient, 0))
        if rows is None:
            rows = self._rows[lenient, 0] = self._split(lenient=lenient)
        if not any(len(row) == cut for row in rows):
            cut = 0
        elif (lenient, cut) not in self._rows:
            self._rows[lenient, cut] = [row[:_BOX_COLUMNS] if len(row) == cut else row for row in rows]
        return self._rows[lenient, cut], lambda: self._numbers_of((lenient, cut))

    def _is_plain(self) -> bool:
        """Whether rows are read the same with and without leniency."""
        return (False, 0) in self._rows and all(self._rows[False, 0]) and not self.data.startswith(BOM_UTF8)

    def _split(self, *, lenient: bool) -> Rows:
        try:
            text = self.data.decode("utf-8-sig" if lenient else "utf-8")
        except UnicodeDecodeError:
            raise _Dropped("ROW_ENCODING") from None
        rows = [line.split() for line in text.strip().splitlines() if line]
        return [row for row in rows if row] if lenient else rows

    def _numbers_of(self, key: tuple[bool, int]) -> list["array[float]"]:
        found = self._numbers.get(key)
        if found is None:
            try:
                found = self._numbers[key] = [array("f", map(float, row)) for row in self._rows[key]]
            except ValueError:
                raise _Dropped("ROW_NOT_NUMERIC") from None
        return found


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
    return _verdict(None if data is None else _Text(data), task, behaviour)


def verdicts(data: bytes, task: TrainingTask) -> Verdicts:
    """What every release makes of a label file. Of a small one it is remembered for a while."""
    return _remembered(data, task) if len(data) <= _SMALL else _verdicts(data, task)


@lru_cache(maxsize=2048)
def _remembered(data: bytes, task: TrainingTask) -> Verdicts:
    return _verdicts(data, task)


def _verdicts(data: bytes, task: TrainingTask) -> Verdicts:
    plain = agreed(data, task)
    if plain is not None and not plain.duplicates:
        return Verdicts(plain, MappingProxyType(dict.fromkeys(BEHAVIOURS, plain)))
    text = _Text(data)
    found: dict[Behaviour, LabelVerdict] = {}
    for behaviour in BEHAVIOURS:
        found[behaviour] = _verdict(text, task, behaviour)
        if len(data) > _SHARED:
            text = _Text(data)  # what is read of a large one takes too much memory to be kept
    return Verdicts(plain, MappingProxyType(found))


def _verdict(text: _Text | None, task: TrainingTask, behaviour: Behaviour) -> LabelVerdict:
    if behaviour.coco_pose_only and task.is_pose:
        task = replace(_COCO_KEYPOINTS, category_count=task.category_count)
    if text is None:
        return LabelVerdict(Outcome.BACKGROUND, keypoints=_keypoints(0, task, behaviour), has_file=False)
    try:
        return _judge(text, task, behaviour)
    except _Dropped as dropped:
        return LabelVerdict(Outcome.DROPPED, rule=dropped.rule)


def _judge(text: _Text, task: TrainingTask, behaviour: Behaviour) -> LabelVerdict:
    cut = task.pose_columns if behaviour.cuts_poses and not task.is_pose and task.keypoint_count else 0
    rows, numbers_of = text.rows(lenient=behaviour.lenient_text, cut=cut)
    if not rows:
        return LabelVerdict(Outcome.BACKGROUND, keypoints=_keypoints(0, task, behaviour))
    are_polygons = not task.is_pose and any(len(row) > _MOST_COLUMNS_OF_A_BOX for row in rows)
    if are_polygons and behaviour.refuses_mixed_rows and any(len(row) == _BOX_COLUMNS for row in rows):
        raise _Dropped("ROW_MIXED_TASK")
    numbers = numbers_of()
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
    """Raise for what costs the image. What is not a number, or infinite on both sides, has no number for a sum."""
    limit = 1 + _TOLERANCE if behaviour.tolerates else 1
    for row in rows:
        is_number = not isnan(sum(row))  # else a smallest and a largest value say nothing
        coordinates = _coordinates(row, task)
        if not (is_number and max(coordinates, default=0) <= limit) and not all(
            value <= limit for value in coordinates
        ):
            raise _Dropped(_unless_nan(row, "ROW_COORD_RANGE"))
        if task.is_pose and behaviour.coco_pose_only:
            continue
        if (
            not (is_number and min(row) >= 0)
            and not all(value >= 0 for value in row)
            and not _is_tolerated(row, behaviour)
        ):
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
