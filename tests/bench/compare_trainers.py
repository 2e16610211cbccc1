"""Compares the model of trainers with the trainers themselves, on label files made at random.

`python -m tests.bench.compare_trainers --python PEER --releases FOLDER --files 20000 --seed 1`; PEER is a Python with
what ultralytics needs (torch, torchvision, opencv-python-headless, pandas, …; fiftyone for `--fiftyone`), FOLDER has
a folder of each release: `pip install --no-deps --target FOLDER/8.3.0 ultralytics==8.3.0`. A difference is printed.
"""

import argparse
import base64
import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import astuple
from pathlib import Path
from random import Random

from shared.formats.annotations.trainers import fiftyone
from shared.formats.annotations.trainers.model import LabelVerdict, Outcome
from shared.formats.annotations.trainers.ultralytics import RELEASES, judge
from tests.bench.trainer_labels import LabelCase, label_case

_PEER = Path(__file__).with_name("peer_trainers.py")
_SHOWN = 5


def said(verdict: LabelVerdict) -> str:
    """A verdict in the words of the peer."""
    if verdict.outcome is Outcome.DROPPED:
        return "dropped"
    kind = "ok" if verdict.outcome is Outcome.KEPT else "empty" if verdict.has_file else "missing"
    text = f"{kind} n={verdict.rows} seg={verdict.polygons}"
    text += f" kp={verdict.keypoints}" if verdict.keypoints else ""
    return text + (f" duplicates={verdict.duplicates}" if verdict.duplicates else "")


def said_by_fiftyone(verdict: LabelVerdict) -> str:
    """The same for FiftyOne, of which only the number of rows is asked."""
    return str(verdict.outcome) if verdict.rule else f"n={verdict.rows}"


def answers(python: Path, trainer: str, cases: Sequence[LabelCase], packages: Path | None) -> list[str]:
    """What the trainer says of each case."""
    asked = "".join(f"{json.dumps(_asked(case))}\n" for case in cases)
    environment = {**os.environ, **({"PYTHONPATH": str(packages)} if packages else {})}
    command = [str(python), str(_PEER), trainer]
    done = subprocess.run(command, input=asked, env=environment, check=True, capture_output=True, text=True)
    return done.stdout.splitlines()


def compare(name: str, cases: Sequence[LabelCase], theirs: Sequence[str], ours: Sequence[str]) -> int:
    """Print the first differences; how many there are."""
    different = [(case, peer, we) for case, peer, we in zip(cases, theirs, ours, strict=True) if peer != we]
    for case, peer, we in different[:_SHOWN]:
        print(f"{name}: says {peer}, not {we}, of {case}")
    kinds = Counter(answer.split()[0].split("=")[0] for answer in theirs)
    print(f"{name}: {len(cases)} files, {len(different)} differences ({dict(kinds)})", flush=True)
    return len(different)


def main(arguments: Sequence[str]) -> int:
    """Compare; 1 when there is a difference."""
    parser = argparse.ArgumentParser(prog="tests.bench.compare_trainers", description=__doc__)
    parser.add_argument("--python", type=Path, required=True)
    parser.add_argument("--releases", type=Path, help="Folder of releases of ultralytics.")
    parser.add_argument("--fiftyone", action="store_true", help="The Python has FiftyOne: compare with it.")
    parser.add_argument("--files", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args(arguments)
    dice, different = Random(given.seed), 0
    cases = [label_case(dice) for _ in range(given.files)]
    for release in RELEASES if given.releases else ():
        theirs = answers(given.python, "ultralytics", cases, given.releases / release)
        ours = [said(judge(case.label, case.task, release)) for case in cases]
        different += compare(f"ultralytics@{release}", cases, theirs, ours)
    if given.fiftyone:
        theirs = answers(given.python, "fiftyone", cases, None)
        ours = [said_by_fiftyone(fiftyone.judge(case.label)) for case in cases]
        different += compare(fiftyone.TRAINER, cases, theirs, ours)
    return int(different > 0)


def _asked(case: LabelCase) -> dict[str, object]:
    label = None if case.label is None else base64.b64encode(case.label).decode()
    return {"label": label, "task": list(astuple(case.task))}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
