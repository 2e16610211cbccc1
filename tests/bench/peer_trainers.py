"""What a trainer itself makes of label files. Its own Python runs this, with nothing of Datayard: see compare_trainers.

Reads a JSON document a line, `{"label": base64 or null, "task": [categories, is_pose, keypoints, dims, single]}`, and
answers each with a line: `dropped`, or `ok|empty|missing n=rows seg=polygons`, keypoints, and duplicates removed.
"""

import base64
import contextlib
import importlib
import json
import re
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

_MODULES = ("ultralytics.data.utils", "ultralytics.yolo.data.utils")
_ARGUMENTS = (8, 7, 4)  # later releases are told more


def main(trainer: str) -> None:
    """Judge what comes in by ultralytics, or by fiftyone."""
    out, sys.stdout = sys.stdout, sys.stderr  # what they print themselves is no answer
    with tempfile.TemporaryDirectory() as folder:
        judge = {"ultralytics": _ultralytics, "fiftyone": _fiftyone}[trainer](Path(folder))
        for line in sys.stdin:
            asked = json.loads(line)
            label = None if asked["label"] is None else base64.b64decode(asked["label"])
            out.write(f"{judge(label, asked['task'])}\n")


def _ultralytics(folder: Path) -> Callable[[bytes | None, list[Any]], str]:
    verify = None
    for name in _MODULES:
        with contextlib.suppress(ModuleNotFoundError):
            verify = importlib.import_module(name).verify_image_label
            break
    image, text = folder / "images" / "a.jpg", folder / "labels" / "a.txt"
    for path in (image, text):
        path.parent.mkdir()
    importlib.import_module("PIL.Image").new("RGB", (100, 80)).save(image)

    def judge(label: bytes | None, task: list[Any]) -> str:
        text.unlink(missing_ok=True)
        if label is not None:
            text.write_bytes(label)
        categories, is_pose, keypoints, dims, single = task
        told = (str(image), str(text), "", is_pose, categories, keypoints, dims, single)
        for count in _ARGUMENTS:
            with contextlib.suppress(ValueError):
                return _said(verify(told[:count]))
        raise SystemExit("this release wants to be told something else")

    return judge


def _said(answer: tuple[Any, ...]) -> str:
    _, rows, _, polygons, keypoints, missing, _, empty, corrupt, message = answer
    if corrupt:
        return "dropped"
    said = f"{'missing' if missing else 'empty' if empty else 'ok'} n={len(rows)} seg={len(polygons)}"
    said += "" if keypoints is None else f" kp={tuple(keypoints.shape)}"
    found = re.search(r"(\d+) duplicate labels removed", str(message))
    return said + (f" duplicates={found[1]}" if found else "")


def _fiftyone(folder: Path) -> Callable[[bytes | None, list[Any]], str]:
    yolo = importlib.import_module("fiftyone.utils.yolo")

    def judge(label: bytes | None, task: list[Any]) -> str:
        if label is None:
            return "dropped"
        (folder / "a.txt").write_bytes(label)
        try:
            found = yolo.load_yolo_annotations(str(folder / "a.txt"), [str(number) for number in range(task[0])])
        except Exception:  # noqa: BLE001 - whatever it is, it ends an import
            return "aborts"
        return f"n={len(found.detections)}"

    return judge


if __name__ == "__main__":
    main(sys.argv[1])
