"""What the releases of ultralytics were observed to make of images, read from the tests' data."""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from shared.formats.annotations.trainers.ultralytics import RELEASES

_FILE = Path(__file__).parents[1] / "data/ultralytics_images.jsonl"


@dataclass(frozen=True)
class ObservedImage:
    """An image of `odd_images`, and what was said of it from each release on: `kept`, `rewritten` or `dropped`."""

    name: str
    verdicts: dict[str, str]

    def said_by(self, release: str) -> str:
        """What that release said: what the last one before it did, where nothing changed."""
        said = ""
        for one in RELEASES:
            said = self.verdicts.get(one, said)
            if one == release:
                break
        return said


@cache
def observed_images() -> tuple[ObservedImage, ...]:
    """All of them."""
    lines = map(json.loads, _FILE.read_text().splitlines())
    return tuple(ObservedImage(line["image"], line["verdicts"]) for line in lines)
