"""What ultralytics makes of label files: as its releases were observed to do.

tests/data/ultralytics_verdicts.jsonl holds label files made at random, and what twelve releases answered when they were
run on them: one line for each file, a verdict for each release that differs from the one before.
"""

import base64
import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.formats.annotations.trainers.model import Outcome, TrainingTask
from shared.formats.annotations.trainers.ultralytics import RELEASES, judge
from shared.formats.rules import RULES
from tests.bench.compare_trainers import said
from tests.factories.observed_verdicts import observed_verdicts

OBSERVED = observed_verdicts()
ROW = b"0 .5 .5 .2 .2\n"


@pytest.mark.parametrize("release", RELEASES)
def test_every_observed_verdict(release: str) -> None:
    for case in OBSERVED:
        assert said(judge(case.label, case.task, release)) == case.said_by(release), case


def test_the_observations_tell_releases_apart() -> None:
    assert len(OBSERVED) > 500
    releases = list(RELEASES)
    changed = {release for case in OBSERVED for release in case.verdicts}
    assert changed == {"8.0.0", "8.1.0", "8.3.120", "8.3.200", "8.4.120", "8.4.190"}
    assert [release for release in releases if release not in changed] == [
        "8.2.0", "8.3.0", "8.3.60", "8.3.160", "8.4.0", "8.4.60",
    ]  # fmt: skip


@pytest.mark.parametrize("release", RELEASES)
def test_the_cases_of_the_specification(samples: Path, release: str) -> None:
    cases: list[dict[str, Any]] = json.loads((samples.parent / "yolo_golden_cases.json").read_text())
    assert len(cases) == 44
    for case in cases:
        given, observed = case["task_args"], case["ultralytics"][release]
        data = None if case["label_b64"] is None else base64.b64decode(case["label_b64"])
        task = TrainingTask(
            given["num_cls"], given["keypoint"], given["nkpt"], given["ndim"], single_category=given["single_cls"]
        )
        expected = "dropped" if observed.startswith("CORRUPT") else observed.replace(" shape=(80, 100)", "")
        expected = re.sub(r" msg=(\d+) duplicate labels removed", r" duplicates=\1", expected)
        assert said(judge(data, task, release)) == expected, case["case"]


@given(data=st.binary(max_size=200), columns=st.integers(0, 9), pose=st.booleans())
def test_any_bytes_have_a_verdict(data: bytes, columns: int, pose: bool) -> None:
    task = TrainingTask(3, is_pose=pose, keypoint_count=columns, keypoint_dims=2 if columns else 0)
    for release in RELEASES:
        for text in (data, ROW + data, b"0 .1 .1 .2 .1 .2 .2 " + data):
            verdict = judge(text, task, release)
            assert (verdict.rule is not None) == (verdict.outcome is Outcome.DROPPED)
            assert verdict.rule is None or verdict.rule in RULES


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        (b"\xff", "ROW_ENCODING"),
        (b"cat .5 .5 .2 .2", "ROW_NOT_NUMERIC"),
        (b"0 .5 .5 .2", "ROW_COLUMNS"),
        (b"0 .1 .1 .2 .1 .2 .2 .3", "ROW_COLUMNS"),
        (ROW + b"0 .5 .5 .2", "ROW_COLUMNS"),
        (ROW + b"0 .1 .1 .2 .1 .2 .2", "ROW_MIXED_TASK"),
        (b"0 .1 .1 nan .1 .2 .2", "ROW_NAN"),
        (b"0 nan .5 .2 .2", "ROW_NAN"),
        (b"0 .5 1.02 .2 .2", "ROW_COORD_RANGE"),
        (b"0 -.02 .5 .2 .2", "ROW_COORD_RANGE"),
        (b"-1 .5 .5 .2 .2", "ROW_CLASS_NEGATIVE"),
        (b"1.5 .5 .5 .2 .2", "ROW_CLASS_FLOAT"),
        (b"3 .5 .5 .2 .2", "ROW_CLASS_RANGE"),
    ],
)
def test_why_an_image_is_left_out(text: bytes, rule: str) -> None:
    assert judge(text, TrainingTask(3), "8.4.190").rule == rule


@pytest.mark.parametrize(
    ("position", "value", "outcome"),
    [
        *[(at, "2", Outcome.KEPT) for at in (0, 1, 4, 7, 55)],
        *[(at, "2", Outcome.DROPPED) for at in (5, 6, 8, 54)],
        *[(at, "-1", Outcome.KEPT) for at in (0, 1, 5, 7)],
        *[(at, "nan", Outcome.KEPT) for at in (0, 1, 7)],
        (6, "nan", Outcome.DROPPED),
    ],
)
def test_the_first_release_hardly_looks_at_poses(position: int, value: str, outcome: Outcome) -> None:
    row = ["0", ".5", ".5", ".2", ".2", *(".5", ".5", "1") * 17]
    row[position] = value
    task = TrainingTask(3, is_pose=True, keypoint_count=17, keypoint_dims=3)
    assert judge(" ".join(row).encode(), task, "8.0.0").outcome is outcome
