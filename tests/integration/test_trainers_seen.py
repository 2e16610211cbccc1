"""What trainers would see of an imported dataset: the sums of what they were observed to make of its label files."""

import re
from collections import Counter, defaultdict
from pathlib import Path

import pytest

from shared.formats.annotations.trainers.model import TrainingTask
from shared.formats.annotations.trainers.tally import TRAINERS
from shared.formats.annotations.trainers.ultralytics import RELEASES
from tests.factories.archives import jpeg_bytes, zip_of
from tests.factories.observed_verdicts import Observed, observed_verdicts
from tests.factories.yard import Yard

KINDS = {"ok": "images_kept", "empty": "images_background", "missing": "images_background"}


def largest_groups(count: int) -> dict[TrainingTask, list[Observed]]:
    """The observations by what the trainer was told, those with the most label files."""
    groups: dict[TrainingTask, list[Observed]] = defaultdict(list)
    for case in observed_verdicts():
        if not case.task.single_category:
            groups[case.task].append(case)
    by_size = sorted(groups, key=lambda task: (-len(groups[task]), task.category_count, task.pose_columns))
    return {task: groups[task] for task in by_size[:count]}


GROUPS = largest_groups(8)


def archive(path: Path, task: TrainingTask, cases: list[Observed]) -> Path:
    """An archive with an image for each label file."""
    names = [f"class_{number}" for number in range(task.category_count)]
    yaml = f"train: images\nval: images\nnames: [{', '.join(names)}]\n"
    if task.keypoint_count:
        yaml += f"kpt_shape: [{task.keypoint_count}, {task.keypoint_dims}]\n"
    files = {"data.yaml": yaml.encode()}
    for number, case in enumerate(cases):
        files[f"images/{number:04d}.jpg"] = jpeg_bytes(20, 16, seed=number % 7)
        if case.label is not None:
            files[f"labels/{number:04d}.txt"] = case.label
    return zip_of(path, files)


def expected(cases: list[Observed], release: str) -> dict[str, object]:
    """What was observed, added up."""
    counts: Counter[str] = Counter(
        images_kept=0,
        images_dropped=0,
        images_background=0,
        rows_kept=0,
        aborts=0,
        images_not_judged=0,
        images_rewritten=0,
    )
    for case in cases:
        said = case.said_by(release)
        counts[KINDS.get(said.split()[0], "images_dropped")] += 1
        counts["rows_kept"] += int(found[1]) if (found := re.search(r"n=(\d+)", said)) else 0
    return dict(counts) | {"refused": None if counts["images_kept"] else "it finds no labels"}


@pytest.mark.parametrize("storage", ["objects", "packed"])
@pytest.mark.parametrize("task", GROUPS, ids=str)
async def test_the_report_says_what_was_observed(yard: Yard, tmp_path: Path, task: TrainingTask, storage: str) -> None:
    cases = GROUPS[task]
    path = archive(tmp_path / "observed.zip", task, cases)
    status = await yard.imported(path, task="pose" if task.is_pose else "detect", storage=storage)
    report = (await yard.api.get(f"/datasets/import/{status['job_id']}/report")).json()

    assert status["state"] == "succeeded"
    assert list(report["trainers"]) == list(TRAINERS)
    for release in RELEASES:
        assert report["trainers"][f"ultralytics@{release}"] == expected(cases, release), release


async def test_an_image_that_trainers_refuse(yard: Yard, tmp_path: Path) -> None:
    row = b"0 .5 .5 .2 .2\n"
    files = {
        "data.yaml": b"train: images\nval: images\nnames: [a]\n",
        "images/small.jpg": jpeg_bytes(9, 20, seed=1), "labels/small.txt": row,
        "images/large.jpg": jpeg_bytes(10, 20, seed=2), "labels/large.txt": row,
        "images/text.jpg": b"<html>", "labels/text.txt": row,
        "images/alone.jpg": jpeg_bytes(10, 20, seed=3),
    }  # fmt: skip
    status = await yard.imported(zip_of(tmp_path / "a.zip", files))
    seen = (await yard.api.get(f"/datasets/import/{status['job_id']}/report")).json()["trainers"]

    assert seen["ultralytics@8.4.190"] == {
        "images_kept": 1, "images_dropped": 2, "images_background": 1, "rows_kept": 1, "aborts": 0,
        "images_not_judged": 0, "images_rewritten": 0, "refused": None,
    }  # fmt: skip
    assert seen["fiftyone@1.22.1"] == {
        "images_kept": 3, "images_dropped": 1, "images_background": 0, "rows_kept": 3, "aborts": 0,
        "images_not_judged": 0, "images_rewritten": 0, "refused": None,
    }  # fmt: skip


ROW = b"0 .5 .5 .2 .2\n"
REFUSED = {
    "names from one": ("train: images\nval: images\nnames: {1: a}\n", "8.1.0", "the ids of `names` are not 0 to 0"),
    "valid": ("train: images\nvalid: images\nnames: [a]\n", "8.0.0", "`val` is missing"),
    "val nowhere": ("train: images\nval: images/none\nnames: [a]\n", "8.4.190", "`val` leads to nothing: images/none"),
    "nc too many": (
        "train: images\nval: images\nnames: [a]\nnc: 2\n", "8.4.190", "`nc` is not the number of names, which is 1"
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
async def test_a_description_that_trainers_refuse(yard: Yard, tmp_path: Path, case: str) -> None:
    text, release, why = REFUSED[case]
    row = ROW.replace(b"0", b"1", 1) if case == "names from one" else ROW
    files = {"data.yaml": text.encode(), "images/a.jpg": jpeg_bytes(20, 16), "labels/a.txt": row}
    status = await yard.imported(zip_of(tmp_path / "a.zip", files))
    seen = (await yard.api.get(f"/datasets/import/{status['job_id']}/report")).json()["trainers"]

    assert status["state"] == "succeeded", status["error"]
    assert seen[f"ultralytics@{release}"]["refused"] == why
    assert seen[f"ultralytics@{release}"]["images_kept"] == 1
    assert seen["fiftyone@1.22.1"]["refused"] is None
    plan = await yard.api.post("/datasets/import/plan", json={"source": str(tmp_path / "a.zip")}, timeout=60)
    assert plan.json()["trainers"] == seen


async def test_a_dataset_that_is_no_ultralytics_one(yard: Yard, tmp_path: Path) -> None:
    files = {
        "obj.data": b"classes = 1\ntrain = data/train.txt\nnames = data/obj.names\n", "obj.names": b"a\n",
        "train.txt": b"data/obj/a.jpg\n", "obj/a.jpg": jpeg_bytes(20, 16), "obj/a.txt": ROW,
    }  # fmt: skip
    status = await yard.imported(zip_of(tmp_path / "a.zip", files))
    seen = (await yard.api.get(f"/datasets/import/{status['job_id']}/report")).json()["trainers"]
    assert seen["ultralytics@8.4.190"]["refused"] == "it reads a data.yaml, and there is none"
    assert seen["fiftyone@1.22.1"]["refused"] == "the path of an image has no folder `images`"


async def test_a_dataset_without_labels(yard: Yard, tmp_path: Path) -> None:
    files = {"data.yaml": b"train: images\nval: images\nnames: [a]\n", "images/a.jpg": jpeg_bytes(20, 16)}
    status = await yard.imported(zip_of(tmp_path / "a.zip", files))
    seen = (await yard.api.get(f"/datasets/import/{status['job_id']}/report")).json()["trainers"]
    assert seen["ultralytics@8.4.190"]["refused"] == "it finds no labels"
    assert seen["ultralytics@8.4.190"]["images_background"] == 1
