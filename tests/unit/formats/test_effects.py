"""What trainers make of a finding agrees with what they make of the label file that it was found in."""

import base64
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.formats.annotations.model import LabelContext, LabelRows, LabelTask, RowLimits
from shared.formats.annotations.registry import label_reader
from shared.formats.annotations.trainers import ultralytics
from shared.formats.annotations.trainers.effects import MOST_HELD, MOST_JUDGED
from shared.formats.annotations.trainers.model import Outcome, TrainingTask
from shared.formats.findings import Finding
from shared.formats.rules import RULES
from tests.factories.observed_verdicts import observed_verdicts

NEWEST = "ultralytics>=8.4.190"
WORDS = {"keep", "drop_image", "drop_row", "rewrite_file"}

number = st.sampled_from(["0", "1", "2", ".5", ".25", "1.005", "-0.005", "nan", "inf", "1.5", "3", "1e-9", "x", "0,5"])
row = st.lists(number, min_size=1, max_size=11).map(" ".join)
label = st.lists(row, max_size=4).map(lambda rows: "\n".join(rows).encode())


def read(data: bytes, task: TrainingTask) -> tuple[LabelRows, list[Finding]]:
    """A label file as an import reads it."""
    wanted: LabelTask = "pose" if task.is_pose else "detect"
    shape = (task.keypoint_count, task.keypoint_dims) if task.keypoint_count else None
    context = LabelContext(
        task.category_count, RowLimits(), task=wanted, keypoint_shape=shape, single_category=task.single_category
    )
    found: list[Finding] = []
    rows = label_reader("yolo", context).read(data, file="a.txt", size=(100, 80), report=found.append)
    return rows, found


def effect_of(finding: Finding) -> dict[str, str]:
    return dict(RULES[finding.rule].effect if finding.effect is None else finding.effect)


def assert_agreement(data: bytes, task: TrainingTask, dropped: bool) -> None:
    _, found = read(data, task)
    effects = [effect_of(finding) for finding in found]
    assert {word for effect in effects for word in effect.values()} <= WORDS
    assert any(effect.get(NEWEST) == "drop_image" for effect in effects) is dropped, (data, task, found)


def test_an_image_that_was_dropped_has_a_finding_that_says_so_and_no_other_has() -> None:
    cases = [case for case in observed_verdicts() if case.label is not None]
    assert len(cases) > 300
    for case in cases:
        assert_agreement(case.label or b"", case.task, case.said_by("8.4.190") == "dropped")


def test_the_same_of_the_cases_of_the_specification(samples: Path) -> None:
    cases = json.loads((samples.parent / "yolo_golden_cases.json").read_text())
    seen = [case for case in cases if case["label_b64"]]
    assert len(seen) > 40
    for case in seen:
        given_ = case["task_args"]
        task = TrainingTask(*(given_[name] for name in ("num_cls", "keypoint", "nkpt", "ndim", "single_cls")))
        dropped = case["ultralytics"]["8.4.190"].startswith("CORRUPT")
        assert_agreement(base64.b64decode(case["label_b64"]), task, dropped)


@given(data=label | st.binary(max_size=60), keypoints=st.integers(0, 2), pose=st.booleans())
def test_the_same_of_any_label(data: bytes, keypoints: int, pose: bool) -> None:
    task = TrainingTask(3, pose and keypoints > 0, keypoints, 3 if keypoints else 0)
    assert_agreement(data, task, ultralytics.judge(data, task, "8.4.190").outcome is Outcome.DROPPED)


@given(data=label | st.binary(max_size=60), keypoints=st.integers(0, 2))
def test_a_plain_file_is_one_that_all_trainers_agree_on(data: bytes, keypoints: int) -> None:
    task = TrainingTask(3, False, keypoints, 3 if keypoints else 0)
    rows, _ = read(data, task)
    if rows.plain_rows is not None:
        agreed = ultralytics.agreed(data, task)
        assert agreed is not None
        assert (agreed.outcome, agreed.rows, agreed.duplicates) == (Outcome.KEPT, rows.plain_rows, 0)


@pytest.mark.parametrize("text", ["0 .5 .5 .2 .2\n1 .1 .1 .1 .1\n", "0 .5 .5 .2 .2\r\n", "2 .98 .98 .03 .03"])
def test_plain_files(text: str) -> None:
    rows, found = read(text.encode(), TrainingTask(3))
    assert (rows.plain_rows, found) == (len(text.splitlines()), [])


@pytest.mark.parametrize(
    "text",
    ["", "0 .5 .5 .2 .2\n0 .5 .5 .2 .2", "0 .5 .5 .2 .2\n0 .500000001 .5 .2 .2", "0 .5 .5 .2 .2\n\n1 .1 .1 .1 .1",
     "\ufeff0 .5 .5 .2 .2", "0 1.001 .5 .01 .01", "9 .5 .5 .2 .2", "0 .1 .1 .2 .1 .2 .2", "0\u00a0.5 .5 .2 .2"],
)  # fmt: skip
def test_files_that_have_to_be_judged(text: str) -> None:
    assert read(text.encode(), TrainingTask(3))[0].plain_rows is None


@pytest.mark.parametrize(
    ("text", "rule", "effect"),
    [
        ("3 .5 .5 .2 .2", "ROW_CLASS_RANGE", {NEWEST: "drop_image", "ultralytics>=8.3.120,<8.4.190": "drop_image",
         "ultralytics<8.3.120": "keep"}),
        ("0 .5 .5 1.005 .2", "ROW_COORD_TOLERANCE", {NEWEST: "keep", "ultralytics>=8.3.200,<8.4.190": "keep",
         "ultralytics<8.3.200": "drop_image"}),
        ("1.5 .5 .5 .2 .2", "ROW_CLASS_FLOAT", {NEWEST: "drop_image", "ultralytics<8.4.190": "keep"}),
        ("0 .5 .5 .2 .2\n0 .5 .5 .2 .2", "ROW_DUPLICATE", {NEWEST: "drop_row", "ultralytics<8.4.190": "drop_row"}),
        ("0 .5 .5 .2", "ROW_COLUMNS", {NEWEST: "drop_image", "ultralytics<8.4.190": "drop_image"}),
        ("0 .95 .5 .3 .2", "ROW_CORNER_OUTSIDE", {NEWEST: "keep", "ultralytics<8.4.190": "keep"}),
    ],
)  # fmt: skip
def test_the_effect_names_the_releases(text: str, rule: str, effect: dict[str, str]) -> None:
    _, found = read(text.encode(), TrainingTask(3))
    assert [(one.rule, effect_of(one)) for one in found] == [(rule, effect)]


def test_of_very_many_findings_none_is_lost_or_out_of_order() -> None:
    _, found = read(b"9 .5 .5 .2 .2\n" * (MOST_HELD + 7), TrainingTask(3))
    assert [one.line for one in found] == list(range(1, MOST_HELD + 8))
    assert [one.effect is not None for one in found] == [at < MOST_JUDGED for at in range(MOST_HELD + 7)]


def test_of_many_findings_some_are_judged() -> None:
    _, found = read(b"9 .5 .5 .2 .2\n" * 1_000, TrainingTask(3))
    assert sum(one.effect is not None for one in found) == MOST_JUDGED
    assert all(effect_of(one)[NEWEST] == "drop_image" for one in found)


@pytest.mark.parametrize(("name", "rows", "none"), [("kitti", "", True), ("yolo", "dota", True), ("yolo", "", False)])
def test_rows_that_no_trainer_reads_have_no_effect(name: str, rows: str, none: bool) -> None:
    found: list[Finding] = []
    reader = label_reader(name, LabelContext(1, RowLimits(), rows=rows, category_ids={"a": 0}))
    reader.read(b"a x y z\n", file="a.txt", size=(8, 8), report=found.append)
    assert found
    assert [one.effect == () for one in found] == [none] * len(found)
