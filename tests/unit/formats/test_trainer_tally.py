"""What trainers see of a whole dataset: verdicts on its label files, added up."""

import base64
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.formats.annotations.trainers import fiftyone, ultralytics
from shared.formats.annotations.trainers.images import SeenImage
from shared.formats.annotations.trainers.model import LabelVerdict, Outcome, TrainingTask
from shared.formats.annotations.trainers.tally import MOST_BYTES, TRAINERS, TrainerCounts, TrainerTally, totals
from tests.factories.observed_verdicts import observed_verdicts

PLAIN = b"0 .5 .5 .2 .2\n1 .1 .1 .1 .1\n"
POLYGONS = b"0 .1 .1 .2 .1 .2 .2\n"
OFF_BY_ONE = b"3 .5 .5 .2 .2\n"
TASK = TrainingTask(3)

number = st.sampled_from(["0", "1", "2", ".5", ".25", "1.005", "-0.005", "nan", "inf", "-inf", "1.5", "3", "1e-9"])
row = st.lists(number, min_size=1, max_size=9).map(" ".join)
label = st.lists(row, max_size=4).map(lambda rows: "\n".join(rows).encode())


@pytest.mark.parametrize("release", ultralytics.RELEASES)
def test_what_all_agree_on_is_what_each_says(release: str) -> None:
    agreements = 0
    for case in observed_verdicts():
        agreed = ultralytics.agreed(case.label or b"", case.task)
        agreements += agreed is not None
        assert agreed in (None, ultralytics.judge(case.label, case.task, release)), case
    assert agreements >= 10


@given(data=label | st.binary(max_size=60), keypoints=st.integers(0, 2), single=st.booleans())
def test_agreement_never_differs_from_a_verdict(data: bytes, keypoints: int, single: bool) -> None:
    task = TrainingTask(3, keypoint_count=keypoints, keypoint_dims=2 if keypoints else 0, single_category=single)
    agreed = ultralytics.agreed(data, task)
    if agreed is not None:
        assert {ultralytics.judge(data, task, release) for release in ultralytics.RELEASES} == {agreed}
        assert fiftyone.judge(data).rows == agreed.rows + agreed.duplicates


def test_counts_of_each_trainer() -> None:
    tally = TrainerTally(TASK)
    for data in (PLAIN, PLAIN + PLAIN, POLYGONS, OFF_BY_ONE, b"", None):
        tally.add(data)
    found = totals(tally.counts)

    assert tuple(found) == TRAINERS
    assert found["ultralytics@8.3.60"] == TrainerCounts(images_kept=4, images_background=2, rows_kept=6)
    assert found["ultralytics@8.3.120"] == TrainerCounts(
        images_kept=3, images_dropped=1, images_background=2, rows_kept=5
    )
    assert found["ultralytics@8.4.190"] == found["ultralytics@8.3.120"]
    assert found[fiftyone.TRAINER] == TrainerCounts(images_kept=4, images_dropped=1, images_background=1, rows_kept=8)


def test_a_label_that_ends_an_import_leaves_nothing() -> None:
    tally = TrainerTally(TASK)
    for data in (PLAIN, b"0 .5 .5 .2\n", b"0 .5 .5 .2 .2 # a box\n"):
        tally.add(data)
    found = totals(tally.counts)

    assert found[fiftyone.TRAINER] == TrainerCounts(
        images_dropped=3, aborts=2, refused="a label file that it cannot parse ends its import"
    )
    assert found["ultralytics@8.4.190"] == TrainerCounts(images_kept=1, images_dropped=2, rows_kept=2)


def test_images_that_are_refused_for_what_they_are() -> None:
    tally = TrainerTally(TASK)
    tally.add(PLAIN, SeenImage("jpg", None))
    tally.add(None, SeenImage("jpg", "jpeg", 9, 20))
    tally.drop()
    found = totals(tally.counts)

    assert found["ultralytics@8.4.190"] == TrainerCounts(images_dropped=3, refused="it finds no labels")
    assert found[fiftyone.TRAINER] == TrainerCounts(images_kept=1, images_dropped=2, rows_kept=2)


def test_a_label_too_large_to_judge() -> None:
    tally = TrainerTally(TASK)
    tally.add(PLAIN + b" " * MOST_BYTES)
    tally.add(PLAIN)
    assert set(totals(tally.counts).values()) == {TrainerCounts(images_kept=1, rows_kept=2, images_not_judged=1)}


@given(st.lists(label, max_size=8), st.integers(0, 8))
def test_tallies_of_parts_add_up(labels: list[bytes], cut: int) -> None:
    whole, first, second = (TrainerTally(TASK) for _ in range(3))
    for at, data in enumerate(labels):
        whole.add(data)
        (first if at < cut else second).add(data)
    assert totals(first.counts + second.counts) == totals(whole.counts)


FIFTYONE = {
    b"0 .5 .5 .2 .2\n": 1,
    b"-1 9 nan .2 .2\n": 1,
    b"\xef\xbb\xbfcat .5 .5 .2 .2 .9\n\n \n": 1,
    b"0 .1 .1 .2 .1 .2 .2\r0 .5 .5 .2 .2": 2,
    "0 .5 .5 .2 .2\u20281 .1 .1 .1 .1".encode(): 2,
    b"": 0,
    b" \n": 0,
    b"0 .5 .5 .2": None,
    b"0,.5,.5,.2,.2": None,
    b"0 .1 .1 .2 .1 .2 .2 .3": None,
    b"# comment": None,
    b"\xff": None,
}


@pytest.mark.parametrize(("data", "rows"), FIFTYONE.items())
def test_what_fiftyone_imports(data: bytes, rows: int | None) -> None:
    verdict: LabelVerdict = fiftyone.judge(data)
    if rows is None:
        assert (verdict.outcome, verdict.rule is not None) == (Outcome.ABORTS, True)
    else:
        assert (verdict.outcome, verdict.rows) == (Outcome.KEPT if rows else Outcome.BACKGROUND, rows)


def test_fiftyone_and_the_cases_of_the_specification(samples: Path) -> None:
    cases = json.loads((samples.parent / "yolo_golden_cases.json").read_text())
    seen = [case for case in cases if "fiftyone_1.22.1" in case]
    assert len(seen) == 43
    for case in seen:
        verdict, observed = fiftyone.judge(base64.b64decode(case["label_b64"])), case["fiftyone_1.22.1"]
        assert (verdict.outcome is Outcome.ABORTS) == observed.startswith("RAISES"), case["case"]
        assert verdict.outcome is Outcome.ABORTS or observed.startswith(f"OK n={verdict.rows} "), case["case"]
