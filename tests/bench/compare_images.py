"""Lets releases of ultralytics judge the odd images and descriptions of the tests, and writes down what they say.

`python -m tests.bench.compare_images --python PEER --releases FOLDER`; PEER is a Python with what ultralytics needs but
torch (pillow, pi-heif, numpy, opencv-python-headless, matplotlib, pandas, polars, scipy, psutil, pyyaml, requests,
filelock, …), FOLDER has a folder of each release: `pip install --no-deps --target FOLDER/8.3.0 ultralytics==8.3.0`.
The tests compare the model with `tests/data/ultralytics_images.jsonl` and `ultralytics_descriptions.jsonl`.
"""

import argparse
import base64
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from shared.formats.annotations.trainers.ultralytics import RELEASES
from tests.factories.archives import jpeg_bytes
from tests.factories.odd_descriptions import DESCRIPTIONS
from tests.factories.odd_images import odd_images

_PEER = Path(__file__).with_name("peer_images.py")
_DATA = Path(__file__).parents[1] / "data"
_FILES = ("images/train/a.jpg", "images/val/b.jpg", "train/images/a.jpg", "valid/images/b.jpg")
_LISTS = {"train.txt": "images/train/a.jpg\n", "val.txt": "./images/val/b.jpg\n"}


def main(arguments: Sequence[str]) -> None:
    """Ask every release, and write the answers."""
    parser = argparse.ArgumentParser(prog="tests.bench.compare_images", description=__doc__)
    parser.add_argument("--python", type=Path, required=True)
    parser.add_argument("--releases", type=Path, required=True, help="Folder of releases of ultralytics.")
    given = parser.parse_args(arguments)
    images = [{"name": name, "image": _encoded(data)} for name, data in odd_images().values()]
    _write("ultralytics_images.jsonl", "image", list(odd_images()), _asked(given, images))
    image = _encoded(jpeg_bytes(20, 16))
    around = dict.fromkeys(_FILES, image) | {name: _encoded(text.encode()) for name, text in _LISTS.items()}
    files = [{"files": {"data.yaml": _encoded(text.encode()), **around}} for text in DESCRIPTIONS.values()]
    _write("ultralytics_descriptions.jsonl", "description", list(DESCRIPTIONS), _asked(given, files))


def _asked(given: argparse.Namespace, cases: Sequence[object]) -> dict[str, list[str]]:
    """What each release says of each case; of an error only its kind."""
    text = "".join(f"{json.dumps(case)}\n" for case in cases)
    found = {}
    for release in RELEASES:
        environment = {**os.environ, "PYTHONPATH": str(given.releases / release), "YOLO_OFFLINE": "1"}
        command = [str(given.python), str(_PEER)]
        done = subprocess.run(command, input=text, env=environment, check=True, capture_output=True, text=True)
        found[release] = [line.partition(":")[0] for line in done.stdout.splitlines()]
    return found


def _write(file: str, what: str, names: Sequence[str], said: dict[str, list[str]]) -> None:
    """A line for each case: its name, and the verdict of the first release and of each that says another."""
    lines = []
    for number, name in enumerate(names):
        verdicts: dict[str, str] = {}
        for release in RELEASES:
            verdict = said[release][number]
            if not verdicts or [*verdicts.values()][-1] != verdict:
                verdicts[release] = verdict
        lines.append(json.dumps({what: name, "verdicts": verdicts}, separators=(",", ":")))
    (_DATA / file).write_text("".join(f"{line}\n" for line in lines))
    print(f"{file}: {len(lines)} cases of {len(said)} releases")


def _encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()


if __name__ == "__main__":
    main(sys.argv[1:])
