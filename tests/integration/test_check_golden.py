"""`datayard check --json` on zips made of observed label files: `trainers` are what the trainers were seen to do.

Half of the archives describe the task themselves, the other half describe another one that options overrule.
"""

import base64
import json
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from services.cli.main import app
from shared.formats.annotations.trainers.model import TrainingTask
from shared.formats.annotations.trainers.ultralytics import RELEASES
from tests.factories.archives import jpeg_bytes, zip_of
from tests.factories.observed_verdicts import observed_verdicts

IMAGE = jpeg_bytes(100, 80, seed=1)
OBSERVED = observed_verdicts()
PARTS = 11
NOTHING = {"images_kept": 0, "images_dropped": 0, "images_background": 0, "rows_kept": 0}


@dataclass(frozen=True, slots=True)
class Case:
    """A label file (None: none), what a trainer was told, and what each trainer was seen to do."""

    name: str
    label: bytes | None
    task: TrainingTask
    seen: Mapping[str, Mapping[str, int]]


def seen(said: str) -> dict[str, int]:
    """An observation as the figures of a dataset of one image."""
    kind = said.split(maxsplit=1)[0]
    if kind == "ok":
        found = re.search(r"n=(\d+)", said)
        assert found
        return {**NOTHING, "images_kept": 1, "rows_kept": int(found[1])}
    return {**NOTHING, "images_background" if kind in ("empty", "missing") else "images_dropped": 1}


def kept_cases() -> list[Case]:
    """All that is kept in tests/data."""
    return [
        Case(str(at), one.label, one.task, {f"ultralytics@{name}": seen(one.said_by(name)) for name in RELEASES})
        for at, one in enumerate(OBSERVED)
    ]


def specified_cases(samples: Path) -> Iterator[Case]:
    """Those of the specification, FiftyOne's verdicts among them."""
    for one in json.loads((samples.parent / "yolo_golden_cases.json").read_text()):
        told = one["task_args"]
        task = TrainingTask(told["num_cls"], told["keypoint"], told["nkpt"], told["ndim"], told["single_cls"])
        verdicts = {f"ultralytics@{name}": seen(said) for name, said in one["ultralytics"].items()}
        if said := one.get("fiftyone_1.22.1"):
            verdicts["fiftyone@1.22.1"] = seen("dropped" if said.startswith("RAISES") else said.lower())
        data = None if one["label_b64"] is None else base64.b64decode(one["label_b64"])
        yield Case(one["case"], data, task, verdicts)


def command(folder: Path, case: Case, *, described: bool) -> list[str]:
    """The archive of a case, and the command that checks it."""
    task, names = case.task, [f"c{number}" for number in range(case.task.category_count)]
    shape = f"{task.keypoint_count},{task.keypoint_dims}"
    yaml = {"train": "images", "val": "images", "names": names}
    options = ["--task", "pose" if task.is_pose else "detect", *(["--single-cls"] if task.single_category else [])]
    if not described:
        yaml["names"] = ["only"] if len(names) > 1 else ["one", "too", "many"]
        options += ["--nc", str(len(names)), *(["--kpt-shape", shape] if task.keypoint_count else [])]
    elif task.keypoint_count:
        yaml["kpt_shape"] = [task.keypoint_count, task.keypoint_dims]
    files = {"data.yaml": json.dumps(yaml).encode(), "images/a.jpg": IMAGE}
    if case.label is not None:
        files["labels/a.txt"] = case.label
    return ["check", str(zip_of(folder / "case.zip", files)), *options, "--json"]


def compare(case: Case, report: dict[str, Any]) -> None:
    assert report["complete"], case.name
    assert report["trainers"].keys() >= {f"ultralytics@{release}" for release in RELEASES}
    for trainer, figures in case.seen.items():
        said = report["trainers"][trainer]
        assert {name: said[name] for name in NOTHING} == figures, (case.name, trainer)


def check_in_process(folder: Path, case: Case, *, described: bool) -> None:
    result = CliRunner().invoke(app, command(folder, case, described=described))
    assert result.exit_code in (0, 1, 2), (case.name, result.output, result.exception)
    report = json.loads(result.stdout)
    found = report["findings"]
    assert result.exit_code == (2 if found["errors"] else 1 if found["warnings"] else 0)
    compare(case, report)


@pytest.mark.parametrize("part", range(PARTS))
def test_what_was_observed_of_random_files(tmp_path: Path, part: int) -> None:
    cases = kept_cases()[part::PARTS]
    assert len(cases) >= 50
    for number, case in enumerate(cases):
        check_in_process(tmp_path, case, described=number % 2 == 0)


@pytest.mark.parametrize("described", [True, False])
def test_the_cases_of_the_specification(tmp_path: Path, samples: Path, described: bool) -> None:
    cases = list(specified_cases(samples))
    assert len(cases) == 44
    for case in cases:
        check_in_process(tmp_path, case, described=described)


@pytest.mark.parametrize("number", [0, 5, 11, 33])
def test_the_command_itself(tmp_path: Path, samples: Path, number: int) -> None:
    case = list(specified_cases(samples))[number]
    arguments = [sys.executable, "-m", "services.cli", *command(tmp_path, case, described=True)]
    done = subprocess.run(arguments, capture_output=True, timeout=60, check=False)
    assert done.returncode in (0, 1, 2), done.stderr
    assert done.stderr == b""
    compare(case, json.loads(done.stdout))
