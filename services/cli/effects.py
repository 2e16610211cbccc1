"""What trainers make of a finding, for a person: neighbouring runs of releases with one effect are one."""

import re
from collections.abc import Mapping
from itertools import groupby
from typing import NamedTuple, TypeAlias

_RELEASES = re.compile(r"(?P<trainer>[a-z]+)(>=(?P<first>[\d.]+))?,?(<(?P<end>[\d.]+))?")

Release: TypeAlias = tuple[int, ...]


class _Run(NamedTuple):
    """Releases of a trainer from `first` up to but without `end`; empty where there is no such border."""

    trainer: str
    first: Release
    end: Release
    effect: str


def effect_text(effect: Mapping[str, str]) -> str:
    """Each effect once, with the releases that have it.

    >>> effect_text({"ultralytics>=8.4.190": "drop_image", "ultralytics<8.4.190": "drop_image"})
    'drop_image (every release of ultralytics)'
    >>> effect_text({"ultralytics>=8.1.0": "drop_image", "ultralytics<8.1.0": "keep"})
    'keep (ultralytics before 8.1.0); drop_image (ultralytics from 8.1.0)'
    """
    told: dict[str, list[str]] = {}
    for run in _joined(effect):
        told.setdefault(run.effect, []).append(_named(run))
    return "; ".join(f"{what} ({', '.join(those)})" for what, those in told.items())


def _joined(effect: Mapping[str, str]) -> list[_Run]:
    runs: list[_Run] = []
    found = sorted(run for key, what in effect.items() if (run := _run(key, what)) is not None)
    for _, of_trainer in groupby(found, lambda run: run.trainer):
        before: _Run | None = None
        for run in of_trainer:
            if before is not None and before.end == run.first and before.effect == run.effect:
                runs.pop()
                run = before._replace(end=run.end)  # noqa: PLW2901 - the two are one
            runs.append(run)
            before = run
    return runs


def _run(key: str, effect: str) -> _Run | None:
    found = _RELEASES.fullmatch(key)
    return found and _Run(found["trainer"], _release(found["first"]), _release(found["end"]), effect)


def _release(text: str | None) -> Release:
    return tuple(map(int, text.split("."))) if text else ()


def _named(run: _Run) -> str:
    first, end = (".".join(map(str, release)) for release in (run.first, run.end))
    if first and end:
        return f"{run.trainer} from {first}, before {end}"
    if first or end:
        return f"{run.trainer} from {first}" if first else f"{run.trainer} before {end}"
    return f"every release of {run.trainer}"
