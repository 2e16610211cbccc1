"""What releases of ultralytics were observed to make of label files: see unit/formats/test_ultralytics_verdicts.py."""

import base64
import json
from dataclasses import dataclass
from pathlib import Path

from shared.formats.annotations.trainers.model import TrainingTask
from shared.formats.annotations.trainers.ultralytics import RELEASES

_DATA = Path(__file__).parents[1] / "data" / "ultralytics_verdicts.jsonl"


@dataclass(frozen=True, slots=True)
class Observed:
    """A label file (None: none), what a trainer was told, and what releases said that differ from those before them."""

    label: bytes | None
    task: TrainingTask
    verdicts: dict[str, str]

    def said_by(self, release: str) -> str:
        """The verdict of a release: its own, or that of the last one before it that has one."""
        releases = list(RELEASES)
        upto = releases[: releases.index(release) + 1]
        return next(self.verdicts[one] for one in reversed(upto) if one in self.verdicts)


def observed_verdicts() -> list[Observed]:
    """All that is kept."""
    return [_observed(line) for line in _DATA.read_text().splitlines()]


def _observed(line: str) -> Observed:
    case = json.loads(line)
    label = None if case["label"] is None else base64.b64decode(case["label"])
    task = TrainingTask(case["categories"], case["pose"], *case["keypoints"], case["single"])
    return Observed(label, task, case["verdicts"])
