"""What ultralytics itself makes of images and of descriptions. Its own Python runs this, with nothing of Datayard.

Reads a JSON document a line: `{"name": "a.jpg", "image": base64}` is answered with `kept`, `rewritten` or `dropped`,
`{"files": {path: text}}`, a data.yaml among them, with `read`, or the kind of error and its words. An empty document is
answered with the endings of the image files that are looked for. Neither needs torch: stand-ins take its place.
"""

import base64
import contextlib
import importlib
import importlib.abc
import importlib.machinery
import importlib.metadata
import json
import os
import sys
import tempfile
import types
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

_ABSENT = ("torch", "torchvision", "thop", "seaborn", "IPython", "hub_sdk", "sentry_sdk", "hydra", "omegaconf", "git")
_VERSION = "2.5.0"
_MODULES = ("ultralytics.data.utils", "ultralytics.yolo.data.utils")
_ARGUMENTS = (8, 7, 4)  # later releases are told more


class _Kind(type):
    def __getattr__(cls, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return _Thing


class _Thing(UserWarning, metaclass=_Kind):
    """Whatever somebody imports from a module that is not there; it does nothing."""

    def __init__(self, *_: object, **__: object) -> None:
        super().__init__()

    def __call__(self, *given: Any, **_: object) -> Any:
        return given[0] if len(given) == 1 and callable(given[0]) else _Thing()

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return _Thing()

    def __class_getitem__(cls, _item: object) -> Any:
        return cls

    def __bool__(self) -> bool:
        return False


class _StandIn(types.ModuleType):
    __path__ = ()
    __version__ = _VERSION

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return _Thing


class _StandIns(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    def find_spec(
        self, name: str, path: Sequence[str] | None, target: types.ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        absent = name.split(".", maxsplit=1)[0] in _ABSENT
        return importlib.machinery.ModuleSpec(name, self, is_package=True) if absent else None

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> types.ModuleType:
        return _StandIn(spec.name)

    def exec_module(self, module: types.ModuleType) -> None:
        return


def _ultralytics() -> Any:
    sys.meta_path.insert(0, _StandIns())
    version = importlib.metadata.version
    importlib.metadata.version = lambda name: _VERSION if name.split(".")[0] in _ABSENT else version(name)
    for name in _MODULES:
        with contextlib.suppress(ModuleNotFoundError):
            return importlib.import_module(name)
    raise SystemExit("no release of ultralytics, or something it needs is missing")


def _image(verify: Callable[..., Any], folder: Path, name: str, data: bytes) -> str:
    path = folder / name
    path.write_bytes(data)
    told = (str(path), str(folder / "none.txt"), "", False, 1, 0, 0, False)
    for count in _ARGUMENTS:
        with contextlib.suppress(ValueError):
            answer = verify(told[:count])
            break
    else:
        raise SystemExit("this release wants to be told something else")
    after = path.read_bytes()
    path.unlink()
    return "dropped" if answer[0] is None else "kept" if after == data else "rewritten"


def _description(module: Any, folder: Path, files: dict[str, str]) -> str:
    check = getattr(module, "check_det_dataset", None) or module.check_dataset_yaml
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(base64.b64decode(text))
    os.chdir(folder)
    module.DATASETS_DIR = folder  # as if the archive had been unpacked where the settings say
    try:
        check(str(folder / "data.yaml"), autodownload=False)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever it is, nothing is trained
        return f"{type(error).__name__}: {str(error).replace(str(folder), '')[:200]!r}"
    return "read"


def main() -> None:
    """Judge what comes in."""
    out, sys.stdout = sys.stdout, sys.stderr  # what it prints itself is no answer
    module = _ultralytics()
    for line in sys.stdin:
        asked = json.loads(line)
        with tempfile.TemporaryDirectory() as folder:
            if "image" in asked:
                said = _image(module.verify_image_label, Path(folder), asked["name"], base64.b64decode(asked["image"]))
            elif "files" in asked:
                said = _description(module, Path(folder), asked["files"])
            else:
                said = " ".join(sorted(getattr(module, "IMG_FORMATS", ())))
            os.chdir("/")
        out.write(f"{said}\n")


if __name__ == "__main__":
    main()
